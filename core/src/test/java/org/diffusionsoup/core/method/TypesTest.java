package org.diffusionsoup.core.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Adding a weight to a weight where a delta is due does not compile. */
class TypesTest {
    @TempDir private Path folder;

    private List<String> errors(String expression) {
        String code =
                """
                import org.diffusionsoup.core.method.*;
                class T {
                    Load base = new Load("base");
                    Load tuned = new Load("tuned");
                    Factor one = Factor.ONE;
                    DeltaExpr delta = new Difference(tuned, base);
                    WeightExpr w = %s;
                }
                """
                        .formatted(expression);
        JavaFileObject source =
                new SimpleJavaFileObject(
                        URI.create("string:///T.java"), JavaFileObject.Kind.SOURCE) {
                    @Override
                    public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                        return code;
                    }
                };
        DiagnosticCollector<JavaFileObject> found = new DiagnosticCollector<>();
        var compiler = Objects.requireNonNull(ToolProvider.getSystemJavaCompiler());
        compiler.getTask(
                        null,
                        null,
                        found,
                        List.of(
                                "-d",
                                folder.toString(),
                                "-proc:none",
                                "-cp",
                                System.getProperty("java.class.path")),
                        null,
                        List.of(source))
                .call();
        return found.getDiagnostics().stream()
                .filter(d -> d.getKind() == Diagnostic.Kind.ERROR)
                .map(d -> d.getMessage(Locale.ROOT))
                .toList();
    }

    @Test
    void aDeltaIsAddedToWeights() {
        assertThat(errors("new AddDelta(base, one, delta)")).isEmpty();
    }

    @Test
    void weightsAreNoDelta() {
        assertThat(errors("new AddDelta(base, one, tuned)"))
                .hasSize(1)
                .first()
                .asString()
                .contains("Load cannot be converted to", "DeltaExpr");
    }

    @Test
    void aDeltaIsNoModel() {
        assertThat(errors("delta")).hasSize(1);
        assertThat(errors("new Slerp(base, delta, one)")).hasSize(1);
        assertThat(errors("WeightedMean.of(base, delta)")).hasSize(1);
    }
}
