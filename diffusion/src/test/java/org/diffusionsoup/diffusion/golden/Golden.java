package org.diffusionsoup.diffusion.golden;

import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import org.diffusionsoup.diffusion.torch.Tensor;

/** One manifest of reference numbers with the tensors beside it. */
public final class Golden {
    /** For outputs whose manifest states no tolerance, as the reference's README says. */
    private static final double DEFAULT_TOLERANCE = 1e-5;

    private final Reference reference;
    private final Path manifestFile;
    private final JsonNode manifest;
    private final TensorFile file;

    Golden(Reference reference, Path manifestFile) {
        this.reference = reference;
        this.manifestFile = manifestFile;
        this.manifest = Reference.json(manifestFile);
        this.file = new TensorFile(tensorsBeside(manifestFile));
    }

    static Path tensorsBeside(Path manifestFile) {
        String name = manifestFile.getFileName().toString();
        return manifestFile.resolveSibling(
                name.substring(0, name.length() - ".json".length()) + ".safetensors");
    }

    /**
     * @return the manifest's path below {@code goldens} without ending, such as {@code
     *     tiny-sd15/unet}
     */
    public String name() {
        String path = reference.root().resolve("goldens").relativize(manifestFile).toString();
        return path.substring(0, path.length() - ".json".length()).replace('\\', '/');
    }

    /**
     * @return the pipeline folder that the numbers were computed with: {@code pipelines/} and the
     *     name of the folder that holds the manifest
     */
    public Path pipeline() {
        return reference.require("pipelines/" + manifestFile.getParent().getFileName());
    }

    /**
     * @return the reference folder
     */
    public Reference reference() {
        return reference;
    }

    /**
     * @return the whole manifest
     */
    public JsonNode manifest() {
        return manifest;
    }

    /**
     * @return names of all tensors, in the manifest's order
     */
    public List<String> tensors() {
        List<String> names = new ArrayList<>();
        manifest.path("tensors").fieldNames().forEachRemaining(names::add);
        return names;
    }

    /**
     * Names of tensors that begin with a prefix, without it.
     *
     * @param prefix such as {@code case0.act.}
     * @return the rest of each name, in the manifest's order
     */
    public List<String> tensorsUnder(String prefix) {
        return tensors().stream()
                .filter(name -> name.startsWith(prefix))
                .map(name -> name.substring(prefix.length()))
                .toList();
    }

    /**
     * The cases of a manifest whose tensors are called {@code CASE.WHAT}.
     *
     * @param what a tensor that every wanted case has, such as {@code sample}
     * @return the names before {@code .WHAT}, sorted
     */
    public List<String> casesWith(String what) {
        TreeSet<String> cases = new TreeSet<>();
        for (String name : tensors()) {
            int dot = name.indexOf('.');
            if (dot > 0 && name.substring(dot + 1).equals(what)) {
                cases.add(name.substring(0, dot));
            }
        }
        return List.copyOf(cases);
    }

    /**
     * @param tensor name
     * @return whether it is there
     */
    public boolean has(String tensor) {
        return file.has(tensor);
    }

    /**
     * @param tensor name
     * @return its shape
     */
    public long[] shape(String tensor) {
        return file.shape(tensor);
    }

    /**
     * @param tensor name
     * @return elements, row-major; integers are converted
     */
    public float[] floats(String tensor) {
        return file.floats(tensor);
    }

    /**
     * @param tensor name of an integer tensor (I64 or U8)
     * @return elements, row-major
     */
    public long[] longs(String tensor) {
        return file.longs(tensor);
    }

    /**
     * @param tensor name
     * @return a new float32 tensor, or int64 where the file holds integers
     */
    public Tensor tensor(String tensor) {
        Tensor flat =
                file.dtype(tensor).equals("F32")
                        ? Tensor.of(floats(tensor))
                        : Tensor.of(longs(tensor));
        return flat.reshape(shape(tensor));
    }

    /**
     * The absolute tolerance of a tensor.
     *
     * @param tensor name
     * @return the manifest's {@code atol}; 0 for integers; 1e-5 where none is stated
     */
    public double atol(String tensor) {
        if (!file.dtype(tensor).equals("F32")) {
            return 0;
        }
        return manifest.path("tensors").path(tensor).path("atol").asDouble(DEFAULT_TOLERANCE);
    }

    /**
     * Asserts that a computed tensor is the golden one within its tolerance.
     *
     * @param tensor golden name
     * @param actual computed tensor, any layout
     */
    public void assertClose(String tensor, Tensor actual) {
        assertClose(tensor, actual.toFloatArray(), actual.shape());
    }

    /**
     * Asserts that computed numbers are the golden ones within their tolerance.
     *
     * @param tensor golden name
     * @param actual computed numbers, row-major
     * @param shape their shape
     */
    public void assertClose(String tensor, float[] actual, long... shape) {
        assertClose(tensor, actual, atol(tensor), shape);
    }

    /**
     * As above with a tolerance of the caller's, who says why it is another.
     *
     * @param tensor golden name
     * @param actual computed numbers, row-major
     * @param atol absolute tolerance
     * @param shape their shape
     */
    public void assertClose(String tensor, float[] actual, double atol, long... shape) {
        String where = name() + " " + tensor;
        if (!Arrays.equals(shape, shape(tensor))) {
            fail(
                    where
                            + ": the shape is "
                            + Arrays.toString(shape)
                            + ", expected "
                            + Arrays.toString(shape(tensor)));
        }
        double[] wide = new double[actual.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = actual[i];
        }
        Closeness.check(where, floats(tensor), wide, atol, shape);
    }
}
