package org.diffusionsoup.core.tensor;

import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Element types of a tensor, under the names that safetensors headers use. Little-endian. */
public enum DType {
    F64(8, true),
    F32(4, true),
    F16(2, true),
    BF16(2, true),
    F8_E4M3(1, true),
    F8_E5M2(1, true),
    I64(8, false),
    I32(4, false),
    I16(2, false),
    I8(1, false),
    U64(8, false),
    U32(4, false),
    U16(2, false),
    U8(1, false),
    BOOL(1, false);

    private static final Map<String, DType> BY_NAME =
            Stream.of(values()).collect(Collectors.toUnmodifiableMap(Enum::name, d -> d));

    private final int bytes;
    private final boolean isFloat;

    DType(int bytes, boolean isFloat) {
        this.bytes = bytes;
        this.isFloat = isFloat;
    }

    /** Size of one element in bytes. */
    public int bytes() {
        return bytes;
    }

    /** Whether elements are floating-point numbers. */
    public boolean isFloat() {
        return isFloat;
    }

    /** The name in a safetensors header, such as {@code "BF16"}. */
    public String safetensorsName() {
        return name();
    }

    /** The dtype of that safetensors name, empty for names this version does not know. */
    public static Optional<DType> ofSafetensorsName(String name) {
        return Optional.ofNullable(BY_NAME.get(name));
    }
}
