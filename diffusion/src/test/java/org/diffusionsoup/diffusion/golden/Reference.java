package org.diffusionsoup.diffusion.golden;

import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.opentest4j.TestAbortedException;

/**
 * The folder of reference numbers: the project's own copy, or the one that {@code -Dreference.dir=}
 * names. A piece that a named folder lacks skips its test with a reason; a piece that the project's
 * copy lacks fails it.
 */
public final class Reference {
    /** The system property that names another folder. */
    public static final String PROPERTY = "reference.dir";

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Path root;
    private final boolean own;

    private Reference(Path root, boolean own) {
        this.root = root;
        this.own = own;
    }

    /**
     * Opens the folder in force.
     *
     * @return the folder that {@value #PROPERTY} names (absolute, or relative to the module or to
     *     the project's root), else the project's copy
     */
    public static Reference open() {
        Path module = Path.of(System.getProperty("basedir", "")).toAbsolutePath();
        String named = System.getProperty(PROPERTY, "");
        if (named.isBlank()) {
            return new Reference(module.resolve("src/test/resources/reference"), true);
        }
        for (Path base = module; base != null; base = base.getParent()) {
            Path candidate = base.resolve(named).normalize();
            if (Files.isDirectory(candidate)) {
                return new Reference(candidate, false);
            }
            if (Files.isRegularFile(base.resolve("pom.xml").resolveSibling("core/pom.xml"))) {
                break; // that was the project's root
            }
        }
        return fail("-D" + PROPERTY + "=" + named + " names no folder, seen from " + module);
    }

    /**
     * @return the folder itself
     */
    public Path root() {
        return root;
    }

    /**
     * A file or folder of the reference; where it is missing, the test is skipped (or, for the
     * project's own copy, fails).
     *
     * @param relative path below the root
     * @return the existing path
     */
    public Path require(String relative) {
        Path path = root.resolve(relative);
        return Files.exists(path) ? path : missing(relative);
    }

    /**
     * The tests of every golden of one kind in the folder in force. What the folder lacks shows up
     * as a skipped test, a fault in one golden does not hide the others.
     *
     * @param kind as in {@link #goldens(String)}
     * @param make the tests of one golden
     * @return for a {@code @TestFactory}
     */
    public static Stream<DynamicTest> each(String kind, Function<Golden, List<DynamicTest>> make) {
        Reference reference = open();
        if (!reference.has(kind) && !reference.own) {
            return tests(kind, () -> reference.missing("goldens/**/" + kind + ".json"));
        }
        return reference.goldens(kind).stream()
                .flatMap(golden -> tests(golden.name(), () -> make.apply(golden)));
    }

    /**
     * Tests as a supplier makes them, or one that is skipped or fails as the supplier was.
     *
     * @param name of the one test in place of all
     * @param make makes one or more tests
     * @return for a {@code @TestFactory}
     */
    public static Stream<DynamicTest> tests(String name, Supplier<List<DynamicTest>> make) {
        try {
            List<DynamicTest> tests = make.get();
            if (tests.isEmpty()) {
                return fail(name + " holds no case");
            }
            return tests.stream();
        } catch (RuntimeException | AssertionError e) {
            return Stream.of(
                    DynamicTest.dynamicTest(
                            name,
                            () -> {
                                throw e;
                            }));
        }
    }

    /**
     * All goldens of one kind, in the order of their paths.
     *
     * @param kind file name without ending: {@code unet}, {@code vae}, {@code schedulers}, …
     * @return one or more of {@code goldens/**}{@code /kind.json} with its safetensors file
     */
    public List<Golden> goldens(String kind) {
        List<Golden> found = manifests(kind).map(file -> new Golden(this, file)).toList();
        return found.isEmpty() ? missing("goldens/**/" + kind + ".json") : found;
    }

    /**
     * @param kind as above
     * @return whether there is any such golden
     */
    public boolean has(String kind) {
        return manifests(kind).findAny().isPresent();
    }

    private Stream<Path> manifests(String kind) {
        try (Stream<Path> files = Files.walk(require("goldens"))) {
            return files
                    .filter(file -> file.getFileName().toString().equals(kind + ".json"))
                    .filter(file -> Files.exists(Golden.tensorsBeside(file)))
                    .sorted()
                    .toList()
                    .stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Reads a JSON file.
     *
     * @param file an existing file
     * @return its root
     */
    public static JsonNode json(Path file) {
        try {
            return JSON.readTree(file.toFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Ends a test for want of a piece: skipped, or failed where the project's own copy is in force.
     *
     * @param piece what is missing
     * @param <T> whatever the caller would return
     * @return never
     */
    public <T> T missing(String piece) {
        String reason = "The reference folder " + root + " has no " + piece + ".";
        if (own) {
            return fail(reason + " The project's own copy must have it.");
        }
        throw new TestAbortedException(reason);
    }
}
