#!/usr/bin/env bash
# kill -9 of a server with a durable store, again and again, under one load: durable.sh BIN_DIR BANK_DIR [KILLS [SEED]].
# Transactional handlers: nothing is UNKNOWN, and the balance is the sum of the deposits that were told OK.  Handlers that
# commit for themselves: UNKNOWN only where a handler had begun.  A backup that is restored under load: nothing runs again.
# It must not know what a store is made of.
# Reads best next: crash_points.sh, which chooses its moments.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

kills=${3:-8}
RANDOM=${4:-$$}
printf 'seed %d\n' "${4:-$$}"
opening=1000

# durable OPTION...: the server at $scene_place, with its store and the accounts in it.
durable() {
    server --listen "tcp://$scene_place" --store "lmdb:$store" --opening-balance $opening "$@"
}

# A folder in memory, where there is one: kill -9 does not ask whether a disk was flushed.
store_folder() {
    if [[ -w /dev/shm ]]; then mktemp -d /dev/shm/bank.XXXXXX; else mktemp -d "$scene_dir/store.XXXXXX"; fi
}

# kill_again_and_again KILLS OPTION...: one load of deposits of one cent, 64 at a time, while the server dies at random.
kill_again_and_again() {
    local rounds=$1 round
    shift
    scene_new_place
    durable "$@"
    load --to "tcp://$scene_place" --calls $endless --window 64 --accounts 1 --max-cents 1 --announce 10 --deadline-ms 0
    for ((round = 0; round < rounds; round++)); do
        await_calls $((RANDOM % 120))
        for ((i = RANDOM % 3000; i > 0; i--)); do :; done # somewhere between two lines
        scene_kill server
        durable "$@"
    done
    await_calls 100
    stop_load
}

# After the last restart the accounts are asked.
ask_balance() {
    mv "$scene_dir/results" "$scene_dir/deposits"
    load --to "tcp://$scene_place" --op balance --calls 1 --accounts 1
    wait_for_load
    balance=$(($(scene_field last_balance) - opening))
    mv "$scene_dir/deposits" "$scene_dir/results"
    scene_stop server
}

folder=$(store_folder)
trap 'scene_end; rm -rf "$folder"' EXIT

step "transactional handlers: exactly once, whatever dies ($kills kills)"
store=$folder/exactly
kill_again_and_again "$kills"
expect ok -eq "$asked"
expect failed_unknown -eq 0
ask_balance
((balance == asked)) || scene_fail "$asked deposits of a cent were told OK, and the balance has grown by $balance"
audit --asked "$asked" --server-lived

step "handlers that commit for themselves: UNKNOWN only where one had begun"
store=$folder/once
kill_again_and_again "$(((kills + 2) / 3))" --no-transactions
told_ok=$(scene_field ok)
told_unknown=$(scene_field failed_unknown)
expect failed_not_executed -eq 0
expect failed_executed -eq 0
ask_balance
((balance >= told_ok && balance <= told_ok + told_unknown)) ||
    scene_fail "$told_ok told OK, $told_unknown UNKNOWN, and the balance has grown by $balance"
if grep $'\tUNKNOWN\t' "$scene_dir/results" | grep -qv $'\tBEGUN\t'; then
    scene_fail "something is UNKNOWN for another reason than R6"
fi
audit
printf '%d of %d UNKNOWN\n' "$told_unknown" "$((told_ok + told_unknown))"

# refused WORDS: no server starts on the damaged file; it says why, ends by itself, and leaves the file as it is.
refused() {
    local before status=0
    before=$(cksum <"$folder/damaged")
    timeout 60 "$bin/bank-server" --listen tcp://127.0.0.1:0 --store "lmdb:$folder/damaged" \
        >/dev/null 2>"$scene_dir/refused.err" || status=$?
    ((status == 1)) || scene_fail "a server on a damaged file ended with $status"
    grep -q "DATA_LOSS.*is damaged (page [0-9]*: $1); restore a backup" "$scene_dir/refused.err" ||
        scene_fail "it has not told that $1: $(cat "$scene_dir/refused.err")"
    [[ $(cksum <"$folder/damaged") == "$before" ]] || scene_fail "it has written to a damaged file"
}

step "a file that was cut or overwritten is refused: no signal ends the server"
size=$(stat -c %s "$folder/exactly")
head -c $((size / 2)) "$folder/exactly" >"$folder/damaged"
refused 'the file ends before it'
cp "$folder/exactly" "$folder/damaged"
head -c 4096 /dev/zero | dd of="$folder/damaged" bs=4096 seek=1 conv=notrunc status=none
refused 'it is overwritten'

# await_silence: the server has run all that it was given.
await_silence() {
    local seen=0 now same
    for ((same = 0; same < 50; same++)); do
        now=$(wc -l <"$scene_dir/journal")
        ((now == seen)) || same=0
        seen=$now
    done
}

# What ran after the backup, and was not answered, is asked for again: the copy does not know that it ran.
step "an old copy takes the place of the file: it does not pass for it"
store=$folder/restored
scene_new_place
durable --no-transactions
cutter
load --to "tcp://${scene_address[cutter]}" --calls $endless --window 64 --accounts 1 --max-cents 1 --announce 10 --deadline-ms 0
await_calls 400
kill -STOP "${scene_pid[server]}" # a backup while it runs: no connection number will tell that the copy is older
cp "$store" "$folder/backup"
kill -CONT "${scene_pid[server]}"
await_calls 400
kill -STOP "${scene_pid[cutter]}" # replies stay there
await_silence
scene_kill server
scene_kill cutter
rm "$store"
cp "$folder/backup" "$store"
durable --no-transactions
scene_start cutter "$bin/wire-cutter" --listen "${scene_address[cutter]}" --to "$scene_place"
await_calls 400
stop_load
expect failed_not_executed -eq 0
expect failed_executed -eq 0
told_unknown=$(scene_field failed_unknown)
scene_stop cutter
scene_stop server
grep -q 'is a copy of another file' "$scene_dir/server.err" || scene_fail "the server has not told that it began anew"
audit
printf '%d of %d UNKNOWN\n' "$told_unknown" "$asked"
((told_unknown > 0)) || scene_fail "nothing was under way when the server died: this shows nothing"

echo passed
