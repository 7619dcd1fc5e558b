package org.diffusionsoup.cli.registry;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.registry.Registry;
import org.diffusionsoup.registry.ledger.Rows.IngredientRow;
import org.diffusionsoup.registry.ledger.Rows.SoupRow;
import org.diffusionsoup.registry.withdraw.Gone;
import org.diffusionsoup.registry.withdraw.Withdrawn;
import org.diffusionsoup.workbench.value.RecordedValues;

/** How commands show what a withdrawal did. */
final class WithdrawnText {
    private WithdrawnText() {}

    static void result(Console console, Registry registry, Withdrawn w) {
        result(console, registry, w, Map.of());
    }

    /**
     * The same of pictures in a list.
     *
     * @param lines where each hash stands in it
     */
    static void result(
            Console console, Registry registry, Withdrawn w, Map<String, Integer> lines) {
        SequencedMap<String, String> worth =
                RecordedValues.of(
                        registry,
                        w.all().stream()
                                .filter(g -> g.kind().equals("ingredient"))
                                .map(Gone::entry)
                                .toList());
        console.result(
                json(w, worth),
                text -> {
                    int again = w.trainedAgain().size();
                    text.printf(
                            "withdrawal, entry %d: %s, %s, %s%s, %s, %s%n",
                            w.entry(),
                            Plural.of(w.shards().size(), "shard"),
                            Plural.of(w.samples(), "single picture"),
                            Plural.of(w.ingredients().size() + again, "ingredient"),
                            again == 0 ? "" : " (" + again + " trained again)",
                            Plural.of(w.bases().size(), "base"),
                            Plural.of(w.withdrawn().size(), "soup"));
                    w.shards().forEach(s -> text.println("  withdrawn  shard " + s));
                    w.all()
                            .forEach(g ->
                                    text.printf(
                                            "  withdrawn  %s%s: %s%s%n",
                                            g.label(),
                                            which(g, w.all()),
                                            g.why(),
                                            g.again() ? "; trained again without" : ""));
                    w.before()
                            .forEach((sha, entry) ->
                                    text.printf(
                                            "  before     line %d of the list: it had left by entry"
                                                    + " %d%n",
                                            lines.getOrDefault(sha, 0), entry));
                    worth.forEach((name, v) -> text.printf("  worth      %s: %s%n", name, v));
                    w.made()
                            .forEach(s ->
                                    text.printf(
                                            "  made       soup %s of %s%n",
                                            s.label(),
                                            Plural.of(s.members().size(), "ingredient")));
                    w.emptied()
                            .forEach(s ->
                                    text.printf(
                                            "  nothing is left of soup %s: there is no next"
                                                    + " version%n",
                                            s.name()));
                    w.retired()
                            .forEach(i ->
                                    text.printf(
                                            "  kept       ingredient %s (entry %d): it was retired,"
                                                    + " and no soup holds it any more; 'soup gc'"
                                                    + " deletes its weights%n",
                                            i.name(), i.id()));
                    w.unknown()
                            .forEach(u ->
                                    text.printf(
                                            "  unknown    what tensors %s held: the store has no"
                                                    + " manifest of it; weights that hold a part"
                                                    + " of it would not be found%n",
                                            u));
                    if (!w.lacking().isEmpty()) {
                        text.printf(
                                "  damaged    %s: %s. Soups made by their kept sums are right,"
                                        + " but no certificate can be replayed until that is"
                                        + " back; 'soup fsck' says how%n",
                                w.lacking().size() == 1
                                        ? "1 object"
                                        : w.lacking().size() + " objects, the first",
                                w.lacking().getFirst());
                    }
                    w.publications()
                            .forEach(p ->
                                    text.println(
                                            "  handed out before, ask for it: "
                                                    + p.soup()
                                                    + " to "
                                                    + p.place()));
                    w.samePictures()
                            .forEach((shard, n) ->
                                    text.printf(
                                            "  shard %s stays and holds %s%n",
                                            shard,
                                            Plural.of(
                                                    n,
                                                    "of the same pictures",
                                                    "of the same pictures")));
                    text.printf(
                            "%s; certificate %s%n",
                            w.freedBeside()
                                    ? "its weights are deleted, by another command that ran beside"
                                    : Quantity.bytes(w.bytesFreed()) + " freed",
                            w.certificate());
                });
    }

    /** Of several with one name, by its entry. */
    private static String which(Gone g, List<Gone> all) {
        boolean alone = all.stream().filter(o -> o.label().equals(g.label())).count() == 1;
        return alone ? "" : " (entry " + g.entry() + ")";
    }

    private static Map<String, Object> json(Withdrawn w, Map<String, String> worth) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("entry", w.entry());
        json.put("shards", w.shards());
        json.put("samples", w.samples());
        json.put("withdrawn_before", w.before());
        json.put("ingredients", w.ingredients());
        json.put("trained_again", w.trainedAgain());
        json.put("all", w.all());
        json.put("worth", worth);
        json.put("same_pictures", w.samePictures());
        json.put("withdrawn", labels(w.withdrawn()));
        json.put("made", w.made().stream().map(SoupText::json).toList());
        json.put("emptied", w.emptied().stream().map(SoupRow::name).toList());
        json.put("retired", w.retired().stream().map(IngredientRow::name).toList());
        json.put("lacking", w.lacking());
        json.put("unknown", w.unknown());
        json.put("bases", w.bases());
        json.put("publications", w.publications());
        json.put("bytes_freed", w.bytesFreed());
        json.put("freed_beside", w.freedBeside());
        json.put("certificate", w.certificate().toString());
        json.put("weights_seconds", w.weightsSeconds());
        json.put("ledger_seconds", w.ledgerSeconds());
        return json;
    }

    private static List<String> labels(List<SoupRow> soups) {
        return soups.stream().map(SoupRow::label).toList();
    }
}
