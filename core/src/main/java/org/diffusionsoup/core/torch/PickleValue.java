package org.diffusionsoup.core.torch;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.diffusionsoup.core.tensor.DType;

/**
 * What a pickle may build here. Collections are classes with identity, never hashed or compared: a
 * hostile pickle can nest them in themselves.
 */
sealed interface PickleValue {
    /** The value's kind in words, for messages. */
    String kind();

    /** An integer that fits 64 bits. */
    record Int(long value) implements PickleValue {
        @Override
        public String kind() {
            return "an integer";
        }
    }

    /** A string. */
    record Text(String value) implements PickleValue {
        @Override
        public String kind() {
            return "a string";
        }
    }

    /** A list or a tuple. */
    final class Sequence implements PickleValue {
        final List<PickleValue> items;
        final boolean list;

        Sequence(List<PickleValue> items, boolean list) {
            this.items = items;
            this.list = list;
        }

        @Override
        public String kind() {
            return list ? "a list" : "a tuple";
        }
    }

    /** A dict or an OrderedDict: keys and values in order of assignment, repeats included. */
    final class Dict implements PickleValue {
        final List<PickleValue> keys = new ArrayList<>();
        final List<PickleValue> values = new ArrayList<>();

        /** The value last assigned to a string key. */
        Optional<PickleValue> get(String key) {
            for (int i = keys.size() - 1; i >= 0; i--) {
                if (keys.get(i) instanceof Text(String k) && k.equals(key)) {
                    return Optional.of(values.get(i));
                }
            }
            return Optional.empty();
        }

        @Override
        public String kind() {
            return "a dict";
        }
    }

    /** A name on the allow-list. */
    record Global(String name, PickleGlobals.Role role, Optional<DType> dtype)
            implements PickleValue {
        @Override
        public String kind() {
            return name;
        }
    }

    /**
     * Bytes that lie in the archive under {@code data/KEY}.
     *
     * @param dtype element type, empty of an untyped storage, whose elements are bytes
     * @param elements its length as the pickle claims it
     */
    record Storage(String key, Optional<DType> dtype, long elements) implements PickleValue {
        @Override
        public String kind() {
            return "a storage";
        }
    }

    /**
     * A view of a storage.
     *
     * @param offset first element, counted in elements of {@code dtype}
     * @param shape dimensions
     * @param strides distance of neighbours along each dimension, in elements
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared, written once
    record Tensor(Storage storage, DType dtype, long offset, long[] shape, long[] strides)
            implements PickleValue {
        @Override
        public String kind() {
            return "a tensor";
        }
    }

    /** Something harmless that no tensor needs: a float, a set, a NumPy scalar. */
    record Opaque(String kind) implements PickleValue {}
}
