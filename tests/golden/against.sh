#!/bin/bash
# semelc --save and --check-against: each against/now/X.proto is compared with against/old/X.proto, and what is said with
# the kept against/X.stderr (absent: nothing may be said).
#
#   against.sh SEMELC            compares
#   against.sh SEMELC --update   makes the kept files anew; review them with git diff
set -u

semelc=$(realpath "$1")
update=${2:-}
here=$(dirname "$(realpath "$0")")/against
protos=$(dirname "$semelc")/../share/semel
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# check STATUS STATE FILE: runs inside now/, so that no path of this machine is shown.
check() {
  (cd "$here/now" && "$semelc" -I. --check-against "$2" "$3") 2>"$work/stderr" >"$work/stdout"
  local status=$?
  [ $status -eq "$1" ] || fail "$3 against $2: exit status $status, not $1: $(cat "$work/stderr")"
  [ -s "$work/stdout" ] && fail "$3: something on stdout: $(cat "$work/stdout")"
}

for file in $(cd "$here/now" && ls -- *.proto); do
  stem=${file%.proto}
  (cd "$here/old" && "$semelc" -I. --save "$work/$stem.pb" "$file" 2>"$work/said") || fail "saving $file: $(cat "$work/said")"
  kept=$here/$stem.stderr
  check "$([ "$stem" = same ] && echo 0 || echo 1)" "$work/$stem.pb" "$file"
  if [ "$update" = --update ]; then
    if [ -s "$work/stderr" ]; then cp "$work/stderr" "$kept"; else rm -f "$kept"; fi
  elif [ -e "$kept" ]; then
    diff -u "$kept" "$work/stderr" || fail "$kept"
  elif [ -s "$work/stderr" ]; then
    fail "$kept is missing: $(cat "$work/stderr")"
  fi
done

# A state is what protoc writes, to the byte; saving again touches nothing; nothing else is written.
(cd "$here/old" && protoc -I. -I"$protos" --include_imports -o "$work/protoc.pb" services.proto) || fail protoc
cmp "$work/protoc.pb" "$work/services.pb" || fail "--save and protoc differ"
check 1 "$work/protoc.pb" services.proto
touch -d 2001-01-01 "$work/services.pb"
mkdir "$work/saves" && cd "$work/saves" || exit 2
"$semelc" -I"$here/old" --save "$work/services.pb" "$here/old/services.proto" || fail "saving again"
[ "$work/services.pb" -ot "$here/old/services.proto" ] || fail "a state that is the same was written again"
"$semelc" -I"$here/old" --save new/deep.pb "$here/old/services.proto" || fail "saving in a new folder"
[ "$(find . -type f)" = ./new/deep.pb ] || fail "--save wrote more: $(find . -type f)"
"$semelc" --save /dev/full "$here/old/same.proto" 2>"$work/stderr" && fail "a full disk passed as success"
printf 'message' >bad.proto
"$semelc" --save new/deep.pb bad.proto 2>/dev/null && fail "a bad file was saved"
cmp -s new/deep.pb "$work/services.pb" || fail "a failure changed the saved state"

# The same files: nothing to say.  A file that is not given is not taken for removed in silence.
for file in services messages required same; do
  (cd "$here/old" && "$semelc" -I. --check-against "$work/$file.pb" $file.proto) >"$work/out" 2>&1 || fail "$file against itself"
  [ -s "$work/out" ] && [ $file != required ] && fail "$file against itself says $(cat "$work/out")"
done
check 1 "$work/services.pb" messages.proto
grep -q '^services.proto: error: service shop.Gone is not in the files given; name services.proto too' "$work/stderr" ||
  fail "a file not given: $(cat "$work/stderr")"

# refused STATE PATTERN: it is not a state, and semelc says why.
refused() {
  check 1 "$1" same.proto
  grep -q "^semelc: error: .*$2" "$work/stderr" || fail "$1 does not say \"$2\": $(cat "$work/stderr")"
  [ "$(wc -l <"$work/stderr")" -eq 1 ] || fail "$1 says more than one line: $(cat "$work/stderr")"
}
(cd "$here/old" && protoc -I. -o "$work/alone.pb" same.proto) || fail protoc
refused "$work/alone.pb" 'google/protobuf/timestamp.proto, which same.proto imports, is not in it; .*--include_imports'
refused "$work/none.pb" 'No such file'
refused "$work" 'Is a directory'
refused /dev/zero 'File too large'
: >"$work/void"
refused "$work/void" 'it holds no file'
refused "$here/now/same.proto" 'is not what'

# Cut anywhere and changed anywhere: an answer, never a crash (status 0 or 1, no sanitizer's report).
size=$(stat -c %s "$work/messages.pb")
python3 - "$work/messages.pb" "$work" <<'END'
import random, sys
whole = open(sys.argv[1], "rb").read()
random.seed(1)
for i in range(60):
    data = bytearray(whole)
    if i % 3 == 0:
        del data[random.randrange(len(data)):]
    for _ in range(i % 7):
        if data:
            data[random.randrange(len(data))] = random.randrange(256)
    if i % 10 == 9:
        data = bytearray(random.randbytes(random.randrange(2000)))
    open(f"{sys.argv[2]}/hostile{i}.pb", "wb").write(data)
END
for state in "$work"/hostile*.pb; do
  (cd "$here/now" && "$semelc" -I. --check-against "$state" messages.proto) >"$work/stdout" 2>"$work/stderr"
  status=$?
  [ $status -le 1 ] || fail "$state: exit status $status: $(tail -5 "$work/stderr")"
  grep -q -e Sanitizer -e 'runtime error' "$work/stderr" && fail "$state: $(cat "$work/stderr")"
done

[ "$failures" -eq 0 ] && echo "all as kept"
[ "$failures" -eq 0 ]
