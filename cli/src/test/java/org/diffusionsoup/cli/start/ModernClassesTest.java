package org.diffusionsoup.cli.start;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import org.diffusionsoup.cli.SoupCli;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class ModernClassesTest {
    @Test
    void everyClassOfPicocliBecomesNewAndVerifies(@TempDir Path folder) throws Exception {
        Path old =
                Path.of(
                        CommandLine.class
                                .getProtectionDomain()
                                .getCodeSource()
                                .getLocation()
                                .toURI());
        Path made = folder.resolve("picocli.jar");
        ModernClasses.main(new String[] {old.toString(), made.toString()});
        URL[] urls = {made.toUri().toURL()};
        ClassLoader parent = ClassLoader.getPlatformClassLoader();
        try (JarFile jar = new JarFile(made.toFile());
                JarFile before = new JarFile(old.toFile());
                URLClassLoader loader = new URLClassLoader(urls, parent)) {
            assertThat(names(jar)).isEqualTo(names(before));
            int classes = 0;
            for (JarEntry e : Collections.list(jar.entries())) {
                if (!e.getName().startsWith("picocli/") || !e.getName().endsWith(".class")) {
                    continue;
                }
                ClassModel c = ClassFile.of().parse(jar.getInputStream(e).readAllBytes());
                assertThat(c.majorVersion()).as(e.getName()).isEqualTo(52);
                // Initialising makes the JVM verify every method.
                String name = e.getName().replace(".class", "").replace('/', '.');
                assertThat(Class.forName(name, true, loader).getClassLoader()).isSameAs(loader);
                classes++;
            }
            assertThat(classes).isGreaterThan(200);
        }
    }

    @Test
    void aModernClassIsLeftAsItIs() throws Exception {
        try (var in = SoupCli.class.getResourceAsStream("SoupCli.class")) {
            byte[] bytes = in.readAllBytes();
            assertThat(ModernClasses.modern(bytes)).isSameAs(bytes);
        }
    }

    private static List<String> names(JarFile jar) {
        return Collections.list(jar.entries()).stream().map(JarEntry::getName).toList();
    }
}
