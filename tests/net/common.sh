# shellcheck shell=bash
# common.sh: hosts of a network of their own for one scenario, a switch between them, and faults at that switch.
# It must not know what a scenario shows, nor anything of Semel but the names of the bank's programs.
# Reads best next: README.md; silent_server.sh, the shortest scenario; examples/bank/scene.sh.
set -euo pipefail
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin

bin=$1 bank=$2
port=4061
heartbeat_ms=${3-1000}

# ---- into a world of its own ----
#
# A scenario runs in private network, mount and process namespaces.  All that it makes (hosts, links, rules, processes,
# files) exists only there, and the kernel takes it away when the scenario ends, however it ends, kill -9 included.

# --pdeathsig and --kill-child: when the script dies, so does unshare, and with it everything inside.  It has to be the
# script's own child: in a function run in the background it would be that of another bash, which lives on.
net_inside=(setpriv --pdeathsig KILL unshare --net --mount --pid --mount-proc --fork --kill-child)
((EUID == 0)) || net_inside+=(--map-root-user)

net_skip() {
    if [[ ${SEMEL_NET-} == required ]]; then
        printf 'FAILED: SEMEL_NET=required, but: %s\n' "$*" >&2
        exit 1
    fi
    printf 'SKIPPED: %s\n' "${*//$'\n'/; }"
    exit 0
}

# Skipping needs proof that it can not be done: both ways of making a namespace must have failed.
net_prove_no_right() {
    local why=$1 probe=semel-net-$$
    if ip netns add "$probe" 2>/dev/null; then
        ip netns del "$probe"
        printf 'FAILED: there is a right to make network namespaces, but unshare says: %s\n' "$why" >&2
        exit 1
    fi
    net_skip "no right to make network namespaces ($why)"
}

net_need() {
    local program
    for program; do
        command -v "$program" >/dev/null && continue
        printf 'FAILED: there is no %s here (tests/install-deps.sh installs it)\n' "$program" >&2
        exit 1
    done
}

# Runs the script once more, inside; ends with its status.
net_enter() {
    local why inside status=0
    net_need ip ss nft arping conntrack unshare setpriv
    why=$("${net_inside[@]}" true 2>&1) || net_prove_no_right "$why"
    SEMEL_NET_INSIDE=yes "${net_inside[@]}" bash "$0" "$@" &
    inside=$!
    trap 'kill -KILL "$inside" 2>/dev/null || true' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    wait "$inside" || status=$?
    exit "$status"
}

# Makes the switch, and proves that this kernel can do what a scenario asks of it.
net_make_switch() {
    ip link add wire type bridge && ip link set wire up &&
        nft 'add table bridge wire' &&
        nft 'add chain bridge wire forward { type filter hook forward priority 0; }' &&
        nft 'add rule bridge wire forward numgen random mod 100 < 1 drop' &&
        nft 'flush chain bridge wire forward' &&
        nft 'add table ip probe' &&
        nft 'add chain ip probe post { type nat hook postrouting priority 100; }' &&
        nft 'add rule ip probe post masquerade' &&
        nft 'delete table ip probe'
}

# Only the kernel's own refusal is a reason to skip; a mistake in a command is none.
net_prove_switch() {
    local why
    why=$(net_make_switch 2>&1) && return
    if grep -qE 'RTNETLINK answers|Could not process rule|Operation not (supported|permitted)' <<<"$why"; then
        net_skip "this kernel has no bridge, nftables, numgen or masquerading ($why)"
    fi
    printf 'FAILED: no switch: %s\n' "$why" >&2
    exit 1
}

[[ -n ${SEMEL_NET_INSIDE-} ]] || net_enter "$@"
unset SEMEL_NET_INSIDE
mount -t tmpfs tmpfs /run
export TMPDIR=/run
# shellcheck source-path=SCRIPTDIR source=../../examples/bank/scene.sh
source "$bank/scene.sh"
scene_begin
net_prove_switch

# ---- hosts ----

# net_host NAME ADDRESS: a host, connected to the switch; its port there has its name.
net_host() {
    ip netns add "$1"
    ip link add name "$1" type veth peer name eth0 netns "$1"
    ip link set dev "$1" master wire up
    ip -n "$1" link set dev lo up
    ip -n "$1" link set dev eth0 up
    ip -n "$1" addr add "$2/24" dev eth0
}

# net_on HOST COMMAND...: there.
net_on() { ip netns exec "$@"; }

# net_server HOST OPTION...: a bank-server at all addresses of the host; its journal is HOST.journal.
net_server() {
    local host=$1
    shift
    scene_start "server-$host" ip netns exec "$host" "$bin/bank-server" --listen "tcp://0.0.0.0:$port" \
        --journal "$scene_dir/$host.journal" --Heartbeat="${heartbeat_ms}ms" "$@"
}

declare -A net_completed

# net_load NAME HOST ADDRESS[,ADDRESS] OPTION...: a bank-load there; its results are NAME.results.
net_load() {
    local name=$1 host=$2 to=tcp://${3//,/:$port,tcp://}:$port
    shift 3
    net_completed[$name]=0
    scene_spawn "$name" ip netns exec "$host" "$bin/bank-load" --to "$to" --results "$scene_dir/$name.results" \
        --Heartbeat="${heartbeat_ms}ms" --ConnectTimeout=1s --announce 20 "$@"
}

