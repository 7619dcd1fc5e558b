package org.diffusionsoup.workbench.registry;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.gate.DrawnTexts;
import org.diffusionsoup.registry.gate.Gate;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.Rows.SampleRow;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/**
 * The recorded shard that an audit of a soup is of: the one with just the pictures of its rows. Its
 * prompts are those rows' texts, which have to be those that the soup's ingredients learnt.
 *
 * @param name of the shard
 * @param texts how the rows' texts compare with those
 */
public record AuditedShard(String name, DrawnTexts texts) {
    /**
     * Looks it up.
     *
     * @param soup the name of a live soup
     * @param rows what is to be audited
     * @param named the shard that is meant where several have these pictures; otherwise one that
     *     the soup has and whose texts these are goes first
     * @return empty if no live shard has just these pictures
     */
    public static Optional<AuditedShard> of(
            Registry registry, String soup, Shard rows, String named) {
        List<String> names = RegistryShards.namesOf(registry, rows);
        return registry.read(q -> {
            Gate gate = new Gate(q, Names.soup(q, soup), registry.store());
            return names.stream()
                    .map(n -> new AuditedShard(n, texts(q, gate, n, rows)))
                    .min(
                            Comparator.<AuditedShard, Boolean>comparing(s -> !s.name.equals(named))
                                    .thenComparing(s -> !gate.has(s.name))
                                    .thenComparing(AuditedShard::texts)
                                    .thenComparing(AuditedShard::name));
        });
    }

    /** By the ingredients' recipes, and by what the shard was recorded with. */
    private static DrawnTexts texts(Queries q, Gate gate, String name, Shard rows) {
        DrawnTexts trained = gate.texts(name, rows.sha256());
        if (trained == DrawnTexts.OTHER) {
            return trained;
        }
        Optional<Boolean> recorded = recorded(q, Names.shard(q, name), rows);
        if (recorded.isPresent()) {
            return recorded.get() ? DrawnTexts.RECORDED : DrawnTexts.OTHER;
        }
        // Recipes know captions, and so prompts that those begin with.
        return trained == DrawnTexts.RECORDED
                        && !rows.infos().stream().allMatch(AuditedShard::isInCaption)
                ? DrawnTexts.UNKNOWN
                : trained;
    }

    private static boolean isInCaption(SampleInfo row) {
        return row.caption().equals(row.prompt()) || row.caption().startsWith(row.prompt() + ", ");
    }

    /**
     * Whether rows have the recorded texts of a shard: of all of it, or of what is left of it while
     * that lies where it lay; empty where that is not known.
     */
    private static Optional<Boolean> recorded(Queries q, ShardRow shard, Shard rows) {
        Optional<String> texts = q.textsSha256(shard.id());
        if (texts.isEmpty()) {
            return Optional.empty();
        }
        Set<String> gone =
                q.samples(shard.id()).stream()
                        .filter(s -> s.withdrawn().isPresent())
                        .map(SampleRow::sha256)
                        .collect(Collectors.toSet());
        if (gone.isEmpty()) {
            return Optional.of(rows.textsSha256().equals(texts.get()));
        }
        try {
            Shard all =
                    RegistryShards.recordedRows(shard.name(), shard.source(), shard.root(), texts);
            Shard left = all.filter(i -> !gone.contains(i.sha256()));
            return Optional.of(left.textsSha256().equals(rows.textsSha256()));
        } catch (SoupException e) {
            return Optional.empty(); // moved, or changed since
        }
    }

    /**
     * What is to be said of it.
     *
     * @param against how the rows were named
     */
    public Optional<String> note(String against) {
        return switch (texts) {
            case RECORDED -> Optional.empty();
            case OTHER ->
                    Optional.of(
                            "%s has the pictures of shard '%s', but other texts (captions, names, styles) or keys than it was recorded with or the soup's ingredients were trained on: the audit is recorded, and meets no requirement unless it finds too many near copies; give the very data instead."
                                    .formatted(against, name));
            case UNKNOWN ->
                    Optional.of(
                            "By what texts the soup's ingredients were trained on shard '%s' is not recorded in full: whether %s has the same is not known, and the audit's entry says so."
                                    .formatted(name, against));
        };
    }
}
