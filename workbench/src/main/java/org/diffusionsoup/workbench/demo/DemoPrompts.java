package org.diffusionsoup.workbench.demo;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;

/**
 * Prompts of subjects that no model was trained on.
 *
 * @param texts the prompts
 * @param domains the domain of each
 */
record DemoPrompts(List<String> texts, List<String> domains) {
    DemoPrompts {
        texts = List.copyOf(texts);
        domains = List.copyOf(domains);
    }

    /** Held-out prompts, the same number per domain as far as there are enough. */
    static DemoPrompts heldOut(Shard all, List<String> domains, int count, long seed) {
        List<String> texts = new ArrayList<>();
        List<String> of = new ArrayList<>();
        int each = Math.ceilDiv(count, domains.size());
        for (String domain : domains) {
            Set<String> distinct = new LinkedHashSet<>();
            for (SampleInfo row : all.heldOut().filter(r -> r.domain().equals(domain)).infos()) {
                distinct.add(row.prompt());
            }
            List<String> shuffled = new ArrayList<>(distinct);
            Collections.shuffle(shuffled, new Random(seed));
            if (shuffled.isEmpty()) {
                throw new SoupException(
                        "domain " + domain + " has no held-out rows to prompt with.");
            }
            for (String p : shuffled.subList(0, Math.min(each, shuffled.size()))) {
                texts.add(p);
                of.add(domain);
            }
        }
        return new DemoPrompts(texts, of);
    }

    int size() {
        return texts.size();
    }
}
