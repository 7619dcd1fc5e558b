package org.diffusionsoup.core.checkpoint;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;
import org.diffusionsoup.core.SoupException;

/**
 * Single files of the EDM formulation (Karras et al. 2022): they have SDXL's shapes, and noise
 * levels, scalings of the denoiser's input and output, and for Playground v2.5 also statistics of
 * the latents, of their own. Known by the tensors that diffusers' {@code from_single_file} and
 * ComfyUI know them by.
 */
public final class EdmModels {
    private static final String EDM = "EDM";

    /** Tensors that such files have beside SDXL's, and what each says is predicted. */
    static final SequencedMap<String, String> MARKS = marks();

    private EdmModels() {}

    private static SequencedMap<String, String> marks() {
        SequencedMap<String, String> marks = new LinkedHashMap<>();
        String velocity = EDM + " with v_prediction";
        marks.put("edm_mean", EDM);
        marks.put("edm_std", EDM);
        marks.put("edm_vpred.sigma_max", velocity);
        marks.put("edm_vpred.sigma_min", velocity);
        return Collections.unmodifiableSequencedMap(marks);
    }

    /** What a file with these tensors predicts, if it is such a model. */
    static Optional<TrainingObjective> objective(Set<String> tensors) {
        return mark(tensors)
                .map(m ->
                        new TrainingObjective(
                                Optional.of(m.getValue()),
                                false,
                                "its tensor '" + m.getKey() + "'"));
    }

    private static Optional<Map.Entry<String, String>> mark(Set<String> tensors) {
        return MARKS.entrySet().stream().filter(m -> tensors.contains(m.getKey())).findFirst();
    }

    /**
     * Refuses a single file that is such a model: nothing here draws with it or trains it, and
     * taken for another kind it draws noise.
     *
     * @throws SoupException naming the file, the tensor and what it says
     */
    public static void refuse(Checkpoint single) {
        mark(single.part("").tensors().keySet())
                .ifPresent(m -> {
                    String like = m.getValue().equals(EDM) ? "Playground v2.5" : "CosXL";
                    throw new SoupException(
                            "%s is a model of the EDM formulation, as %s is: its tensor '%s' says so. Such models are neither run nor converted; use one of SDXL that predicts epsilon or v_prediction."
                                    .formatted(single.path(), like, m.getKey()));
                });
    }
}
