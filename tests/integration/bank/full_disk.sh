#!/usr/bin/env bash
# A disk that is full, a real one of half a MiB: full_disk.sh BIN_DIR BANK_DIR.
# When nothing more can be written down nothing runs, and a restart does not change that; with room, all that was told OK is there.
# It needs the right to mount in a namespace of its own; SEMEL_NET=required: failed, not skipped, without it.
# It must not know how a store grows.
# Reads best next: disk_errors.sh.
if [[ ${FULL_DISK_INSIDE-} != yes ]]; then
    as=()
    ((EUID == 0)) || as=(--map-root-user)
    # The files of a mount are gone with its namespace, and that with the last process in it.
    if why=$(unshare "${as[@]}" --mount mount -t tmpfs none /mnt 2>&1); then
        FULL_DISK_INSIDE=yes exec unshare "${as[@]}" --mount bash "$0" "$@"
    fi
    [[ ${SEMEL_NET-} != required ]] || { printf 'FAILED: SEMEL_NET=required, but: %s\n' "$why" >&2; exit 1; }
    printf 'SKIPPED: no right to mount in a namespace (%s)\n' "$why"
    exit 0
fi
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

opening=1000
disk=$scene_dir/disk
mkdir "$disk"
mount -t tmpfs -o size=512k none "$disk"
trap 'umount -l "$disk"; scene_end' EXIT

banker() { server --store "lmdb:$disk/store" --opening-balance $opening; }

# deposits CALLS: of one cent; what was told is kept for the audit.  A server that is not active welcomes nobody.
deposits() {
    load --to "${scene_address[server]}" --calls "$1" --window 64 --accounts 1 --max-cents 1 --RetryIntervals=-1 \
        --deadline-ms 3000
    wait_for_load
    ok=$(scene_field ok) unknown=$(scene_field failed_unknown)
    expect failed_executed -eq 0
    cat "$scene_dir/results" >>"$scene_dir/told"
    asked=$((${asked-0} + $1)) all_ok=$((${all_ok-0} + ok)) all_unknown=$((${all_unknown-0} + unknown))
}

step "deposits until the disk is full"
banker
deposits 8000
((ok > 300)) || scene_fail "only $ok were OK before the disk was full"
expect failed_not_executed -ge 1000
((unknown <= 64)) || scene_fail "$unknown are UNKNOWN, and no more than 64 were under way"
grep -qE "THE STORE HAS FAILED \((No space left on device|Input/output error)\)" "$scene_dir/server.err" ||
    scene_fail "not a word of the disk"
printf '%d OK, %d UNKNOWN\n' "$ok" "$unknown"
lines=$(wc -l <"$scene_dir/journal")

step "what can not be written down is not run"
deposits 20
((ok == 0 && unknown == 0)) || scene_fail "$ok OK, $unknown UNKNOWN"
scene_stop server

step "a restart on a disk that is still full promises no more than it keeps"
dd if=/dev/zero of="$disk/ballast" bs=4096 2>/dev/null || true # the last pages
banker
now=$(wc -l <"$scene_dir/journal")
((now - lines <= all_unknown)) || scene_fail "$((now - lines)) executions came to light, $all_unknown were UNKNOWN"
deposits 8000
printf '%d OK in what was free within the file, %d UNKNOWN\n' "$ok" "$unknown"
expect failed_not_executed -ge 1000
((unknown <= 64)) || scene_fail "$unknown are UNKNOWN"
[[ $(grep -c "THE STORE HAS FAILED" "$scene_dir/server.err") == 2 ]] || scene_fail "not a word of the disk"
scene_stop server

step "with room, everything is there and goes on"
mount -o remount,size=8m none "$disk"
banker
load --to "${scene_address[server]}" --op balance --calls 1 --accounts 1
wait_for_load
balance=$(($(scene_field last_balance) - opening))
((balance >= all_ok && balance <= all_ok + all_unknown)) ||
    scene_fail "$all_ok told OK, $all_unknown UNKNOWN, the balance has grown by $balance"
deposits 100
((ok == 100)) || scene_fail "$ok of 100 were OK"
scene_stop server
mv "$scene_dir/told" "$scene_dir/results"
audit --asked "$asked"

echo passed
