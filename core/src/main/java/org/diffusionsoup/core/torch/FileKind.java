package org.diffusionsoup.core.torch;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.io.Pipes;

/** Tells safetensors from PyTorch's formats by a file's first bytes, whatever its name. */
public enum FileKind {
    /** Anything that is not recognised: the safetensors reader says what is wrong with it. */
    SAFETENSORS,
    /** A zip archive, as torch.save writes since PyTorch 1.6. */
    TORCH,
    /** A bare pickle or a tar archive, as torch.save wrote before. */
    OLD_TORCH;

    private static final int ZIP = 0x04034b50;
    private static final int EMPTY_ZIP = 0x06054b50;

    /** Tells by reading at most 262 bytes; a text with a name of PyTorch is read whole. */
    public static FileKind of(Path path) {
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

    /** Names what a bare pickle would call, if it is one that would run code. */
    public static void scanPickles(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            Unpickler.scanBare(path, in.readNBytes(Unpickler.MAX_BYTES));
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }

    /** Whether a file's name is one that PyTorch's files have. */
    public static boolean hasTorchName(Path path) {
        return path.toString()
                .toLowerCase(Locale.ROOT)
                .matches("(?s).*\\.(ckpt|pt|pth|bin|pkl|pickle)");
    }
}
