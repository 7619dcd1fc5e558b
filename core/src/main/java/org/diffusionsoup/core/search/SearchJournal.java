package org.diffusionsoup.core.search;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Hashes;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.search.CandidateSoups.Choice;

/**
 * A text file of JSON lines that remembers every evaluation: the first line says which ingredients
 * and which scorer, each further line is one evaluation or one decision, flushed to disk before the
 * search goes on. Several methods may share a journal, as their scores are the same. A last line
 * without its end, as a kill leaves it, is dropped. Each further line holds a checksum of itself
 * and the first one, so that one that was changed is not gone on with.
 */
public final class SearchJournal implements AutoCloseable {
    private static final String KIND = "diffusion-soup search journal";
    static final String START = "{\"journal\":\"" + KIND + "\"";
    private static final JsonFactory JSON = new JsonFactory();

    private final Path file;
    private final String task;
    private final FileChannel channel;
    private final Map<List<Integer>, List<Double>> scores = new HashMap<>();
    private final Set<String> lines = new HashSet<>();
    private String header = "";
    private boolean checked;
    private boolean fresh;

    private SearchJournal(Path file, String task, FileChannel channel) {
        this.file = file;
        this.task = task;
        this.channel = channel;
    }

    /** As {@link #open(Path, String)} for a search. */
    public static SearchJournal open(Path file) {
        return open(file, "search");
    }

