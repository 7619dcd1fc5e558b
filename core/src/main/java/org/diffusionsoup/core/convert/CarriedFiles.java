package org.diffusionsoup.core.convert;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.diffusionsoup.core.SoupIoException;
import org.diffusionsoup.core.checkpoint.CarriedConfigs;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;

/**
 * A folder's configurations inside a single file's header, so that the way back restores what
 * shapes do not tell. CLIP's own vocabulary is left out: it is shipped.
 */
final class CarriedFiles {
    /** The header's entry. */
    static final String KEY = CarriedConfigs.KEY;

    private static final int LARGEST = 2 << 20;

    private CarriedFiles() {}

    /** The entry for a folder. */
    static String of(DiffusersFolder folder) {
        Map<String, Object> files = new TreeMap<>();
        for (String name : folder.otherFiles()) {
            Path file = folder.path().resolve(name);
            if (CarriedConfigs.isCarried(name)) {
                try {
                    byte[] content = Files.size(file) > LARGEST ? new byte[0] : read(file);
                    if (content.length > 0 && !isShipped(name, content)) {
                        files.put(name, new String(content, StandardCharsets.UTF_8));
                    }
                } catch (IOException e) {
                    throw new SoupIoException("read", file, e);
                }
            }
        }
        return Configs.json(files);
    }

    private static byte[] read(Path file) throws IOException {
        byte[] content = Files.readAllBytes(file);
        byte[] again = new String(content, StandardCharsets.UTF_8).getBytes(StandardCharsets.UTF_8);
        return Arrays.equals(content, again) ? content : new byte[0];
    }

    private static boolean isShipped(String name, byte[] content) {
        String file = name.substring(name.indexOf('/') + 1);
        return (file.equals(TokenizerFiles.VOCABULARY) || file.equals(TokenizerFiles.MERGES))
                && Arrays.equals(content, TokenizerFiles.shipped(file));
    }
}
