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
says 0 '^semelc - makes C' --help
says 0 '^semelc [0-9]' --version
says 1 'no FILE.proto given' -o out
says 1 'unknown option --frob; semelc --help tells' --frob
says 1 'unknown option --descibe; did you mean --describe?' --descibe c.proto
says 1 'unknown option --check-agains; did you mean --check-against?' --check-agains=x c.proto
says 1 'unknown option -x' -x
says 1 '--help takes no value' --help=me
says 1 '--save needs a file to write' --save
says 1 'there is no --describe=xml' --describe=xml
says 1 '--describe and --save cannot be done in one run' --describe --save x
says 1 '-I needs a directory' -I
says 1 'does not end in .proto' bank.txt
says 1 '^none.proto: error: No such file' none.proto
for option in -I -o --depfile --depfile-target --describe --describe=json --save --check-against --help --version; do
  "$semelc" --help | grep -q -e "^  $option[ =]" || fail "--help does not tell of $option"
done
[ "$("$semelc" --help | wc -L)" -le 100 ] || fail "--help is too wide"
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
mkdir -p taken/a.pb.h
says 1 'cannot write to taken/a.pb.h: Is a directory' -Iin -o taken in/a.proto in/sub/b.proto
[ "$(find taken)" = "taken
taken/a.pb.h" ] || fail "half an output was left behind: $(find taken)"
rmdir taken/a.pb.h
echo x >taken/sub
says 1 'cannot write to taken/sub' -Iin -o taken in/a.proto in/sub/b.proto
[ "$(find taken -type f)" = taken/sub ] || fail "half an output was left behind: $(find taken)"
says 0 '^semelc: warning: none: directory does not exist' -Inone -o plain in/a.proto

# The plugin has no parameter, and says so instead of ignoring one.
protoc --plugin="$(dirname "$semelc")/protoc-gen-semel" --semel_out=typo=1:. -Iin in/a.proto 2>said && fail "a parameter of the plugin passed"
grep -q 'protoc-gen-semel takes no parameter' said || fail "a parameter of the plugin: $(cat said)"

says 1 '--describe makes no C, so there is nothing for -o' --describe -o x in/a.proto
says 1 '--depfile-target needs --depfile' --depfile-target x in/a.proto

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

# Misspelt options and values get the right ones named.
misspelt() {
  printf 'syntax = "proto3";\nimport "semel/options.proto";\nmessage M {}\nservice S { option (semel.service) = { %s }; rpc Call(M) returns (M); }\n' "$1" >misspelt.proto
  says 1 "$2" --describe misspelt.proto
}
misspelt 'retry_jiter: FULL' 'Did you mean "retry_jitter"?'
misspelt 'xyz: 1' 'There are deadline, attempt_timeout, .* and errors$'
misspelt 'oneway: true' 'no field named "oneway".  It is an option of methods$'
misspelt 'retry_jitter: HALF' 'retry_jitter is NONE, FULL, EQUAL or DECORRELATED'
misspelt 'retryable_codes: GONE' 'Codes are written as in UNAVAILABLE'
misspelt 'on_unavailable: HOPE' 'on_unavailable is WAIT, FAIL or DROP'

# method PATTERN TEXT: a method with TEXT as its option is refused in these words.
method() {
  printf 'syntax = "proto3";\nimport "semel/options.proto";\nmessage Acount {}\nservice S { rpc Call(Acount) returns (Acount) { option %s; } }\n' "$2" >misspelt.proto
  says 1 "$1" --describe misspelt.proto
}
method 'Option "(semel.method).dedline" unknown.  Did you mean "deadline"?$' '(semel.method).dedline = "5s"'
method '(semel.method).xyz" unknown.  There are deadline, .* oneway and transactional$' '(semel.method).xyz = "5s"'
method 'A method has (semel.method), a service (semel.service)$' '(semel.service).deadline = "5s"'
method 'idempotency_level is NO_SIDE_EFFECTS or IDEMPOTENT$' 'idempotency_level = IDEMPOTNT'
grep -q '"oneway"' said && fail "an option that exists is proposed for itself"

# So do types: those of the file, not where they cannot be seen, and those of the language.
cat >types.proto <<'END'
syntax = "proto3";
message Account { message Inner {} strng a = 1; }
enum Colour { RED = 0; }
message Use { Acount a = 1; Color c = 2; Inner i = 3; other.Colours d = 4; Zebra z = 5; }
END
says 1 '^types.proto:2:36: error: "strng" is not defined.  Did you mean "string"?$' -o types types.proto
grep -q '"Acount" is not defined.  Did you mean "Account"?$' said || fail "Acount: $(cat said)"
grep -q '"Color" is not defined.  Did you mean "Colour"?$' said || fail "Color: $(cat said)"
grep -q '"other.Colours" is not defined.  Did you mean "Colour"?$' said || fail "Colours: $(cat said)"
grep -q '"Inner" is not defined.$' said || fail "Inner: $(cat said)"
grep -q '"Zebra" is not defined.$' said || fail "Zebra: $(cat said)"

# Control characters of a source do not reach the terminal.
printf 'syntax = "proto3";\nmessage M { in\033[31mt32 a = 1; }\n' >control.proto
says 1 '^message M { in?\[31mt32 a = 1; }$' -o control control.proto

# compiles FOLDER: all C in it, against nanopb alone.
compiles() {
  local source
  for source in $(find "$1" -name '*.pb.c'); do
    gcc -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$1" "$source" || fail "$source does not compile"
  done
}

# Messages that contain themselves, each other, or come from an import: pointers break the circle, and only it.
mkdir -p circles/lib
cat >circles/node.proto <<'END'
syntax = "proto3";
package c;
import "lib/tree.proto";
message Node { Node next = 1; Leaf leaf = 2; repeated Node kids = 3; map<string, Node> named = 4; }
message Leaf { int32 size = 1; }
message A { oneof way { B b = 1; int32 end = 2; } }
message B { message Inner { A a = 1; } Inner inner = 1; lib.Tree tree = 2; }
service S { rpc Call(Node) returns (B); }
END
printf 'syntax = "proto3";\npackage lib;\nmessage Tree { Tree left = 1; Tree right = 2; }\n' >circles/lib/tree.proto
says 0 '' -Icircles -o circle circles/node.proto circles/lib/tree.proto
[ -s said ] && fail "circles: something was said: $(cat said)"
compiles circle
grep -q 'struct _c_Node \*next;' circle/node.pb.h || fail "Node.next is no pointer"
grep -q ' c_Leaf leaf;' circle/node.pb.h || fail "Node.leaf lies on no circle, but is no value: $(grep leaf circle/node.pb.h)"
grep -q 'struct _lib_Tree \*left;' circle/lib/tree.pb.h || fail "Tree.left is no pointer"
[ "$(ls circles circles/lib | grep -c options)" = 0 ] || fail "an .options file appeared among the sources"

# What the user says of such a field wins; a bound keeps its meaning; a value is refused at its line.
printf '# sizes\nc.Node.kids max_count:4\nc.Node.next type:FT_CALLBACK\n' >circles/node.options
says 0 'circles/node.options:3:13: warning: type: the field is not filled' -Icircles -o circle circles/node.proto
grep -q 'pb_callback_t next;' circle/node.pb.h || fail "the user's type of Node.next did not win"
compiles circle
printf '\n  c.Node.next   type:FT_STATIC\n' >circles/node.options
says 1 '^circles/node.options:2:17: error: type: through c.Node.next, c.Node contains itself' -Icircles -o circle circles/node.proto

# Well-known types are ordinary imports; passed themselves, they are made like any other.
printf 'syntax = "proto3";\nimport "google/protobuf/struct.proto";\nmessage M { google.protobuf.Value v = 1; }\nservice S { rpc Call(M) returns (M); }\n' >known.proto
says 0 '' -o known known.proto
[ "$(find known -type f | wc -l)" = 4 ] || fail "an import was made too: $(find known)"
google=$(dirname "$(dirname "$(realpath "$(command -v protoc)")")")/include/google/protobuf
says 0 '' -o known "$google/struct.proto"
[ -f known/google/protobuf/struct.pb.c ] || fail "struct.proto: $(find known)"
compiles known

# A file imported for its options alone needs no header.
printf 'syntax = "proto2";\npackage rules;\nimport "google/protobuf/descriptor.proto";\nextend google.protobuf.FieldOptions { optional string check = 50001; }\n' >rules.proto
printf 'syntax = "proto3";\nimport "rules.proto";\nmessage M { string text = 1 [(rules.check) = "x"]; }\nservice S { rpc Call(M) returns (M); }\n' >ruled.proto
says 0 '' -o ruled ruled.proto
compiles ruled

# A value that an option in the .proto itself insists on.
printf 'syntax = "proto3";\nimport "nanopb.proto";\nmessage N { N next = 1 [(nanopb).type = FT_STATIC]; }\nservice S { rpc Call(N) returns (N); }\n' >static.proto
says 1 'error: messages contain themselves or each other by value' -o static static.proto

# .options files: every mistake has its place, and none is left to Python.
mkdir opt
cat >opt/o.proto <<'END'
syntax = "proto3";
package o;
message M { string text = 1; bytes data = 2; M next = 3; }
message Unused { string text = 1; }
service S { rpc Call(M) returns (M); }
END
# option STATUS PATTERN LINE: with LINE as o.options
option() {
  printf '%b\n' "$3" >opt/o.options
  says "$1" "$2" -Iopt -o opts opt/o.proto
  grep -q -e Traceback -e 'nanopb generator' said && fail "$3: left to Python: $(cat said)"
}
option 0 '' '/* one */ o.M.text max_size:16 // two\n\n# three\no.*  max_length : 7, max_count:2;\no.M packed_struct:true msgid:0x10 callback_datatype:"int"'
grep -q 'char text\[16\]' opts/o.pb.h || grep -q 'char text\[8\]' opts/o.pb.h || fail "o.options was not found: $(grep text opts/o.pb.h)"
option 1 '^opt/o.options:1:10: error: nanopb has no option "maxsize"; did you mean "max_size"?' 'o.M.text maxsize:16'
option 1 '^opt/o.options:2:10: error: nanopb has no option "no_messages"' '\no.M.text no_messages:true'
option 1 '^opt/o.options:1:19: error: max_size: "abc" is not a number' 'o.M.text max_size:abc'
option 1 '^opt/o.options:1:19: error: max_size: "0" makes an array without elements' 'o.M.text max_size:0'
option 1 '^opt/o.options:1:19: error: max_size: a value is missing' 'o.M.text max_size:'
option 1 '^opt/o.options:1:19: error: a colon is missing here: max_size:VALUE' 'o.M.text max_size 16'
option 1 '^opt/o.options:1:15: error: type: "FT_POINTR" is not one of its values; did you mean "FT_POINTER"?' 'o.M.text type:FT_POINTR'
option 1 '^opt/o.options:1:1: error: "o.M.text" gets no option' 'o.M.text'
option 1 '^opt/o.options:1:13: error: include: the quote is not closed\|^opt/o.options:1:13: error: the quote is not closed' 'o.M include:"x'
option 1 '^opt/o.options:1:3: error: mangle_names: this option of nanopb changes the C names' '* mangle_names:M_FLATTEN'
option 1 '^opt/o.options:1:3: error: package: this option of nanopb changes the C names' '* package:"x"'
option 1 '^opt/o.options:1:5: error: skip_message: method o.S.Call needs message o.M' 'o.M skip_message:true'
option 0 '' 'o.Unused skip_message:true'
option 0 '^opt/o.options:2:1: warning: pattern "o.M.txt" matches nothing' 'o.M.text max_size:9\no.M.txt max_size:9'
option 0 '^opt/o.options:1:10: warning: type: the field is not filled when a message arrives' 'o.M.text type:FT_CALLBACK'
option 1 '^opt/o.options: error: is not text in UTF-8' 'o.M.text max_size:9\xff'
rm opt/o.options
ln -s /proc/self/mem opt/o.options
says 1 '^opt/o.options: error: cannot be read: Input/output error' -Iopt -o opts opt/o.proto
rm opt/o.options
mkdir other
echo 'o.M.text max_size:33' >other/o.options
says 0 '' -Iopt -Iother -o opts opt/o.proto
grep -q 'char text\[33\]' opts/o.pb.h || fail "an .options file below another -I was not found"

# The rule for make: everything that was read, with its spaces escaped, on the left what was made or what is wished.
mkdir 'a b'
cp opt/o.proto 'a b/o$#.proto'
printf 'import "nanopb.proto";\nimport "semel/options.proto";\n' >>'a b/o$#.proto'
echo 'o.M.text max_size:33' >'a b/o$#.options'
says 0 '' -I'a b' -o 'm d' --depfile rules/d 'a b/o$#.proto'
printf 'all: %s\n\t@echo "$(words $^): $^"\n' 'm\ d/o$$\#.pb.c' >makefile
cat rules/d >>makefile
make -s -n all >/dev/null 2>make.err || fail "make cannot read the rule: $(cat make.err)"
for part in '^m\\ d/o\$\$\\#.pb.h m\\ d/o\$\$\\#.pb.c m\\ d/o\$\$\\#.semel.h m\\ d/o\$\$\\#.semel.c: ' \
  '^  a\\ b/o\$\$\\#.proto' '^  a\\ b/o\$\$\\#.options$' 'semel/options.proto' 'google/protobuf/descriptor.proto' '/nanopb.proto'; do
  grep -q -e "$part" rules/d || fail "the rule lacks $part: $(cat rules/d)"
done
says 0 '' -I'a b' -o 'm d' --depfile rules/d --depfile-target the.stamp 'a b/o$#.proto'
grep -q '^the.stamp: ' rules/d || fail "the target of the rule: $(head -1 rules/d)"
touch -d 2001-01-01 rules/d
says 0 '' -I'a b' -o 'm d' --depfile=rules/d --depfile-target=the.stamp 'a b/o$#.proto'
[ rules/d -ot makefile ] || fail "a rule that is the same was written again"
says 1 'cannot write to rules/d/e: Not a directory' -o bad --depfile rules/d/e c.proto

# Directories that protoc's way of quoting would break.
for name in 'x,y' "it's" 'q"q' 'k=v' '-sfoo' '%s' 'a b' 'b\c'; do
  mkdir -p "odd/$name"
  write odd "odd/$name/o.proto"
  echo 'odd.M.text max_size:21' >"odd/$name/o.options"
  says 0 '' -I"odd/$name" -o "odd/$name/out" "odd/$name/o.proto"
  grep -q 'char text\[21\]' "odd/$name/out/o.pb.h" || fail "odd/$name: its .options file was not found"
done

mkdir 'k:v'
write odd 'k:v/o.proto'
says 1 'protoc cannot look into k:v: its name has a colon' 'k:v/o.proto'
says 0 '' -o 'k:v' c.proto

# An interrupted run leaves nothing, in whichever of its two halves: a nanopb that waits to be killed.
mkdir slow
mkfifo slow/started
printf '#!/bin/sh\necho $$ >"%s/slow/started"\nexec tail -f /dev/null\n' "$work" >slow/protoc-gen-nanopb
chmod +x slow/protoc-gen-nanopb
exec 3<>slow/started
PATH=$work/slow:$PATH "$semelc" -o interrupted c.proto 2>said &
semelc_pid=$!
read -r -t 60 slow_pid <&3 || fail "nanopb was not started: $(cat said)"
kill -TERM $semelc_pid
wait $semelc_pid && fail "an interrupted run passed"
[ "$slow_pid" = "" ] || kill "$slow_pid" 2>/dev/null
grep -q 'interrupted; nothing was written' said || fail "interrupted: $(cat said)"
[ ! -e interrupted ] || fail "an interrupted run left $(find interrupted)"

[ "$failures" -eq 0 ] && echo "all as it should be"
[ "$failures" -eq 0 ]
