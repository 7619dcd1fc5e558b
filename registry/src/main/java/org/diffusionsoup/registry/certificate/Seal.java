package org.diffusionsoup.registry.certificate;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.registry.ledger.Json;
import org.diffusionsoup.registry.ledger.PublicKeyFile;
import org.diffusionsoup.registry.ledger.RegistryException;
import org.diffusionsoup.registry.ledger.SigningKey;

/**
 * The signature under a certificate: over the list of its sections' hashes. Whether it is a key's,
 * and whether the sections are as they were signed.
 */
public final class Seal {
    private static final Set<String> UNSIGNED = Set.of("digests", "key", "signature");

    private Seal() {}

    /** Sections with their hashes and a key's signature under those. */
    public static JsonObject sign(JsonObject sections, SigningKey key) {
        Json.Builder digests = Json.object();
        sections.fields().forEach((name, value) -> digests.put(name, Json.sha256(value)));
        JsonObject list = digests.build();
        return Json.object(sections)
                .put("digests", list)
                .put("key", key.shown().id())
                .put("signature", key.sign(CertificateForm.DOMAIN + Json.canonical(list)))
                .build();
    }

    /** What is wrong with the signature; empty if nothing is. */
    static Optional<String> signature(JsonObject certificate, PublicKeyFile key) {
        String by = certificate.string("key").orElse("");
        if (!by.equals(key.id())) {
            return Optional.of(
                    "key: the certificate names the key " + by + ", not the given " + key.id());
        }
        JsonValue digests = certificate.fields().get("digests");
        if (digests == null
                || !key.verifies(
                        CertificateForm.DOMAIN + Json.canonical(digests),
                        certificate.string("signature").orElse(""))) {
            return Optional.of(
                    "signature: it is not this key's; 'digests' or 'signature' were changed, or the"
                            + " key is another's");
        }
        return Optional.empty();
    }

    /** What was changed, added or taken away since; empty if nothing was. */
    static List<String> sections(JsonObject certificate) {
        List<String> wrong = new ArrayList<>();
        Map<String, String> digests = Json.map(certificate, "digests");
        digests.forEach((name, hash) -> {
            JsonValue section = certificate.fields().get(name);
            if (section == null) {
                wrong.add(name + ": this section is missing");
            } else if (!Json.sha256(section).equals(hash)) {
                wrong.add(name + ": this section was changed after signing");
            }
        });
        certificate.fields().keySet().stream()
                .filter(name -> !digests.containsKey(name) && !UNSIGNED.contains(name))
                .forEach(name -> wrong.add(name + ": this section was added after signing"));
        return wrong;
    }

    /** The first thing that is wrong with signature or sections; empty if nothing is. */
    static Optional<String> broken(JsonObject certificate, PublicKeyFile key) {
        try {
            return signature(certificate, key).or(() -> sections(certificate).stream().findFirst());
        } catch (RegistryException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }
}
