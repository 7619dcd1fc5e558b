package org.diffusionsoup.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.ProjectFiles;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** The demo on the committed base and shards, as small as it goes. */
@ResourceLock(ProjectFiles.HOME)
class DemoTest {
    private static final Path PROJECT = Path.of("").toAbsolutePath().getParent();

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private String homeBefore = "";

    @BeforeEach
    void findProject() {
        homeBefore = System.getProperty(ProjectFiles.HOME, "");
        System.setProperty(ProjectFiles.HOME, PROJECT.toString());
    }

    @AfterEach
    void restoreHome() {
        System.setProperty(ProjectFiles.HOME, homeBefore);
    }

    private int soup(String... args) {
        return new SoupCli(new PrintWriter(out, true), new PrintWriter(err, true)).run(args);
    }

    private int demo(Path folder, String steps) {
        return soup(
                "demo",
                "--quick",
                "--json",
                "--shards",
                "animals,electronics",
                "--steps",
                steps,
                "--prompts",
                "8",
                "--sampling-steps",
                "2",
                "--out",
                folder.toString());
    }

    @Test
    void endsInAReportThatShowsEveryModelAndTheWithdrawal(@TempDir Path dir) throws Exception {
        Path folder = dir.resolve("demo");
        assertThat(demo(folder, "2")).as(err.toString()).isZero();
        assertThat(out.toString()).contains("\"report\"");

        String page = Files.readString(folder.resolve("report.html"));
        assertThat(page).contains("data:image/png;base64,");
        // Encoded pictures may spell anything, so only the words around them are looked at.
        String html = page.replaceAll("base64,[A-Za-z0-9+/=]+", "");
        List<String> models =
                List.of(
                        "base",
                        "animals",
                        "electronics",
                        "soup",
                        "paragon",
                        "paragon ×2",
                        "ensemble");
        assertThat(html).contains(models).contains("soup − electronics");
        assertThat(html)
                .contains("Pictures of the shards, by caption.", "What two judges say")
                .contains("the same weights, bit for bit")
                .doesNotContain("DIFFERENT");
        assertThat(html).doesNotContain("NaN").doesNotContain("http://");
        assertThat(html)
                .contains("closer to one of its pictures than 99 in 100 drawings of other domains")
                // two steps learn nothing by heart
                .contains("Too short to show anything about memorization")
                .contains("Mean CLIP score of 4 pictures", "Without the line art, its own style: ")
                .contains("OMP_NUM_THREADS=", " ./soup demo --out demo ")
                .contains("on this machine, all included<")
                .doesNotContain("in 2 runs");
        try (Stream<Path> pictures = Files.list(folder.resolve("pictures"))) {
            assertThat(pictures).hasSize(8).allMatch(p -> p.toString().endsWith(".png"));
        }

        // Once more: nothing is trained again.
        Path ingredient = folder.resolve("models/animals/unet/diffusion_pytorch_model.safetensors");
        FileTime made = Files.getLastModifiedTime(ingredient);
        Map<Path, FileTime> first = kept(folder);
        assertThat(first).isNotEmpty();
        Path picture = folder.resolve("pictures/soup.png");
        FileTime drawn = Files.getLastModifiedTime(picture);
        FileTime reported = Files.getLastModifiedTime(folder.resolve("report.html"));
        assertThat(demo(folder, "2")).as(err.toString()).isZero();
        assertThat(Files.getLastModifiedTime(ingredient)).isEqualTo(made);
        // Nor drawn again, as long as all of it is there.
        assertThat(Files.getLastModifiedTime(picture)).isEqualTo(drawn);
        assertThat(Files.getLastModifiedTime(folder.resolve("report.html"))).isEqualTo(reported);
        Files.delete(picture);
        assertThat(demo(folder, "2")).as(err.toString()).isZero();
        assertThat(picture).exists();
        assertThat(Files.getLastModifiedTime(ingredient)).isEqualTo(made);
        assertThat(html).contains("mean of the last tenth of the steps");

        // What both runs took is added up, and no picture but the grid is made again.
        String again = Files.readString(folder.resolve("report.html"));
        assertThat(again).contains("on this machine, all included, in 2 runs");
        assertThat(training(again)).isNotEmpty().isEqualTo(training(page));
        assertThat(kept(folder)).isEqualTo(first);

        // Other settings do not mix with what is there.
        assertThat(demo(folder, "3")).isEqualTo(1);
        assertThat(err.toString()).contains("holds a demo with other settings");
    }

    /** The report's row of the time to train. */
    private static String training(String page) {
        int from = page.lastIndexOf("Time to train");
        return page.substring(from, page.indexOf("</tr>", from));
    }

    /** The pictures that were drawn, and when. */
    private static Map<Path, FileTime> kept(Path folder) throws IOException {
        Map<Path, FileTime> times = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder.resolve("drawn"))) {
            for (Path f : files.filter(Files::isRegularFile).toList()) {
                times.put(f, Files.getLastModifiedTime(f));
            }
        }
        return times;
    }

    @Test
    void refusesAWithdrawalOfNoShard(@TempDir Path dir) {
        Path folder = dir.resolve("demo");
        assertThat(soup("demo", "--withdraw", "castles", "--out", folder.toString())).isEqualTo(1);
        assertThat(err.toString().strip()).contains("castles").hasLineCount(1);
        assertThat(folder).doesNotExist();
    }
}
