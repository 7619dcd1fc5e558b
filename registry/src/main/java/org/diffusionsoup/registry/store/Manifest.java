package org.diffusionsoup.registry.store;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.io.JsonValue.JsonString;
import org.diffusionsoup.core.tensor.DType;

/**
 * What a stored checkpoint consists of. Its id is the SHA-256 of its text, so an id fixes every
 * byte of every file.
 *
 * @param folder whether it is a folder; otherwise it is the one file {@link #SINGLE}
 * @param files by path, in order
 */
public record Manifest(boolean folder, List<StoredFile> files) {
    /** Name of the only file of a checkpoint that is no folder. */
    public static final String SINGLE = "weights.safetensors";

    /** Bytes from which on equal tensors are no chance. */
    private static final int SMALLEST = 32;

    /**
     * A file.
     *
     * @param path relative to the folder, with {@code /} between names
     * @param size in bytes
     * @param sha256 of the whole file
     * @param pieces what it is put together from: one object, or a safetensors file's header and
     *     then each tensor in the order of the data
     */
    public record StoredFile(String path, long size, String sha256, List<Piece> pieces) {
        public StoredFile {
            pieces = List.copyOf(pieces);
            if (path.startsWith("/")
                    || path.contains("\\")
                    || Stream.of(path.split("/", -1))
                            .anyMatch(s -> s.isEmpty() || s.equals("..") || s.equals("."))) {
                throw new StoreException("A stored checkpoint may not hold a file '" + path + "'.");
            }
        }

        /** Whether it holds tensors. */
        public boolean isWeights() {
            return pieces.size() > 1 || path.endsWith(".safetensors");
        }
    }

    /**
     * One object of the store.
     *
     * @param sha256 its name there
     * @param size in bytes
     * @param kind {@code bytes}, or a tensor's dtype as in safetensors headers
     */
    public record Piece(String sha256, long size, String kind) {
        static final String BYTES = "bytes";

        public Piece {
            if (!sha256.matches("[0-9a-f]{64}") || size < 0) {
                throw new StoreException("'" + sha256 + "' names no object of the store.");
            }
        }

        boolean isFloatTensor() {
            return DType.ofSafetensorsName(kind).map(DType::isFloat).orElse(false);
        }
    }

    public Manifest {
        files = List.copyOf(files);
        if (!folder && (files.size() != 1 || !files.getFirst().path().equals(SINGLE))) {
            throw new StoreException("A checkpoint that is no folder is one file.");
        }
    }

    /** The text that is hashed and kept. */
    String text() {
        StringBuilder b = new StringBuilder();
        b.append("{\"layout\":\"").append(folder ? "folder" : "file").append("\",\"files\":[");
        String comma = "\n";
        for (StoredFile f : files) {
            b.append(comma).append("{\"path\":\"");
            b.append(
                    com.fasterxml.jackson.core.io.JsonStringEncoder.getInstance()
                            .quoteAsString(f.path()));
            b.append("\",\"size\":").append(f.size());
            b.append(",\"sha256\":\"").append(f.sha256()).append("\",\"pieces\":[");
            String inner = "\n";
            for (Piece p : f.pieces()) {
                b.append(inner).append('"').append(p.sha256()).append(' ').append(p.size());
                b.append(' ').append(p.kind()).append('"');
                inner = ",\n";
            }
            b.append("]}");
            comma = ",\n";
        }
        return b.append("]}\n").toString();
    }

    /** SHA-256 of the text. */
    public String id() {
        return Hashes.sha256Hex(text().getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }

    static Manifest parse(byte[] text, String what) {
        JsonObject o = JsonValue.readObject(text, what);
        List<StoredFile> files = new ArrayList<>();
        if (o.fields().get("files") instanceof JsonArray(List<JsonValue> items)) {
            for (JsonValue item : items) {
                files.add(file(item, what));
            }
        }
        return new Manifest(o.string("layout").orElse("").equals("folder"), files);
    }

    private static StoredFile file(JsonValue item, String what) {
        List<Piece> pieces = new ArrayList<>();
        if (item instanceof JsonObject f
                && f.fields().get("size") instanceof JsonNumber(BigDecimal size)
                && f.fields().get("pieces") instanceof JsonArray(List<JsonValue> lines)) {
            for (JsonValue line : lines) {
                String[] words =
                        line instanceof JsonString(String s) ? s.split(" ") : new String[0];
                if (words.length != 3 || !words[1].matches("[0-9]{1,18}")) {
                    throw new StoreException(what + " is damaged: " + line + ".");
                }
                pieces.add(new Piece(words[0], Long.parseLong(words[1]), words[2]));
            }
            return new StoredFile(
                    f.string("path").orElse(""),
                    size.longValue(),
                    f.string("sha256").orElse(""),
                    pieces);
        }
        throw new StoreException(what + " is damaged: a file lacks its size or pieces.");
    }

    /** SHA-256 of every weight file by path. */
    public Map<String, String> weightFiles() {
        Map<String, String> map = new TreeMap<>();
        files.stream().filter(StoredFile::isWeights).forEach(f -> map.put(f.path(), f.sha256()));
        return map;
    }

    /** Number formats of the floating-point tensors, as safetensors headers have them. */
    public java.util.Set<String> formats() {
        return files.stream()
                .filter(StoredFile::isWeights)
                .flatMap(f -> f.pieces().stream())
                .filter(Piece::isFloatTensor)
                .map(Piece::kind)
                .collect(java.util.stream.Collectors.toUnmodifiableSet());
    }

    /**
     * SHA-256 and size in bytes of the tensors, but of those that are so small that another's may
     * be equal by chance. Of any format: a header may call floating-point numbers something else.
     */
    public Map<String, Long> tensors() {
        Map<String, Long> map = new TreeMap<>();
        files.stream()
                .filter(StoredFile::isWeights)
                .flatMap(f -> f.pieces().stream())
                .filter(p -> !p.kind().equals(Piece.BYTES) && p.size() >= SMALLEST)
                .forEach(p -> map.put(p.sha256(), p.size()));
        return map;
    }

    /** SHA-256 of floating-point tensors that {@link #tensors} leaves out. */
    public java.util.Set<String> smallTensors() {
        return files.stream()
                .filter(StoredFile::isWeights)
                .flatMap(f -> f.pieces().stream())
                .filter(p -> p.isFloatTensor() && p.size() > 0 && p.size() < SMALLEST)
                .map(Piece::sha256)
                .collect(java.util.stream.Collectors.toUnmodifiableSet());
    }

    /** SHA-256 of everything that it is put together from. */
    public java.util.Set<String> pieces() {
        return files.stream()
                .flatMap(f -> f.pieces().stream())
                .map(Piece::sha256)
                .collect(java.util.stream.Collectors.toUnmodifiableSet());
    }

    /** SHA-256 of every other file by path. */
    public Map<String, String> otherFiles() {
        Map<String, String> map = new LinkedHashMap<>();
        files.stream().filter(f -> !f.isWeights()).forEach(f -> map.put(f.path(), f.sha256()));
        return map;
    }

    /** Bytes of all files. */
    public long size() {
        return files.stream().mapToLong(StoredFile::size).sum();
    }
}
