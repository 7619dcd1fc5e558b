package org.diffusionsoup.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.ser.std.ToStringSerializer;
import java.nio.file.Path;

/**
 * The Jackson mappers of everything that is read or written as a tree or by a record's components,
 * here and in the modules above: made once, and configured once. What is stricter or in YAML takes
 * a reader of {@link #PLAIN}. There is one more mapper, that of models' configurations in {@code
 * diffusion.nn.JsonConfig}: its module does not see this one, and reads infinities. Module core has
 * no databind: it reads by {@link org.diffusionsoup.core.io.JsonValue}.
 */
public final class JsonMappers {
    /** As Jackson is, with paths as they are written; threads share it: nobody may configure it. */
    public static final ObjectMapper PLAIN =
            new ObjectMapper()
                    .registerModule(
                            new SimpleModule()
                                    .addSerializer(Path.class, ToStringSerializer.instance));

    /** Writes a field a line, for files and results that people read too. */
    public static final ObjectWriter INDENTED = PLAIN.writerWithDefaultPrettyPrinter();

    private JsonMappers() {}
}
