#!/usr/bin/env bash
# depends.sh WORK ROOT: which .proto files a change compiles again, and what semel_generate refuses.
# Must not know: what is generated.  Reads best next: codegen/SemelGenerate.cmake.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

at=$work/depends
proto() { # FILE IMPORT...: a message named after the file, which holds those of its imports
    local file=$1 name import other number=1
    name=$(basename "$file" .proto)
    shift
    mkdir -p "$(dirname "$at/$file")"
    {
        printf 'syntax = "proto3";\npackage %s;\n' "$name"
        ((!$#)) || printf 'import "%s";\n' "$@"
        printf 'message %s { string text = 1;' "${name^}"
        for import; do
            other=$(basename "$import" .proto)
            printf ' %s.%s %s = %d;' "$other" "${other^}" "$other" $((++number))
        done
        printf ' }\n'
    } >"$at/$file"
}

# alone does nobody harm; top imports middle, which imports bottom.
write_project() {
    rm -rf "$at"
    proto top.proto lib/middle.proto
    proto alone.proto
    proto shared/lib/middle.proto lib/bottom.proto
    proto shared/lib/bottom.proto
    mkdir -p "$at/sizes"
    # A folder may add to the target of another one.
    proto sub/far.proto lib/bottom.proto
    echo 'semel_generate(TARGET t PROTOS far.proto IMPORTS ../shared)' >"$at/sub/CMakeLists.txt"
    proto made.proto lib/bottom.proto
    sed 's/import /import \/* by hand *\/ /' "$at/made.proto" >"$at/pattern.txt"
    rm "$at/made.proto"
    cp "$root/tests/install/depends.cmake" "$at/CMakeLists.txt"
}

# remade NAMES: exactly these are compiled again by the next build.
remade() {
    touch "$at/before"
    quietly cmake --build "$at/build"
    local names
    names=$(find "$at/build" -name '*.semel.stamp' -newer "$at/before" -printf '%f\n' | sed 's/\..*//' | LC_ALL=C sort | xargs)
    [[ $names == "$1" ]] || fail "$generator: $2: made again \"$names\", not \"$1\""
}

# compiled NAMES: of these, and of no others, the last build compiled the messages.
compiled() {
    local names
    names=$(find "$at/build" -name '*.pb.c.o' -newer "$at/before" -printf '%f\n' | sed 's/\..*//' | LC_ALL=C sort | xargs)
    [[ $names == "$1" ]] || fail "$generator: compiled \"$names\", not \"$1\""
}

changes() {
    generator=$1
    write_project
    quietly cmake -G "$generator" -S "$at" -B "$at/build" -DCMAKE_PREFIX_PATH="$prefix"
    remade "alone bottom far made middle top" "at first"
    compiled "alone bottom far made middle top"
    remade "" "nothing changed"
    echo '// seen' >>"$at/shared/lib/bottom.proto"
    remade "bottom far made middle top" "an import of an import changed"
    compiled "" # a comment
    remade "" "nothing changed since"
    echo '// seen' >>"$at/alone.proto"
    remade "alone" "a file nobody imports changed"
    echo 'middle.Middle.text max_size:17' >"$at/shared/lib/middle.options"
    remade "middle top" "an import got options"
    grep -q 'text\[17\]' "$at/build/lib/middle.pb.h" || fail "the options had no effect"
    compiled "middle top"
    echo 'alone.Alone.text max_size:18' >"$at/sizes/alone.options"
    remade "alone" "options in the folder of OPTIONS"
    grep -q 'text\[18\]' "$at/build/alone.pb.h" || fail "the options in the folder of OPTIONS had no effect"
    touch -d 2001-01-01 "$at/sizes/alone.options"
    mv "$at/sizes/alone.options" "$at/alone.options"
    remade "alone" "options moved, and old"
    rm "$at/alone.options"
    remade "alone" "options gone"
    proto alone.proto lib/bottom.proto
    echo '// import "top.proto";' >>"$at/alone.proto"
    remade "alone" "a new import"
    echo '// seen' >>"$at/shared/lib/bottom.proto"
    remade "alone bottom far made middle top" "the new import changed"
    echo '// seen' >>"$at/top.proto"
    remade "top" "a file changed that another one names in a comment"
    proto alone.proto late.proto
    refused 'late.proto.*not found' cmake --build "$at/build"
    proto shared/late.proto
    touch "$at/CMakeLists.txt" # which compiles it too, if it is there
    remade "alone late" "an import that was missing came"
    echo '// seen' >>"$at/shared/late.proto"
    remade "alone late" "an import that came late changed"
    remade "" "nothing changed at last"
}

changes "Unix Makefiles"
if command -v ninja >/dev/null; then
    changes Ninja
else
    note "ninja is not installed: dependencies were tried with make only"
fi

mistake() { # PATTERN COMMANDS: what is refused when CMake runs
    printf '%s\n' "$2" >"$at/mistake.cmake"
    refused "$1" cmake -S "$at" -B "$at/build" -DMISTAKE=ON
}
proto again/alone.proto
mistake 'alone.proto is listed twice for t' 'semel_generate(TARGET t PROTOS alone.proto alone.proto)'
mistake 'alone.proto is listed twice for t' 'semel_generate(TARGET t PROTOS alone.proto)
semel_generate(TARGET t PROTOS ${CMAKE_CURRENT_SOURCE_DIR}/alone.proto)'
mistake 'already compiled here, for t; link t instead' 'add_library(u STATIC)
semel_generate(TARGET t PROTOS alone.proto)
semel_generate(TARGET u PROTOS alone.proto)'
mistake 'would both become .*alone.pb.h; give IMPORTS' 'semel_generate(TARGET t PROTOS alone.proto again/alone.proto)'
mistake 'there is no file .*none.proto' 'semel_generate(TARGET t PROTOS none.proto)'
mistake 'there is no folder .*nowhere' 'semel_generate(TARGET t PROTOS alone.proto IMPORTS nowhere)'
mistake 'TARGET must name an existing target, not "nobody"' 'semel_generate(TARGET nobody PROTOS alone.proto)'
mistake 'i is an INTERFACE_LIBRARY, which compiles nothing' 'add_library(i INTERFACE)
semel_generate(TARGET i PROTOS alone.proto)'
mistake 'PROTOS is missing' 'semel_generate(TARGET t)'
mistake 'unknown arguments: FROB' 'semel_generate(TARGET t PROTOS alone.proto IMPORTS shared TARGET t FROB)'
note "dependencies and mistakes: as they should be"
