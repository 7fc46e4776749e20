#!/usr/bin/env bash
# Checks the model with spin: the cases of one kind in cases.txt, or those of them whose names are given.
#
#   run.sh WORK_DIR holds|breaks|always|deep [NAME]...
#
# Exit 0 if every case comes out as it must.  What breaks a property leaves its trail in WORK_DIR.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd -P)
[[ $# -ge 2 ]] || { sed -n '2,6p' "$0"; exit 2; }
mkdir -p "$1/$2"
work=$(cd "$1/$2" && pwd -P)
kind=$2
shift 2
wanted=" $* "
cases=0
failures=0

# One verifier serves all cases of a kind.  SAFETY: no search for cycles, which only formulas need.
flags=(-O0 -DCOLLAPSE -DVECTORSZ=1024)
[[ $kind == always ]] || flags+=(-DSAFETY -DNOCLAIM)
[[ $kind != deep ]] || flags[0]=-O2
(cd "$work" && spin -a "$here/session.pml" >spin.out) || { cat "$work/spin.out"; exit 1; }
gcc "${flags[@]}" -w -o "$work/pan" "$work/pan.c"

fail() {
    printf 'FAIL %-20s %s\n' "$name" "$*"
    failures=$((failures + 1))
}

# Which property an error of the verifier is about.
property_of() {
    case $1 in
    *'invalid end state'*) echo hangs ;;
    *'(runs['*']==1)||'*) echo twice ;;
    *'||(told['*) echo later ;;
    *'(runs['*']>0)'*) echo lie-ran ;;
    *'(runs['*']==0)'*) echo lie-not ;;
    *'||(a2==a)'*) echo other ;;
    *forgot* | *crashes*) echo unknown ;;
    *'||(conn['*) echo in-use ;;
    *set_WINDOW*) echo window ;;
    *exposed*) echo unasked ;;
    *) echo "${1:-nothing}" ;;
    esac
}

# Runs the verifier; says what it found first: nothing, or the error.
verify() {
    local options=$1
    rm -f "$work/session.pml.trail" "$work/$name.trail"
    (cd "$work" && SETTINGS="DIALS=3 WINDOW=2 $settings" ./pan $options -m10000 -w20 >"$work/$name.out" 2>&1) || true
    grep -q '^State-vector .* errors: [0-9]*$' "$work/$name.out" || { cat "$work/$name.out"; return 1; }
    ! grep -q 'max search depth too small' "$work/$name.out" || { echo "the search was cut off"; return 1; }
    [[ ! -e $work/session.pml.trail ]] || mv "$work/session.pml.trail" "$work/$name.trail"
    found=$(sed -n 's/^pan:1: //p' "$work/$name.out")
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/$name.out")
}

check() {
    case $kind in
    holds | deep)
        verify "" || { fail "no result"; return; }
        [[ -z $found ]] || { fail "$found"; return; }
        printf 'ok   %-20s %9s states\n' "$name" "$states"
        ;;
    breaks)
        verify "" || { fail "no result"; return; }
        [[ $(property_of "$found") == "$expected" ]] || { fail "should be $expected: ${found:-nothing was found}"; return; }
        printf 'ok   %-20s found: %s\n' "$name" "$expected"
        ;;
    always)
        settings+=" BLIND=1"
        verify "-a -N $name" || { fail "no result"; return; }
        [[ $expected == fails ]] || [[ -z $found ]] || { fail "$found"; return; }
        [[ $expected == holds ]] || [[ -n $found ]] || { fail "$settings: it should fail"; return; }
        printf 'ok   %-20s %s: %s\n' "$name" "$expected" "$settings"
        ;;
    esac
}

while read -r its_kind name rest; do
    [[ $its_kind == "$kind" ]] || continue
    [[ $wanted == "  " || $wanted == *" $name "* ]] || continue
    expected=
    settings=$rest
    if [[ $kind == breaks || $kind == always ]]; then
        expected=${rest%% *}
        settings=$(sed 's/^[^ ]* *//' <<<"$rest")
    fi
    cases=$((cases + 1))
    check
done <"$here/cases.txt"

printf '%d cases, %d failed\n' "$cases" "$failures"
((cases > 0 && failures == 0))
