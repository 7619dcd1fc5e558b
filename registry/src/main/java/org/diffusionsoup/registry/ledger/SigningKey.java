package org.diffusionsoup.registry.ledger;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.interfaces.EdECPrivateKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.AtomicFiles;

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
            boolean done = false;
            try {
                Files.writeString(temp, Pem.write(TYPE, secret.getEncoded()));
                Files.move(temp, secretFile);
                done = true;
            } finally {
                if (!done) {
                    Files.deleteIfExists(temp);
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("write", secretFile, e);
        }
        AtomicFiles.write(publicFile, shown.pem().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Reads both halves, and writes the public one first where only the secret one is there, as it
     * is when {@link #save} was stopped.
     *
     * @throws RegistryException as {@link #load} does
     */
    public static SigningKey complete(Path secretFile, Path publicFile) {
        if (!Files.exists(publicFile)) {
            PublicKeyFile shown = publicHalf(secretFile);
            AtomicFiles.write(publicFile, shown.pem().getBytes(StandardCharsets.UTF_8));
        }
        return load(secretFile, publicFile);
    }

    /**
     * The public half of a secret key. The platform computes one only for a key that it generates,
     * from 32 random bytes, which the secret key is: so it is generated once more.
     */
    private static PublicKeyFile publicHalf(Path secretFile) {
        if (!(read(secretFile) instanceof EdECPrivateKey secret)) {
            throw new RegistryException(noKey(secretFile));
        }
        byte[] random =
                secret.getBytes().orElseThrow(() -> new RegistryException(noKey(secretFile)));
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("Ed25519");
            generator.initialize(NamedParameterSpec.ED25519, new Given(random));
            KeyPair pair = generator.generateKeyPair();
            SigningKey key = new SigningKey(secret, PublicKeyFile.of(pair.getPublic()));
            if (!key.shown().verifies("probe", key.sign("probe"))) {
                throw new RegistryException(
                        "The public half of " + secretFile + " is missing; put it back.");
            }
            return key.shown();
        } catch (GeneralSecurityException e) {
            throw new RegistryException(noKey(secretFile), e);
        }
    }

    /** Gives the bytes that it was given. */
    private static final class Given extends SecureRandom {
        private static final long serialVersionUID = 1;

        private final byte[] bytes;

        Given(byte[] bytes) {
            this.bytes = bytes.clone();
        }

        @Override
        public void nextBytes(byte[] into) {
            System.arraycopy(bytes, 0, into, 0, into.length);
        }
    }

    private static PrivateKey read(Path secretFile) {
        try {
            return KeyFactory.getInstance("Ed25519")
                    .generatePrivate(new PKCS8EncodedKeySpec(Pem.read(TYPE, secretFile)));
        } catch (GeneralSecurityException e) {
            throw new RegistryException(noKey(secretFile), e);
        }
    }

    private static String noKey(Path secretFile) {
        return secretFile + " holds no Ed25519 key.";
    }

    /**
     * Reads both halves.
     *
     * @throws RegistryException if a file holds no Ed25519 key, the two do not belong together, or
     *     others could have read or replaced the secret one
     */
    public static SigningKey load(Path secretFile, Path publicFile) {
        exposed(secretFile)
                .ifPresent(how -> {
                    throw new RegistryException(how + " Nothing is signed with it until then.");
                });
        if (!Files.exists(secretFile)) {
            throw new RegistryException(
                    "The registry's secret key %s is missing, and nothing can be signed without it: put the copy that 'soup init' told to keep back there, readable by you alone ('chmod 600 %s')."
                            .formatted(secretFile, secretFile));
        }
        PublicKeyFile shown = PublicKeyFile.read(publicFile);
        SigningKey key = new SigningKey(read(secretFile), shown);
        if (!shown.verifies("probe", key.sign("probe"))) {
            throw new RegistryException(
                    secretFile + " is not the secret half of " + publicFile + ".");
        }
        return key;
    }

    /** Who but its owner may read or write a secret key, as a sentence; empty where nobody may. */
    public static Optional<String> exposed(Path secretFile) {
        Set<PosixFilePermission> mode = mode(secretFile);
        if (mode.contains(PosixFilePermission.OTHERS_READ)
                || mode.contains(PosixFilePermission.OTHERS_WRITE)
                || mode.contains(PosixFilePermission.GROUP_WRITE)) {
            return Optional.of(
                    "The secret key %s can be read or replaced by others (mode %s): see who has, then 'chmod 600 %s'."
                            .formatted(
                                    secretFile, PosixFilePermissions.toString(mode), secretFile));
        }
        return Optional.empty();
    }

    /** Whether a group may read a secret key, which may be meant. */
    public static boolean isShared(Path secretFile) {
        return mode(secretFile).contains(PosixFilePermission.GROUP_READ);
    }

    /** Nothing where there is no file, or the file system has no such modes. */
    private static Set<PosixFilePermission> mode(Path file) {
        try {
            return Files.exists(file) ? Files.getPosixFilePermissions(file) : Set.of();
        } catch (UnsupportedOperationException e) {
            return Set.of();
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
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
