#!/usr/bin/env bash
# A server falls silent without a word: the client notices within the heartbeat, and calls go on at the other endpoint.
# It must not know which of the two was chosen first.
# Reads best next: takeover.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

net_host client 10.77.0.1
net_host a 10.77.0.11
net_host b 10.77.0.12
net_server a --delay-ms 20
net_server b --delay-ms 20
net_load deposits client 10.77.0.11,10.77.0.12 --calls 1000000
net_load reads client 10.77.0.11,10.77.0.12 --calls 1000000 --op balance --rate 500

# fall_silent FROM TO: the server at FROM, which is in use, is not heard any more.
fall_silent() {
    local start before
    net_advance deposits 500
    before=$(net_lines "$2.journal")
    net_cut "$1"
    start=$(net_now_us)
    # 64 of them were under way, and 20 may not have been announced.
    net_advance deposits 200
    # It looks five times a heartbeat; the rest is the machine.
    net_within $((heartbeat_ms * 6 / 5 + 600)) "$start" "noticing that $1 is silent, and going on at $2"
    (($(net_lines "$2.journal") > before)) || scene_fail "$2 has executed nothing"
    net_advance reads 200
    net_mend
}

fall_silent a b
fall_silent b a
fall_silent a b

net_stop reads
net_expect ok -eq "$(scene_field calls)"
net_stop deposits
calls=$(scene_field calls)
# A host that is gone is not taken for one whose process is stuck.
net_expect HEARTBEAT_MISSED -ge 3
[[ $scene_line != *PEER_STUCK* ]] || scene_fail "a silent host was taken for a stuck process: $scene_line"
net_expect failed_not_executed -eq 0
net_expect failed_unknown -gt 0
net_expect failed_unknown -le $((3 * 64))
[[ $(net_reasons deposits) == DOMAIN_CHANGED ]] || scene_fail "UNKNOWN because of $(net_reasons deposits)"
grep -q "heartbeat missed" "$scene_dir/deposits.err" || scene_fail "no explanation names the heartbeat"
scene_stop server-a
scene_stop server-b
net_audit a b -- deposits -- --asked "$calls"
net_books_row "silent server" "elsewhere after at most $net_worst_ms ms (heartbeat $heartbeat_ms ms)"
echo passed
