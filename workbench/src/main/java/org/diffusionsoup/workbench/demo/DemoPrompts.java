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
 * @param texts prompts that the base knows and no shard holds: subjects of the shards' domains in
 *     the styles of the base's own providers
 * @param domains the domain of each
 * @param known prompts that the shards hold, for looking at only
 */
record DemoPrompts(List<String> texts, List<String> domains, List<String> known) {
    private static final int KNOWN_PER_DOMAIN = 2;

    DemoPrompts {
        texts = List.copyOf(texts);
        domains = List.copyOf(domains);
        known = List.copyOf(known);
    }

    /** The same number of prompts per domain as far as there are enough. */
    static DemoPrompts choose(Shard all, DemoPlan plan) {
        List<String> texts = new ArrayList<>();
        List<String> of = new ArrayList<>();
        List<String> known = new ArrayList<>();
        int each = Math.ceilDiv(plan.prompts(), plan.domains().size());
        for (String domain : plan.domains()) {
            Shard rows = all.train().filter(r -> r.domain().equals(domain));
            Shard asked = rows.filter(r -> plan.styles().contains(r.provider()));
            for (String p : some(asked, domain, each, plan.seed())) {
                texts.add(p);
                of.add(domain);
            }
            Shard held = rows.filter(r -> r.provider().equals(plan.provider()));
            known.addAll(some(held, domain, KNOWN_PER_DOMAIN, plan.seed()));
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
                            + " has no rows to prompt with; choose another of `shards`.");
        }
        List<String> shuffled = new ArrayList<>(distinct);
        Collections.shuffle(shuffled, new Random(seed));
        return shuffled.subList(0, Math.min(count, shuffled.size()));
    }

    int size() {
        return texts.size();
    }
}
