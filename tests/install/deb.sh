#!/usr/bin/env bash
# deb.sh WORK ROOT: makes the Debian package, installs it in a root of its own and removes it.
# Must not know: the files but by files.txt.  Reads best next: lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

at=$work/deb
rm -rf "$at"
mkdir -p "$at/out" "$at/bin" "$at/root/usr" "$at/admin/info" "$at/admin/updates"
touch "$at/admin/status" "$at/admin/available"
quietly cpack -G DEB --config "$work/build/CPackConfig.cmake" -B "$at/out"
package=$(find "$at/out" -maxdepth 1 -name 'semel_0.1.*.deb')
[[ -f $package ]] || fail "no package"

depends=$(dpkg-deb -f "$package" Depends)
for need in libnanopb-dev libev-dev libxxhash-dev libinih-dev liblmdb-dev libc-ares-dev libprotobuf-dev protobuf-compiler nanopb 'libc6 (>= ' 'libev4 (>= '; do
    [[ ", $depends" == *", $need"* ]] || fail "does not depend on $need: $depends"
done
[[ $(dpkg-deb -I "$package" shlibs) == 'libsemel 0.1 semel (>= 0.1.'*'), semel (<< 0.2)' ]] || fail "shlibs: $(dpkg-deb -I "$package" shlibs)"

# The scripts of the package call ldconfig; that of this machine is none of their business.
printf '#!/bin/sh\necho "$DPKG_MAINTSCRIPT_NAME" >>"%s"\n' "$at/ldconfig-calls" >"$at/bin/ldconfig"
chmod +x "$at/bin/ldconfig"
in_root() {
    quietly env PATH="$at/bin:$PATH:/usr/sbin:/sbin" dpkg --instdir="$at/root" --admindir="$at/admin" --log="$at/log" \
        --force-depends --force-not-root --force-script-chrootless "$@"
}
in_root --install "$package"
lib=$(library_folder "$at/root/usr")
diff <(expected_files "$lib") <(files_of "$at/root/usr") >&2 || fail "other files are in the package than files.txt tells"
cmp -s "$at/root/usr/bin/semelc" "$prefix/bin/semelc" && fail "semelc was not stripped"
for file in $(files_of "$at/root/usr"); do
    ! grep -q -a -F -e "$work" -e "$root/" "$at/root/usr/$file" || fail "$file names a folder of the build"
done
[[ $("$at/root/usr/bin/semelc" --version) == "semelc 0.1."* ]] || fail "semelc of the package does not run"

in_root --purge semel
left=$(find "$at/root" -mindepth 1 ! -path "$at/root/usr")
[[ -z $left ]] || fail "left behind: $left"
[[ -z $(find "$at/admin/info" -name 'semel.*') ]] || fail "dpkg still knows it"
[[ $(tr '\n' ' ' <"$at/ldconfig-calls") == 'postinst postrm ' ]] || fail "ldconfig was called by: $(cat "$at/ldconfig-calls")"
note "$(basename "$package"): installed and removed"
