package org.diffusionsoup.core.torch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.diffusionsoup.core.MalformedCheckpointException;
import org.diffusionsoup.core.SoupException;
import org.diffusionsoup.core.UnsafePickleException;
import org.diffusionsoup.core.tensor.DType;
import org.diffusionsoup.core.torch.PickleValue.Dict;
import org.diffusionsoup.core.torch.PickleValue.Global;
import org.diffusionsoup.core.torch.PickleValue.Int;
import org.diffusionsoup.core.torch.PickleValue.Opaque;
import org.diffusionsoup.core.torch.PickleValue.Sequence;
import org.diffusionsoup.core.torch.PickleValue.Storage;
import org.diffusionsoup.core.torch.PickleValue.Tensor;
import org.diffusionsoup.core.torch.PickleValue.Text;
import org.jspecify.annotations.Nullable;

/**
 * A stack machine for Python's pickle opcodes (protocols 0 to 4, as {@code pickletools} of CPython
 * describes them) that builds descriptions of tensors and nothing else. It has no means to import
 * or call: names are looked up in {@link PickleGlobals}, and what is not there is refused by name.
 */
final class Unpickler {
    /** Longest pickle; the state dict of a large model takes well under 1 MB. */
    static final int MAX_BYTES = 64 << 20;

    private static final int MAX_OPCODES = 2_000_000;
    private static final int MAX_MEMO = 2_000_000;
    private static final int MAX_RANK = 64;
    private static final Pattern PYTHON_NAME = Pattern.compile("[\\p{L}_][\\w.]*\\.[\\p{L}_]\\w*");
    private static final Opaque NONE = new Opaque("None");

    private final Path file;
    private final PickleBytes in;
    private final ArrayList<PickleValue> stack = new ArrayList<>();
    private final ArrayList<Integer> marks = new ArrayList<>();
    private final Set<String> leftOut = new TreeSet<>();
    private final Map<String, Storage> storages = new HashMap<>();
    private boolean bare;
    private @Nullable PickleValue[] memo = new PickleValue[256];
    private int memoized;
    private int at;

    private Unpickler(Path file, byte[] pickle) {
        this.file = file;
        this.in = new PickleBytes(file, pickle);
    }

    /**
     * Reads a whole pickle.
     *
     * @throws UnsafePickleException if it asks for anything that is not on the allow-list
     * @throws MalformedCheckpointException if it is no pickle, or exceeds a limit
     */
    static PickleValue read(Path file, byte[] pickle) {
        return read(file, pickle, new TreeSet<>());
    }

    /**
     * The same.
     *
     * @param leftOut receives the names of the classes whose objects were left out
     */
    static PickleValue read(Path file, byte[] pickle, Set<String> leftOut) {
        Unpickler reader = new Unpickler(file, pickle);
        PickleValue top = reader.run();
        leftOut.addAll(reader.leftOut);
        return top;
    }

    /**
     * Looks through a file that is nothing but pickles, one after the other, as PyTorch wrote them
     * before version 1.6 and as anybody can write them: what the first of them that is no part of a
     * state dict calls is named. What cannot be followed to its end is passed over, since such a
     * file is not read in any case.
     *
     * @throws UnsafePickleException if they ask for anything that is not on the allow-list
     */
    static void scanBare(Path file, byte[] start) {
        Unpickler reader = new Unpickler(file, start);
        reader.bare = true;
        try {
            for (int n = 0; n < MAX_OPCODES && reader.in.remaining() > 0; n++) {
                reader.at = reader.in.position();
                int op = reader.in.u1();
                if (op == '.') {
                    reader.stack.clear();
                    reader.marks.clear();
                    reader.memo = new PickleValue[256];
                    reader.memoized = 0;
                } else {
                    reader.step(op);
                }
            }
        } catch (MalformedCheckpointException e) {
            // The bytes of its storages, or the end of what was read.
        } catch (UnsafePickleException e) {
            // A letter that begins with c or i is not a pickle that imports its first words.
            if (start[0] == (byte) 0x80 || PYTHON_NAME.matcher(e.callee()).matches()) {
                throw e;
            }
        }
    }

    private PickleValue run() {
        for (int n = 0; n < MAX_OPCODES; n++) {
            at = in.position();
            int op = in.u1();
            if (op == '.') {
                PickleValue top = pop();
                if (in.remaining() > 0) {
                    throw bad("nothing after the end", in.remaining() + " more bytes");
                }
                return top;
            }
            step(op);
        }
        throw bad("at most " + MAX_OPCODES + " opcodes", "more");
    }

