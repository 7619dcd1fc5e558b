package org.diffusionsoup.registry.store;

import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;

/** The two notes in a store that tie it to its registry. */
final class StoreMarks {
    /** A note that a process which died was writing. */
    static final String UNFINISHED = "\\.(head|registry)\\.json\\.tmp-[0-9-]+";

    private final Path folder;

    StoreMarks(Path folder) {
        this.folder = folder;
    }

    private Path ownerFile() {
        return folder.resolve(StoreLayout.OWNER);
    }

    Path headFile() {
        return folder.resolve(StoreLayout.HEAD);
    }

    Optional<StoreOwner> owner() {
        return read(ownerFile())
                .map(o -> {
                    String id = o.string("id").orElse("");
                    String key = o.string("key").orElse("");
                    if (!id.matches("[0-9a-f]{32}") || !key.matches(StoreLayout.HASH)) {
                        throw damaged(ownerFile());
                    }
                    return new StoreOwner(id, key);
                });
    }

    void claim(StoreOwner owner) {
        Trees.make(folder);
        write(ownerFile(), "{\"id\":\"" + owner.id() + "\",\"key\":\"" + owner.key() + "\"}\n");
    }

    Optional<StoreHead> head() {
        return read(headFile())
                .map(o -> {
                    String hash = o.string("hash").orElse("");
                    if (!hash.matches(StoreLayout.HASH)
                            || !(o.fields().get("entry") instanceof JsonNumber(BigDecimal entry))) {
                        throw damaged(headFile());
                    }
                    return new StoreHead(entry.longValue(), hash);
                });
    }

    void note(StoreHead head) {
        write(headFile(), "{\"entry\":" + head.entry() + ",\"hash\":\"" + head.hash() + "\"}\n");
    }

    private StoreException damaged(Path file) {
        String help =
                file.equals(headFile())
                        ? " Without one, compare the ledger's head ('soup log `head`') with the one"
                                + " you noted elsewhere, then remove the file; the next change"
                                + " writes it again."
                        : "";
        return new StoreException(
                file
                        + " was altered: it does not say what a store notes there. Restore it from a"
                        + " copy."
                        + help);
    }

    private Optional<JsonObject> read(Path file) {
        if (!Files.exists(file, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.empty();
        }
        if (!Trees.isFile(file)) {
            throw damaged(file);
        }
        try {
            return Optional.of(JsonValue.readObject(file));
        } catch (SoupIoException e) {
            throw e;
        } catch (SoupException e) {
            throw damaged(file); // no JSON at all
        }
    }

    private static void write(Path file, String text) {
        AtomicFiles.write(file, text.getBytes(StandardCharsets.UTF_8));
    }
}