    /**
     * Opens a journal, or makes one.
     *
     * @param task what asks for the scores, as a refusal calls it
     * @throws SoupException if the file is another kind of file, damaged, or in use by another run
     */
    public static SearchJournal open(Path file, String task) {
        FileChannel channel;
        try {
            Path parent = file.toAbsolutePath().getParent();
            if (parent != null) {
                Files.createDirectories(parent);
            }
            channel =
                    FileChannel.open(
                            file,
                            StandardOpenOption.CREATE,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new SoupIoException("open", file, e);
        }
        SearchJournal journal = new SearchJournal(file, task, channel);
        boolean complete = false;
        try {
            journal.lock();
            journal.load();
            complete = true;
            return journal;
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        } finally {
            if (!complete) {
                journal.close();
            }
        }
    }

    private void lock() throws IOException {
        try {
            if (channel.tryLock() != null) {
                return;
            }
        } catch (OverlappingFileLockException e) {
            // Held by this process: said below.
        }
        throw new SoupException(
                "The journal " + file + " is in use by another run; wait, or name another.");
    }

    private void load() throws IOException {
        ByteBuffer all = ByteBuffer.allocate(Math.toIntExact(channel.size()));
        while (all.hasRemaining() && channel.read(all) >= 0) {}
        String text = new String(all.array(), 0, all.position(), StandardCharsets.UTF_8);
        if (!text.startsWith(START) && !START.startsWith(text)) {
            throw new SoupException(
                    file + " is no search journal; name another file for the journal.");
        }
        int end = text.lastIndexOf('\n') + 1;
        String whole = text.substring(0, end);
        int number = 0;
        for (String line : whole.lines().toList()) {
            number++;
            if (number == 1) {
                JsonValue.readObject(line.getBytes(StandardCharsets.UTF_8), where(number));
                header = line;
            } else {
                read(line, number);
            }
        }
        fresh = header.isEmpty();
        long kept = whole.getBytes(StandardCharsets.UTF_8).length;
        channel.truncate(kept);
        channel.position(kept);
    }

    private String where(int line) {
        return "line " + line + " of the journal " + file;
    }

    private void read(String line, int number) {
        JsonObject o = JsonValue.readObject(line.getBytes(StandardCharsets.UTF_8), where(number));
        lines.add(content(line, o, number));
        if (o.get("shares").isEmpty()) {
            return;
        }
        List<Integer> shares = new ArrayList<>();
        numbers(o, "shares", number).forEach(v -> shares.add(v.intValue()));
        List<Double> values = numbers(o, "scores", number);
        if (!(o.get("mean").orElse(o) instanceof JsonNumber mean)
                || mean.value().doubleValue() != Evaluation.mean(values)) {
            throw damaged(number, "its mean is not that of its scores");
        }
        if (scores.put(shares, values) != null) {
            throw new SoupException(where(number) + " repeats a candidate.");
        }
    }

    /** A line without its checksum; those of earlier versions, which come first, have none. */
    private String content(String line, JsonObject o, int number) {
        boolean has = o.get(JournalLine.CHECK).isPresent();
        String content = has ? JournalLine.content(line) : line;
        if (has ? !line.equals(JournalLine.checked(header, content)) : checked) {
            throw damaged(number, "it is not what was written there");
        }
        checked = has;
        return content;
    }

    private SoupException damaged(int line, String why) {
        return new SoupException(
                where(line)
                        + " is damaged: "
                        + why
                        + "; remove this line, and what it tells is found out anew.");
    }

    private List<Double> numbers(JsonObject o, String field, int line) {
        List<Double> values = new ArrayList<>();
        if (o.get(field).orElse(o) instanceof JsonArray(List<JsonValue> items)) {
            for (JsonValue item : items) {
                if (item instanceof JsonNumber n) {
                    values.add(n.value().doubleValue());
                }
            }
            if (values.size() == items.size() && !values.isEmpty()) {
                return values;
            }
        }
        throw new SoupException(where(line) + " has no list of numbers '" + field + "'.");
    }

    /** Refuses another search's journal, or writes the first line of a new one. */
    void begin(List<Choice> choices, SortedMap<String, String> scorer) {
        String wanted =
                line(g -> {
                    g.writeStringField("journal", KIND);
                    g.writeNumberField("version", 1);
                    g.writeArrayFieldStart("ingredients");
                    for (Choice c : choices) {
                        g.writeStartObject();
                        g.writeStringField("name", c.name());
                        strings(g, "sha256", c.sha256());
                        g.writeEndObject();
                    }
                    g.writeEndArray();
                    strings(g, "scorer", scorer);
                });
        if (header.isEmpty()) {
            append(wanted);
            header = wanted;
        } else if (!header.equals(wanted)) {
            throw new SoupException(
                    "The journal %s is not of this %s: %s; name another file, or remove it to begin again."
                            .formatted(file, task, difference(wanted)));
        }
    }

    private String difference(String wanted) {
        JsonObject mine = JsonValue.readObject(wanted.getBytes(StandardCharsets.UTF_8), "header");
        JsonObject its = JsonValue.readObject(header.getBytes(StandardCharsets.UTF_8), where(1));
        if (!mine.get("ingredients").equals(its.get("ingredients"))) {
            return "its ingredients are others, or in another order";
        }
        if (mine.get("scorer").orElse(mine) instanceof JsonObject a
                && its.get("scorer").orElse(its) instanceof JsonObject b) {
            return JournalNotes.difference(b, a);
        }
        return "its version is another";
    }

    Optional<List<Double>> find(Candidate candidate) {
        return Optional.ofNullable(scores.get(candidate.shares()));
    }

    /** Notes an evaluation; on return it is on disk. */
    void add(Evaluation e, List<String> names) {
        note(
                line(g -> {
                    g.writeArrayFieldStart("shares");
                    for (int a : e.candidate().shares()) {
                        g.writeNumber(a);
                    }
                    g.writeEndArray();
                    g.writeObjectFieldStart("coefficients");
                    for (int i : e.candidate().members()) {
                        g.writeStringField(
                                names.get(i),
                                e.candidate().coefficient(i).orElseThrow().toString());
                    }
                    g.writeEndObject();
                    g.writeNumberField("mean", e.mean());
                    g.writeArrayFieldStart("scores");
                    for (double s : e.scores()) {
                        g.writeNumber(s);
                    }
                    g.writeEndArray();
                }));
        scores.put(e.candidate().shares(), e.scores());
    }

    /** Notes a decision, unless an earlier run noted the same. */
    void decided(SearchStep step, Acceptance acceptance, List<String> names) {
        String line =
                line(g -> {
                    g.writeStringField("tried", step.candidate().candidate().describe(names));
                    g.writeStringField("against", step.incumbent().candidate().describe(names));
                    g.writeNumberField("difference", step.change().difference());
                    g.writeStringField("low", Double.toString(step.change().low()));
                    g.writeStringField("high", Double.toString(step.change().high()));
                    g.writeStringField("verdict", step.change().verdict().name());
                    g.writeStringField("acceptance", acceptance.name());
                    g.writeBooleanField("accepted", step.accepted());
                });
        if (!lines.contains(line)) {
            note(line);
        }
    }

    private void note(String content) {
        append(JournalLine.checked(header, content));
        lines.add(content);
    }

    private interface Fields {
        void write(JsonGenerator g) throws IOException;
    }

    private static String line(Fields fields) {
        StringWriter text = new StringWriter();
        try (JsonGenerator g = JSON.createGenerator(text)) {
            g.writeStartObject();
            fields.write(g);
            g.writeEndObject();
        } catch (IOException e) {
            throw new SoupException("A line of the journal cannot be written.", e);
        }
        return text.toString();
    }

    private static void strings(JsonGenerator g, String field, SortedMap<String, String> map)
            throws IOException {
        g.writeObjectFieldStart(field);
        for (var e : map.entrySet()) {
            g.writeStringField(e.getKey(), e.getValue());
        }
        g.writeEndObject();
    }

    private void append(String line) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            channel.force(false);
        } catch (IOException e) {
            throw new SoupIoException("write", file, e);
        }
    }

    /** How many evaluations it holds. */
    public int size() {
        return scores.size();
    }

    /** SHA-256 of the file as it is now, for the header of the soup that was found. */
    public String sha256() {
        return Hashes.sha256(file);
    }

    /** Lets go of the file, and removes one of its own making in which nothing was noted. */
    @Override
    public void close() {
        try {
            if (fresh && lines.isEmpty()) {
                Files.deleteIfExists(file); // while the lock is held
            }
            channel.close();
        } catch (IOException e) {
            throw new SoupIoException("close", file, e);
        }
    }
}
