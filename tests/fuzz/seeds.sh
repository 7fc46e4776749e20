#!/bin/bash
# Makes the seeds of a fuzz target: golden frames, messages, property files of this tree; for targets whose bytes are
# choices, bytes that are always the same.
#
#   seeds.sh TARGET SEMEL_PROTO_DIR SEED_DIR
set -eu

here=$(dirname "$(realpath "$0")")
root=$here/../..
target=$1
protos=$(realpath "$2")
mkdir -p "$3"
seeds=$(realpath "$3")

# The blocks of hexadecimal numbers in core/README.md: each frame, and its body alone.
golden_frames() {
  python3 - "$root/runtime/core/README.md" "$seeds" <<'END'
import re, sys
readme, seeds = open(sys.argv[1]).read(), sys.argv[2]
for name, text in re.findall(r"^```golden-(\S+)\n(.*?)^```", readme, re.M | re.S):
    frame = bytes.fromhex("".join(text.split()))
    open(f"{seeds}/{name}.frame", "wb").write(frame)
    if len(frame) > 48:
        open(f"{seeds}/{name}.body", "wb").write(frame[48:])
raised = bytes(range(8)) + (3).to_bytes(4, "little") + b"abcwords for a person"
open(f"{seeds}/raised.body", "wb").write(raised)
END
}

choices() {
  python3 - "$seeds" <<'END'
import random, sys
for n in range(24):
    chance = random.Random(n)
    open(f"{sys.argv[1]}/{n:02}.choices", "wb").write(chance.randbytes(100 + 80 * n))
END
}

structs() {
  local n=0
  while read -r text; do
    n=$((n + 1))
    protoc --encode=google.protobuf.Struct google/protobuf/struct.proto <<<"$text" >"$seeds/$n.struct"
  done <<'END'
fields { key: "a" value { number_value: 1.5 } } fields { key: "b" value { string_value: "text" } }
fields { key: "l" value { list_value { values { bool_value: true } values { null_value: NULL_VALUE } } } }
fields { key: "s" value { struct_value { fields { key: "t" value { struct_value { fields { key: "u" value { list_value { values { struct_value {} } } } } } } } } } }
fields { key: "deep" value { list_value { values { list_value { values { list_value { values { list_value { values { number_value: 7 } } } } } } } } } }
END
}

sets() {
  cd "$here/../golden/good"
  for proto in *.proto; do
    protoc --include_source_info --include_imports -I. -I"$protos" -o "$seeds/${proto%.proto}.set" "$proto"
  done
}

property_files() {
  local n=0
  for file in $(cd "$root" && git ls-files '*.conf' 2>/dev/null || true) $(cd "$root" && find tests examples -name '*.conf'); do
    n=$((n + 1))
    cp "$root/$file" "$seeds/$n.conf"
  done
  printf 'RetryIntervals=0 100 500\ndemo.Bank.Deposit.Deadline = 3s\n[x]\n# note\nHeartbeat=5000\n' >"$seeds/own.conf"
  printf -- '--Deadline=3s\0--config\0/dev/null\0rest\0--\0--Heartbeat=1' >"$seeds/arguments"
  printf 'Deadline=1min' >"$seeds/one"
}

case $target in
plugin) "$here/request_seeds.sh" "$protos" "$seeds" ;;
set) sets ;;
message) structs ;;
properties) property_files ;;
frames) golden_frames ;;
datagram)
  golden_frames
  choices
  ;;
*) choices ;;
esac
[ -n "$(ls "$seeds")" ] || { echo "no seed was made for $target" >&2; exit 1; }
