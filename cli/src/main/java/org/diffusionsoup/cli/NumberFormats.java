package org.diffusionsoup.cli;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.diffusion.nn.WeightFormat;
import picocli.CommandLine.TypeConversionException;

/** Number formats as people write them: as safetensors headers do, as torch does, or in short. */
final class NumberFormats {
    private static final Map<String, DType> WORDS =
            Map.of(
                    "FLOAT64", DType.F64,
                    "FP64", DType.F64,
                    "FLOAT32", DType.F32,
                    "FP32", DType.F32,
                    "FLOAT16", DType.F16,
                    "FP16", DType.F16,
                    "HALF", DType.F16,
                    "BFLOAT16", DType.BF16);

    private NumberFormats() {}

    /** A format that weights can be written in. */
    static DType dtype(String word) {
        return of(word).orElseThrow(() -> unknown(word, floats()));
    }

    /** A format that weights can be held in while they are computed with. */
    static WeightFormat weights(String word) {
        List<DType> all = Arrays.stream(WeightFormat.values()).map(WeightFormat::dtype).toList();
        DType d = of(word).filter(all::contains).orElseThrow(() -> unknown(word, all));
        return WeightFormat.values()[all.indexOf(d)];
    }

    private static List<DType> floats() {
        return Arrays.stream(DType.values()).filter(DType::isFloat).toList();
    }

    private static Optional<DType> of(String word) {
        String upper = word.toUpperCase(Locale.ROOT);
        return Optional.ofNullable(WORDS.get(upper))
                .or(() -> DType.ofSafetensorsName(upper).filter(DType::isFloat));
    }

    private static TypeConversionException unknown(String word, List<DType> known) {
        return new TypeConversionException(
                "'%s' is no number format for weights; use one of %s"
                        .formatted(
                                word,
                                String.join(
                                        ", ",
                                        known.stream().map(DType::safetensorsName).toList())));
    }
}
