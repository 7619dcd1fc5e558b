"""Writes the hand-made files of this folder: python3 make_corpus.py"""
import json
import struct
import zipfile


def safetensors(name, header, data):
    text = json.dumps(header).encode()
    with open(name, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def torch(name, pickle, **storages):
    with zipfile.ZipFile(name, "w", zipfile.ZIP_STORED) as z:
        z.writestr(zipfile.ZipInfo("a/data.pkl"), pickle)
        z.writestr(zipfile.ZipInfo("a/byteorder"), "little")
        for key, data in storages.items():
            z.writestr(zipfile.ZipInfo("a/data/" + key[1:]), data)


def tensor(dtype, begin, end, *shape):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


safetensors("small.safetensors", {"w": tensor("F32", 0, 8, 2)}, bytes(8))
safetensors(
    "mixed.safetensors",
    {
        "__metadata__": {"format": "pt", "k": 'v\u00e4l"ue'},
        "unet.conv.weight": tensor("F16", 0, 8, 2, 1, 2),
        "scalar": tensor("I64", 8, 16),
        "empty": tensor("BF16", 16, 16, 0, 3),
        "f8": tensor("F8_E4M3", 16, 19, 3),
        "mask": tensor("BOOL", 19, 20, 1),
    },
    bytes(range(20)),
)
safetensors("overlap.safetensors", {"a": tensor("U8", 0, 8, 8), "b": tensor("U8", 4, 12, 8)}, bytes(12))
safetensors("hole.safetensors", {"a": tensor("U8", 0, 4, 4), "b": tensor("U8", 8, 12, 4)}, bytes(12))
safetensors("overflow.safetensors", {"a": tensor("F64", 0, 8, 1 << 61, 8)}, bytes(8))
with open("model.safetensors.index.json", "w") as f:
    json.dump({"metadata": {"total_size": 8}, "weight_map": {"w": "small.safetensors"}}, f)


def storage(kind, key, n):
    return b"(X\x07\0\0\0storagectorch\n%s\nX\1\0\0\0%sX\3\0\0\0cpuK%ctQ" % (kind, key, n)


def view(kind, n, offset, shape, strides):
    numbers = lambda v: b"(" + b"".join(b"K%c" % x for x in v) + b"t"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(kind, b"0", n) + b"K%c" % offset
        + numbers(shape) + numbers(strides) + b"\x89ccollections\nOrderedDict\n)RtR"
    )


name = b"X\1\0\0\0w"
torch("view.pt", b"\x80\2}(" + name + view(b"FloatStorage", 6, 1, (2, 2), (1, 3)) + b"u.", _0=bytes(24))
torch(
    "float8.pt",
    b"\x80\2}(" + name + b"ctorch._utils\n_rebuild_tensor_v3\n(" + storage(b"UntypedStorage", b"0", 6)
    + b"K\2(K\2K\2t(K\1K\2t\x89}ctorch\nfloat8_e4m3fn\ntRu.",
    _0=bytes(6),
)
torch("outside.pt", b"\x80\2}(" + name + view(b"FloatStorage", 2, 1, (2,), (1,)) + b"u.", _0=bytes(8))
torch("system.pt", b"\x80\2cposix\nsystem\n(X\4\0\0\0echotR.")
torch("stack_global.pt", b"\x80\4\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.")
torch("inst.pt", b"(S'echo'\nios\nsystem\n.")
torch("self.pt", b"\x80\2}q\0(" + name + b"h\0u.")
