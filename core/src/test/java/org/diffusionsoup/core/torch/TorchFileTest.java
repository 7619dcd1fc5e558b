package org.diffusionsoup.core.torch;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.InstanceOfAssertFactories.type;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.UnsafePickleException;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.Checkpoint.Layout;
import org.diffusionsoup.core.checkpoint.CheckpointWriter;
import org.diffusionsoup.core.checkpoint.DiffusersFolder;
import org.diffusionsoup.core.checkpoint.WeightFile;
import org.diffusionsoup.core.io.JsonValue;
import org.diffusionsoup.core.io.JsonValue.JsonArray;
import org.diffusionsoup.core.io.JsonValue.JsonNumber;
import org.diffusionsoup.core.io.JsonValue.JsonObject;
import org.diffusionsoup.core.safetensors.SafetensorsFile;
import org.diffusionsoup.core.safetensors.SafetensorsTest;
import org.diffusionsoup.core.safetensors.SafetensorsWriter;
import org.diffusionsoup.core.safetensors.StateDict;
import org.diffusionsoup.core.soup.SouperTest;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.tensor.TensorEntry;
import org.diffusionsoup.core.tensor.TensorSource;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** PyTorch files: real ones from PyTorch (see resources/torch/README.md) and hand-made ones. */
public class TorchFileTest {
    public static final Path REAL = Path.of("src/test/resources/torch");

    @TempDir Path dir;

    private Path file() {
        return dir.resolve("x.ckpt");
    }

