package org.diffusionsoup.workbench.audit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.data.Sample;
import org.diffusionsoup.data.SampleInfo;
import org.diffusionsoup.data.Shard;
import org.diffusionsoup.data.ShardWriter;
import org.diffusionsoup.eval.ClipConvention;
import org.diffusionsoup.eval.ClipJudge;
import org.diffusionsoup.eval.Proportion;
import org.diffusionsoup.eval.ProportionDifference;
import org.diffusionsoup.image.PngCodec;
import org.diffusionsoup.image.RgbImage;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.generate.GenerateSettings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The audit on real pictures and the embedded judge: copies are found, others are not. */
class MemorizationAuditTest {
    private static final Path ROOT =
            Path.of(System.getProperty("basedir", "")).toAbsolutePath().getParent();
    private static final Shard ALL =
            Shard.open(ROOT.resolve("shards/emoji/noto.tar"))
                    .filter(i -> i.key().hashCode() % 5 == 0);

    private static MemorizationAudit audit(ClipJudge judge) {
        return new MemorizationAudit(
                judge,
                ALL.train(),
                Shard.open(ROOT.resolve("shards/emoji/noto.tar")).heldOut(),
                40,
                1,
                Progress.silent());
    }

    @Test
    void aRateIsAboveABoundWhereItsWholeIntervalIs() {
        // 5 of 10: 24 to 76 %.
        MemorizationAudit.Result half =
                new MemorizationAudit.Result(
                        "m", "", List.of(), List.of(), List.of(), new Proportion(5, 10), List.of());
        assertThat(half.standing(0.8)).isEqualTo("within");
        assertThat(half.standing(0.5)).isEqualTo("may be above");
        assertThat(half.standing(0.3)).isEqualTo("may be above");
        assertThat(half.standing(0.2)).isEqualTo("above");
        assertThat(half.isWithin(0.2)).isFalse();
    }

    @Test
    void copiesAreFoundAndHeldOutPicturesAreNot() {
        try (ClipJudge judge =
                ClipJudge.load(ROOT.resolve("models/judge-clip"), ClipConvention.RAW_COSINE)) {
            MemorizationAudit audit = audit(judge);
            List<RgbImage> own =
                    audit.drawn().stream().map(i -> audit.shard().get(i).image()).toList();
            MemorizationAudit.Result copied = audit.of("copies", "", own);
            assertThat(copied.copies().hits()).isEqualTo(40);
            assertThat(copied.own()).allSatisfy(d -> assertThat(d).isCloseTo(0, within(1e-6)));
            assertThat(copied.isWithin(0.9)).isFalse();

            // Nearly a copy: what a model that knows a picture by heart gives back.
            SplittableRandom random = new SplittableRandom(1);
            MemorizationAudit.Result noisy =
                    audit.of("noisy", "", own.stream().map(p -> noisy(p, random)).toList());
            assertThat(noisy.copies().hits()).isGreaterThan(30);

            Shard others = Shard.open(ROOT.resolve("shards/emoji/noto.tar")).heldOut();
            List<RgbImage> real =
                    java.util.stream.IntStream.range(0, 40)
                            .mapToObj(i -> others.get(i).image())
                            .toList();
            MemorizationAudit.Result others40 = audit.of("others", "", real);
            assertThat(others40.copies().hits()).isLessThanOrEqualTo(2);
            assertThat(others40.closest())
                    .allSatisfy(i -> assertThat(i).isBetween(0, audit.shard().size() - 1));
        }
    }

