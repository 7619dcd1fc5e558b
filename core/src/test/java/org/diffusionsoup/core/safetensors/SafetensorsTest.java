package org.diffusionsoup.core.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorBytes;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class SafetensorsTest {
    static final Path VAE =
            Path.of("src/test/resources/tiny-sd15/vae/diffusion_pytorch_model.safetensors");

    @TempDir Path dir;

    @Test
    void readsAFileOfTheReferenceImplementationAndWritesItBackByteForByte() throws IOException {
        try (SafetensorsFile in = SafetensorsFile.open(VAE)) {
            assertThat(in.tensors()).hasSizeGreaterThan(50);
            TensorInfo conv = in.tensor("decoder.conv_in.weight");
            assertThat(conv.dtype()).isEqualTo(DType.F32);
            assertThat(conv.shape()).hasSize(4);
            assertThat(in.floats(conv.name())).hasSize((int) conv.elements());
            List<TensorEntry> entries = new ArrayList<>();
            for (TensorInfo t : in.tensors().values()) {
                entries.add(
                        new TensorEntry(
                                t.name(), t.dtype(), t.shape(), TensorBytes.of(in.data(t.name()))));
            }
            Collections.shuffle(entries, new Random(1));
            SafetensorsWriter.write(dir.resolve("again"), in.metadata(), entries);
        }
        // The reference's header has spaces after separators or none: compare data and content.
        try (SafetensorsFile a = SafetensorsFile.open(VAE);
                SafetensorsFile b = SafetensorsFile.open(dir.resolve("again"))) {
            assertThat(b.metadata()).isEqualTo(a.metadata());
            assertThat(List.copyOf(b.tensors().keySet()))
                    .isEqualTo(List.copyOf(a.tensors().keySet()));
            for (String name : a.tensors().keySet()) {
                assertThat(b.data(name).mismatch(a.data(name))).isEqualTo(-1);
                assertThat(b.tensor(name).sameKind(a.tensor(name))).isTrue();
            }
            assertThat(WeightsHash.of(b)).isEqualTo(WeightsHash.of(a)).hasSize(64);
        }
    }

    @Test
    void writesTensorsOutOfArraysOfAnyType() {
        short[] half = {Float.floatToFloat16(1.5f), Float.floatToFloat16(-2)};
        double[] wide = {Math.PI, -1e300};
        Path file = dir.resolve("arrays");
        SafetensorsWriter.write(
                file,
                Map.of(),
                List.of(
                        new TensorEntry(
                                "half",
                                DType.F16,
                                new long[] {2},
                                TensorBytes.of(MemorySegment.ofArray(half))),
                        new TensorEntry(
                                "wide",
                                DType.F64,
                                new long[] {2},
                                TensorBytes.of(MemorySegment.ofArray(wide)))));
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            assertThat(f.data("half").toArray(ValueLayout.JAVA_SHORT_UNALIGNED)).isEqualTo(half);
            assertThat(f.data("wide").toArray(ValueLayout.JAVA_DOUBLE_UNALIGNED)).isEqualTo(wide);
        }
    }

    @Test
    void writesTheSameBytesInAnyOrderAndPadsTheHeader() throws IOException {
        List<TensorEntry> tensors =
                List.of(
                        TensorEntry.ofFloats("b", new long[] {2, 1}, 1f, -2f),
                        new TensorEntry("é \"q\"\n", DType.I64, new long[0], TensorBytes.of(7L)),
                        new TensorEntry(
                                "a",
                                DType.U8,
                                new long[] {3},
                                TensorBytes.of(MemorySegment.ofArray(new byte[] {1, 2, 3}))),
                        new TensorEntry("z", DType.F16, new long[] {0, 5}, TensorBytes.of()));
        Map<String, String> metadata = Map.of("format", "pt", "a", "ü", "", "x");
        SafetensorsWriter.write(dir.resolve("1"), metadata, tensors);
        SafetensorsWriter.write(dir.resolve("2"), metadata, tensors.reversed());
        assertThat(dir.resolve("1")).hasSameBinaryContentAs(dir.resolve("2"));
        byte[] bytes = Files.readAllBytes(dir.resolve("1"));
        assertThat(Long.reverseBytes(ByteBuffer.wrap(bytes).getLong()) % 8).isZero();
        try (SafetensorsFile f = SafetensorsFile.open(dir.resolve("1"))) {
            assertThat(f.tensors().keySet()).containsExactly("a", "b", "z", "é \"q\"\n");
            assertThat(f.floats("b")).containsExactly(1f, -2f);
            assertThat(f.floats("z")).isEmpty();
            assertThat(f.metadata()).isEqualTo(metadata);
            assertThat(f.data("é \"q\"\n").byteSize()).isEqualTo(8);
            assertThatThrownBy(() -> f.tensor("nope"))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("nope");
        }
    }

    @Test
    void leavesTheTargetAloneAndNothingBehindWhenWritingFails() throws IOException {
        Path target = dir.resolve("deep/er/model.safetensors");
        TensorEntry broken =
                new TensorEntry(
                        "t",
                        DType.F32,
                        new long[] {2},
                        channel -> {
                            channel.write(ByteBuffer.allocate(4));
                            throw new IOException("disk on fire");
                        });
        assertThatThrownBy(() -> SafetensorsWriter.write(target, Map.of(), List.of(broken)))
                .isInstanceOf(SoupIoException.class)
                .hasMessageContaining("disk on fire")
                .hasMessageContaining("model.safetensors");
        assertThat(list(dir)).isEmpty();

        SafetensorsWriter.write(
                target, Map.of(), List.of(TensorEntry.ofFloats("t", new long[] {1}, 1f)));
        String before = Hashes.sha256(target);
        for (int bytes : new int[] {0, 4, 12}) {
            TensorEntry wrong =
                    new TensorEntry(
                            "t",
                            DType.F32,
                            new long[] {2},
                            TensorBytes.of(MemorySegment.ofArray(new byte[bytes])));
            assertThatThrownBy(() -> SafetensorsWriter.write(target, Map.of(), List.of(wrong)))
                    .isInstanceOf(SoupException.class)
                    .hasMessageContaining("'t' needs 8 bytes");
        }
        TensorEntry t = TensorEntry.ofFloats("t", new long[] {1}, 1f);
        assertThatThrownBy(() -> SafetensorsWriter.write(target, Map.of(), List.of(t, t)))
                .isInstanceOf(SoupException.class);
        assertThat(Hashes.sha256(target)).isEqualTo(before);
        assertThat(list(target.getParent())).containsExactly("model.safetensors");
    }

    @Test
    void provenanceSurvivesTheHeader() {
        Provenance p = Provenance.of(new SoupRecipe("{\"method\":\"x\"}")).with("base", "abc");
        Map<String, String> metadata = p.writeTo(Map.of("format", "pt", "soup.old", "gone"));
        assertThat(metadata).containsEntry("format", "pt").doesNotContainKey("soup.old");
        assertThat(Provenance.readFrom(metadata)).contains(p);
        assertThat(Provenance.readFrom(Map.of("format", "pt"))).isEmpty();
        assertThat(p.version()).isNotEqualTo("unknown").doesNotContain("$");
    }

    public static List<String> list(Path folder) throws IOException {
        try (Stream<Path> s = Files.list(folder)) {
            return s.map(p -> p.getFileName().toString()).sorted().toList();
        }
    }
}
