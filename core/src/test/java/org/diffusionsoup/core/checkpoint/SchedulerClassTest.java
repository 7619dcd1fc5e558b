package org.diffusionsoup.core.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.io.JsonValue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The index names a pipeline's scheduler, as diffusers has it. */
class SchedulerClassTest {
    private static final String SETTINGS =
            "{ \"_class_name\":\"PNDMScheduler\", \"beta_start\" : 0.00085 }";

    @TempDir Path folder;

    private void index(String scheduler) throws IOException {
        Files.createDirectories(folder.resolve("scheduler"));
        Files.writeString(folder.resolve(CarriedConfigs.SCHEDULER), SETTINGS);
        Files.writeString(folder.resolve(DiffusersFolder.INDEX), "{" + scheduler + "}");
    }

    @Test
    void theIndexNamesTheClass() throws IOException {
        index("\"scheduler\": [\"diffusers\", \"EulerDiscreteScheduler\"]");
        assertThat(SchedulerClass.of(folder)).contains("EulerDiscreteScheduler");
        JsonValue.JsonObject said =
                JsonValue.readObject(SchedulerClass.settings(folder), "settings");
        assertThat(said.string("_class_name")).contains("EulerDiscreteScheduler");
        assertThat(said.fields()).hasSize(2).containsKey("beta_start");
    }

    @Test
    void settingsOfTheSameClassStayAsTheyAre() throws IOException {
        index("\"scheduler\": [\"diffusers\", \"PNDMScheduler\"]");
        assertThat(SchedulerClass.settings(folder)).asString().isEqualTo(SETTINGS);
    }

    @Test
    void anAbsentSchedulerIsNone() throws IOException {
        index("\"scheduler\": [null, null]");
        assertThat(SchedulerClass.of(folder)).isEmpty();
        index("");
        assertThat(SchedulerClass.of(folder)).isEmpty();
    }

    @Test
    void oneOfAnotherLibraryIsRefused() throws IOException {
        index("\"scheduler\": [\"my_schedulers\", \"PNDMScheduler\"]");
        assertThatThrownBy(() -> SchedulerClass.of(folder))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("model_index.json: the scheduler PNDMScheduler is of")
                .hasMessageContaining("my_schedulers");
    }
}
