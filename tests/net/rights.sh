#!/usr/bin/env bash
# The ground that scenarios stand on: one that is killed leaves nothing behind, and skipping needs a proof.
# It must not know what a scenario shows.
# Reads best next: common.sh.
set -euo pipefail

bin=$1 bank=$2
scenario=$(dirname "${BASH_SOURCE[0]}")/silent_client.sh
PATH=$PATH:/usr/sbin:/sbin

scratch=$(mktemp -d "${TMPDIR:-/tmp}/rights.XXXXXX")
pid=
finish() {
    [[ -z $pid ]] || kill -KILL "$pid" 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# Its programs are called by a path of our own, so that we find the processes of this scenario and no others.  The path
# stands in a file, or grep would find itself.
ln -s "$(cd "$bin" && pwd -P)" "$scratch/programs"
printf '%s' "$scratch/programs/bank-" >"$scratch/pattern"
printf '%s' "$scratch/programs/bank-load" >"$scratch/last"
programs_run() { grep -qsF -f "$scratch/pattern" /proc/[0-9]*/cmdline; }
scene_runs() { grep -qsF -f "$scratch/last" /proc/[0-9]*/cmdline; }
programs_gone() { ! programs_run; }
has_ended() { ! kill -0 "$pid" 2>/dev/null; }

# within SECONDS COMMAND: asks again and again.
within() {
    local end=$((${EPOCHREALTIME%[.,]*} + $1))
    until "$2"; do
        ((${EPOCHREALTIME%[.,]*} <= end)) || return 1
        [[ $2 != scene_runs ]] || ! has_ended || return 1
    done
}

# kill_scenario SIGNAL STATUS: in the middle of it.
kill_scenario() {
    local status=0 before
    before=$(ip netns list)
    "$scenario" "$scratch/programs" "$bank" >"$scratch/said" 2>&1 &
    pid=$!
    if ! within 20 scene_runs; then
        if grep '^SKIPPED: ' "$scratch/said"; then exit 0; fi
        fail "the scenario starts no programs: $(cat "$scratch/said")"
    fi
    kill "-$1" "$pid"
    # bash tells on stderr that it was killed; that is of no interest.
    { wait "$pid" || status=$?; } 2>/dev/null
    pid=
    ((status == $2)) || fail "killed by $1, the scenario ended with $status, not $2: $(cat "$scratch/said")"
    within 10 programs_gone || fail "killed by $1, the scenario left programs behind"
    ! grep -qx passed "$scratch/said" || fail "killed by $1, the scenario went on to its end"
    [[ $(ip netns list) == "$before" ]] || fail "killed by $1, the scenario left hosts behind"
    printf 'killed by %-4s   | no process and no namespace is left\n' "$1"
}

kill_scenario KILL 137
kill_scenario TERM 143

# without_right COMMAND...: where the kernel allows no more network namespaces; its output is in $scratch/said.
without_right() {
    local status=0
    # shellcheck disable=SC2016  # for the inner shell
    unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"' sh "$@" \
        >"$scratch/said" 2>&1 || status=$?
    return "$status"
}

if ! without_right true; then
    printf 'SKIPPED: no user namespace to take the right away in (%s)\n' "$(cat "$scratch/said")"
    exit 0
fi
without_right env SEMEL_NET= "$scenario" "$bin" "$bank" || fail "without the right it fails: $(cat "$scratch/said")"
grep -q '^SKIPPED: no right to make network namespaces (' "$scratch/said" || fail "it said: $(cat "$scratch/said")"
if without_right env SEMEL_NET=required "$scenario" "$bin" "$bank"; then
    fail "it is required, and skipped all the same"
fi
grep -q '^FAILED: SEMEL_NET=required' "$scratch/said" || fail "it said: $(cat "$scratch/said")"
printf 'without right    | skipped with its proof; SEMEL_NET=required: failed\n'
echo passed
