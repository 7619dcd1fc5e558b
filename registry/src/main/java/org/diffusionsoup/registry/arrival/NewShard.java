package org.diffusionsoup.registry.arrival;

import java.time.LocalDate;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import org.diffusionsoup.registry.context.Names;
import org.diffusionsoup.registry.context.Providers;
import org.diffusionsoup.registry.ledger.Queries;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.Rows.ShardRow;

/**
 * A shard to be recorded.
 *
 * @param name unique for ever
 * @param provider who gave the pictures
 * @param licence SPDX identifier or a short name
 * @param uses permitted uses in words; empty if nothing was agreed beyond the licence
 * @param expires the last day on which it may be used
 * @param source where the pictures lie
 * @param samples its pictures
 * @param readmission under what new agreement pictures come back that were withdrawn before, for
 *     the ledger; without it such a shard is refused
 * @param textsSha256 hash of its pictures with the texts that models learn them by ({@code
 *     Shard.textsSha256}), 64 lower-case hexadecimal digits, so that texts are compared, too, and
 *     not only pictures; empty where only pictures are known
 */
public record NewShard(
        String name,
        String provider,
        String licence,
        String uses,
        Optional<LocalDate> expires,
        String source,
        List<Sample> samples,
        Optional<String> readmission,
        Optional<String> textsSha256) {
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    /** One without pictures that were withdrawn before. */
    public NewShard(
            String name,
            String provider,
            String licence,
            String uses,
            Optional<LocalDate> expires,
            String source,
            List<Sample> samples) {
        this(
                name,
                provider,
                licence,
                uses,
                expires,
                source,
                samples,
                Optional.empty(),
                Optional.empty());
    }

    /** The same of other samples, such as with fingerprints. */
    public NewShard with(List<Sample> others) {
        return new NewShard(
                name, provider, licence, uses, expires, source, others, readmission, textsSha256);
    }

    /** The same whose texts are known by a hash, too. */
    public NewShard ofTexts(String sha256) {
        return new NewShard(
                name,
                provider,
                licence,
                uses,
                expires,
                source,
                samples,
                readmission,
                Optional.of(sha256));
    }

    /** The same, with pictures that were withdrawn before and come back under a new agreement. */
    public NewShard readmitted(String agreement) {
        return new NewShard(
                name,
                provider,
                licence,
                uses,
                expires,
                source,
                samples,
                Optional.of(agreement),
                textsSha256);
    }

    /**
     * Whether a shard of this name is in use with the very same pictures, texts, source and terms,
     * so that recording it once more would say nothing new. Where an earlier version recorded it,
     * its texts are not known and not compared.
     */
    public boolean isRecorded(Queries q) {
        Optional<ShardRow> is = q.shard(name);
        return is.isPresent()
                && is.get().withdrawn().isEmpty()
                && is.get().source().equals(source)
                && is.get().root().equals(Merkle.root(hashes()))
                && (textsSha256.isEmpty()
                        || q.textsSha256(is.get().id())
                                .filter(r -> !textsSha256.get().equals(r))
                                .isEmpty())
                && is.get().provider().equals(provider)
                && is.get().licence().equals(licence)
                && is.get().uses().equals(uses)
                && is.get().expires().equals(expires.map(LocalDate::toString))
                && q.samples(is.get().id()).stream().allMatch(s -> s.withdrawn().isEmpty());
    }

    /** Its pictures' hashes, each once. */
    Set<String> hashes() {
        Set<String> hashes = new LinkedHashSet<>();
        samples.forEach(s -> hashes.add(s.sha256()));
        return hashes;
    }

    /**
     * One picture.
     *
     * @param sha256 of the image file's bytes
     * @param fingerprint a perceptual hash, see {@link #fingerprint(long)}; empty for a picture
     *     that has none
     */
    public record Sample(String sha256, String fingerprint) {
        /** A perceptual hash as the ledger has it: {@code p} and 16 hexadecimal digits. */
        public static String fingerprint(long hash) {
            return "p%016x".formatted(hash);
        }

        public Sample {
            if (!sha256.matches("[0-9a-f]{64}") || !fingerprint.matches("(p?[0-9a-f]{16})?")) {
                throw new RegistryException(
                        "A sample needs a SHA-256 and may have a fingerprint (p and 16 digits), not '"
                                + sha256
                                + "' and '"
                                + fingerprint
                                + "'.");
            }
        }
    }

    /**
     * @throws RegistryException if a fact that licences turn on is missing
     */
    public NewShard {
        samples = List.copyOf(samples);
        Names.check("shard", name);
        provider = Providers.stripped(provider);
        licence = licence.strip();
        if (provider.isBlank() || licence.isBlank()) {
            throw new RegistryException(
                    "Shard "
                            + name
                            + " states no "
                            + (provider.isBlank() ? "provider" : "licence")
                            + "; who may ask for it back, and under what terms it came, must be known"
                            + " (`provider`, `licence`).");
        }
        if (readmission.isPresent() && readmission.get().isBlank()) {
            throw new RegistryException(
                    "Shard " + name + " comes back under no agreement: say which (`readmit`).");
        }
        if (!uses.isEmpty() && uses.isBlank()) {
            throw new RegistryException(
                    "Shard "
                            + name
                            + " has blanks for permitted uses (`uses`); say which, or leave that out.");
        }
        if (samples.isEmpty()) {
            throw new RegistryException("Shard " + name + " has no samples.");
        }
        if (textsSha256.isPresent() && !SHA256.matcher(textsSha256.get()).matches()) {
            throw new RegistryException(
                    "The texts of shard "
                            + name
                            + " are known by a SHA-256, not by '"
                            + textsSha256.get()
                            + "'.");
        }
    }
}
