# shellcheck shell=bash
# lateness.sh: how long this machine lets a process wait, for limits that would otherwise judge the machine.
# It must not know what is limited.  Sourced after scene_begin.
# Reads best next: stuck.sh.

# A clock beside the scene, woken every 50 ms: how late it is each time is what a process waits here.
late_watch() {
    local before=${EPOCHREALTIME/./} now nothing
    exec {nothing}<> <(:)
    while :; do
        read -r -t 0.05 -u "$nothing" || true
        now=${EPOCHREALTIME/./}
        printf '%s %s\n' "$now" $((now - before - 50000))
        before=$now
    done
}
# shellcheck disable=SC2034,SC2154  # they are scene.sh's
late_watch >"$scene_dir/lateness" &
# shellcheck disable=SC2034,SC2154
scene_pid[lateness]=$!

# late_ms T: how long that was, all in all, since EPOCHREALTIME was T, in microseconds.
late_ms() { awk -v t="$1" '$1 > t { late += $2 } END { printf "%d", late / 1000 }' "$scene_dir/lateness"; }
