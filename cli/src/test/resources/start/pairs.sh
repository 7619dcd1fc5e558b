#!/usr/bin/env bash
# What the tricks of the start gain: each is compared with a start without it, in pairs that take
# turns. The figures of docs/adr/0008-start-up.md are from here.
#   pairs.sh [-n PAIRS] [-t TRICK]... [-c COMMANDS]   all tricks of this checkout, or some
#   pairs.sh [-n PAIRS] [-c COMMANDS] OTHER/soup      this checkout against another one, for what is in Java
# COMMANDS are some of "version help merge inspect".
# Prints medians: milliseconds of processor time (user and system) with and without, and the median of
# the paired differences of processor time and of wall time; positive is what the trick gains.
set -euo pipefail
export LC_ALL=C OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 SOUP_NO_BUILD=1
unset JAVA_TOOL_OPTIONS SOUP_JAVA_OPTS

die() { printf 'pairs.sh: %s\n' "$1" >&2; exit 1; }

ROOT=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../../../../.." && pwd)
PAIRS=25
ALL=(cache profiles picocli c1 eager inline)
TRICKS=()
COMMANDS=''
OTHER=''
while (( $# )); do
  case $1 in
    -n) PAIRS=$2; shift 2 ;;
    -c) COMMANDS=$2; shift 2 ;;
    -t) TRICKS+=("$2"); shift 2 ;;
    -*) die "unknown option $1; see the head of this file." ;;
    *) OTHER=$1; shift ;;
  esac
done
(( ${#TRICKS[@]} )) || TRICKS=("${ALL[@]}")
[[ -r $ROOT/.soup/app/current ]] || die "nothing is built; run ./soup --version first."
read -r BUILD < "$ROOT/.soup/app/current"
BUILT=$ROOT/.soup/app/$BUILD
IFS= read -r LIBRARIES < "$BUILT/classpath"
TEMP=$(mktemp -d)
trap 'rm -rf "$TEMP"' EXIT
export SOUP_CACHE=$TEMP/hashes

# A launcher of its own at $TEMP/$1, with the class path $2, changed by the sed script $3.
variant() {
  local home=$TEMP/$1
  mkdir -p "$home/.soup/app/x"
  sed "$3" "$ROOT/soup" > "$home/soup"
  [[ -z $3 ]] || ! cmp -s "$home/soup" "$ROOT/soup" || die "the launcher has no longer what '$3' changes."
  chmod +x "$home/soup"
  printf '%s\n' "$2" > "$home/.soup/app/x/classpath"
  echo x > "$home/.soup/app/current"
  touch "$home/.soup/app/x/stamp"
  # a cache holds for one class path
  if [[ $2 == "$LIBRARIES" ]]; then cp -p "$BUILT"/start*.aot "$home/.soup/app/x/"; fi
  "$home/soup" --version > /dev/null     # records its cache, where it has none yet
  "$home/soup" --version > /dev/null
}

# Milliseconds of one run: processor time, wall time.
TIMEFORMAT='%R %U %S'
timed() {
  local t
  t=$( { time "$@" > /dev/null 2> "$TEMP/errors"; } 2>&1 ) \
    || die "$* failed: $(cat "$TEMP/errors")"
  awk '{ printf "%.0f %.0f", 1000 * ($2 + $3), 1000 * $1 }' <<< "$t"
}

median() { sort -n | awk '{ v[NR] = $1 } END { h = int((NR + 1) / 2); printf "%.0f", NR % 2 ? v[h] : (v[h] + v[h + 1]) / 2 }'; }

# Compares the launchers $2 (with) and $3 (without) of the trick $1 on the command that follows.
compare() {
  local trick=$1 with=$2 without=$3 i a b; shift 3
  local file=$TEMP/pairs
  : > "$file"
  timed "$with" "$@" > /dev/null
  timed "$without" "$@" > /dev/null
  for (( i = 0; i < PAIRS; i++ )); do
    if (( i % 2 )); then a=$(timed "$with" "$@"); b=$(timed "$without" "$@")
    else b=$(timed "$without" "$@"); a=$(timed "$with" "$@"); fi
    echo "$a $b" >> "$file"
  done
  printf '| %s | %s | %s | %s | %s | %s |\n' "$trick" "${LABEL}" \
    "$(awk '{ print $1 }' "$file" | median)" "$(awk '{ print $3 }' "$file" | median)" \
    "$(awk '{ print $3 - $1 }' "$file" | median)" "$(awk '{ print $4 - $2 }' "$file" | median)"
}

# Compares the launchers $2 and $3 of the trick $1 on the commands $4, separated by spaces.
commands() {
  local command
  for command in $4; do
    case $command in
      version) LABEL='`soup --version`' compare "$1" "$2" "$3" --version ;;
      help) LABEL='`soup merge --help`' compare "$1" "$2" "$3" merge --help ;;
      merge) LABEL='`soup merge`' compare "$1" "$2" "$3" merge "$A" "$B" -o "$TEMP/out.safetensors" --force ;;
      inspect) LABEL='`soup inspect`' compare "$1" "$2" "$3" inspect "$A" ;;
      *) die "unknown command $command." ;;
    esac
  done
}

variant as-is "$LIBRARIES" ''
"$TEMP/as-is/soup" bench make-checkpoints -o "$TEMP/checkpoints" --count 2 --divisor 64 -q > /dev/null
files=("$TEMP"/checkpoints/*.safetensors)
A=${files[0]} B=${files[1]}

echo '| trick | command | with | without | gain, processor | gain, wall |'
echo '|---|---|---|---|---|---|'
if [[ -n $OTHER ]]; then
  "$OTHER" --version > /dev/null
  commands "${OTHER%/soup}" "$TEMP/as-is/soup" "$OTHER" "${COMMANDS:-version help merge inspect}"
  exit
fi
for trick in "${TRICKS[@]}"; do
  libraries=$LIBRARIES change='' for='version help merge inspect'
  case $trick in
    cache) change='s/-XX:AOTCache=\$CACHE/-XX:AOTMode=off/' ;;
    profiles) for='merge inspect'; change='s/-XX:AOTCache=\$CACHE/-XX:+UnlockDiagnosticVMOptions" -XX:-AOTReplayTraining "&/' ;;
    picocli)
      old=$(ls "$HOME"/.m2/repository/info/picocli/picocli/*/picocli-*.jar | grep -v sources | head -n 1)
      libraries=$(tr ':' '\n' <<< "$LIBRARIES" | sed "s|.*/picocli-[^/]*\.jar|$old|" | paste -sd:) ;;
    c1) for='version help'; change='s/JVM+=(-XX:TieredStopAtLevel=1)/:/' ;;
    eager) for=merge; change='s/-XX:CompileThresholdScaling=8 //' ;;
    inline) for=merge; change='s/ *-XX:InlineSmallCode=500//' ;;
    *) die "unknown trick $trick; there are ${ALL[*]}." ;;
  esac
  variant "$trick" "$libraries" "$change"
  commands "$trick" "$TEMP/as-is/soup" "$TEMP/$trick/soup" "${COMMANDS:-$for}"
done
