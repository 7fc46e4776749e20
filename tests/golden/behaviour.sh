#!/bin/bash
# How semelc behaves as a command: what it prints, what it leaves behind, what it does not touch.
#
#   behaviour.sh SEMELC
set -u

semelc=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
failures=0

fail() {
  echo "FAIL: $*"
  failures=$((failures + 1))
}

# says STATUS PATTERN ARGUMENT...: semelc exits with STATUS and its output matches PATTERN.
says() {
  local status=$1 pattern=$2
  shift 2
  "$semelc" "$@" >said 2>&1
  local got=$?
  [ $got -eq "$status" ] || fail "semelc $*: exit status $got, not $status: $(cat said)"
  [ "$pattern" = "" ] || grep -q -e "$pattern" said || fail "semelc $*: does not say \"$pattern\": $(cat said)"
}

write() {
  printf 'syntax = "proto3";\npackage %s;\nmessage M { string text = 1; }\nservice S { rpc Call(M) returns (M); }\n' \
    "$1" >"$2"
}

# The command line.
says 0 '^Usage: semelc' --help
says 0 '^semelc [0-9]' --version
says 1 'no FILE.proto given' -o out
says 1 'unknown option --frob' --frob
says 1 '-I needs a directory' -I
says 1 'does not end in .proto' bank.txt
says 1 '^none.proto: error: No such file' none.proto
[ "$(ls)" = said ] || fail "failures left something behind: $(ls)"

# Output goes where it is told, folders included; what did not change keeps its time.
mkdir -p in/sub
write a in/a.proto
write b in/sub/b.proto
says 0 '' -Iin -o out/deep in/a.proto in/sub/b.proto
for made in a.pb.h a.pb.c a.semel.h a.semel.c sub/b.pb.h sub/b.pb.c sub/b.semel.h sub/b.semel.c; do
  [ -f out/deep/$made ] || fail "out/deep/$made is missing"
done
[ "$(find out -name '.semelc*')" = "" ] || fail "the workshop was left behind"
touch -d '2001-01-01' out/deep/*.* out/deep/sub/*.*
write a2 in/a.proto
says 0 '' -Iin -o out/deep in/a.proto in/sub/b.proto
[ "$(find out -type f -newermt '2002-01-01' | sort | tr '\n' ' ')" = \
  "out/deep/a.pb.c out/deep/a.pb.h out/deep/a.semel.c out/deep/a.semel.h " ] ||
  fail "the wrong files were touched: $(find out -type f -newermt '2002-01-01')"

# A file outside of every -I adds its own folder; option and value may stand together.
write c c.proto
says 0 '' -Iin -oplain in/a.proto ./c.proto ./in//sub/b.proto
[ -f plain/a.semel.c ] && [ -f plain/sub/b.semel.c ] && [ -f plain/c.semel.c ] ||
  fail "plain output is missing: $(find plain)"

# From any folder, by an absolute path, or through a link.
(cd / && "$semelc" -o "$work/absolute" "$work/in/a.proto") || fail "an absolute path"
ln -s "$semelc" link
./link -o linked in/a.proto || fail "a symbolic link to semelc"

# A failure makes nothing, and takes nothing away.
echo 'message' >>in/a.proto
cp -a plain before
says 1 '^in/a.proto:[0-9]*:[0-9]*: error: ' -o plain in/a.proto in/sub/b.proto
says 1 'error: ' -o fresh in/a.proto
diff -r plain before || fail "a failure changed the output"
[ ! -e fresh ] || fail "a failure left its output directory behind"

# What cannot be written is an error, not a half output.
write a in/a.proto
echo x >file
says 1 'cannot write to file/out' -o file/out in/a.proto

# Missing tools are told by name.
mkdir nothing
(PATH=$work/nothing "$semelc" in/a.proto) 2>said && fail "it ran without protoc"
grep -q 'protoc is not in PATH' said || fail "missing protoc: $(cat said)"

# nanopb's stack of calls is not for users.
mkdir crash
printf '#!/bin/sh\necho "Traceback (most recent call last):" >&2\necho "  File x" >&2\necho "KeyError: 7" >&2\nexit 1\n' \
  >crash/protoc-gen-nanopb
chmod +x crash/protoc-gen-nanopb
(PATH=$work/crash:$PATH "$semelc" -o crashed in/a.proto) 2>said && fail "a crash of nanopb passed"
grep -q 'the nanopb generator failed: KeyError: 7' said || fail "nanopb's crash: $(cat said)"
grep -q 'Traceback' said && fail "a Python traceback was shown"
[ ! -e crashed ] || fail "a crash of nanopb left output"

# A circle of messages is told before the C compiler finds it; a pointer breaks it.
printf 'syntax = "proto3";\nmessage Node { Node next = 1; }\nservice S { rpc Call(Node) returns (Node); }\n' >node.proto
says 1 'contain themselves or each other' -o circle node.proto
echo 'Node.next type:FT_POINTER' >node.options
says 0 '' -o circle node.proto
gcc -std=c11 -Wall -Wextra -Werror -fsyntax-only circle/node.pb.c || fail "the broken circle does not compile"

[ "$failures" -eq 0 ] && echo "all as it should be"
[ "$failures" -eq 0 ]
