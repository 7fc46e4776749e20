#!/usr/bin/env bash
# A crash before and after every step of the store, one after the other: crash_points.sh BIN_DIR BANK_DIR [CALLS].
# For each step of a small load the server crashes there, starts again, and in the end the books are compared.
# It must not know what a step does.
# Reads best next: crash_store.c; durable.sh, where the moments are random.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

calls=${3:-4}
opening=1000
folder=$(if [[ -w /dev/shm ]]; then mktemp -d /dev/shm/bank.XXXXXX; else mktemp -d "$scene_dir/store.XXXXXX"; fi)
trap 'scene_end; rm -rf "$folder"' EXIT

# crashing AT OPTION...: a server that crashes at this step of its store, once.
crashing() {
    local at=$1
    shift
    scene_start server env CRASH_AT="$at" CRASH_STEPS="$folder/steps" "$bin/bank-server-crashing" \
        --listen "tcp://$scene_place" --journal "$scene_dir/journal" --store "lmdb:$folder/store" \
        --opening-balance $opening "$@"
}

# Asks the server to end; one that crashes over that has started again, and is asked again.
stop_for_good() {
    kill -TERM "${scene_pid[server]}"
    while scene_read server; do
        # Such a line may also be of a crash under the load, long ago: one signal too many does no harm.
        [[ $scene_line != "listening "* ]] || kill -TERM "${scene_pid[server]}" 2>/dev/null || true
    done
    scene_code=0
    wait "${scene_pid[server]}" || scene_code=$?
    # 143: the signal found it starting, before it could take one.
    ((scene_code == 0 || scene_code == 143)) || scene_fail "the server ended with status $scene_code"
    unset "scene_pid[server]"
}

# point AT OP EXACTLY OPTION...: one load with a crash at this step.
point() {
    local at=$1 op=$2 exactly=$3
    shift 3
    rm -f "$folder"/*
    scene_new_place
    crashing "$at" "$@"
    load --to "tcp://$scene_place" --op "$op" --calls "$calls" --window 2 --accounts 1 --max-cents 1 --deadline-ms 0
    wait_for_load
    ok=$(scene_field ok) unknown=$(scene_field failed_unknown)
    mv "$scene_dir/results" "$scene_dir/told"
    if [[ $op == deposit ]]; then
        load --to "tcp://$scene_place" --op balance --calls 1 --accounts 1
        wait_for_load
        balance=$(($(scene_field last_balance) - opening))
        ((balance >= ok && balance <= ok + unknown)) ||
            scene_fail "step $at: $ok told OK, $unknown UNKNOWN, the balance has grown by $balance"
    fi
    ((exactly == 0 || (ok == calls && unknown == 0))) || scene_fail "step $at: $ok OK, $unknown UNKNOWN"
    steps=$(stat -c %s "$folder/steps")
    stop_for_good
    mv "$scene_dir/told" "$scene_dir/results"
    audit --asked "$calls" >"$scene_dir/audit.out" || { cat "$scene_dir/audit.out"; scene_fail "step $at"; }
}

# all_points OP EXACTLY OPTION...: every step of such a load.
all_points() {
    local at=1 last unknowns=0
    point 0 "$@"
    last=$steps
    ((last >= 6)) || scene_fail "only $last steps were seen"
    for (( ; at <= last; at++)); do
        point "$at" "$@"
        unknowns=$((unknowns + unknown))
    done
    printf '%d steps, %d UNKNOWN\n' "$last" "$unknowns"
}

step "deposits in the store's transaction: exactly once"
all_points deposit 1

step "deposits that commit for themselves: at most once, and UNKNOWN where one had begun"
all_points deposit 0 --no-transactions

step "notes: oneway"
all_points note 0

echo passed
