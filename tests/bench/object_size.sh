#!/usr/bin/env bash
# Measures how many bytes of object code one method of a service costs, by the kinds of methods there are.
# Must not know: what the generated code contains; it compiles services of 1 and of 11 methods and takes a tenth of the
# difference.  Compilers merge equal functions, here as in any service.
# Reads best next: codegen/README.md, which shows the figures.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: tests/bench/object_size.sh [--bin DIR] [--cc COMMAND]

  --bin DIR      where semelc is (default build/bin)
  --cc COMMAND   the compiler, with its options (default gcc -O2)

Generates services whose methods share their messages, so that only X.semel.c is weighed: text (code, constants and
what unwinds the stack) and data (tables that hold addresses), as size(1) counts them.  Prints Markdown.
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
bin=$root/build/bin
cc='gcc -O2'
while (($# > 0)); do
    case $1 in
    --bin) bin=${2:?"--bin needs a directory"}; shift 2 ;;
    --cc) cc=${2:?"--cc needs a command"}; shift 2 ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done
[[ -x $bin/semelc ]] || { echo "object_size.sh: there is no semelc in $bin; build it, or say --bin" >&2; exit 2; }
read -ra compile <<<"$cc"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# proto COUNT REPLY OPTIONS: a service with COUNT methods, each with these options.
proto() {
    printf 'syntax = "proto3";\npackage weigh;\n'
    [[ $3 != *semel.method* ]] || printf 'import "semel/options.proto";\n'
    cat <<'END'
message Request { int64 amount = 1; }
message Reply { int64 balance = 1; }
message Nothing {}
message TooLittle { int64 missing = 1; }
service Scale {
END
    local i
    # Names of one length: a name is counted as well.
    for ((i = 11; i < 11 + $1; i++)); do
        printf '  rpc Method%d(Request) returns (%s) { %s }\n' "$i" "$2" "$3"
    done
    printf '}\n'
}

# weigh COUNT REPLY OPTIONS: prints text and data of such a service.
weigh() {
    proto "$@" >"$folder/scale.proto"
    "$bin/semelc" -I "$folder" -I "$root/idl" -o "$folder" "$folder/scale.proto"
    "${compile[@]}" -I "$root/runtime/include" -I "$folder" -c -o "$folder/scale.o" "$folder/scale.semel.c"
    size --format=berkeley "$folder/scale.o" | awk 'NR == 2 { print $1, $2 }'
}

# row NAME REPLY OPTIONS: a line of the table.
row() {
    local one eleven
    one=$(weigh 1 "$2" "$3")
    eleven=$(weigh 11 "$2" "$3")
    awk -v name="$1" -v one="$one" -v eleven="$eleven" 'BEGIN {
        split(one, a)
        split(eleven, b)
        text = (b[1] - a[1]) / 10
        data = (b[2] - a[2]) / 10
        if (text <= 0 || data <= 0)
            exit 1
        printf "| %s | %.0f | %.0f | %.0f |\n", name, text, data, text + data
    }'
}

printf "| one method, \`%s\` | text | data | bytes |\n| --- | ---: | ---: | ---: |\n" "$cc"
row 'at most once' Reply ''
row 'idempotent' Reply 'option idempotency_level = IDEMPOTENT;'
row 'with options' Reply 'option (semel.method) = { deadline: "5s", retry_intervals_ms: [ 0, 100, 500 ] };'
row 'with a declared error' Reply 'option (semel.method) = { errors: [ "weigh.TooLittle" ] };'
row 'oneway' Nothing 'option (semel.method) = { oneway: true };'
