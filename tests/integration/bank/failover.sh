#!/usr/bin/env bash
# Two servers that know nothing of one another, behind lines that are cut: no call runs at both, and none is lied about.
# It must not know which server is chosen.
# Reads best next: kill.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# between_two OP FAULTS... : the journals of both go to the audit, with the results.
between_two() {
    local op=$1 place to=()
    shift
    step "$op $*"
    for place in a b; do
        scene_start "server-$place" "$bin/bank-server" --listen "tcp://$scene_here:0" --journal "$scene_dir/journal-$place"
        scene_start "cutter-$place" "$bin/wire-cutter" --listen "$scene_here:0" \
            --to "${scene_address[server-$place]#tcp://}" --seed 5 "$@"
        to+=("tcp://${scene_address[cutter-$place]}")
    done
    load --to "${to[0]},${to[1]}" --op "$op" --calls 5000
    wait_for_load
    expect calls -eq 5000
    for place in a b; do
        scene_stop "cutter-$place"
        expect cuts -gt 0
        scene_stop "server-$place"
        expect executed -gt 0
    done
    if [[ $op != balance ]]; then
        "$bank/audit.sh" --journal "$scene_dir/journal-a" --journal "$scene_dir/journal-b" \
            --results "$scene_dir/results" --asked 5000 || scene_fail "the audit"
        rm "$scene_dir"/journal-*
    fi
    scene_line=$told
}

between_two deposit --cut-every 20000
expect failed_unknown -gt 0
expect failed_not_executed -eq 0
between_two note --cut-every 20000
between_two set-limit --cut-every 20000
expect ok -eq 5000
between_two balance --cut-every 20000
expect ok -eq 5000

echo passed
