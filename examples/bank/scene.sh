# shellcheck shell=bash
# scene.sh: starts, watches and ends the programs of a scene; sourced by run.sh and by the tests.
# It must not know what a scene shows.  Nothing here waits for a time: it waits for a line, or for a process.
# Reads best next: run.sh.

declare -A scene_pid scene_out scene_address
scene_dir=
scene_here=127.$((64 + ($$ >> 16))).$(($$ >> 8 & 255)).$(($$ & 255)) # Linux numbers its processes with 22 bits
scene_port=20000

# Makes the directory of a scene ($scene_dir); everything started since ends with the script, whatever happens.
scene_begin() {
    unset SEMEL_CONFIG # a scene shows what it says, not what this machine is set to
    scene_dir=$(mktemp -d "${TMPDIR:-/tmp}/bank.XXXXXX")
    trap scene_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

scene_end() {
    local name
    for name in "${!scene_pid[@]}"; do
        kill -KILL "${scene_pid[$name]}" 2>/dev/null || true
        wait "${scene_pid[$name]}" 2>/dev/null || true
    done
    rm -rf "$scene_dir"
}

# Ends the script with a message, after what the programs said last.
scene_fail() {
    local file
    for file in "$scene_dir"/*.err; do
        [[ -s $file ]] || continue
        printf '%s\n' "--- $(basename "$file" .err) said:" >&2
        tail -n 15 "$file" >&2
    done
    printf 'FAILED: %s\n' "$*" >&2
    exit 1
}

# scene_spawn NAME COMMAND...: starts a program; its lines are read with scene_read, its stderr goes to NAME.err.
scene_spawn() {
    local name=$1 fifo=$scene_dir/$1.out fd
    shift
    rm -f "$fifo"
    mkfifo "$fifo"
    "$@" >"$fifo" 2>>"$scene_dir/$name.err" &
    scene_pid[$name]=$!
    exec {fd}<"$fifo"
    scene_out[$name]=$fd
}

# scene_read NAME: the program's next line, in $scene_line; fails at its end, or when it is silent for a minute.
scene_read() {
    IFS= read -r -t 60 -u "${scene_out[$1]}" scene_line
}

# scene_start NAME COMMAND...: starts a server and waits until it listens, at ${scene_address[NAME]}.
scene_start() {
    scene_spawn "$@"
    scene_read "$1" || scene_fail "$1 did not start"
    [[ $scene_line == "listening "* ]] || scene_fail "$1 said \"$scene_line\" instead of listening"
    # shellcheck disable=SC2034  # for the sourcing script
    scene_address[$1]=${scene_line#listening }
}

# scene_new_place: a HOST:PORT for a server that is to come back there, in $scene_place.  The address is this script's own,
# of all those that are loopback: nobody else listens or dials there meanwhile, whether the server is up or down.
scene_new_place() {
    # shellcheck disable=SC2034  # for the sourcing script
    scene_place=$scene_here:$((++scene_port))
}

# scene_await NAME TEXT: reads on until a line starts with TEXT.
scene_await() {
    while scene_read "$1"; do
        [[ $scene_line == "$2"* ]] && return
    done
    scene_fail "$1 ended, or fell silent, before it said \"$2\""
}

# scene_wait NAME: waits for the program's end; $scene_line is the last line it said, $scene_code its exit status.
scene_wait() {
    local name=$1 fd=${scene_out[$1]} last=
    while IFS= read -r -u "$fd" scene_line; do last=$scene_line; done
    scene_line=$last
    scene_code=0
    wait "${scene_pid[$name]}" || scene_code=$?
    exec {fd}<&-
    unset "scene_pid[$name]" "scene_out[$name]"
}

# scene_stop NAME: asks it to end in good order, and expects that it does.
scene_stop() {
    kill -TERM "${scene_pid[$1]}"
    scene_wait "$1"
    ((scene_code == 0)) || scene_fail "$1 ended with status $scene_code"
}

# scene_kill NAME: the plug is pulled.
scene_kill() {
    kill -KILL "${scene_pid[$1]}"
    scene_wait "$1" 2>/dev/null
}

# scene_field KEY: a number out of the JSON object in $scene_line.
scene_field() {
    local value
    value=$(sed -n "s/.*\"$1\":\([0-9.]*\).*/\1/p" <<<"$scene_line")
    [[ -n $value ]] || scene_fail "no \"$1\" in: $scene_line"
    printf '%s' "$value"
}

# scene_cut_every CALLS CUTS BYTES: where a wire must be cut so that CALLS calls of BYTES bytes, 64 at a time, see at least
# CUTS cuts, a third more on the average.  After a cut the open window is sent again: up to 45 calls, or a third of what
# a connection carries if that is less (both are measured).  Those bytes meet cuts as well, hence the correction.
scene_cut_every() {
    local calls_per_cut=$(($1 * 3 / ($2 * 4))) dense sparse
    dense=$((calls_per_cut * 176 / 100))
    sparse=$(((calls_per_cut + 45) * 10 / 9))
    printf '%s' $(($3 * (dense < sparse ? dense : sparse) + 1))
}
