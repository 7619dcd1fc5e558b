package org.diffusionsoup.core.checkpoint;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;

/**
 * What is about to be written, as whoever opens it will find it: names and shapes under the
 * configurations of the checkpoint whose layout it takes.
 */
final class PlannedCheckpoint {
    private PlannedCheckpoint() {}

    /**
     * Refuses parts with other tensors than those of the checkpoint whose configurations are
     * copied, where these then describe something else. Where they do not describe that checkpoint
     * itself, nothing is asked.
     *
     * @param misfits what does not fit in a checkpoint, one sentence each
     * @throws SoupException with the first of the sentences
     */
    static void requireFit(
            Checkpoint like,
            Map<String, StateDict> parts,
            Path out,
            Function<Checkpoint, List<String>> misfits) {
        SequencedMap<String, TensorSource> own = new LinkedHashMap<>();
        SequencedMap<String, TensorSource> planned = new LinkedHashMap<>();
        parts.forEach((name, part) -> {
            TensorSource source = like.parts().get(name);
            if (source == null) {
                return; // a component of another, with its configuration
            }
            Planned p = new Planned(source.path(), part.metadata(), tensors(part));
            boolean described =
                    like.folder().isPresent() || p.metadata().containsKey(CarriedConfigs.KEY);
            if (described && !p.tensors().keySet().equals(source.tensors().keySet())) {
                own.put(name, source);
                planned.put(name, p);
            }
        });
        if (planned.isEmpty() || !fits(like.withParts(own), misfits)) {
            return;
        }
        for (String misfit : misfits.apply(like.withParts(planned))) {
            String there = like.path().toString();
            throw new SoupException(
                    "%s was not made: with the configurations of %s, which are copied, %s. Leave out what %s lacks (`onExtra` drop), and of what it has, average what is there (`onMissing` average-present)."
                            .formatted(
                                    out,
                                    there,
                                    misfit.startsWith(there)
                                            ? out + misfit.substring(there.length())
                                            : misfit,
                                    there));
        }
    }

    private static boolean fits(Checkpoint checkpoint, Function<Checkpoint, List<String>> misfits) {
        try {
            return misfits.apply(checkpoint).isEmpty();
        } catch (SoupException e) {
            return false; // whoever runs it says so
        }
    }

    private static SequencedMap<String, TensorInfo> tensors(StateDict part) {
        SequencedMap<String, TensorInfo> tensors = new LinkedHashMap<>();
        part.tensors().forEach(t -> tensors.put(t.name(), t));
        return Collections.unmodifiableSequencedMap(tensors);
    }

    private record Planned(
            Path path, Map<String, String> metadata, SequencedMap<String, TensorInfo> tensors)
            implements TensorSource {
        @Override
        public List<Path> files() {
            return List.of();
        }

        @Override
        public void read(String tensor, long from, MemorySegment into) {
            throw new SoupException("Tensor '" + tensor + "' is not written yet.");
        }

        @Override
        public void close() {}
    }
}