# net_read NAME: its next announcement.
net_read() {
    scene_read "$1" || scene_fail "$1 ended, or fell silent, after ${net_completed[$1]} calls"
    [[ $scene_line == "completed "* ]] || scene_fail "$1 said: $scene_line"
    net_completed[$1]=${scene_line#completed }
}

# net_advance NAME CALLS: waits until so many more calls have ended than by now.
net_advance() {
    while read -r -t 0 -u "${scene_out[$1]}"; do net_read "$1"; done
    local until=$((net_completed[$1] + $2))
    while ((net_completed[$1] < until)); do net_read "$1"; done
}

# net_finish NAME: waits for all its calls; its JSON object is in $scene_line.
net_finish() {
    scene_wait "$1"
    ((scene_code == 0)) || scene_fail "$1 ended with status $scene_code: $scene_line"
}

# net_stop NAME: it starts no more calls, and lets end what is under way; its JSON object is in $scene_line.
net_stop() {
    kill -TERM "${scene_pid[$1]}"
    scene_wait "$1"
    # 1: bank-load's word for "not all of the calls".
    [[ $scene_code == 1 && $scene_line == "{"* ]] || scene_fail "$1 ended with status $scene_code: $scene_line"
}

# ---- faults ----

# net_rule RULE: one more rule of the switch, about frames that it forwards.
net_rule() { nft "add rule bridge wire forward $*"; }

# net_mend: the switch forwards everything again.
net_mend() { nft flush chain bridge wire forward; }

# net_cut HOST: nothing comes from there, nothing gets there, and nobody is told.
net_cut() {
    net_rule "iifname \"$1\" drop"
    net_rule "oifname \"$1\" drop"
}

# net_ports HOST: the local ports of its connections to the servers.
net_ports() { net_on "$1" ss -Htn state established "dport = :$port" | sed -E 's/^.*:([0-9]+) +[^ ]+ *$/\1/'; }

# net_peer_ports HOST: the other side's ports of the connections that its server holds.
net_peer_ports() { net_on "$1" ss -Htn state established "sport = :$port" | sed -E 's/^.*:([0-9]+) *$/\1/'; }

# net_gone COMMAND HOST PORT...: whether none of these ports is in use any more.
net_gone() {
    local command=$1 host=$2
    shift 2
    ! "$command" "$host" | grep -qxF "$(printf '%s\n' "$@")"
}

# ---- time, and what is expected ----

net_now_us() { printf '%s' "${EPOCHREALTIME/./}"; }

# net_until SECONDS COMMAND...: asks again and again, for at most so long, whether it is so.  When it was asked for the last
# time and was not so is kept in net_not_yet_us: to ask takes time itself.
net_until() {
    local asked_us end=$(($(net_now_us) + $1 * 1000000))
    shift
    net_not_yet_us=$(net_now_us)
    while asked_us=$(net_now_us) && ! "$@"; do
        net_not_yet_us=$asked_us
        ((asked_us < end)) || return 1
    done
}

# net_since_ms T: since net_now_us said T.
net_since_ms() { printf '%s' $((($(net_now_us) - $1) / 1000)); }

# shellcheck source-path=SCRIPTDIR source=../integration/bank/lateness.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/bank/lateness.sh"

net_worst_ms=0

# net_within MS T WHAT [NOW]: it happened in time, but for what this machine let a client, a server and this script wait; the
# worst is kept in net_worst_ms.
net_within() {
    local took late now_us=${4-$(net_now_us)}
    took=$(((now_us - $2) / 1000))
    late=$(late_ms "$2")
    ((took <= $1 + 3 * late)) || scene_fail "$3 took $took ms, more than $1, and a process waits $late ms here"
    ((took <= net_worst_ms)) || net_worst_ms=$took
}

# net_expect KEY OPERATOR NUMBER: of the JSON object in $scene_line.
net_expect() {
    local value
    value=$(scene_field "$1")
    test "$value" "$2" "$3" || scene_fail "$1 is $value, not $2 $3, in $scene_line"
}

# net_lines FILE: how many there are.
net_lines() { wc -l <"$scene_dir/$1"; }

# net_audit JOURNAL... -- RESULTS... -- OPTION...: the books must be right; the table is in $net_books.
net_audit() {
    local args=() kind=--journal
    while (($# > 0)) && [[ $kind != options ]]; do
        case $1 in
            --) [[ $kind == --journal ]] && kind=--results || kind=options ;;
            *) args+=("$kind" "$scene_dir/$1.${kind#--}") ;;
        esac
        shift
    done
    net_books=$("$bank/audit.sh" "${args[@]}" "$@") || scene_fail "the audit says:"$'\n'"$net_books"
}

# net_book ROW: the number in that row of the audit; 0 when there is no such row.
net_book() { awk -v row="$1" 'index($0, "  " row " ") == 1 { n = $NF } END { print n + 0 }' <<<"$net_books"; }

# net_reasons RESULTS: why calls were told UNKNOWN, each reason once.
net_reasons() { awk -F '\t' '$3 == "UNKNOWN" { print $5 }' "$scene_dir/$1.results" | sort -u | paste -sd ,; }

# net_row WHAT FIGURE...: the line of figures.
net_row() {
    printf '%-16s' "$1"
    shift
    printf ' | %s' "$@"
    printf '\n'
}

# net_books_row WHAT FIGURE...: with those of the last audit.
net_books_row() {
    local what=$1
    shift
    net_row "$what" "$(net_book asked) asked" "$(net_book "answered OK") OK" \
        "$(net_book "failed, told UNKNOWN") UNKNOWN" "$(net_book "executed twice") twice" "$@"
}
