package org.diffusionsoup.cli.start;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFile.StackMapsOption;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.JarOutputStream;

/**
 * What the launcher runs once per build on a library compiled for Java 5 (picocli): the same
 * classes in the format of Java 8. The JVM keeps classes of the old format, and all that touch
 * them, out of its start-up cache, and has to verify them the slow way at every start.
 */
public final class ModernClasses {
    /** The first class-file version that the start-up cache takes is 50; 52 is Java 8. */
    private static final int FIRST_MODERN = 50;

    private static final int JAVA_8 = 52;

    private ModernClasses() {}

    /**
     * Copies a jar, its old classes made new.
     *
     * @param args the jar to read, which must be on the class path, and the jar to write
     */
    public static void main(String[] args) throws IOException {
        copy(Path.of(args[0]), Path.of(args[1]));
    }

    static void copy(Path from, Path to) throws IOException {
        try (JarFile in = new JarFile(from.toFile());
                OutputStream file = Files.newOutputStream(to);
                JarOutputStream out = new JarOutputStream(file)) {
            Enumeration<JarEntry> entries = in.entries();
            while (entries.hasMoreElements()) {
                JarEntry entry = entries.nextElement();
                JarEntry copy = new JarEntry(entry.getName());
                copy.setTime(entry.getTime());
                out.putNextEntry(copy);
                try (InputStream content = in.getInputStream(entry)) {
                    byte[] bytes = content.readAllBytes();
                    out.write(entry.getName().endsWith(".class") ? modern(bytes) : bytes);
                }
                out.closeEntry();
            }
        }
    }

    /** Classes of version 50 on have to say the types on the stack at every branch. */
    static byte[] modern(byte[] old) {
        if (ByteBuffer.wrap(old).getShort(6) >= FIRST_MODERN) {
            return old;
        }
        ClassFile format = ClassFile.of(StackMapsOption.GENERATE_STACK_MAPS);
        ClassTransform version =
                (builder, element) -> {
                    if (element instanceof ClassFileVersion) {
                        builder.withVersion(JAVA_8, 0);
                    } else {
                        builder.with(element);
                    }
                };
        return format.transformClass(
                format.parse(old),
                ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL).andThen(version));
    }
}