    private void step(int op) {
        switch (op) {
            case 0x80 -> protocol(in.u1());
            case 0x95 -> in.i8(); // a frame's length only tells how far to read ahead
            case '(' -> marks.add(stack.size());
            case '0' -> pop();
            case '1' -> popMark();
            case '2' -> push(peek());
            case 'N' -> push(NONE);
            case 0x88, 0x89 -> push(new Opaque("a bool"));
            case 'K' -> push(new Int(in.u1()));
            case 'M' -> push(new Int(in.u2()));
            case 'J' -> push(new Int(in.i4()));
            case 0x8a -> push(integer(in.integer(in.u1())));
            case 0x8b -> push(integer(in.integer(in.i4())));
            case 'I', 'L' -> push(integer(parse(in.line())));
            case 'G' -> opaque(8, "a float");
            case 'F' -> {
                in.line();
                push(new Opaque("a float"));
            }
            case 'X' -> push(new Text(in.text(in.u4())));
            case 0x8c -> push(new Text(in.text(in.u1())));
            case 0x8d -> push(new Text(in.text(in.i8())));
            case 'V' -> push(new Text(in.line()));
            case 'S' -> push(new Text(unquote(in.line())));
            case 'U' -> push(oldString(in.u1()));
            case 'T' -> push(oldString(in.i4()));
            case 'C' -> opaque(in.u1(), "bytes");
            case 'B' -> opaque(in.u4(), "bytes");
            case 0x8e, 0x96 -> opaque(in.i8(), "bytes");
            case ')' -> push(new Sequence(List.of(), false));
            case 0x85, 0x86, 0x87 -> tuple(op - 0x84);
            case 't' -> push(new Sequence(popMark(), false));
            case ']' -> push(new Sequence(new ArrayList<>(), true));
            case 'l' -> push(new Sequence(popMark(), true));
            case 'a' -> append(List.of(pop()));
            case 'e' -> append(popMark());
            case '}' -> push(new Dict());
            case 'd' -> {
                List<PickleValue> items = popMark();
                push(new Dict());
                set(items);
            }
            case 's' -> {
                PickleValue value = pop();
                set(List.of(pop(), value));
            }
            case 'u' -> set(popMark());
            case 0x8f -> push(new Opaque("a set"));
            case 0x90 -> {
                popMark();
                expectSet(peek());
            }
            case 0x91 -> {
                popMark();
                push(new Opaque("a set"));
            }
            case 'p' -> put(parse(in.line()).orElse(-1L));
            case 'q' -> put(in.u1());
            case 'r' -> put(in.u4());
            case 0x94 -> put(memoized);
            case 'g' -> push(get(parse(in.line()).orElse(-1L)));
            case 'h' -> push(get(in.u1()));
            case 'j' -> push(get(in.u4()));
            case 'c' -> {
                String module = in.line();
                push(global(module + "." + in.line()));
            }
            case 0x93 -> {
                String name = describe(pop());
                push(global(describe(pop()) + "." + name));
            }
            case 'Q' -> push(storage(pop()));
            case 'R' -> {
                PickleValue args = pop();
                push(call(pop(), args));
            }
            case 'b' -> build();
            case 'P' -> throw unsafe("persistent id " + in.line());
            case 'i' -> {
                String module = in.line();
                throw unsafe(module + "." + in.line());
            }
            case 'o' -> {
                List<PickleValue> items = popMark();
                throw unsafe(items.isEmpty() ? "an empty object" : describe(items.getFirst()));
            }
            case 0x81 -> {
                pop();
                push(object(pop()));
            }
            case 0x92 -> {
                pop();
                pop();
                push(object(pop()));
            }
            case 0x82 -> throw unsafe("extension code " + in.u1());
            case 0x83 -> throw unsafe("extension code " + in.u2());
            case 0x84 -> throw unsafe("extension code " + in.u4());
            default -> throw bad("a pickle opcode of protocol 0 to 4", "byte " + op);
        }
    }

    private void protocol(int version) {
        if (version > 5) {
            throw bad("protocol 0 to 5", "protocol " + version);
        }
    }

