#!/usr/bin/env bash
# Command lines: what is wrong is said in one line, with the exit status for it; --help helps.
# It must not know of loads.
# Reads best next: examples/bank/args.h.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# refused STATUS TEXT PROGRAM ARGUMENT...: ends with the status, says the text on stderr, and nothing on stdout.
refused() {
    local status=$1 text=$2 program=$3 code=0 said
    shift 3
    said=$("$bin/$program" "$@" 2>&1 >"$scene_dir/stdout") || code=$?
    ((code == status)) || scene_fail "$program $*: status $code, not $status: $said"
    [[ $said == *"$text"* ]] || scene_fail "$program $*: said \"$said\", not \"$text\""
    [[ ! -s $scene_dir/stdout ]] || scene_fail "$program $*: an error and output"
}

listen=(--listen tcp://127.0.0.1:0)
to=(--to tcp://127.0.0.1:1)

step "options"
refused 2 "--listen URI is required" bank-server
refused 2 "--to URI[,URI...] is required" bank-load
refused 2 "--listen HOST:PORT is required" wire-cutter --to 127.0.0.1:1
refused 2 "unknown option --call, did you mean --calls?" bank-load "${to[@]}" --call 3
refused 2 "unknown option --jornal, did you mean --journal?" bank-server "${listen[@]}" --jornal x
refused 2 "unknown option --cut-evry, did you mean --cut-every?" wire-cutter --cut-evry 3
refused 2 "\"stray\" is not an option" bank-load "${to[@]}" stray
refused 2 "--calls: \"many\" is not a whole number" bank-load "${to[@]}" --calls many
refused 2 "--calls: \"-1\" is not a whole number" bank-load "${to[@]}" --calls=-1
refused 2 "--calls: 0 is out of range, allowed are 1 to" bank-load "${to[@]}" --calls 0
refused 2 "--window: \"18446744073709551616\" is not a whole number" bank-load "${to[@]}" --window 18446744073709551616
refused 2 "--calls is given twice" bank-load "${to[@]}" --calls 1 --calls 2
refused 2 "--calls needs a value: N" bank-load "${to[@]}" --calls
refused 2 "--calls needs a value: N" bank-load "${to[@]}" --calls --window 3
refused 2 "--progress takes no value" bank-load "${to[@]}" --progress=yes
refused 2 "--op: \"borrow\" is not one of deposit, withdraw, balance, set-limit, note" bank-load "${to[@]}" --op borrow

step "addresses"
refused 2 "tcp//127.0.0.1" bank-server --listen tcp//127.0.0.1
refused 2 "tcp:/somewhere" bank-load --to tcp:/somewhere
refused 2 "--to nowhere: write HOST:PORT or [HOST]:PORT" wire-cutter --listen 127.0.0.1:0 --to nowhere
server
refused 1 "ALREADY_EXISTS" bank-server --listen "${scene_address[server]}"
refused 1 "Address already in use" wire-cutter --listen "${scene_address[server]#tcp://}" --to 127.0.0.1:1
scene_stop server

step "files and stores"
refused 1 "--journal $scene_dir/no/file: No such file or directory" bank-server "${listen[@]}" --journal "$scene_dir/no/file"
refused 1 "--results $scene_dir/no/file: No such file or directory" bank-load "${to[@]}" --results "$scene_dir/no/file"
code=0
"$bin/bank-load" "${to[@]}" --calls 1 --RetryIntervals=-1 --results /dev/full >/dev/null 2>"$scene_dir/full" || code=$?
if ((code != 1)) || ! grep -q -- '--results /dev/full: No space left on device' "$scene_dir/full"; then
    scene_fail "a full disk: status $code, $(cat "$scene_dir/full")"
fi
refused 2 "--store: INVALID_ARGUMENT" bank-server "${listen[@]}" --store drawer

step "a journal that cannot be read back is not taken for an empty one"
rm -f "$scene_dir/journal"
mkfifo "$scene_dir/journal"
exec {kept}<>"$scene_dir/journal" # so that both ends open
server --store "lmdb:$scene_dir/store"
load --to "${scene_address[server]}" --calls 3
wait_for_load
scene_stop server
refused 1 "the journal cannot be read" bank-server "${listen[@]}" --journal "$scene_dir/journal" --store "lmdb:$scene_dir/store"
exec {kept}<&-
rm "$scene_dir/journal"

step "properties"
refused 2 "Deadline" bank-load "${to[@]}" --Deadlin=5s
refused 2 "Deadline" bank-load "${to[@]}" --Deadline=soon
refused 2 "$scene_dir/none" bank-server "${listen[@]}" --config "$scene_dir/none"
printf '# the bank\nHeartbeat=2s\nHartbeat=2s\n' >"$scene_dir/conf"
refused 2 "$scene_dir/conf:3" bank-server "${listen[@]}" --config "$scene_dir/conf"
SEMEL_CONFIG=$scene_dir/conf refused 2 "$scene_dir/conf:3" bank-load "${to[@]}"

step "--help"
for program in bank-server bank-load wire-cutter; do
    said=$("$bin/$program" --help) || scene_fail "$program --help failed"
    [[ $said == *"usage: $program"*"examples:"* ]] || scene_fail "$program --help: $said"
done
[[ $("$bin/bank-load" --help) == *RetryIntervals* ]] || scene_fail "the properties are not in --help"

echo passed
