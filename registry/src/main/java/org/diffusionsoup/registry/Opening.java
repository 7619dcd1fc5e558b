package org.diffusionsoup.registry;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.LocalDate;
import java.util.HexFormat;
import java.util.Optional;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;
import org.diffusionsoup.core.io.FolderLock;
import org.diffusionsoup.core.soup.SoupOptions;
import org.diffusionsoup.registry.certificate.Heads;
import org.diffusionsoup.registry.context.Belonging;
import org.diffusionsoup.registry.context.Calendar;
import org.diffusionsoup.registry.context.Context;
import org.diffusionsoup.registry.context.Place;
import org.diffusionsoup.registry.ledger.Entry;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.Kind;
import org.diffusionsoup.registry.ledger.Ledger;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.SigningKey;
import org.diffusionsoup.registry.store.StoreOwner;
import org.diffusionsoup.registry.store.WeightStore;

/** Makes a registry's folder, and opens it. */
final class Opening {
    private static final SecureRandom RANDOM = new SecureRandom();

    private Opening() {}

    /**
     * An empty registry with a new key; see {@code Registry.init}. Stopped at any point it goes on
     * when it is called again: the key is made first, and kept, and the store is marked last.
     */
    static Context init(Path folder, Optional<String> url) {
        Place place = new Place(folder);
        String ledger = url.orElse(Place.SQLITE);
        place.checkLedger(ledger);
        refuseUsed(place);
        try (FolderLock alone = FolderLock.hold(folder)) {
            refuseUsed(place); // by whoever had it until now
            boolean unfinished = place.isUnfinished();
            SigningKey key = key(place, unfinished);
            boolean claimed = false;
            try {
                Ledger.create(place.url(ledger), key.shown());
                claimed = true;
            } finally {
                if (!claimed && !unfinished) {
                    delete(place.secretKey());
                    delete(place.publicKey());
                    delete(place.ledger()); // there was none
                }
            }
            // From here on a database names this key, which therefore stays, whatever fails.
            place.write(ledger, self(place, key));
            return open(folder, Clock.systemUTC(), Calendar.confirmed());
        }
    }

    private static SigningKey key(Place place, boolean unfinished) {
        if (unfinished) {
            return SigningKey.complete(place.secretKey(), place.publicKey());
        }
        SigningKey key = SigningKey.generate();
        key.save(place.secretKey(), place.publicKey());
        return key;
    }

    /** A new id, unless one was given already: a command may just be marking the store with it. */
    private static StoreOwner self(Place place, SigningKey key) {
        if (Files.exists(place.config())) {
            StoreOwner given = place.self(key.shown());
            if (given.key().equals(key.shown().id())) {
                return given;
            }
        }
        byte[] id = new byte[16];
        RANDOM.nextBytes(id);
        return new StoreOwner(HexFormat.of().formatHex(id), key.shown().id());
    }

    private static void refuseUsed(Place place) {
        if (place.isUnfinished()) {
            return;
        }
        if (place.isWithoutConfig()) {
            place.url(); // says what is missing, and what brings it back
        }
        if (Files.exists(place.config()) || Files.exists(place.secretKey())) {
            throw new RegistryException(
                    place.folder()
                            + " holds a registry already; name another folder with `registry`.");
        }
        WeightStore store = new WeightStore(place.store());
        if (Files.exists(place.ledger()) || store.owner().isPresent() || !store.ids().isEmpty()) {
            throw new RegistryException(
                    place.folder()
                            + " holds the ledger or the store of a registry whose registry.json is gone:"
                            + " put that back, or name another folder with `registry`.");
        }
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            throw new SoupIoException("delete", file, e);
        }
    }

    /**
     * A registry to work with.
     *
     * @param today believed of a clock that is far from the newest entry's date; otherwise unused
     */
    static Context open(Path folder, Clock clock, Optional<LocalDate> today) {
        Place place = new Place(folder);
        String url = url(place);
        SigningKey key = SigningKey.load(place.secretKey(), place.publicKey());
        Ledger ledger = Ledger.open(url, key, clock, today);
        Context context = context(place, Optional.of(key), key.shown(), ledger, clock);
        Belonging belonging = new Belonging(context);
        belonging.enforce();
        Heads.firstUnknown(context)
                .ifPresent(wrong -> {
                    throw new RegistryException(
                            wrong
                                    + ". Put the newest ledger back. If it is lost for good, move this"
                                    + " file and what else is of later entries to where it is kept as"
                                    + " evidence: nothing that is recorded now will fit it. Nothing was"
                                    + " changed.");
                });
        ledger.onHead(head -> {
            try {
                belonging.note(head);
            } catch (SoupException e) {
                // What was recorded is recorded. A note that lags is caught up by the next one.
            }
            if (head.kind() == Kind.PUBLICATION) {
                note(context, head); // whoever is handed a soup can be handed this too
            }
        });
        return context;
    }

    /** A registry to look at; see {@code Registry.openToRead}. */
    static Context openToRead(Path folder) {
        Place place = new Place(folder);
        String url = url(place); // first: it says where there is no registry at all
        Clock clock = Clock.systemUTC();
        return context(
                place,
                Optional.empty(),
                PublicKeyFile.read(place.publicKey()),
                Ledger.openToRead(url, clock),
                clock);
    }

    private static String url(Place place) {
        String url = place.url();
        if (place.isUnfinished() && Ledger.isMissing(url)) {
            throw place.unfinished();
        }
        return url;
    }

    private static Context context(
            Place place,
            Optional<SigningKey> secret,
            PublicKeyFile publicKey,
            Ledger ledger,
            Clock clock) {
        return new Context(
                place,
                secret,
                publicKey,
                ledger,
                new WeightStore(place.store()),
                new Calendar(clock),
                SoupOptions.DEFAULT);
    }

    /** Keeps a publication's entry beside the certificates, as what the ledger has to have. */
    private static void note(Context context, Entry publication) {
        AtomicFiles.write(
                context.place()
                        .certificates()
                        .resolve("publication-" + publication.seq() + ".json"),
                Json.pretty(Heads.of(publication, context.self()))
                        .getBytes(StandardCharsets.UTF_8));
    }
}
