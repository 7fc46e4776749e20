#!/bin/bash
# Gives the plugin requests no protoc would write: none may crash it, leak, or pass as a success without an answer.
#
#   hostile.sh HOSTILE_PROGRAM PROTOC_GEN_SEMEL SEMEL_PROTO_DIR
set -u

hostile=$(realpath "$1")
plugin=$(realpath "$2")
protos=$(realpath "$3")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# A plugin that only keeps what protoc tells it; the two bytes it answers say that it knows proto3's optional.
printf '#!/bin/sh\ncat >"%s/request"\nprintf "\\020\\001"\n' "$work" >"$work/protoc-gen-keep"
chmod +x "$work/protoc-gen-keep"
for proto in good/bank.proto bad/values.proto bad/names.proto; do
  (cd "$here/${proto%/*}" && protoc --plugin="$work/protoc-gen-keep" --keep_out="$work" -I. -I"$protos" "${proto#*/}") ||
    fail "protoc on $proto"
  "$hostile" "$work/request" || fail "$proto: a changed request"
done

# The program itself: 1 and a word on stderr, nothing on stdout.
size=$(stat -c %s "$work/request")
for cut in 1 $((size / 2)) $((size - 1)); do
  head -c "$cut" "$work/request" >"$work/cut"
  "$plugin" <"$work/cut" >"$work/stdout" 2>"$work/stderr"
  [ $? -eq 1 ] || fail "cut at $cut: exit status"
  [ ! -s "$work/stdout" ] || fail "cut at $cut: something on stdout"
  grep -q '^protoc-gen-semel: error: ' "$work/stderr" || fail "cut at $cut: $(cat "$work/stderr")"
done
"$plugin" </dev/null >"$work/stdout" || fail "an empty request asks for nothing and gets it"
"$plugin" --version >/dev/null 2>&1 && fail "it takes no arguments"
"$plugin" <"$work/request" >/dev/full 2>"$work/stderr" && fail "a full disk passed as success"

[ "$failures" -eq 0 ] && echo "nothing broke"
[ "$failures" -eq 0 ]
