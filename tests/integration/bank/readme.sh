#!/usr/bin/env bash
# README.md of the bank tells the truth: run.sh prints what it shows, and the commands "By hand" do what they show.
# It must not know what the figures are: they differ from run to run.
# Reads best next: examples/bank/README.md.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

# Text without what differs: figures, and how often a connection had to be tried before the server was back.
shape() {
    sed -E 's/[0-9]+(\.[0-9]+)?/N/g; s/ +/ /g' |
        grep -vE '^ *(attempt|connection lost|no connection|rule RN fully written, no verdict|\.\.\.)' |
        grep -v '^ *$' | sort -u
}

step "run.sh"
"$bank/run.sh" --bin "$bin" >"$scene_dir/said" 2>"$scene_dir/run.err" || scene_fail "run.sh: $(cat "$scene_dir/said")"
# shellcheck disable=SC2016  # these are Markdown's
sed -n '/^```text/,/^```/p' "$bank/README.md" | grep -v '^```' | shape >"$scene_dir/shown"
shape <"$scene_dir/said" | diff "$scene_dir/shown" - || scene_fail "README.md (<) and run.sh (>) differ"

# play COMMAND...: of the README, with the programs of this build and at places of its own.
play() {
    local words=("${@//build\/bin/$bin}") name=${1##*/}
    words=("${words[@]//examples\/bank/$bank}")
    words=("${words[@]//127.0.0.1:4061/$server_place}")
    words=("${words[@]//127.0.0.1:4062/$cutter_place}")
    step "$*"
    case $name in
        bank-server | wire-cutter) scene_start "$name" "${words[@]}" ;;
        *) "${words[@]}" 2>"$scene_dir/$name.err" || scene_fail "$name failed" ;;
    esac
}

scene_new_place
server_place=$scene_place
scene_new_place
cutter_place=$scene_place
cd "$scene_dir"
while read -ra words; do
    play "${words[@]}"
done < <(sed -n '/^## By hand/,/^## Try/s/^\$ //p' "$bank/README.md")
scene_stop wire-cutter
scene_stop bank-server

echo passed
