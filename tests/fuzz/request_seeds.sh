#!/bin/bash
# Makes the seeds of plugin_fuzz: what protoc tells its plugins about each .proto file of the golden tests.
#
#   request_seeds.sh SEMEL_PROTO_DIR SEED_DIR
set -eu

protos=$(realpath "$1")
mkdir -p "$2"
seeds=$(realpath "$2")
golden=$(dirname "$(realpath "$0")")/../golden
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A plugin that only keeps what protoc tells it; the two bytes it answers say that it knows proto3's optional.
printf '#!/bin/sh\ncat >"%s/request"\nprintf "\\020\\001"\n' "$work" >"$work/protoc-gen-keep"
chmod +x "$work/protoc-gen-keep"

for folder in good bad corpus; do
  cd "$golden/$folder"
  for proto in $(find . -name '*.proto' | sort); do
    # Some of bad/ is no protobuf at all, and makes no request.
    protoc --plugin="$work/protoc-gen-keep" --keep_out="$work" -I. -I"$protos" "$proto" 2>"$work/said" || continue
    name=${proto#./}
    cp "$work/request" "$seeds/$folder-${name//\//-}.request"
  done
done
