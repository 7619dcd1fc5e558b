package org.diffusionsoup.core.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Set;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.core.torch.FileKind;
import org.diffusionsoup.core.torch.TorchFile;

/** Opens one file of weights by its content, whatever its name. */
public final class WeightFile {
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

    private static final int TAR_HEADER = 512;
    private static final int TAR_MAGIC = 257;
    private static final Set<String> TORCH_MEMBERS =
            Set.of("sys_info", "pickle", "storages", "tensors");

    private WeightFile() {}

    /**
     * Opens a safetensors file or a zip file of PyTorch.
     *
     * @throws SoupException if it is neither, naming what it is and what to do
     */
    public static TensorSource open(Path path) {
        return switch (FileKind.of(path)) {
            case TORCH -> TorchFile.open(path);
            case OLD_TORCH -> {
                refuseOtherTars(path);
                FileKind.scanPickles(path);
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
                if (FileKind.hasTorchName(path) && !looksLikeSafetensors(path)) {
                    FileKind.scanPickles(path); // of protocol 0 and 1, which no mark begins
                    throw new SoupException(
                            path
                                    + " is neither a PyTorch zip file nor a safetensors file;"
                                    + " download or export it again.");
                }
                yield SafetensorsFile.open(path);
            }
        };
    }

    /** PyTorch's oldest files are tars of four members, whatever their order. */
    private static void refuseOtherTars(Path path) {
        byte[] start;
        try (InputStream in = Files.newInputStream(path)) {
            start = in.readNBytes(TAR_HEADER);
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
        String header = new String(start, StandardCharsets.ISO_8859_1);
        if (!header.startsWith("ustar", TAR_MAGIC)) {
            return;
        }
        String member = header.substring(0, header.indexOf('\0'));
        if (!TORCH_MEMBERS.contains(member)) {
            throw new SoupException(
                    path
                            + " is a tar archive and no checkpoint, as a shard of pictures is; 'soup"
                            + " data inspect' reads those, and an archive of a model is to be unpacked"
                            + " first.");
        }
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

    private static boolean looksLikeSafetensors(Path path) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            ByteBuffer b = ByteBuffer.allocate(1);
            return channel.read(b, 8) == 1 && b.get(0) == '{';
        } catch (IOException e) {
            throw new SoupIoException("read", path, e);
        }
    }
}
