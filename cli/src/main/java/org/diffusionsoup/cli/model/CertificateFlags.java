package org.diffusionsoup.cli.model;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.Interrupt;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.WorkFolder;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.certificate.CertificateCheck;
import org.diffusionsoup.registry.certificate.CertificateCheck.Verdict;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.registry.DeepCheck;
import picocli.CommandLine.Option;

/** What {@code soup verify} needs for a certificate. */
final class CertificateFlags {
    @Option(
            names = "--key",
            paramLabel = "PUB",
            description = "The registry's public key, from a source you trust.")
    private Optional<Path> key = Optional.empty();

    @Option(
            names = "--store",
            paramLabel = "DIR",
            description = "The store with the surviving ingredients.")
    private Optional<Path> store = Optional.empty();

    @Option(
            names = "--later",
            paramLabel = "PATH",
            description =
                    "Certificates of later withdrawals, or a folder of them, where they are neither"
                            + " beside this one nor in the store; repeat for several.")
    private List<Path> later = List.of();

    @Option(
            names = "--deep",
            paramLabel = "INGREDIENT",
            description =
                    "Also train this ingredient again, from --shard, with as many threads as are"
                            + " recorded, and compare bytes.")
    private Optional<String> deep = Optional.empty();

    @Option(
            names = "--shard",
            paramLabel = "SHARD",
            description =
                    "With --deep: its data, as it was trained on, under any name; repeat for"
                            + " several.")
    private List<String> shards = List.of();

    private Verdict verdict = Verdict.HOLDS;

    boolean isGiven() {
        return key.isPresent() || store.isPresent() || deep.isPresent() || !later.isEmpty();
    }

    /** What was said of the certificate that {@link #verify} checked. */
    Verdict verdict() {
        return verdict;
    }

    private static void checkIsOne(Path file, String flag) {
        if (!Files.exists(file)) {
            throw new SoupException("There is no file " + file + flag + ".");
        }
        if (!CertificateCheck.isOne(file)) {
            throw new SoupException(file + flag + " is no certificate of a withdrawal.");
        }
    }

    /** Checks; a sentence if the flags make no sense. */
    Optional<String> verify(Console console, Path certificate) {
        if (key.isEmpty() || store.isEmpty()) {
            return Optional.of("a certificate is checked with --key PUB and --store DIR.");
        }
        if (deep.isPresent() == shards.isEmpty()) {
            return Optional.of("--deep and --shard belong together.");
        }
        checkIsOne(certificate, "");
        if (!Files.isDirectory(store.get())) {
            throw new SoupException(store.get() + " (--store) is no store of weights.");
        }
        for (Path p : later) {
            if (!Files.isDirectory(p)) {
                checkIsOne(p, " (--later)");
            }
        }
        List<String> checked;
        List<String> since;
        List<String> untold = new ArrayList<>();
        List<String> wrong;
        try (Interrupt interrupt = Interrupt.listen(console);
                Progress progress = console.progress()) {
            CertificateCheck.Report report =
                    CertificateCheck.check(
                            certificate,
                            PublicKeyFile.read(key.get()),
                            store.get(),
                            later,
                            SoupOptions.DEFAULT.withProgress(new MegabyteSteps(progress)));
            checked = new ArrayList<>(Flags.in(report.checked()));
            since = Flags.in(report.since());
            wrong = new ArrayList<>(Flags.in(report.wrong()));
            if (deep.isPresent() && wrong.isEmpty()) {
                DeepCheck.Result again;
                try (WorkFolder work = WorkFolder.make("soup-deep-")) {
                    again =
                            DeepCheck.check(
                                    certificate,
                                    store.get(),
                                    deep.get(),
                                    shards,
                                    work.path(),
                                    progress,
                                    interrupt);
                }
                List<String> to = again.isSame() ? checked : again.provesNothing() ? untold : wrong;
                to.add(again.sentence());
            }
        }
        verdict = new CertificateCheck.Report(checked, since, untold, wrong).verdict();
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("certificate", certificate.toString());
        json.put("verdict", verdict.name().toLowerCase(Locale.ROOT));
        json.put("valid", wrong.isEmpty() && untold.isEmpty());
        json.put("checked", checked);
        json.put("since", since);
        json.put("untold", untold);
        json.put("wrong", wrong);
        console.result(
                json,
                text -> {
                    checked.forEach(c -> text.println("ok     " + c));
                    since.forEach(s -> text.println("since  " + s));
                    untold.forEach(u -> text.println("untold " + u));
                    wrong.forEach(w -> text.println("wrong  " + w));
                    text.println(
                            switch (verdict) {
                                case HOLDS -> "holds";
                                case HELD ->
                                        "held when it was signed; the lines above say what has"
                                                + " changed since";
                                case CANNOT_TELL ->
                                        "cannot tell: nothing speaks against it, but training again"
                                                + " does not show it either";
                                case FALSE -> "false";
                            });
                });
        if (!wrong.isEmpty()) {
            throw new SoupException(certificate + " does not hold: " + wrong.getFirst());
        }
        return Optional.empty();
    }
}
