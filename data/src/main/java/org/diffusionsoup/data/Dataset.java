package org.diffusionsoup.data;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Function;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FolderKind;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.OutputKind;

/**
 * A folder of shards, one tar per provider, with a {@code dataset.json} that lists them and the
 * views that cut the same rows another way. Every picture is stored once.
 */
public final class Dataset {
    /** Name of the index inside the folder. */
    public static final String INDEX = "dataset.json";

    /** A data set as an output. */
    public static final OutputKind KIND = OutputKind.folderWith("a data set", INDEX);

    private static final String FORMAT = "diffusion-soup-dataset/1";
    private final String name;
    private final Map<String, Shard> shards;
    private final Map<String, String> views;

    private Dataset(String name, Map<String, Shard> shards, Map<String, String> views) {
        this.name = name;
        this.shards = shards;
        this.views = views;
    }

    /**
     * Opens a data set folder and checks its shards.
     *
     * @throws SoupException if the index or a shard is missing or damaged, or a shard's file is not
     *     the one the index was written for
     */
    public static Dataset open(Path folder) {
        Path index = folder.resolve(INDEX);
        JsonNode root = index(folder);
        Map<String, Shard> shards = new LinkedHashMap<>();
        for (JsonNode node : root.path("shards")) {
            String shardName = node.path("name").asText();
            Path file = folder.resolve(node.path("file").asText());
            Shard shard = Shard.open(file).named(shardName);
            if (!shard.sha256().equals(node.path("content_sha256").asText())) {
                throw new SoupException(
                        file + " is not the shard that " + index + " lists: content differs");
            }
            shards.put(shardName, shard);
        }
        if (shards.isEmpty()) {
            throw new SoupException(index + " lists no shards");
        }
        Map<String, String> views = new LinkedHashMap<>();
        for (JsonNode node : root.path("views")) {
            views.put(node.path("name").asText(), node.path("filter").asText());
        }
        return new Dataset(root.path("name").asText(), shards, views);
    }

    /** Whether a folder is a data set, by its index; it may be damaged all the same. */
    public static boolean isOne(Path folder) {
        return Files.isRegularFile(folder.resolve(INDEX));
    }

    /** What was given instead, and what makes a shard of it. */
    private static String otherKind(Path folder) {
        Optional<FolderKind> kind = FolderKind.of(folder);
        return FolderKind.clause(folder)
                + (kind.equals(Optional.of(FolderKind.PICTURES))
                        ? ", of which 'soup data import %s `out` %s.tar `provider` NAME `licence` SPDX' makes a shard"
                                .formatted(
                                        folder,
                                        String.valueOf(
                                                folder.toAbsolutePath().normalize().getFileName()))
                        : "")
                + (Files.isDirectory(folder) ? FolderTars.clause(folder) : "");
    }

    private static JsonNode index(Path folder) {
        Path index = folder.resolve(INDEX);
        if (!Files.isRegularFile(index)) {
            throw new SoupException(
                    "%s is not a data set: it holds no %s%s"
                            .formatted(folder, INDEX, otherKind(folder)));
        }
        JsonNode root;
        try {
            root = JsonMappers.PLAIN.readTree(index.toFile());
        } catch (IOException e) {
            throw new SoupException(index + " is not valid JSON", e);
        }
        if (!root.path("format").asText().equals(FORMAT)) {
            throw new SoupException(
                    "%s has the format \"%s\", this version reads \"%s\""
                            .formatted(index, root.path("format").asText(), FORMAT));
        }
        return root;
    }

    /**
     * Reads names only, no tar.
     *
     * @param files is given shard name to tar
     * @param views is given view name to filter
     * @return the data set's name
     */
    static String readIndex(Path folder, Map<String, Path> files, Map<String, String> views) {
        JsonNode root = index(folder);
        for (JsonNode node : root.path("shards")) {
            files.put(node.path("name").asText(), folder.resolve(node.path("file").asText()));
        }
        for (JsonNode node : root.path("views")) {
            views.put(node.path("name").asText(), node.path("filter").asText());
        }
        return root.path("name").asText();
    }

    /**
     * Writes tars, then the index, into a folder that must exist.
     *
     * @param folder where to write
     * @param name of the data set
     * @param shards name (also the file's) to rows; keys unique over all shards
     */
    public static void write(Path folder, String name, Map<String, List<Sample>> shards) {
        ObjectNode root = JsonMappers.PLAIN.createObjectNode();
        root.put("format", FORMAT);
        root.put("name", name);
        ArrayNode list = root.putArray("shards");
        List<SampleInfo> all = new ArrayList<>();
        for (Map.Entry<String, List<Sample>> entry : shards.entrySet()) {
            Path file = folder.resolve(entry.getKey() + ".tar");
            ShardWriter.write(file, entry.getValue());
            Shard written = Shard.open(file);
            List<SampleInfo> infos = written.infos();
            all.addAll(infos);
            ObjectNode node = list.addObject();
            node.put("name", entry.getKey());
            node.put("file", entry.getKey() + ".tar");
            counts(node, infos);
            node.put("provider", joined(infos, SampleInfo::provider));
            node.put("licence", joined(infos, SampleInfo::licence));
            node.put("content_sha256", written.sha256());
            node.put("file_sha256", Hashes.sha256(file));
        }
        ArrayNode views = root.putArray("views");
        for (String domain : new TreeSet<>(all.stream().map(SampleInfo::domain).toList())) {
            ObjectNode node = views.addObject();
            node.put("name", domain);
            node.put("filter", "domain=" + domain);
            counts(node, all.stream().filter(i -> i.domain().equals(domain)).toList());
        }
        try {
            byte[] json =
                    (JsonMappers.INDENTED.writeValueAsString(root) + "\n")
                            .getBytes(StandardCharsets.UTF_8);
            AtomicFiles.write(folder.resolve(INDEX), json);
        } catch (JsonProcessingException e) {
            throw new SoupException(folder.resolve(INDEX) + " cannot be written", e);
        }
    }

    /** The data set's name. */
    public String name() {
        return name;
    }

    /** Shards by name, in the index's order. */
    public Map<String, Shard> shards() {
        return Map.copyOf(shards);
    }

    /** Names of the shards, in the index's order. */
    public List<String> shardNames() {
        return List.copyOf(shards.keySet());
    }

    /** View name to the filter that defines it, such as {@code domain=food}. */
    public Map<String, String> views() {
        return Map.copyOf(views);
    }

    /** All rows of all shards, under the data set's name. */
    public Shard all() {
        return Shard.union(name, List.copyOf(shards.values()));
    }

    private static void counts(ObjectNode node, List<SampleInfo> infos) {
        node.put("rows", infos.size());
        node.put("train", infos.stream().filter(SampleInfo::isTrain).count());
        node.put("heldout", infos.stream().filter(i -> !i.isTrain()).count());
    }

    private static String joined(List<SampleInfo> infos, Function<SampleInfo, String> field) {
        return String.join(", ", new TreeSet<>(infos.stream().map(field).toList()));
    }
}
