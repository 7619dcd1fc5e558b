package org.diffusionsoup.workbench.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.workbench.Progress;
import org.diffusionsoup.workbench.hub.FakeHub.Trouble;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Models from a hub on this machine that breaks, lies, redirects and limits. */
class PullTest {
    private static final String UNET = "unet/diffusion_pytorch_model.safetensors";

    @TempDir private Path temp;
    private FakeHub hub;

    /** Weights of two and a half pieces, everything else small. */
    @BeforeEach
    void aModel() throws IOException {
        hub = new FakeHub();
        byte[] weights = new byte[2 * Transfer.PIECE + Transfer.PIECE / 2];
        new Random(1).nextBytes(weights);
        hub.put(UNET, weights);
        hub.put("unet/config.json", text("{}"));
        hub.put("unet/diffusion_pytorch_model.fp16.safetensors", new byte[3000]);
        hub.put("unet/diffusion_pytorch_model.bin", new byte[4000]);
        hub.put("unet/diffusion_flax_model.msgpack", new byte[5000]);
        hub.put("text_encoder/model-00001-of-00002.safetensors", new byte[1500]);
        hub.put("text_encoder/model-00002-of-00002.safetensors", new byte[1501]);
        hub.put("text_encoder/model.safetensors.index.json", text("{\"weight_map\": {}}"));
        hub.put("text_encoder/openvino_model.bin", new byte[1600]);
        hub.put("vae/diffusion_pytorch_model.bin", new byte[1700]);
        hub.put("tokenizer/vocab.json", text("{\"a\": 1}"));
        hub.put("tokenizer/merges.txt", text("#version"));
        hub.put("model_index.json", text("{\"_class_name\": \"StableDiffusionPipeline\"}"));
        hub.put("v1.ckpt", new byte[9000]);
        hub.put("README.md", text("# Model"));
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    private static byte[] text(String s) {
        return s.getBytes(StandardCharsets.UTF_8);
    }

    private Pull.Result pull(Pull.Request request, Optional<String> token) {
        Hub from =
                new Hub(hub.endpoint() + "/", token, Duration.ofMillis(1), Duration.ofSeconds(20));
        return new Pull(from, temp, Progress.silent()).run(request);
    }

    private Pull.Result pull(String... files) {
        return pull(
                new Pull.Request(FakeHub.REPOSITORY, "main", List.of(files), ""), Optional.empty());
    }

    private static List<String> below(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(Files::isRegularFile)
                    .map(f -> folder.relativize(f).toString())
                    .sorted()
                    .toList();
        }
    }

    private Path repository() {
        return temp.resolve("models--org--model");
    }

    private void assertWhole(Pull.Result result) throws IOException {
        assertThat(below(result.place()))
                .containsExactly(
                        "model_index.json",
                        "text_encoder/model-00001-of-00002.safetensors",
                        "text_encoder/model-00002-of-00002.safetensors",
                        "text_encoder/model.safetensors.index.json",
                        "tokenizer/merges.txt",
                        "tokenizer/vocab.json",
                        "unet/config.json",
                        UNET,
                        "vae/diffusion_pytorch_model.bin");
        byte[] unet = Files.readAllBytes(result.place().resolve(UNET));
        byte[] want = new byte[2 * Transfer.PIECE + Transfer.PIECE / 2];
        new Random(1).nextBytes(want);
        assertThat(FakeHub.hash("SHA-256", unet)).isEqualTo(FakeHub.hash("SHA-256", want));
        assertThat(below(repository().resolve("blobs"))).noneMatch(f -> f.contains("soup"));
    }

    @Test
    void theModelComesIntoTheLayoutOfTheSharedCache() throws IOException {
        Pull.Result result = pull();
        assertWhole(result);
        assertThat(result.place()).isEqualTo(repository().resolve("snapshots/" + FakeHub.COMMIT));
        assertThat(repository().resolve("refs/main")).hasContent(FakeHub.COMMIT);
        Path config = result.place().resolve("unet/config.json");
        assertThat(Files.readSymbolicLink(config))
                .hasToString("../../../blobs/" + FakeHub.gitHash(text("{}")));
        assertThat(result.fetched()).isEqualTo(result.bytes()).isGreaterThan(2L * Transfer.PIECE);
        assertThat(hub.requests()).noneMatch(r -> r.contains("README") || r.contains("ckpt"));

        int before = hub.requests().size();
        Pull.Result again = pull();
        assertThat(again.fetched()).isZero();
        assertThat(again.place()).isEqualTo(result.place());
        assertThat(hub.requests()).as("the listing alone").hasSize(before + 1);
    }

    @ParameterizedTest
    @EnumSource(Trouble.class)
    void troubleThatPassesIsOvercome(Trouble trouble) throws IOException {
        hub.trouble(trouble, trouble == Trouble.WRONG_BYTE ? 1 : 3);
        assertWhole(pull());
    }

    @Test
    void aServerWithoutRangesGivesTheSame() throws IOException {
        hub.withoutRanges();
        assertWhole(pull());
        hub.trouble(Trouble.BREAK, 2);
        Files.delete(repository().resolve("blobs").resolve(large().getFileName()));
        assertWhole(pull());
    }

    private Path large() throws IOException {
        try (Stream<Path> all = Files.list(repository().resolve("blobs"))) {
            return all.max((a, b) -> Long.compare(a.toFile().length(), b.toFile().length()))
                    .orElseThrow();
        }
    }

