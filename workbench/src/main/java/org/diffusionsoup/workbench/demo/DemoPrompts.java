package org.diffusionsoup.workbench.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.Shard;

/**
 * What the models of a demo are asked for.
 *
 * @param texts prompts of subjects that no model was trained on
 * @param domains the domain of each
 * @param known prompts of subjects that the shards hold, for looking at only
 */
record DemoPrompts(List<String> texts, List<String> domains, List<String> known) {
    private static final int KNOWN_PER_DOMAIN = 2;

    DemoPrompts {
        texts = List.copyOf(texts);
        domains = List.copyOf(domains);
        known = List.copyOf(known);
    }

    /** The same number of prompts per domain as far as there are enough. */
    static DemoPrompts choose(Shard all, List<String> domains, int count, long seed) {
        List<String> texts = new ArrayList<>();
        List<String> of = new ArrayList<>();
        List<String> known = new ArrayList<>();
        int each = Math.ceilDiv(count, domains.size());
        for (String domain : domains) {
            Shard rows = all.filter(r -> r.domain().equals(domain));
            for (String p : some(rows.heldOut(), domain, each, seed)) {
                texts.add(p);
                of.add(domain);
            }
            known.addAll(some(rows.train(), domain, KNOWN_PER_DOMAIN, seed));
        }
        return new DemoPrompts(texts, of, known);
    }

    private static List<String> some(Shard rows, String domain, int count, long seed) {
        Set<String> distinct = new LinkedHashSet<>();
        rows.infos().forEach(r -> distinct.add(r.prompt()));
        if (distinct.isEmpty()) {
            throw new SoupException(
                    "domain "
                            + domain
                            + " has no rows to prompt with; choose another of --shards.");
        }
        List<String> shuffled = new ArrayList<>(distinct);
        Collections.shuffle(shuffled, new Random(seed));
        return shuffled.subList(0, Math.min(count, shuffled.size()));
    }

    int size() {
        return texts.size();
    }
}
