package org.diffusionsoup.eval;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.diffusionsoup.core.checkpoint.Checkpoint;
import org.diffusionsoup.core.checkpoint.WeightsHash;
import org.diffusionsoup.core.tensor.TensorInfo;
import org.diffusionsoup.core.tensor.TensorSource;
import org.diffusionsoup.diffusion.nn.Init;
import org.diffusionsoup.diffusion.nn.Names;
import org.diffusionsoup.diffusion.nn.Parameter;
import org.diffusionsoup.diffusion.nn.Parameters;
import org.diffusionsoup.diffusion.nn.Weights;

/**
 * LAION's aesthetic predictors on a CLIP's unit image embedding, their sizes read from the file:
 * the five layers of {@code sac+logos+ava1-l14-linearMSE} ({@code layers.0.weight} …), or the one
 * of the first version ({@code weight}, {@code bias}). Neither has activations between its layers,
 * so that the whole head is one scalar product, which is what is kept here, in double precision.
 *
 * @param weightsSha256 content hash of the file's tensors
 * @param layers in the file
 * @param factors one per dimension of the embedding
 * @param constant added to the product
 */
@SuppressWarnings("ArrayRecordComponent") // never handed out
record AestheticHead(String weightsSha256, int layers, double[] factors, double constant) {
    private static final Pattern LAYER = Pattern.compile("(?:layers\\.(\\d+)\\.)?weight");

    /**
     * Reads a head from safetensors or a PyTorch file.
     *
     * @throws EvalException if its tensors are not a chain of layers that ends in one number
     */
    static AestheticHead read(Path file) {
        try (Checkpoint checkpoint = Checkpoint.open(file)) {
            TensorSource source = checkpoint.part("");
            Names root = Names.root();
            List<Parameter[]> chain = declare(file, source, root);
            try (Parameters all = root.parameters().allocate()) {
                Weights.load(all, source, name -> name);
                return collapse(chain, WeightsHash.of(source));
            }
        }
    }

    private static List<Parameter[]> declare(Path file, TensorSource source, Names root) {
        Map<Integer, String> weights = new TreeMap<>();
        for (String name : source.tensors().keySet()) {
            Matcher m = LAYER.matcher(name);
            if (m.matches()) {
                weights.put(m.group(1) == null ? 0 : Integer.parseInt(m.group(1)), name);
            }
        }
        List<Parameter[]> chain = new ArrayList<>();
        long out = -1;
        for (String name : weights.values()) {
            TensorInfo info = source.tensor(name);
            String bias = name.substring(0, name.length() - "weight".length()) + "bias";
            long[] shape = info.shape();
            if (shape.length != 2
                    || (out >= 0 && shape[1] != out)
                    || !source.tensors().containsKey(bias)) {
                throw misfit(file);
            }
            out = shape[0];
            chain.add(
                    new Parameter[] {
                        root.parameter(name, Init.ZERO, shape),
                        root.parameter(bias, Init.ZERO, shape[0])
                    });
        }
        if (out != 1) {
            throw misfit(file);
        }
        return chain;
    }

    private static EvalException misfit(Path file) {
        return new EvalException(
                file
                        + " is no aesthetic head: its tensors must be 'weight' and 'bias', or"
                        + " 'layers.N.weight' and 'layers.N.bias' that follow one another and end"
                        + " in one number.");
    }

    /** From the last layer back: a row times a matrix each. */
    private static AestheticHead collapse(List<Parameter[]> chain, String hash) {
        double[] row = {1};
        double constant = 0;
        for (Parameter[] layer : chain.reversed()) {
            float[] weight = layer[0].value().toFloatArray();
            float[] bias = layer[1].value().toFloatArray();
            int in = weight.length / bias.length;
            double[] before = new double[in];
            for (int o = 0; o < bias.length; o++) {
                constant += row[o] * bias[o];
                for (int i = 0; i < in; i++) {
                    before[i] += row[o] * weight[o * in + i];
                }
            }
            row = before;
        }
        return new AestheticHead(hash, chain.size(), row, constant);
    }

    double score(double[] embedding) {
        double sum = constant;
        for (int i = 0; i < factors.length; i++) {
            sum += factors[i] * embedding[i];
        }
        return sum;
    }
}
