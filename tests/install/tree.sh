#!/usr/bin/env bash
# tree.sh WORK ROOT: what is installed, the names the libraries show, and that all of it goes away again.
# Must not know: how it is used.  Reads best next: consumer.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

lib=$(library_folder "$prefix")
diff <(expected_files "$lib") <(files_of "$prefix") >&2 || fail "other files are installed than files.txt tells"
note "$(files_of "$prefix" | wc -l) files"

# A name from inside must not clash with one of a user's.  The version's own name is the one exception.
strangers() { awk 'NF >= 3 { print $3 }' | grep -Ev '^(semel_|google_protobuf_)[A-Za-z0-9_]+(@@SEMEL_0\.1)?$|^SEMEL_0\.1$' || true; }
for which in "nm -g --defined-only $prefix/$lib/libsemel.a" "nm -g --defined-only $prefix/$lib/libsemel-sim.a" "nm -D --defined-only $prefix/$lib/libsemel.so"; do
    [[ $($which | grep -c ' T semel_') -gt 30 ]] || fail "hardly any function: $which"
    [[ $($which | grep -c ' google_protobuf_') -gt 20 ]] || fail "no well-known messages: $which"
    shown=$($which | strangers)
    [[ -z $shown ]] || fail "shows names of its own: $shown"
done
! nm -u "$prefix/$lib/libsemel-sim.a" | grep -E ' (ev_|ares_|socket$|connect$|getrandom)' >&2 || fail "libsemel-sim.a reaches outside"
readelf -d "$prefix/$lib/libsemel.so" | grep -q 'SONAME.*\[libsemel\.so\.0\.1\]' || fail "the soname is not libsemel.so.0.1"
[[ $(readlink "$prefix/$lib/libsemel.so") == libsemel.so.0.1 ]] || fail "libsemel.so is no link to libsemel.so.0.1"
! readelf -d "$prefix/$lib/libsemel.so" | grep -E 'R(UN)?PATH|TEXTREL' >&2 || fail "a path or text relocations in libsemel.so"

# Nothing tells where it was built.
for file in $(files_of "$prefix"); do
    ! grep -q -a -F -e "$work/build" -e "$root/" "$prefix/$file" || fail "$file names a folder of the build"
done

# Away again, as README.md says.
quietly cmake --install "$work/build" --prefix "$work/short"
[[ $(files_of "$work/short" | wc -l) -gt 0 ]] || fail "nothing was installed"
xargs -d '\n' rm <"$work/build/install_manifest.txt"
left=$(files_of "$work/short")
[[ -z $left ]] || fail "left behind: $left"
rm -r "$work/short"
note "uninstalled by its manifest"