    @Test
    void aBrokenRunGoesOnWithWhatHasArrived() throws IOException {
        hub.trouble(Trouble.DOWN, 0);
        pull("tokenizer/*");
        hub.trouble(Trouble.TOO_MANY, 0);
        // every answer breaks: some bytes each, so that pieces arrive in the end
        hub.trouble(Trouble.PAGE, 1_000_000);
        assertThatThrownBy(() -> pull(UNET))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining(UNET)
                .hasMessageContaining("goes on");
        hub.trouble(Trouble.PAGE, 0);

        // an earlier run had the second piece
        byte[] want = new byte[2 * Transfer.PIECE + Transfer.PIECE / 2];
        new Random(1).nextBytes(want);
        String sha = FakeHub.hash("SHA-256", want);
        Path partial = repository().resolve("blobs/" + sha + ".soup-incomplete");
        byte[] second = new byte[2 * Transfer.PIECE];
        System.arraycopy(want, Transfer.PIECE, second, Transfer.PIECE, Transfer.PIECE);
        Files.write(partial, second);
        Files.writeString(repository().resolve("blobs/" + sha + ".soup-pieces"), "1.\n2");
        int before = hub.requests().size();
        Pull.Result result = pull(UNET);
        assertThat(Files.readAllBytes(result.place().resolve(UNET))).isEqualTo(want);
        List<String> asked = hub.requests().subList(before, hub.requests().size());
        assertThat(asked.stream().filter(r -> r.startsWith("store")))
                .as("the piece that was there is not asked for")
                .hasSize(2)
                .noneMatch(r -> r.contains("=" + Transfer.PIECE + "-"));
    }

    @Test
    void wrongBytesAreNeverKept() throws IOException {
        hub.trouble(Trouble.WRONG_BYTE, 1_000_000);
        assertThatThrownBy(() -> pull("tokenizer/vocab.json"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("tokenizer/vocab.json came twice with other bytes")
                .hasMessageContaining("HF_ENDPOINT");
        assertThat(below(repository().resolve("blobs"))).isEmpty();
        assertThat(repository().resolve("snapshots")).doesNotExist();
    }

    @Test
    void theTokenGoesToTheHubAlone() throws IOException {
        hub.needsToken("secret");
        assertThatThrownBy(() -> pull())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("HF_TOKEN")
                .hasMessageContaining("licence");
        pull(new Pull.Request(FakeHub.REPOSITORY, "main", List.of(), ""), Optional.of("secret"));
        assertThat(hub.tokensAtStore()).isEmpty();
        assertThat(hub.requests()).anyMatch(r -> r.startsWith("store"));
    }

    @Test
    void variantsAndFilesAreChosen() throws IOException {
        Pull.Result half =
                pull(
                        new Pull.Request(FakeHub.REPOSITORY, "main", List.of(), "fp16"),
                        Optional.empty());
        assertThat(below(half.place()))
                .contains("unet/diffusion_pytorch_model.fp16.safetensors")
                .contains("text_encoder/model-00001-of-00002.safetensors")
                .doesNotContain(UNET);
        assertThatThrownBy(() ->
                        pull(
                                new Pull.Request(FakeHub.REPOSITORY, "main", List.of(), "fp61"),
                                Optional.empty()))
                .hasMessageContaining("fp61");
        assertThatThrownBy(() -> pull("unet/none.bin"))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("unet/none.bin");
        assertThat(pull("v1.ckpt").files()).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"../../outside", "/etc/passwd", "a//b", "a/./b", "..", "a\\b", "a\nb", ""})
    void aPathThatLeadsOutIsRefused(String path) {
        hub.lists(path);
        assertThatThrownBy(() -> pull())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("no repository may hold");
        assertThat(temp.resolve("models--org--model/snapshots")).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"file:///etc/passwd", "ftp://127.0.0.1/x"})
    void aRedirectElsewhereThanTheWebIsNotFollowed(String target) {
        hub.redirectsTo(target);
        assertThatThrownBy(() -> pull(UNET))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("not safe to follow");
    }

    @ParameterizedTest
    @ValueSource(strings = {"model", "a/b/c", "../x", "org/..", "org/mo del", "-o/x"})
    void aNameThatIsNoneIsRefused(String name) {
        assertThatThrownBy(() -> new Pull.Request(name, "main", List.of(), ""))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("ORGANISATION/MODEL");
    }

    @Test
    void whatIsNotThereIsSaid() {
        assertThatThrownBy(() ->
                        pull(
                                new Pull.Request("org/other", "main", List.of(), ""),
                                Optional.empty()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("There is no model org/other");
        hub.close();
        assertThatThrownBy(() -> pull())
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("HF_ENDPOINT");
        assertThatThrownBy(() -> new Hub("not a hub", Optional.empty()))
                .isInstanceOf(SoupException.class)
                .hasMessageContaining("https://huggingface.co");
    }

    @Test
    void theCacheIsWhereTheEnvironmentSays() {
        assertThat(Pull.cacheOf(Map.of("HF_HUB_CACHE", "/a", "HF_HOME", "/b"))).hasToString("/a");
        assertThat(Pull.cacheOf(Map.of("HF_HOME", "/b"))).hasToString("/b/hub");
        assertThat(Pull.cacheOf(Map.of("XDG_CACHE_HOME", "/c"))).hasToString("/c/huggingface/hub");
        assertThat(Pull.cacheOf(Map.of()).toString()).endsWith(".cache/huggingface/hub");
    }
}
