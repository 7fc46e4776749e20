#!/usr/bin/env bash
# SIGHUP makes bank-load read its properties again, for the calls to come; a file that is wrong changes nothing.
# It must not know how properties are kept.
# Reads best next: deadline.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

conf=$scene_dir/bank.conf

# attempts_of LINE: what the result in that line says.
attempts_of() { sed -n "$1p" "$scene_dir/results" | cut -f 4; }

# reload TEXT WORDS: a load of calls that nobody answers, and in the middle of it other properties; it says so with these words.
reload() {
    echo 'RetryIntervals=-1' >"$conf"
    scene_new_place
    load --to "tcp://$scene_place" --op balance --window 1 --rate 400 --calls $endless --announce 10 \
        --config "$conf"
    await_calls 100
    echo "$1" >"$conf"
    kill -HUP "${scene_pid[load]}"
    await_line load "$2"
    await_calls 20
    stop_load
    [[ $(attempts_of 1) == 1 ]] || scene_fail "the first call had $(attempts_of 1) attempts, not 1"
}

step "new properties"
reload 'RetryIntervals=0 0' "the properties were read again"
[[ $(attempts_of '$') == 3 ]] || scene_fail "the last call had $(attempts_of '$') attempts, not 3"

step "properties that are wrong"
reload 'RetryIntervals=soon' "the properties stay as they are: "
[[ $(attempts_of '$') == 1 ]] || scene_fail "the last call had $(attempts_of '$') attempts, not 1"
grep -q "the properties stay as they are: .*bank.conf:1: " "$scene_dir/load.err" || scene_fail "nobody said what is wrong"
