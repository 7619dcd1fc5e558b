package org.diffusionsoup.data.artwork;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupIoException;

/** Drawings of OpenMoji: one SVG file per emoji, named by its code points. */
final class OpenMojiIcons implements IconSource {
    private final Map<String, Path> files = new HashMap<>();

    OpenMojiIcons(Path folder) {
        try (Stream<Path> listing = Files.list(folder)) {
            List<Path> sorted = listing.sorted().toList();
            for (Path file : sorted) {
                String name = file.getFileName().toString();
                if (name.endsWith(".svg")) {
                    files.put(EmojiHex.normalize(name.substring(0, name.length() - 4)), file);
                }
            }
        } catch (IOException e) {
            throw new SoupIoException("read", folder, e);
        }
    }

    @Override
    public Optional<String> svg(String hex) {
        Path file = files.get(hex);
        if (file == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(Files.readString(file, StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new SoupIoException("read", file, e);
        }
    }
}
