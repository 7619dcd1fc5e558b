package org.diffusionsoup.core;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Locale;

/** Tells safetensors from PyTorch's formats by a file's first bytes, whatever its name. */
enum FileKind {
    /** Anything that is not recognised: the safetensors reader says what is wrong with it. */
    SAFETENSORS,
    /** A zip archive, as torch.save writes since PyTorch 1.6. */
    TORCH,
    /** A bare pickle or a tar archive, as torch.save wrote before. */
    OLD_TORCH;

    private static final int ZIP = 0x04034b50;
    private static final int EMPTY_ZIP = 0x06054b50;

    /** A pickle of protocol 2 of the number that torch.save began its files with. */
    private static final byte[] OLD_MAGIC = {
        (byte) 0x80,
        2,
        (byte) 0x8a,
        10,
        0x6c,
        (byte) 0xfc,
        (byte) 0x9c,
        0x46,
        (byte) 0xf9,
        0x20,
        0x6a,
        (byte) 0xa8,
        0x50,
        0x19,
        '.'
    };

    static FileKind of(Path path) {
        if (Files.isDirectory(path)) {
            return SAFETENSORS;
        }
        Pipes.refuse(path);
        ByteBuffer b = ByteBuffer.allocate(262).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            while (b.hasRemaining() && channel.read(b) >= 0) {}
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
        int n = b.flip().limit();
        // The last bytes of a header's length are zero in every safetensors file.
        boolean usual = n >= 8 && b.getInt(4) == 0 && b.getInt(0) != 0;
        if (!usual || b.getInt(0) == ForeignFiles.GGUF) {
            if (hasTorchName(path) && ForeignFiles.isPlainText(b)) {
                scanPickles(path); // protocol 0 is text
            }
            ForeignFiles.refuse(path, b);
        }
        // Eight bytes of length and a brace: no zip and no pickle has a brace there.
        if (n > 8 && b.get(8) == '{') {
            return SAFETENSORS;
        }
        if (n >= 4 && (b.getInt(0) == ZIP || b.getInt(0) == EMPTY_ZIP)) {
            return TORCH;
        }
        boolean pickle = n >= 2 && (b.get(0) & 0xff) == 0x80 && b.get(1) >= 2 && b.get(1) <= 5;
        boolean tar =
                n == 262
                        && b.get(257) == 'u'
                        && b.get(258) == 's'
                        && b.get(259) == 't'
                        && b.get(260) == 'a'
                        && b.get(261) == 'r';
        return pickle || tar ? OLD_TORCH : SAFETENSORS;
    }

    /** Opens a file by its content. */
    static TensorSource open(Path path) {
        return switch (of(path)) {
            case TORCH -> TorchFile.open(path);
            case OLD_TORCH -> {
                scanPickles(path);
                throw new SoupException(
                        path
                                + (isBarePickle(path)
                                        ? " is a Python pickle that torch.save did not write, and"
                                                + " is not read; load it in Python, if you trust"
                                                + " it, and save its tensors with"
                                                + " safetensors.torch.save_file."
                                        : " is a PyTorch file of the format before version 1.6,"
                                                + " which is not read; load it in PyTorch, if you"
                                                + " trust it, and save it again."));
            }
            case SAFETENSORS -> {
                if (hasTorchName(path) && !looksLikeSafetensors(path)) {
                    scanPickles(path); // of protocol 0 and 1, which no mark begins
                    throw new SoupException(
                            path
                                    + " is neither a PyTorch zip file nor a safetensors file;"
                                    + " download or export it again.");
                }
                yield SafetensorsFile.open(path);
            }
        };
    }

    /** Whether a pickle lacks the number that PyTorch's old format begins with. */
    private static boolean isBarePickle(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            byte[] start = in.readNBytes(OLD_MAGIC.length);
            return start[0] == OLD_MAGIC[0] && !Arrays.equals(start, OLD_MAGIC);
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    private static void scanPickles(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            Unpickler.scanBare(path, in.readNBytes(Unpickler.MAX_BYTES));
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    /** Whether a file's name is one that PyTorch's files have. */
    static boolean hasTorchName(Path path) {
        return path.toString()
                .toLowerCase(Locale.ROOT)
                .matches("(?s).*\\.(ckpt|pt|pth|bin|pkl|pickle)");
    }

    private static boolean looksLikeSafetensors(Path path) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer b = ByteBuffer.allocate(1);
            return channel.read(b, 8) == 1 && b.get(0) == '{';
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }
}
