package org.diffusionsoup.workbench.merge;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.workbench.merge.Reproduction.Compared;
import org.diffusionsoup.workbench.merge.Reproduction.Verdict;

/** Two checkpoints, file by file. */
final class Comparison {
    private static final int PIECE = 1 << 20;

    private Comparison() {}

    static List<Compared> of(Checkpoint a, Checkpoint b) {
        List<Compared> all = new ArrayList<>();
        TreeSet<String> parts = new TreeSet<>(a.parts().keySet());
        parts.addAll(b.parts().keySet());
        for (String part : parts) {
            TensorSource x = a.parts().get(part);
            TensorSource y = b.parts().get(part);
            if (x == null || y == null) {
                all.add(new Compared(part, Verdict.DIFFERENT));
            } else {
                all.add(new Compared(name(a, x), sources(x, y)));
            }
        }
        if (a.folder().isPresent() && b.folder().isPresent()) {
            others(a.folder().get(), b.folder().get(), all);
        }
        return all;
    }

    private static String name(Checkpoint checkpoint, TensorSource part) {
        return checkpoint
                .folder()
                .map(f -> f.path().relativize(part.path()).toString().replace('\\', '/'))
                .orElse(String.valueOf(part.path().getFileName()));
    }

    private static Verdict sources(TensorSource x, TensorSource y) {
        boolean single = x.files().size() == 1 && y.files().size() == 1;
        if (single && sameBytes(x.files().getFirst(), y.files().getFirst())) {
            return Verdict.IDENTICAL;
        }
        if (!sameTensors(x, y)) {
            return Verdict.DIFFERENT;
        }
        return !single && x.metadata().equals(y.metadata())
                ? Verdict.IDENTICAL_CONTENT
                : Verdict.OTHER_HEADER;
    }

    private static void others(DiffusersFolder a, DiffusersFolder b, List<Compared> all) {
        TreeSet<String> names = new TreeSet<>(a.otherFiles());
        names.addAll(b.otherFiles());
        names.removeIf(n ->
                n.matches("(?s).*\\.(safetensors|bin)\\.index(\\.[^./]+)?\\.json")); // compared as
        // weights
        for (String n : names) {
            boolean same =
                    a.otherFiles().contains(n)
                            && b.otherFiles().contains(n)
                            && sameBytes(a.path().resolve(n), b.path().resolve(n));
            all.add(new Compared(n, same ? Verdict.IDENTICAL : Verdict.DIFFERENT));
        }
    }

    private static boolean sameBytes(Path a, Path b) {
        try {
            return Files.mismatch(a, b) < 0;
        } catch (IOException e) {
            throw new SoupIoException("compare", a, e);
        }
    }

    private static boolean sameTensors(TensorSource x, TensorSource y) {
        if (!x.tensors().keySet().equals(y.tensors().keySet())) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment p = arena.allocate(PIECE, 64);
            MemorySegment q = arena.allocate(PIECE, 64);
            for (TensorInfo t : x.tensors().values()) {
                if (!t.sameKind(y.tensor(t.name()))) {
                    return false;
                }
                for (long at = 0; at < t.byteSize(); at += PIECE) {
                    long n = Math.min(PIECE, t.byteSize() - at);
                    x.read(t.name(), at, p.asSlice(0, n));
                    y.read(t.name(), at, q.asSlice(0, n));
                    if (p.asSlice(0, n).mismatch(q.asSlice(0, n)) >= 0) {
                        return false;
                    }
                }
            }
        }
        return true;
    }
}
