#!/usr/bin/env bash
# wire-cutter does what it counts, and counts what it does: seen from both ends with an echo server behind it.
# It must not know how wire-cutter works.
# Reads best next: wire_probe.c.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

probe=$bin/wire-probe
scene_start echo "$probe" echo

# through OPTION... -- CONNECTIONS BYTES: sends bytes through a cutter; sets $told (by the client) and $counted (by the
# cutter).
through() {
    local options=()
    while [[ $1 != -- ]]; do options+=("$1") && shift; done
    scene_start cutter "$bin/wire-cutter" --listen 127.0.0.1:0 --to "${scene_address[echo]}" "${options[@]}"
    told=$("$probe" send "${scene_address[cutter]}" "$2" "$3") || scene_fail "the client broke: ${options[*]}"
    scene_stop cutter
    counted=$scene_line
}

# is JSON KEY OPERATOR NUMBER
is() {
    scene_line=$1
    local value
    value=$(scene_field "$2")
    test "$value" "$3" "$4" || scene_fail "$2 is $value, not $3 $4 (client: $told, cutter: $counted)"
}

step "without faults it is a wire"
through -- 3 300000
is "$told" complete -eq 3
is "$told" bytes_wrong -eq 0
is "$counted" connections -eq 3
is "$counted" cuts -eq 0
is "$counted" bytes_up -eq 900000
is "$counted" bytes_down -eq 900000

step "cuts fall in all three forms, and never damage a byte"
through --cut-every 20000 --seed 3 -- 60 100000
is "$told" complete -lt 60
is "$told" bytes_wrong -eq 0
is "$counted" cuts_closed -gt 0
is "$counted" cuts_reset -gt 0
is "$counted" cuts_one_way -gt 0
cuts=$(scene_field cuts)
is "$told" complete -eq $((60 - cuts))

step "forms can be forbidden, and cuts limited"
through --cut-every 5000 --no-reset --no-one-way --max-cuts 7 -- 20 100000
is "$counted" cuts -eq 7
is "$counted" cuts_closed -eq 7
is "$told" complete -eq 13

step "the same seed cuts at the same byte"
through --cut-every 3000 --seed 11 --direction down --no-one-way --no-reset -- 1 100000
first=$told
through --cut-every 3000 --seed 11 --direction down --no-one-way --no-reset -- 1 100000
[[ $first == "$told" ]] || scene_fail "$first, then $told"
through --cut-every 3000 --seed 12 --direction down --no-one-way --no-reset -- 1 100000
[[ $first != "$told" ]] || scene_fail "another seed, and nothing changed: $told"

step "a cut after N bytes lets exactly N bytes through"
for n in 1 299 16384 50001; do
    through --cut-after-bytes "$n" --direction down --no-one-way --no-reset -- 2 100000
    is "$told" bytes_back -eq $((2 * n))
    is "$counted" cuts -eq 2
done

step "corruption flips bytes, and loses none"
through --corrupt-every 1000 -- 2 200000
is "$told" complete -eq 2
is "$counted" corruptions -gt 100
flipped=$(scene_field corruptions)
# Seldom a byte is flipped on both ways.
is "$told" bytes_wrong -le "$flipped"
is "$told" bytes_wrong -gt $((flipped / 2))

step "stalls and trickles delay, and lose none"
through --stall-every 20000 --stall-ms 5 --trickle-every 20000 --trickle-bytes 8 -- 2 200000
is "$told" complete -eq 2
is "$told" bytes_wrong -eq 0
is "$counted" stalls -gt 3
is "$counted" trickles -gt 3

step "an endless stall ends with a cut"
through --stall-every 10000 --endless-percent 100 --endless-ms 30 -- 3 400000
is "$told" complete -eq 0
is "$counted" cuts -eq 3

step "a server that is not there shows as a reset"
scene_kill echo
scene_start cutter "$bin/wire-cutter" --listen 127.0.0.1:0 --to "${scene_address[echo]}"
told=$("$probe" send "${scene_address[cutter]}" 1 1000)
scene_stop cutter
counted=$scene_line
is "$told" complete -eq 0
is "$counted" refused -eq 1

echo passed
