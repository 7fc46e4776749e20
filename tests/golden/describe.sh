#!/bin/bash
# Compares what semelc --describe prints with the files kept in describe/.
#
#   describe.sh SEMELC            compares
#   describe.sh SEMELC --update   makes the kept files anew; review them with git diff
set -u

semelc=$(realpath "$1")
update=${2:-}
here=$(dirname "$(realpath "$0")")/describe
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# keep MADE KEPT: MADE must equal KEPT, or becomes it.
keep() {
  if [ "$update" = --update ]; then cp "$1" "$2"; fi
  diff -u "$2" "$1" || fail "$2"
}

cd "$here" || exit 2
"$semelc" -I. --describe shop.proto >"$work/text" 2>"$work/stderr" || fail "--describe: exit status $?"
"$semelc" -I. --describe=json shop.proto >"$work/json" 2>>"$work/stderr" || fail "--describe=json: exit status $?"
[ -s "$work/stderr" ] && fail "something on stderr: $(cat "$work/stderr")"
keep "$work/text" "$here/shop.txt"
keep "$work/json" "$here/shop.json"

# A person's terminal, and a program's parser.
[ "$(wc -L <"$work/text")" -le 100 ] || fail "a line of the tables is too long: $(wc -L <"$work/text")"
grep -q ' $' "$work/text" && fail "spaces at the end of a line"
python3 - "$work/json" <<'END' || fail "the JSON does not say what it should"
import json, sys
services = json.load(open(sys.argv[1]))["services"]
assert [s["full_name"] for s in services] == ["shop.Shop", "shop.Plain"]
methods = {m["name"]: m for m in services[0]["methods"]}
assert list(methods) == ["Buy", "Reserve", "Look", "Note"]
assert all(len(m["id"]) == 18 and int(m["id"], 16) for m in methods.values())
assert methods["Buy"]["options"]["deadline_ms"] == 2000 and methods["Reserve"]["options"]["deadline_ms"] == 60000
assert methods["Look"]["options"]["deadline_ms"] == 0 and methods["Look"]["options"]["retry_intervals_ms"] == []
assert methods["Note"]["oneway"] and methods["Note"]["errors"] == [] and methods["Buy"]["errors"] == ["shop.SoldOut"]
assert all(value is None for value in services[1]["methods"][0]["options"].values())
END

# The id is that of the table the server registers.
"$semelc" -I. -o "$work/c" shop.proto || fail "generating"
for id in $(grep -o '0x[0-9a-f]*' "$work/text"); do
  grep -q "$id" "$work/c/shop.semel.c" || fail "id $id is not in shop.semel.c"
done

# Several files, one without services; mistakes; a full disk.  Nothing is written anywhere.
mkdir "$work/empty" && cd "$work/empty" || exit 2
printf 'syntax = "proto3";\nmessage M {}\n' >"$work/m.proto"
"$semelc" --describe "$work/m.proto" "$here/shop.proto" >"$work/text" || fail "two files"
grep -q '^m.proto declares no service$' "$work/text" || fail "a file without services: $(cat "$work/text")"
echo 'service S { rpc Call(Missing) returns (M); }' >>"$work/m.proto"
"$semelc" --describe "$work/m.proto" >"$work/text" 2>"$work/stderr" && fail "a mistake passed"
grep -q 'm.proto:3:22: error: "Missing" is not defined' "$work/stderr" || fail "the mistake: $(cat "$work/stderr")"
[ -s "$work/text" ] && fail "a file with a mistake was described"
for how in --describe --describe=json; do
  "$semelc" $how "$here/shop.proto" >/dev/full 2>"$work/stderr" && fail "$how: a full disk passed as success"
  grep -q 'cannot write to stdout: No space left' "$work/stderr" || fail "$how: $(cat "$work/stderr")"
done
[ "$(ls -A)" = "" ] || fail "something was written: $(ls -A)"

[ "$failures" -eq 0 ] && echo "all as kept"
[ "$failures" -eq 0 ]