    private PickleValue global(String name) {
        if (PickleGlobals.isOfOtherTensors(name)) {
            throw new SoupException(
                    "%s has tensors of %s, which are not read; the dtypes that are: %s. Use a file of the same model in one of these."
                            .formatted(
                                    file,
                                    name,
                                    String.join(
                                            ", ",
                                            Arrays.stream(DType.values())
                                                    .map(DType::name)
                                                    .toList())));
        }
        Global g = PickleGlobals.of(name).orElseThrow(() -> unsafe(name));
        if (PickleGlobals.isTold(g)) {
            leftOut.add(MalformedCheckpointException.clip(name));
        }
        return g;
    }

    /** An object of a class that is left out: nothing is made or run. */
    private PickleValue object(PickleValue of) {
        if (of instanceof Global g && g.role() == PickleGlobals.Role.LEFT_OUT) {
            return new Opaque("a value of " + g.name());
        }
        throw unsafe(describe(of));
    }

    private PickleValue call(PickleValue callee, PickleValue arguments) {
        if (!(callee instanceof Global g)) {
            throw unsafe(describe(callee));
        }
        List<PickleValue> args =
                arguments instanceof Sequence s && !s.list ? s.items : List.of(NONE);
        return switch (g.role()) {
            case ORDERED_DICT -> {
                if (!args.isEmpty()) {
                    throw bad("an OrderedDict made empty", "arguments");
                }
                yield new Dict();
            }
            case REBUILD_TENSOR_V2 -> tensor(args, false);
            case REBUILD_TENSOR_V3 -> tensor(args, true);
            case REBUILD_PARAMETER -> {
                if (args.isEmpty() || !(args.getFirst() instanceof Tensor t)) {
                    throw bad("a parameter made of a tensor", "something else");
                }
                yield t;
            }
            case INERT_CALL, LEFT_OUT -> new Opaque("a value of " + g.name());
            case STORAGE, DTYPE, INERT -> throw unsafe(g.name());
        };
    }

    private Tensor tensor(List<PickleValue> args, boolean untyped) {
        int least = untyped ? 7 : 4;
        if (args.size() < least
                || !(args.get(0) instanceof Storage storage)
                || !(args.get(1) instanceof Int(long offset))
                || storage.dtype().isPresent() == untyped) {
            throw bad("a storage, an offset, a size and strides", "other arguments");
        }
        long[] shape = longs(args.get(2));
        long[] strides = longs(args.get(3));
        if (shape.length != strides.length || offset < 0) {
            throw bad(
                    "as many strides as dimensions and an offset from 0",
                    shape.length + ", " + strides.length + " and " + offset);
        }
        DType dtype =
                untyped && args.get(6) instanceof Global g && g.role() == PickleGlobals.Role.DTYPE
                        ? g.dtype().orElseThrow()
                        : storage.dtype().orElseThrow(() -> bad("a dtype", args.get(6).kind()));
        return new Tensor(storage, dtype, offset, shape, strides);
    }

    private long[] longs(PickleValue value) {
        if (!(value instanceof Sequence s) || s.items.size() > MAX_RANK) {
            throw bad("a tuple of at most " + MAX_RANK + " numbers", value.kind());
        }
        long[] numbers = new long[s.items.size()];
        for (int i = 0; i < numbers.length; i++) {
            if (!(s.items.get(i) instanceof Int(long n)) || n < 0) {
                throw bad("sizes and strides from 0", s.items.get(i).kind());
            }
            numbers[i] = n;
        }
        return numbers;
    }

    /**
     * The only persistent id that PyTorch writes: {@code ('storage', type, key, where, length)}.
     */
    private Storage storage(PickleValue id) {
        if (id instanceof Sequence s
                && (s.items.size() == 5 || bare && s.items.size() == 6)
                && s.items.get(0) instanceof Text(String tag)
                && tag.equals("storage")
                && s.items.get(1) instanceof Global g
                && g.role() == PickleGlobals.Role.STORAGE
                && s.items.get(2) instanceof Text(String key)
                && s.items.get(4) instanceof Int(long elements)
                && elements >= 0) {
            Storage storage = new Storage(key, g.dtype(), elements);
            Storage known = storages.putIfAbsent(key, storage);
            if (known != null && !known.equals(storage) && !bare) {
                // PyTorch would give the second tensor the bytes as the first one's type.
                throw bad(
                        "storage '"
                                + MalformedCheckpointException.clip(key)
                                + "' of one type and size",
                        "another one where it is used again");
            }
            return storage;
        }
        String first =
                id instanceof Sequence s && !s.items.isEmpty()
                        ? describe(s.items.getFirst())
                        : describe(id);
        throw unsafe("persistent id " + first);
    }

