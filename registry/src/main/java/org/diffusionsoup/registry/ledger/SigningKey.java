package org.diffusionsoup.registry.ledger;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.HexFormat;
import org.diffusionsoup.core.AtomicFiles;
import org.diffusionsoup.core.SoupIoException;

/** The registry's secret Ed25519 key and its public half. */
public final class SigningKey {
    private static final String TYPE = "PRIVATE KEY";

    private final PrivateKey secret;
    private final PublicKeyFile shown;

    private SigningKey(PrivateKey secret, PublicKeyFile shown) {
        this.secret = secret;
        this.shown = shown;
    }

    /** A new key, from the platform's secure randomness. */
    public static SigningKey generate() {
        try {
            KeyPair pair = KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
            return new SigningKey(pair.getPrivate(), PublicKeyFile.of(pair.getPublic()));
        } catch (GeneralSecurityException e) {
            throw new AssertionError("every JDK from 15 on has Ed25519", e);
        }
    }

    /**
     * Writes the secret key as PEM (PKCS 8), readable by its owner alone where the file system
     * knows owners, and the public one beside it.
     */
    public void save(Path secretFile, Path publicFile) {
        try {
            Path folder = secretFile.toAbsolutePath().getParent();
            if (folder == null) {
                throw new RegistryException(secretFile + " names no file for the key.");
            }
            // The mode is set before there is anything to read.
            Path temp = folder.resolve("." + secretFile.getFileName() + ".tmp");
            Files.deleteIfExists(temp);
            if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
                Files.createFile(
                        temp,
                        PosixFilePermissions.asFileAttribute(
                                PosixFilePermissions.fromString("rw-------")));
            }
            Files.writeString(temp, Pem.write(TYPE, secret.getEncoded()));
            Files.move(temp, secretFile);
        } catch (IOException e) {
            throw new SoupIoException("write", secretFile, e);
        }
        AtomicFiles.write(publicFile, shown.pem().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Reads both halves.
     *
     * @throws RegistryException if a file holds no Ed25519 key, or the two do not belong together
     */
    public static SigningKey load(Path secretFile, Path publicFile) {
        PublicKeyFile shown = PublicKeyFile.read(publicFile);
        PrivateKey secret;
        try {
            secret =
                    KeyFactory.getInstance("Ed25519")
                            .generatePrivate(new PKCS8EncodedKeySpec(Pem.read(TYPE, secretFile)));
        } catch (GeneralSecurityException e) {
            throw new RegistryException(secretFile + " holds no Ed25519 key.", e);
        }
        SigningKey key = new SigningKey(secret, shown);
        if (!shown.verifies("probe", key.sign("probe"))) {
            throw new RegistryException(
                    secretFile + " is not the secret half of " + publicFile + ".");
        }
        return key;
    }

    /** The public half. */
    public PublicKeyFile shown() {
        return shown;
    }

    /** Signature of a text, 128 hexadecimal digits. */
    public String sign(String text) {
        try {
            Signature s = Signature.getInstance("Ed25519");
            s.initSign(secret);
            s.update(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(s.sign());
        } catch (GeneralSecurityException e) {
            throw new RegistryException("Cannot sign with the registry's key.", e);
        }
    }
}
