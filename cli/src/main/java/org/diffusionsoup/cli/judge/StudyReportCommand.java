package org.diffusionsoup.cli.judge;

import java.nio.file.Path;
import java.util.Map;
import org.diffusionsoup.cli.command.SoupCommand;
import org.diffusionsoup.cli.console.Console;
import org.diffusionsoup.workbench.study.PaperReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code soup study report}. */
@Command(
        name = "report",
        description = {
            "Put the paper's claims beside what studies found: a Markdown page with a line per"
                    + " claim, the paper's figures, ours with their intervals, and whether they"
                    + " agree.",
            "The page is written from the results alone: the same results give the same page."
        },
        footer = "  soup study report docs/results -o paper.md")
final class StudyReportCommand extends SoupCommand {
    @Parameters(
            paramLabel = "RESULTS",
            description = "Folder with the WORD.json files of soup study run.")
    private Path results = Path.of(".");

    @Option(
            names = {"-o", "--out"},
            required = true,
            paramLabel = "FILE.md",
            description = "The page; an earlier one is replaced.")
    private Path out = Path.of("");

    @Override
    protected void run(Console console) {
        PaperReport.KIND.checkOwn(out);
        new PaperReport(results).write(out);
        console.result(Map.of("page", out.toString()), text -> text.println(out));
    }
}
