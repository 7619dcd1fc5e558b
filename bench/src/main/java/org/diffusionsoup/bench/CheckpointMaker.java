package org.diffusionsoup.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.checkpoint.ModelOutput;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SoupRecipe;
import org.diffusionsoup.core.io.OutputKind;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.workbench.Progress;

/**
 * Makes checkpoints of SD 2.1's UNet shape (865.9 M parameters) to measure merging with: values
 * spread like trained weights (normal with a standard deviation of one over the square root of the
 * fan-in; norms around 1), and every ingredient a small step away from one common base, as after
 * fine-tuning. Not models: nothing can be drawn with them.
 *
 * @param dtype F32, F16 or BF16
 * @param divisor every tensor's first dimension is divided by it, at least 1
 */
public record CheckpointMaker(DType dtype, int divisor) {
    /** A checkpoint made here: its header says so. */
    public static final OutputKind KIND =
            new OutputKind(
                    "a checkpoint by 'soup bench make-checkpoints'",
                    List.of(".safetensors"),
                    CheckpointMaker::isOne);

    private static final String METHOD = "bench make-checkpoints";
    private static final String SHAPES = "sd21-unet-shapes.txt";
    private static final int TABLE = 1 << 16;

    /** Relative size of the step from the base to an ingredient. */
    private static final float STEP = 0.01f;

    public CheckpointMaker {
        if (dtype != DType.F32 && dtype != DType.F16 && dtype != DType.BF16) {
            throw new SoupException("Checkpoints are made in F32, F16 or BF16, not " + dtype + ".");
        }
        if (divisor < 1) {
            throw new SoupException("`divisor` must be at least 1, not " + divisor + ".");
        }
    }

    /** Size of one checkpoint's tensors. */
    public long bytes() {
        return shapes().values().stream()
                .mapToLong(s -> Arrays.stream(s).reduce(1, Math::multiplyExact) * dtype.bytes())
                .sum();
    }

    /**
     * Writes one ingredient.
     *
     * @param number which; the same number gives the same bytes
     */
    public void make(Path file, int number, Progress progress) {
        float[] normal = table();
        List<TensorEntry> entries = new ArrayList<>();
        progress.start("make " + file.getFileName(), bytes() / 1_000_000, "MB");
        long[] told = {0, 0};
        shapes().forEach((name, shape) ->
                entries.add(
                        new TensorEntry(
                                name,
                                dtype,
                                shape,
                                out -> {
                                    write(
                                            name,
                                            shape,
                                            number,
                                            normal,
                                            out,
                                            n -> {
                                                told[0] += n;
                                                progress.advance(told[0] / 1_000_000 - told[1]);
                                                told[1] = told[0] / 1_000_000;
                                            });
                                })));
        SoupRecipe recipe =
                SoupRecipe.write(
                        METHOD,
                        g -> {
                            g.writeNumberField("number", number);
                            g.writeStringField(SoupRecipe.DTYPE, dtype.safetensorsName());
                            g.writeNumberField("divisor", divisor);
                        });
        Map<String, String> metadata = Provenance.of(recipe).writeTo(Map.of("format", "pt"));
        SafetensorsWriter.write(file, metadata, entries);
    }

    private static boolean isOne(Path file) {
        if (!ModelOutput.MODEL_FILE.isOne().test(file)) {
            return false;
        }
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return Provenance.readFrom(f.metadata())
                    .filter(p -> p.recipe().isOf(METHOD))
                    .isPresent();
        } catch (SoupException e) {
            return false; // damaged, so nobody knows whose
        }
    }

    private void write(
            String name,
            long[] shape,
            int number,
            float[] normal,
            WritableByteChannel out,
            java.util.function.LongConsumer written)
            throws IOException {
        long n = Arrays.stream(shape).reduce(1, Math::multiplyExact);
        boolean norm = shape.length == 1 && name.contains("norm") && name.endsWith("weight");
        long fanIn = shape.length == 1 ? 1000 : n / shape[0];
        float scale = norm ? 0.1f : (float) (1 / Math.sqrt(fanIn));
        float centre = norm ? 1 : 0;
        Mixer base = new Mixer(name.hashCode());
        Mixer own = new Mixer(name.hashCode() * 31L + number + 1);
        ByteBuffer buffer = ByteBuffer.allocate(1 << 18).order(ByteOrder.LITTLE_ENDIAN);
        for (long i = 0; i < n; i++) {
            float w = centre + scale * (base.next(normal) + STEP * own.next(normal));
            switch (dtype) {
                case F32 -> buffer.putFloat(w);
                case F16 -> buffer.putShort(Float.floatToFloat16(w));
                default -> buffer.putShort((short) (Float.floatToRawIntBits(w) >>> 16));
            }
            if (!buffer.hasRemaining() || i == n - 1) {
                written.accept(buffer.position());
                out.write(buffer.flip());
                buffer.clear();
            }
        }
    }

    /** SplitMix64 into a table of normal values: a few nanoseconds a value. */
    private static final class Mixer {
        private long state;

        Mixer(long seed) {
            state = seed * 0x9e3779b97f4a7c15L;
        }

        float next(float[] normal) {
            state += 0x9e3779b97f4a7c15L;
            long z = (state ^ (state >>> 30)) * 0xbf58476d1ce4e5b9L;
            z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
            // The low bits keep the table from showing as few distinct values.
            float jitter = 1 + ((int) (z >>> 16) & 0xffff) * 0x1p-22f;
            return normal[(int) (z >>> 48)] * jitter;
        }
    }

    private static float[] table() {
        Random random = new Random(7);
        float[] t = new float[TABLE];
        for (int i = 0; i < TABLE; i++) {
            t[i] = (float) random.nextGaussian();
        }
        return t;
    }

    private Map<String, long[]> shapes() {
        Map<String, long[]> shapes = new java.util.LinkedHashMap<>();
        try (InputStream in = CheckpointMaker.class.getResourceAsStream(SHAPES)) {
            if (in == null) {
                throw new SoupException("The program lacks its resource " + SHAPES + ".");
            }
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            for (String line : text.split("\n", -1)) {
                if (!line.isEmpty()) {
                    String[] nameAndShape = line.split(" ", -1);
                    long[] shape =
                            Arrays.stream(nameAndShape[1].split("x", -1))
                                    .mapToLong(Long::parseLong)
                                    .toArray();
                    shape[0] = Math.ceilDiv(shape[0], divisor);
                    shapes.put(nameAndShape[0], shape);
                }
            }
        } catch (IOException e) {
            throw new SoupException("The program's resource " + SHAPES + " cannot be read.", e);
        }
        return shapes;
    }
}
