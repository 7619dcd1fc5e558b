package org.diffusionsoup.cli.model;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.cli.console.Flags;
import org.diffusionsoup.cli.console.MegabyteSteps;
import org.diffusionsoup.cli.console.Quantity;
import org.diffusionsoup.cli.console.TextTable;
import org.diffusionsoup.core.Plural;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.registry.certificate.CertificateCheck;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.verify.ModelVerifier;
import org.diffusionsoup.workbench.verify.VerifyReport;
import org.diffusionsoup.workbench.verify.VerifyReport.FileHash;
import org.diffusionsoup.workbench.verify.VerifyReport.Finding;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup verify}: whether a model is whole and sound. */
@Command(
        name = "verify",
        description = {
            "Check a model: structure, NaN and infinity in every tensor, hashes, and what its"
                    + " header says of its making.",
            "A certificate of a withdrawal is checked with the registry's public key and a store of"
                    + " weights alone: signature, absence of what left, and every soup averaged again"
                    + " and compared byte by byte. --deep trains one ingredient again, too.",
            "Exit status 0: sound, or the certificate holds. 1: anything is found, or the certificate"
                    + " is false. 3: the certificate held when it was signed, and since then something"
                    + " it names was withdrawn, as a certificate of that withdrawal says that was"
                    + " checked too, so it can no longer be replayed here. 4: --deep cannot tell:"
                    + " training again ended in other bytes, and it was trained on another kind of"
                    + " processor, or nobody recorded on what. (2: a command line that makes no"
                    + " sense, as everywhere.)"
        },
        footer = {
            "  soup verify models/emoji-base",
            "  soup verify soup.safetensors --against copy-of-soup.safetensors",
            "  soup verify model.ckpt --json",
            "  soup verify certificate.json --key registry.pub --store soup-registry/store",
            "  soup verify certificate.json --key registry.pub --store store --deep noto --shard"
                    + " noto.tar"
        })
public final class VerifyCommand extends SoupCommand {
    @Parameters(paramLabel = "MODEL", description = "A checkpoint of any layout, or a certificate.")
    private Path model = Path.of("");

    @Option(
            names = "--against",
            paramLabel = "SHA256|FILE",
            description =
                    "The SHA-256 that the file, or its weights, must have; or a model whose weights"
                            + " must be the same.")
    private Optional<String> against = Optional.empty();

    @Option(
            names = "--variant",
            paramLabel = "WORD",
            description =
                    "Check this variant of the weights of a diffusers folder, such as fp16 (default:"
                            + " the files without such a word in their names).")
    private String variant = "";

    @Mixin private CertificateFlags certificate = new CertificateFlags();

    /** Exit status for a certificate of which something was withdrawn since. */
    static final int HELD = 3;

    /** Exit status where an ingredient was trained again and nothing follows from the result. */
    static final int CANNOT_TELL = 4;

    @Override
    protected int status() {
        return switch (certificate.verdict()) {
            case HELD -> HELD;
            case CANNOT_TELL -> CANNOT_TELL;
            case HOLDS, FALSE -> super.status();
        };
    }

    @Override
    protected void run(Console console) throws IOException {
        if (certificate.isGiven() || CertificateCheck.isOne(model)) {
            if (against.isPresent()) {
                throw misuse("--against is for models; a certificate is checked with --key.");
            }
            certificate
                    .verify(console, model)
                    .ifPresent(mistake -> {
                        throw misuse(mistake);
                    });
            return;
        }
        against.filter(a -> !ModelVerifier.isHash(a) && (a.isBlank() || !Files.exists(Path.of(a))))
                .ifPresent(a -> {
                    throw misuse(
                            "--against takes a SHA-256 (64 hexadecimal digits), a file or a folder, and '"
                                    + a
                                    + "' is none.");
                });
        VerifyReport report;
        try (Progress progress = console.progress()) {
            report =
                    new ModelVerifier(
                                    Runtime.getRuntime().availableProcessors(),
                                    new MegabyteSteps(progress))
                            .verify(model, variant, against);
        }
        console.result(json(report), out -> text(report, out));
        if (!report.unread().isEmpty()) {
            console.note(
                    "Not looked at: "
                            + String.join(", ", report.unread())
                            + ". What is read in their place is listed; --variant looks at another"
                            + " variant.");
        }
        List<Finding> findings = report.findings();
        if (!findings.isEmpty()) {
            throw new SoupException(
                    Plural.of(findings.size(), "finding")
                            + " in "
                            + model
                            + ", listed in the report.");
        }
    }

    private String sentence(Finding f) {
        // Readers' sentences name their file already.
        boolean named =
                f.where().isEmpty()
                        || f.what().startsWith(f.where())
                        || f.where().equals(model.toString()) && f.what().contains(f.where());
        return Flags.in(named ? f.what() : f.where() + ": " + f.what());
    }

    private void text(VerifyReport report, PrintWriter out) {
        out.println(
                report.path()
                        + "  "
                        + report.layout()
                        + ", "
                        + Quantity.of(report.tensors(), "tensor")
                        + ", "
                        + Quantity.count(report.parameters())
                        + " parameters");
        if (!report.files().isEmpty()) {
            out.println();
            TextTable table = new TextTable("file", "size", "sha256");
            for (FileHash f : report.files()) {
                table.row(f.name(), Quantity.bytes(f.bytes()), f.sha256());
            }
            report.weightsSha256().ifPresent(h -> table.row("the weights alone", "", h));
            table.print(out);
        }
        out.println();
        if (report.findings().isEmpty()) {
            out.println(
                    "sound: structure, values and provenance"
                            + against.map(a -> ", and the weights of " + a).orElse(""));
        }
        for (Finding f : report.findings()) {
            out.println(f.kind().name().toLowerCase(Locale.ROOT) + "  " + sentence(f));
        }
    }

    private static Map<String, Object> json(VerifyReport report) {
        Map<String, Object> json = new LinkedHashMap<>();
        json.put("path", report.path());
        json.put("sound", report.findings().isEmpty());
        json.put("layout", report.layout());
        json.put("tensors", report.tensors());
        json.put("parameters", report.parameters());
        report.weightsSha256().ifPresent(h -> json.put("weights_sha256", h));
        json.put("files", report.files());
        json.put("not_read", report.unread());
        json.put(
                "findings",
                report.findings().stream()
                        .map(f -> new Finding(f.kind(), f.where(), Flags.in(f.what())))
                        .toList());
        return json;
    }
}
