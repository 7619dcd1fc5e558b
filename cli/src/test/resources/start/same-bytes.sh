#!/usr/bin/env bash
# Whether this checkout and another one make the same files: a fixed set of commands is run with the
# launchers of both, on inputs that are made first, and every file is compared by its SHA-256.
#   same-bytes.sh OTHER/soup    compare; prints what differs, and nothing else differs
#   same-bytes.sh               print the hashes of this checkout alone
# With one thread, as the last bits of what libtorch computes depend on their number. Needs python3.
# The figures of docs/adr/0009-same-bytes.md are from here.
set -euo pipefail
export LC_ALL=C OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
unset JAVA_TOOL_OPTIONS SOUP_JAVA_OPTIONS SOUP_REGISTRY

ROOT=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../../../../.." && pwd)
TINY=$ROOT/diffusion/src/test/resources/reference/pipelines
BASE=$ROOT/models/emoji-base
TEMP=$(mktemp -d)
trap 'rm -rf "$TEMP"' EXIT

# a to d: three kinds of numbers, and one tensor whose length no vector register divides. 24 photos of noise.
python3 - "$TEMP/in" <<'PYTHON'
import json, os, random, struct, sys, zlib
out, rng = sys.argv[1], random.Random(5)
os.makedirs(out + "/photos")
def float32(n): return struct.pack(f"<{n}f", *(rng.gauss(0, 1) for _ in range(n)))
def float16(n): return struct.pack(f"<{n}e", *(rng.gauss(0, 1) for _ in range(n)))
def bfloat16(n): return b"".join(float32(1)[2:] for _ in range(n))
for name in "abcd":
    tensors = {"w1": ("F32", [64, 48], float32), "w2": ("F16", [33, 7], float16),
               "w3": ("BF16", [50, 50], bfloat16), "n": ("F32", [17], float32)}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for key, (dtype, shape, make) in tensors.items():
        n = 1
        for side in shape: n *= side
        values = make(n)
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{out}/{name}.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
for i in range(24):
    rows = b"".join(b"\0" + rng.randbytes(3 * 64) for _ in range(64))
    with open(f"{out}/photos/{i:02d}.png", "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    with open(f"{out}/photos/{i:02d}.txt", "w") as file:
        file.write(f"picture {i}")
PYTHON

# All commands with a launcher, in a folder; each that fails is named, and there is no output of it.
commands() {
  local soup=$1 fluent=$ROOT/shards/emoji\#provider=fluent\&domain=vehicles
  soup() { "$soup" "$@" -q > "$TEMP/said" 2>&1 || { printf 'failed: %s: ' "$*"; tail -1 "$TEMP/said"; } >&2; }
  json() { "$soup" "$@" -q --json; }
  mkdir "$2"; cd "$2"
  cp -r "$TEMP/in" in
  soup merge in/a.safetensors in/b.safetensors in/c.safetensors -o uniform.safetensors
  soup merge in/a.safetensors in/b.safetensors --weights 2,1/3 -o weighted.safetensors
  soup merge in/a.safetensors in/b.safetensors in/c.safetensors --dtype F16 --keep-sum -o kept.safetensors
  soup adjust kept.safetensors --remove in/b.safetensors --add in/d.safetensors -o adjusted.safetensors
  local x='{difference: {of: x, from: base}}' y='{difference: {of: y, from: base}}'
  cook() {
    printf 'inputs: {base: in/a.safetensors, x: in/b.safetensors, y: in/c.safetensors}\nmerge: %s\n' "$2" > "$1.yaml"
    soup cook "$1.yaml" -o "$1.safetensors"
  }
  cook added "{add: {to: base, scale: 0.7, delta: {sum: [$x, $y]}}}"
  cook ties "{add: {to: base, delta: {ties: {density: 0.4, deltas: [$x, $y]}}}}"
  cook dare "{add: {to: base, delta: {sum: [{dare: {drop: 0.5, seed: 1, delta: $x}}, $y]}}}"
  printf 'inputs: {x: in/b.safetensors, y: in/c.safetensors}\nmerge: {slerp: {from: x, to: y, t: 0.3}}\n' > slerp.yaml
  soup cook slerp.yaml -o slerp.safetensors
  soup convert "$TINY/tiny-sd15" -o tiny.safetensors
  soup convert "$TINY/tiny-sdxl" -o tinyxl.safetensors
  soup convert tiny.safetensors -o back
  soup train --base "$BASE" --shard "$fluent" --steps 3 --batch 4 --seed 7 --out vehicles
  soup train --base "$BASE" --shard "$ROOT/shards/emoji#provider=noto&domain=food" --steps 3 --batch 4 --seed 7 --out food
  soup make vehicles food -o both
  soup merge vehicles food --weights 3,1 -o most
  soup lora extract "$BASE" vehicles --rank 4 -o lora.safetensors
  soup lora fuse --model "$BASE" --lora lora.safetensors:0.7 -o fused
  soup generate --model both --prompt 'a red apple' --seeds 0-1 --steps 4 --each pictures -o grid.png
  soup generate --model both --prompt 'a red apple' --seeds 3 --steps 4 -o one.png
  soup generate --model vehicles --model food --ensemble --prompt 'a cat' --seeds 1 --steps 4 -o ensemble.png
  soup data import in/photos --licence CC0-1.0 --provider noise -o photos.tar
  soup data dedup photos.tar -o once
  soup data sheet "$fluent" -o sheet.png
  json score --judge "$ROOT/models/judge-clip" --shard "$fluent" > score.json
  json inspect tiny.safetensors > inspect.json
  json diff vehicles food > diff.json
  rm -r in ./*.yaml
  find . -type f | sort | xargs sha256sum > "$2.sums"
  cd - > /dev/null
}

# Under the same path, which some files name.
commands "$ROOT/soup" "$TEMP/made"
mv "$TEMP/made.sums" "$TEMP/this.sums"
if (( $# == 0 )); then
  sed -E 's/^([0-9a-f]{12})[0-9a-f]*/\1/' "$TEMP/this.sums"
  exit
fi
rm -r "$TEMP/made"
commands "$1" "$TEMP/made"
if diff "$TEMP/made.sums" "$TEMP/this.sums"; then
  printf '%s files, all the same\n' "$(wc -l < "$TEMP/this.sums")"
else
  printf '%s files, %s of the other checkout differ\n' "$(wc -l < "$TEMP/this.sums")" "$(diff "$TEMP/made.sums" "$TEMP/this.sums" | grep -c '^<')"
  exit 1
fi