    /** They would be copies of protected pictures, and the threshold that of a copy. */
    @Test
    void nearDoublesOfProtectedPicturesAreNoReference(@TempDir Path folder) {
        Shard guarded = ALL.train().filter(r -> r.domain().equals("vehicles"));
        Shard held = Shard.open(ROOT.resolve("shards/emoji/noto.tar")).heldOut();
        List<Sample> rows = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            rows.add(held.get(i));
        }
        Path plain = folder.resolve("plain.tar");
        ShardWriter.write(plain, rows);
        for (int i = 0; i < 2; i++) {
            Sample known = guarded.get(i);
            byte[] png = PngCodec.encode(known.image());
            rows.add(
                    new Sample(
                            new SampleInfo(
                                    "double" + i,
                                    known.caption(),
                                    "",
                                    "noto",
                                    "double" + i,
                                    "test",
                                    "Apache-2.0",
                                    "",
                                    "",
                                    "other",
                                    "heldout",
                                    Hashes.sha256Hex(png)),
                            png));
        }
        Path doubled = folder.resolve("doubled.tar");
        ShardWriter.write(doubled, rows);
        try (ClipJudge judge =
                ClipJudge.load(ROOT.resolve("models/judge-clip"), ClipConvention.RAW_COSINE)) {
            MemorizationAudit sound =
                    new MemorizationAudit(
                            judge, guarded, Shard.open(plain), 4, 1, Progress.silent());
            assertThat(sound.weakness()).isEmpty();
            MemorizationAudit doubles =
                    new MemorizationAudit(
                            judge, guarded, Shard.open(doubled), 4, 1, Progress.silent());
            assertThat(doubles.leftOut()).isEqualTo(2);
            assertThat(doubles.threshold()).isEqualTo(sound.threshold());
            assertThat(doubles.reference()).isEqualTo(sound.reference());
        }
    }

    /** Both are a white sign on a purple square, and this judge looks no closer. */
    @Test
    void aThresholdThatTheJudgePullsToZeroIsCalledWeak(@TempDir Path folder) {
        Shard noto = Shard.open(ROOT.resolve("shards/emoji/noto.tar"));
        Shard guarded =
                noto.train()
                        .filter(r ->
                                r.key().equals("noto_orthodox-cross")
                                        || r.domain().equals("vehicles")
                                                && r.key().hashCode() % 5 == 0);
        Shard held =
                noto.heldOut()
                        .filter(r ->
                                r.key().equals("noto_star-and-crescent")
                                        || r.key().hashCode() % 4 == 0);
        try (ClipJudge judge =
                ClipJudge.load(ROOT.resolve("models/judge-clip"), ClipConvention.RAW_COSINE)) {
            MemorizationAudit weak =
                    new MemorizationAudit(judge, guarded, held, 4, 1, Progress.silent());
            assertThat(weak.threshold()).isLessThan(0.1 * weak.typical());
            assertThat(weak.leftOut()).isZero();
            assertThat(weak.weakness().orElseThrow())
                    .contains("less than a tenth", "`reference`", "`judge`")
                    .doesNotContain("dedup");

            List<RgbImage> own =
                    weak.drawn().stream().map(i -> weak.shard().get(i).image()).toList();
            Path page = folder.resolve("audit.html");
            AuditPage.write(
                    List.of(
                            new AuditRow("noto", weak, weak.of("first", "", own)),
                            new AuditRow("noto", weak, weak.of("second", "", own))),
                    0.05,
                    GenerateSettings.defaults(),
                    7,
                    page);
            assertThat(page)
                    .content()
                    .contains("The threshold says little", "(reference)", "To first")
                    .contains(
                            "judge-clip", "guidance scale", "seed 7", "real pictures", held.name())
                    .contains("+0.0 [", "] % paired", "Median to nearest");
        }
    }

    @Test
    void ratesAreComparedPictureByPictureOnlyWhereThePicturesAreTheSame() {
        try (ClipJudge judge =
                ClipJudge.load(ROOT.resolve("models/judge-clip"), ClipConvention.RAW_COSINE)) {
            MemorizationAudit one = audit(judge);
            MemorizationAudit two =
                    new MemorizationAudit(
                            judge,
                            ALL.train().filter(i -> i.key().hashCode() % 2 == 0),
                            Shard.open(ROOT.resolve("shards/emoji/noto.tar")).heldOut(),
                            30,
                            1,
                            Progress.silent());
            List<RgbImage> copies =
                    one.drawn().stream().map(i -> one.shard().get(i).image()).toList();
            // The same but for eight pictures, which are of another shard's held-out rows.
            List<RgbImage> fewer = new ArrayList<>(copies);
            Shard others = Shard.open(ROOT.resolve("shards/emoji/noto.tar")).heldOut();
            for (int i = 0; i < 8; i++) {
                fewer.set(i, others.get(i).image());
            }
            AuditRow first = new AuditRow("a", one, one.of("copies", "", copies));
            AuditRow same = new AuditRow("a", one, one.of("fewer", "", fewer));
            AuditRow other =
                    new AuditRow(
                            "b",
                            two,
                            two.of(
                                    "elsewhere",
                                    "",
                                    two.drawn().stream()
                                            .map(i -> two.shard().get(i).image())
                                            .toList()));
            AuditRow.Difference paired = same.minus(first);
            assertThat(paired.paired()).isTrue();
            assertThat(paired.interval().estimate())
                    .isCloseTo(
                            same.result().copies().value() - first.result().copies().value(),
                            within(1e-12));
            assertThat(paired.interval().estimate()).isBetween(-8 / 40.0, -6 / 40.0);
            AuditRow.Difference unpaired = other.minus(first);
            assertThat(unpaired.paired()).isFalse();
            assertThat(unpaired.interval().estimate()).isZero();
            assertThat(unpaired.interval().halfWidth()).isBetween(0.05, 0.15);
            assertThat(unpaired.interval())
                    .isEqualTo(
                            ProportionDifference.unpaired(
                                    other.result().copies(), first.result().copies(), 0.95));
        }
    }

    @Test
    void theThresholdLeavesOneInAHundredOfTheReferenceBelow() {
        double[] sorted = new double[300];
        for (int i = 0; i < sorted.length; i++) {
            sorted[i] = i;
        }
        assertThat(ProtectedPictures.quantile(sorted, 0.01)).isEqualTo(3);
        assertThat(ProtectedPictures.quantile(new double[] {5, 6}, 0.01)).isEqualTo(5);
    }

    @Test
    void aReferenceOfTheProtectedPicturesThemselvesIsRefused() {
        try (ClipJudge judge =
                ClipJudge.load(ROOT.resolve("models/judge-clip"), ClipConvention.RAW_COSINE)) {
            Shard rows = ALL.train();
            assertThatThrownBy(
                            () -> new MemorizationAudit(judge, rows, rows, 5, 1, Progress.silent()))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("protected pictures themselves");
        }
    }

    private static RgbImage noisy(RgbImage image, SplittableRandom random) {
        byte[] pixels = image.pixels().clone();
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) Math.clamp((pixels[i] & 0xff) + random.nextInt(-6, 7), 0, 255);
        }
        return new RgbImage(image.width(), image.height(), pixels);
    }
}
