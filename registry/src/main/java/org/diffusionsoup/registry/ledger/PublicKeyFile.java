package org.diffusionsoup.registry.ledger;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.X509EncodedKeySpec;
import java.util.HexFormat;
import org.diffusionsoup.core.io.Hashes;

/**
 * The registry's public Ed25519 key, which everyone may have.
 *
 * @param pem as text
 * @param id SHA-256 of its DER form: what certificates name it by
 */
public record PublicKeyFile(String pem, String id) {
    private static final String TYPE = "PUBLIC KEY";

    static PublicKeyFile of(PublicKey key) {
        return new PublicKeyFile(
                Pem.write(TYPE, key.getEncoded()), Hashes.sha256Hex(key.getEncoded()));
    }

    /**
     * Reads a PEM file.
     *
     * @throws RegistryException if it holds no Ed25519 public key
     */
    public static PublicKeyFile read(Path file) {
        byte[] der = Pem.read(TYPE, file);
        try {
            return of(
                    KeyFactory.getInstance("Ed25519").generatePublic(new X509EncodedKeySpec(der)));
        } catch (GeneralSecurityException e) {
            throw new RegistryException(file + " holds no Ed25519 public key.", e);
        }
    }

    /** Whether a signature of 128 hexadecimal digits is this key's under a text. */
    public boolean verifies(String text, String signature) {
        try {
            String body = pem.replaceAll("-----[A-Z ]+-----|\\s", "");
            PublicKey key =
                    KeyFactory.getInstance("Ed25519")
                            .generatePublic(
                                    new X509EncodedKeySpec(
                                            java.util.Base64.getDecoder().decode(body)));
            Signature s = Signature.getInstance("Ed25519");
            s.initVerify(key);
            s.update(text.getBytes(StandardCharsets.UTF_8));
            return s.verify(HexFormat.of().parseHex(signature));
        } catch (GeneralSecurityException | IllegalArgumentException e) {
            return false; // malformed is as wrong as another's
        }
    }
}
