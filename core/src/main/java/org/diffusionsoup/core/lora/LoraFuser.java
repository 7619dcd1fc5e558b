package org.diffusionsoup.core.lora;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupProgress;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.Provenance;
import org.diffusionsoup.core.checkpoint.SpecialWeights;
import org.diffusionsoup.core.checkpoint.TensorNames;
import org.diffusionsoup.core.checkpoint.TextualInversions;
import org.diffusionsoup.core.convert.Converter;
import org.diffusionsoup.core.io.Inputs;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/** Writes a model with LoRAs in its weights. */
public final class LoraFuser {
    private static final long PIECE = 4L << 20;

    private LoraFuser() {}

    /**
     * What was written.
     *
     * @param output the folder
     * @param updated tensors that changed
     * @param bytes of the components that were written; others are copied as files
     */
    public record Result(Path output, int updated, long bytes) {}

    /**
     * Writes a diffusers folder: components that are updated are written in their dtypes, with what
     * was put into them in their headers; all else is copied.
     *
     * @param base a diffusers folder
     * @param terms LoRAs that were opened for it, see {@link LoraFusion#of}
     * @throws SoupException if the base is no diffusers folder, or a LoRA does not fit it
     */
    public static Result write(
            Checkpoint base,
            List<LoraFusion.Term> terms,
            CheckpointWriter writer,
            Path out,
            SoupProgress progress) {
        Inputs.keep(
                out,
                Stream.concat(Stream.of(base.path()), terms.stream().map(t -> t.lora().path()))
                        .toList(),
                "its input");
        SequencedMap<String, TensorSource> fused = LoraFusion.of(components(base), terms);
        Map<String, StateDict> parts = new TreeMap<>();
        long total =
                fused.values().stream()
                        .filter(FusedSource.class::isInstance)
                        .mapToLong(LoraFuser::bytes)
                        .sum();
        try (Arena arena = Arena.ofShared()) {
            Copier copier = new Copier(arena.allocate(PIECE, 8), total, progress);
            fused.forEach((name, source) -> {
                if (source instanceof FusedSource) {
                    List<TensorEntry> entries = copier.entries(source);
                    Map<String, String> header =
                            Provenance.of(LoraRecipes.fuse(base, name, terms))
                                    .writeTo(source.metadata());
                    header.putIfAbsent("format", "pt");
                    parts.put(name, new StateDict(header, entries));
                }
            });
            writer.write(base, parts, out);
        }
        int updated =
                (int)
                        terms.stream()
                                .filter(t -> t.strength() != 0)
                                .flatMap(t -> t.lora().layers().stream())
                                .map(LoraLayer::target)
                                .distinct()
                                .count();
        return new Result(out, updated, total);
    }

    /**
     * Writes one component as a file, in its dtypes.
     *
     * @param source such as {@link LoraFusion#component} gives
     * @param header the file's
     */
    public static void writeComponent(TensorSource source, Path file, Map<String, String> header) {
        try (Arena arena = Arena.ofShared()) {
            Copier copier = new Copier(arena.allocate(PIECE, 8), bytes(source), SoupProgress.NONE);
            SafetensorsWriter.write(file, header, copier.entries(source));
        }
    }

    /**
     * The components that LoRAs can be opened for and put into.
     *
     * @throws SoupException if the base is no diffusers folder of plain weights
     */
    public static SequencedMap<String, TensorSource> components(Checkpoint base) {
        if (base.folder().isEmpty()) {
            TextualInversions.refuse(base.part("").tensors().keySet(), base.path().toString());
            throw new SoupException(
                    "%s is no diffusers folder, and LoRAs are put into these; %s"
                            .formatted(base.path(), instead(base)));
        }
        SpecialWeights.refuse(base, "fused");
        return base.parts();
    }

    /** What to do with a file that is no folder: of a UNet alone none can be made. */
    private static String instead(Checkpoint single) {
        if (!Converter.components(single).isEmpty()) {
            return "make one of it first: '%s'.".formatted(single.convertCommand());
        }
        if (TensorNames.today(single.part("")).tensors().containsKey("conv_in.weight")) {
            return "it is a UNet alone: put it into the folder of the model it is of ('cp %s DIR/unet/diffusion_pytorch_model.safetensors') and name that folder."
                    .formatted(single.path());
        }
        return "nor can 'soup convert' make one of it, as it is no whole Stable Diffusion: name the folder of the model it is of.";
    }

    private static long bytes(TensorSource source) {
        return source.tensors().values().stream().mapToLong(TensorInfo::byteSize).sum();
    }

    /** Streams tensors through one buffer. */
    private static final class Copier {
        private final MemorySegment buffer;
        private final long total;
        private final SoupProgress progress;
        private long done;

        Copier(MemorySegment buffer, long total, SoupProgress progress) {
            this.buffer = buffer;
            this.total = total;
            this.progress = progress;
        }

        List<TensorEntry> entries(TensorSource source) {
            return source.tensors().values().stream().map(t -> entry(source, t)).toList();
        }

        private TensorEntry entry(TensorSource source, TensorInfo t) {
            return new TensorEntry(
                    t.name(),
                    t.dtype(),
                    t.shape(),
                    channel -> {
                        for (long at = 0; at < t.byteSize(); at += PIECE) {
                            long n = Math.min(PIECE, t.byteSize() - at);
                            source.read(t.name(), at, buffer.asSlice(0, n));
                            channel.write(buffer.asSlice(0, n).asByteBuffer());
                            done += n;
                            progress.update("fusing", done, total);
                        }
                        source.checkUnchanged();
                    });
        }
    }
}
