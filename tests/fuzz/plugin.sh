#!/bin/bash
# Gives the plugin requests no protoc would write: none may crash it, leak, or pass as a success without an answer.
#
#   plugin.sh PLUGIN_FUZZ PROTOC_GEN_SEMEL SEMEL_PROTO_DIR
set -u

target=$(realpath "$1")
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

"$here/request_seeds.sh" "$protos" "$work/seeds" || fail "the seeds cannot be made"
[ "$(ls "$work/seeds" | wc -l)" -ge 30 ] || fail "only $(ls "$work/seeds" | wc -l) seeds"
"$target" "${SEMEL_FUZZ_ROUNDS:-25}" "$work"/seeds/* || fail "a changed request"

# The program itself: 1 and a word on stderr, nothing on stdout.
request=$work/seeds/good-bank.proto.request
size=$(stat -c %s "$request")
for cut in 1 $((size / 2)) $((size - 1)); do
  head -c "$cut" "$request" >"$work/cut"
  "$plugin" <"$work/cut" >"$work/stdout" 2>"$work/stderr"
  [ $? -eq 1 ] || fail "cut at $cut: exit status"
  [ ! -s "$work/stdout" ] || fail "cut at $cut: something on stdout"
  grep -q '^protoc-gen-semel: error: ' "$work/stderr" || fail "cut at $cut: $(cat "$work/stderr")"
done
"$plugin" </dev/null >"$work/stdout" || fail "an empty request asks for nothing and gets it"
"$plugin" --version >/dev/null 2>&1 && fail "it takes no arguments"
"$plugin" <"$request" >/dev/full 2>"$work/stderr" && fail "a full disk passed as success"

[ "$failures" -eq 0 ] && echo "nothing broke"
[ "$failures" -eq 0 ]