    private static byte[] read(TensorSource s, String name, long from, long n) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment into = arena.allocate(n);
            s.read(name, from, into);
            return into.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"plain.pt", "protocol3.pt", "protocol4.pt", "module.bin", "lightning.ckpt"})
    void filesOfPyTorchHoldWhatPyTorchSays(String name) {
        JsonObject all =
                (JsonObject)
                        JsonValue.readObject(REAL.resolve("expected.json")).get(name).orElseThrow();
        try (Checkpoint c = Checkpoint.open(REAL.resolve(name))) {
            assertThat(c.layout()).isEqualTo(Layout.TORCH);
            TensorSource s = c.part("");
            assertThat(s.tensors().keySet())
                    .containsExactlyInAnyOrderElementsOf(all.fields().keySet());
            s.tensors()
                    .forEach((key, info) -> {
                        JsonObject e = (JsonObject) all.fields().get(key);
                        byte[] bytes = HexFormat.of().parseHex(e.string("hex").orElseThrow());
                        assertThat(torchName(info.dtype()))
                                .isEqualTo(e.string("dtype").orElseThrow());
                        assertThat(info.shape()).as(key).containsExactly(shape(e));
                        assertThat(read(s, key, 0, bytes.length)).as(key).isEqualTo(bytes);
                        for (int from = 0; from < bytes.length; from += 3) {
                            int n = Math.min(7, bytes.length - from);
                            assertThat(read(s, key, from, n))
                                    .as("%s from %d", key, from)
                                    .isEqualTo(java.util.Arrays.copyOfRange(bytes, from, from + n));
                        }
                        assertThatThrownBy(() -> read(s, key, 1, bytes.length))
                                .isInstanceOf(SoupException.class);
                    });
            s.checkUnchanged();
        }
    }

    private static long[] shape(JsonObject e) {
        return ((JsonArray) e.fields().get("shape"))
                .items().stream().mapToLong(n -> ((JsonNumber) n).value().longValue()).toArray();
    }

    private static String torchName(DType d) {
        return switch (d) {
            case BF16 -> "bfloat16";
            case BOOL -> "bool";
            case F8_E4M3 -> "float8_e4m3fn";
            case F8_E5M2 -> "float8_e5m2";
            case U64, U32, U16, U8 -> "uint" + 8 * d.bytes();
            case I64, I32, I16, I8 -> "int" + 8 * d.bytes();
            case F64, F32, F16 -> "float" + 8 * d.bytes();
        };
    }

    @Test
    void aStateDictMayBeNamedModelOrBeTheOnlyDict() {
        for (String name : List.of("nested.pt", "nested-other.pt")) {
            try (Checkpoint nested = Checkpoint.open(REAL.resolve(name))) {
                assertThat(nested.part("").tensors()).containsOnlyKeys("w");
            }
        }
    }

    @Test
    void otherFilesOfPyTorchAreRefusedPlainly() {
        refused("old-format.pt", "before version 1.6");
        assertThatThrownBy(() -> Checkpoint.open(REAL.resolve("whole-module.pt")))
                .isInstanceOf(UnsafePickleException.class)
                .hasMessageContaining("torch.nn.modules.container.Sequential");
    }

    /** A shard of pictures is one, too. */
    @Test
    void aTarThatIsNoneOfPyTorchIsCalledATar(@TempDir Path dir) throws IOException {
        byte[] tar = new byte[2048];
        System.arraycopy("000001.png".getBytes(StandardCharsets.US_ASCII), 0, tar, 0, 10);
        System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
        Path file = Files.write(dir.resolve("renamed.safetensors"), tar);
        assertThatThrownBy(() -> Checkpoint.open(file))
                .isExactlyInstanceOf(SoupException.class)
                .hasMessageContaining(file + " is a tar archive and no checkpoint");
    }

    private void refused(String name, String... words) {
        assertThatThrownBy(() -> Checkpoint.open(REAL.resolve(name)))
                .isExactlyInstanceOf(SoupException.class)
                .hasMessageContaining(name)
                .hasMessageContainingAll(words);
    }

    @Test
    void eightBitFloatsComeThroughUntypedStorages() {
        TorchWriter w = new TorchWriter().op("}(").text("w");
        w.global("torch._utils", "_rebuild_tensor_v3").op("(");
        w.storageId("UntypedStorage", "0", 6).number(2).numbers(2, 2).numbers(1, 2);
        w.raw(0x89).op("}").global("torch", "float8_e4m3fn").op("tRu.");
        w.storage("0", new byte[] {0, 1, 2, 3, 4, 5}).save(file());
        try (TorchFile f = TorchFile.open(file())) {
            assertThat(f.tensor("w").dtype()).isEqualTo(DType.F8_E4M3);
            assertThat(read(f, "w", 0, 4)).containsExactly(2, 4, 3, 5);
        }
    }

    /** As the same file in safetensors, with C64: nothing in it asks to run anything. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "ComplexFloatStorage",
                "ComplexDoubleStorage",
                "QInt8Storage",
                "QUInt4x2Storage",
                "complex64",
                "quint8",
                "float8_e4m3fnuz",
                "float4_e2m1fn_x2",
                "_utils._rebuild_sparse_tensor"
            })
    void tensorsOfAnotherKindAreNotReadAndNoAttack(String name) {
        TorchWriter w = new TorchWriter().op("}(").text("w");
        w.global("torch._utils", "_rebuild_tensor_v3").op("(");
        w.global("torch" + (name.startsWith("_") ? "._utils" : ""), name.replace("_utils.", ""));
        w.op("tRu.").save(file());
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isExactlyInstanceOf(SoupException.class)
                .hasMessageContainingAll(
                        "x.ckpt has tensors of torch." + name,
                        "not read; the dtypes that are: F64,");
    }

    @Test
    void aZipMayBeCalledAnythingAndANameMeansNothing() throws IOException {
        Path odd = TorchWriter.withW().op("u.").save(dir.resolve("x.safetensors"));
        try (Checkpoint c = Checkpoint.open(odd)) {
            assertThat(c.layout()).isEqualTo(Layout.TORCH);
        }
        assertThatThrownBy(() -> SafetensorsFile.open(odd)).hasMessageContaining("PyTorch file");
        SafetensorsWriter.write(
                file(), Map.of(), List.of(TensorEntry.ofFloats("w", new long[] {1}, 1)));
        try (Checkpoint c = Checkpoint.open(file())) {
            assertThat(c.layout()).isEqualTo(Layout.SAFETENSORS);
        }
        Files.writeString(file(), "<html>not found</html>");
        assertThatThrownBy(() -> Checkpoint.open(file()))
                .isExactlyInstanceOf(SoupException.class)
                .hasMessageContainingAll("x.ckpt", "HTML page");
    }

    @Test
    void aComponentMayHaveItsWeightsAsBinOnly() throws IOException {
        Path folder = dir.resolve("pipeline");
        DiffusersFolder.open(SouperTest.TINY).copyTo(folder, false, Map.of());
        Files.delete(folder.resolve("vae/diffusion_pytorch_model.safetensors"));
        Files.writeString(folder.resolve("vae/training_args.bin"), "not weights");
        assertThatThrownBy(() -> Checkpoint.open(folder)).hasMessageContaining("'vae'");
        TorchWriter.withW().op("u.").save(folder.resolve("vae/diffusion_pytorch_model.bin"));
        try (Checkpoint c = Checkpoint.open(folder)) {
            assertThat(c.part("vae").tensors()).containsOnlyKeys("w");
            assertThat(c.part("vae").files())
                    .containsExactly(folder.resolve("vae/diffusion_pytorch_model.bin"));
            Path out = dir.resolve("out");
            TensorEntry e = TensorEntry.ofFloats("w", new long[] {1}, 1);
            CheckpointWriter.DEFAULT.write(
                    c, Map.of("vae", new StateDict(Map.of(), List.of(e))), out);
            assertThat(SafetensorsTest.list(out.resolve("vae")))
                    .containsExactly("config.json", "diffusion_pytorch_model.safetensors");
        }
    }

    @Test
    void aFileCutWhileItIsReadIsNoticed() throws IOException {
        Path copy = dir.resolve("copy.pt");
        Files.copy(REAL.resolve("plain.pt"), copy);
        try (TorchFile f = TorchFile.open(copy);
                FileChannel c = FileChannel.open(copy, StandardOpenOption.WRITE)) {
            c.truncate(2000);
            for (String name : List.of("permuted", "shared_tail")) {
                assertThatThrownBy(() -> read(f, name, 0, f.tensor(name).byteSize()))
                        .isInstanceOf(SoupException.class)
                        .hasMessageContainingAll("copy.pt", "shorter");
            }
            assertThatThrownBy(f::checkUnchanged).hasMessageContaining("changed its size");
        }
    }

    /** Opcodes after {@code PROTO 2}, with | for a newline, and what they try to call. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            quoteCharacter = '`',
            value = {
                "cposix|system|(S'echo'|tR. ! posix.system ! 2",
                "c__builtin__|eval|(S'1'|tR. ! __builtin__.eval ! 2",
                "cbuiltins|eval|(S'1'|tR. ! builtins.eval ! 2",
                "S'posix'|S'system'|\u0093(S'x'|tR. ! posix.system ! 21",
                "S'os'|S'system.__call__'|\u0093. ! os.system.__call__ ! 27",
                "}(X\u0001\u0000\u0000\u0000wcnt|system|u. ! nt.system ! 10",
                "(S'echo'|iposix|system|. ! posix.system ! 11",
                "(cos|system|S'x'|o. ! os.system ! 3",
                "(ccollections|OrderedDict|o. ! collections.OrderedDict ! 28",
                "ccollections|OrderedDict|)\u0081. ! collections.OrderedDict ! 28",
                "ccollections|OrderedDict|)}\u0092. ! collections.OrderedDict ! 29",
                "ccollections|OrderedDict|)R(cposix|system|tR. ! posix.system ! 30",
                "}S'x'|cposix|system|sb. ! posix.system ! 8",
                "ctorch|FloatStorage|)R. ! torch.FloatStorage ! 23",
                "ctorch|FloatStorage|}b. ! torch.FloatStorage ! 23",
                "ctorch._utils|_rebuild_parameter|}b. ! _rebuild_parameter ! 36",
                "ctorch|load|. ! torch.load ! 2",
                "ctorch.storage|_load_from_bytes|. ! torch.storage._load_from_bytes ! 2",
                "cnumpy.core.multiarray|fromfile|. ! numpy.core.multiarray.fromfile ! 2",
                "Psome id|. ! persistent id some id ! 2",
                "(S'module'|S'x'|tQ. ! persistent id module ! 19",
                "\u0082\u0001. ! extension code 1 ! 2",
                "S'text'|)R. ! text ! 11",
            })
    void nothingOutsideTheListIsCalled(String opcodes, String callee, long offset) {
        TorchWriter w = new TorchWriter();
        for (char c : opcodes.replace('|', '\n').toCharArray()) {
            w.raw(c);
        }
        w.save(file());
        assertThatThrownBy(() -> Checkpoint.open(file()))
                .asInstanceOf(type(UnsafePickleException.class))
                .satisfies(e -> {
                    assertThat(e.callee()).contains(callee);
                    assertThat(e.offset()).isEqualTo(offset);
                    assertThat(e).hasMessageContainingAll("x.ckpt", callee, "nothing was");
                });
    }

    @Test
    void aHiddenCallBesideAStateDictIsFoundToo() {
        TorchWriter w = new TorchWriter().op("}(").text("state_dict").op("}(").text("w");
        w.tensor("0", 2, 0, new long[] {2}, new long[] {1}).op("u").text("callbacks");
        w.storage("0", TorchWriter.floats(1, 2)).global("runpy", "_run_code").op(")Ru.");
        w.save(file());
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(UnsafePickleException.class)
                .hasMessageContaining("'runpy._run_code'");
    }

    @Test
    void compressedEntriesAreRefusedByName() {
        TorchWriter.zip(
                file(),
                Map.of("archive/data.pkl", TorchWriter.withW().op("u.").pickle()),
                ZipEntry.DEFLATED);
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContainingAll("archive/data.pkl", "deflated");
    }

    /**
     * A zip reader that looks for the last mark of an end, as PyTorch's does, sees another file.
     */
    @Test
    void aCommentMayNotHideAnotherDirectory() throws IOException {
        Path other = TorchWriter.withW().op("u.").save(dir.resolve("other.pt"));
        byte[] hidden = Files.readAllBytes(other);
        byte[] shown = Files.readAllBytes(TorchWriter.withW().op("u.").save(file()));
        ByteBuffer all =
                ByteBuffer.allocate(shown.length + hidden.length).order(ByteOrder.LITTLE_ENDIAN);
        all.put(shown).put(hidden);
        all.putShort(shown.length - 2, (short) hidden.length);
        Files.write(file(), all.array());
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(MalformedCheckpointException.class);

        all.putShort(shown.length - 2, (short) 3);
        Files.write(file(), Arrays.copyOf(all.array(), shown.length + 3));
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContaining("without a comment");
    }

    /** PyTorch finds entries whatever their case, and below the folder of the first one. */
    @Test
    void namesThatPyTorchTakesForOneAnotherAreRefused() {
        byte[] pickle = TorchWriter.withW().op("u.").pickle();
        Map<String, byte[]> entries = new LinkedHashMap<>();
        entries.put("archive/data.pkl", pickle);
        entries.put("archive/data/0", TorchWriter.floats(1, 1));
        entries.put("archive/DATA/0", TorchWriter.floats(2, 2));
        TorchWriter.zip(file(), entries, ZipEntry.STORED);
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContainingAll("archive/DATA/0", "upper and lower case");

        entries.remove("archive/DATA/0");
        entries.put("Archive/version", new byte[] {'3'});
        TorchWriter.zip(file(), entries, ZipEntry.STORED);
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContaining("one folder");
    }

    /** Bit 5 marks patched data, which PyTorch's reader does not take. */
    @ParameterizedTest
    @ValueSource(ints = {0x20, 0x01, 0x40, 0x2000, 0x8000})
    void flagsThatPyTorchRefusesAreRefused(int flag) throws IOException {
        byte[] file = Files.readAllBytes(TorchWriter.withW().op("u.").save(file()));
        for (int at = 0; at + 4 < file.length; at++) {
            if (file[at] == 'P' && file[at + 1] == 'K' && file[at + 2] == 1 && file[at + 3] == 2) {
                file[at + 8] |= (byte) flag;
                file[at + 9] |= (byte) (flag >> 8);
            }
        }
        Files.write(file(), file);
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContaining("plain bytes");
    }

    /** PyTorch reads a storage once, as the type it is first asked for. */
    @Test
    void aStorageHasOneType() {
        TorchWriter w = TorchWriter.withW().text("n");
        w.global("torch._utils", "_rebuild_tensor_v2").op("(").storageId("IntStorage", "0", 2);
        w.number(0).numbers(2).numbers(1).raw(0x89).global("collections", "OrderedDict");
        w.op(")RtRu.").save(file());
        assertThatThrownBy(() -> TorchFile.open(file()))
                .isInstanceOf(MalformedCheckpointException.class)
                .hasMessageContaining("storage '0' of one type and size");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '!',
            quoteCharacter = '`',
            value = {
                "cposix|system|(S'echo'|tR. ! posix.system", // protocol 0
                "(dp0|S'w'|cbuiltins|exec|(S'1'|tRs. ! builtins.exec",
                "\u0080\u0002cos|system|X\u0001\u0000\u0000\u0000x\u0085R. ! os.system",
                "\u0080\u0004\u008c\u0002os\u008c\u0006system\u0093. ! os.system",
                "\u0080\u0005\u008c\u0002os\u008c\u0006system\u0093. ! os.system",
                // The second pickle of several, as files before PyTorch 1.6 have them.
                "\u0080\u0002K\u0001.\u0080\u0002}.\u0080\u0002csubprocess|Popen|. ! subprocess.Popen",
            })
    void whatABarePickleCallsIsNamed(String opcodes, String callee) throws IOException {
        String pickle = opcodes.replace('|', '\n');
        for (String name : List.of("x.pt", "x.ckpt", "x.pkl")) {
            Path bare =
                    Files.write(dir.resolve(name), pickle.getBytes(StandardCharsets.ISO_8859_1));
            assertThatThrownBy(() -> WeightFile.open(bare))
                    .isInstanceOf(UnsafePickleException.class)
                    .hasMessageContaining("'" + callee + "'");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"checkpoint not found\nsorry\n", "Page not found", "is it here\nno\n"})
    void aLetterIsNoPickle(String text) throws IOException {
        Path letter = Files.writeString(dir.resolve("x.pt"), text);
        assertThatThrownBy(() -> WeightFile.open(letter)).hasMessageContaining("is a text");
    }
}