    /**
     * Attributes of a dict (such as a state dict's version numbers) and of inert values: dropped.
     */
    private void build() {
        pop();
        PickleValue target = peek();
        if (!(target instanceof Dict) && !(target instanceof Opaque)) {
            throw unsafe("__setstate__ of " + describe(target));
        }
    }

    private void append(List<PickleValue> items) {
        if (isLeftOut(peek())) {
            return; // of a list of a class of its own
        }
        if (!(peek() instanceof Sequence s) || !s.list) {
            throw bad("a list to append to", peek().kind());
        }
        s.items.addAll(items);
    }

    private void set(List<PickleValue> items) {
        if (isLeftOut(peek())) {
            return; // of a dict of a class of its own
        }
        if (!(peek() instanceof Dict d) || items.size() % 2 != 0) {
            throw bad("a dict and pairs", peek().kind() + " and " + items.size() + " values");
        }
        for (int i = 0; i < items.size(); i += 2) {
            d.keys.add(items.get(i));
            d.values.add(items.get(i + 1));
        }
    }

    private static boolean isLeftOut(PickleValue value) {
        return value instanceof Opaque o && o.kind().startsWith("a value of ");
    }

    private void expectSet(PickleValue value) {
        if (!(value instanceof Opaque)) {
            throw bad("a set to add to", value.kind());
        }
    }

    private void tuple(int n) {
        PickleValue[] items = new PickleValue[n];
        for (int i = n - 1; i >= 0; i--) {
            items[i] = pop();
        }
        push(new Sequence(Arrays.asList(items), false));
    }

    private void opaque(long bytes, String kind) {
        in.skip(bytes);
        push(new Opaque(kind));
    }

    private static PickleValue integer(Optional<Long> value) {
        return value.isPresent() ? new Int(value.get()) : new Opaque("a large integer");
    }

    private static Optional<Long> parse(String line) {
        String digits = line.endsWith("L") ? line.substring(0, line.length() - 1) : line;
        try {
            return Optional.of(Long.parseLong(digits));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Strings of Python 2, which may hold anything. */
    private PickleValue oldString(long length) {
        Optional<String> text = in.tryText(length);
        return text.isPresent() ? new Text(text.get()) : new Opaque("bytes");
    }

    private static String unquote(String s) {
        return s.length() >= 2 ? s.substring(1, s.length() - 1) : s;
    }

    private void push(PickleValue value) {
        stack.add(value);
    }

    private int floor() {
        return marks.isEmpty() ? 0 : marks.getLast();
    }

    private PickleValue peek() {
        if (stack.size() <= floor()) {
            throw bad("a value on the stack", "none");
        }
        return stack.getLast();
    }

    private PickleValue pop() {
        PickleValue top = peek();
        stack.removeLast();
        return top;
    }

    private List<PickleValue> popMark() {
        if (marks.isEmpty()) {
            throw bad("a mark on the stack", "none");
        }
        List<PickleValue> above = stack.subList(marks.removeLast(), stack.size());
        List<PickleValue> items = new ArrayList<>(above);
        above.clear();
        return items;
    }

    private void put(long index) {
        if (index < 0 || index >= MAX_MEMO) {
            throw bad("a memo index below " + MAX_MEMO, Long.toString(index));
        }
        int i = (int) index;
        if (i >= memo.length) {
            memo = Arrays.copyOf(memo, Math.min(MAX_MEMO, Math.max(i + 1, 2 * memo.length)));
        }
        if (memo[i] == null) {
            memoized++;
        }
        memo[i] = peek();
    }

    private PickleValue get(long index) {
        PickleValue value = index >= 0 && index < memo.length ? memo[(int) index] : null;
        if (value == null) {
            throw bad("a memoized value", "index " + index);
        }
        return value;
    }

    private static String describe(PickleValue value) {
        return value instanceof Text(String text) ? text : value.kind();
    }

    private UnsafePickleException unsafe(String callee) {
        return new UnsafePickleException(file, at, callee);
    }

    private MalformedCheckpointException bad(String expected, String actual) {
        return in.bad(at, expected, actual);
    }
}
