#!/usr/bin/env bash
# The audit catches what it must: a journal and results that are doctored in each way that matters.
# It must not know how the audit counts.
# Reads best next: examples/bank/audit.sh.
# shellcheck source-path=SCRIPTDIR source=common.sh
source "$(dirname "$0")/common.sh"

journal=$scene_dir/journal results=$scene_dir/results

honest() {
    printf '%s\n' "000000000000000a Deposit" "000000000000000b Withdraw" "000000000000000c SetLimit" \
        "000000000000000c SetLimit" "000000000000000d Note" "12345e1234567890 Deposit" >"$journal"
    {
        printf '%s\tOK\tEXECUTED\t1\tNONE\t100\n' 000000000000000a 000000000000000c 000000000000000d 12345e1234567890
        printf '000000000000000b\tFAILED_PRECONDITION\tEXECUTED\t1\tHANDLER\t100\n'
        printf '000000000000000e\tUNAVAILABLE\tNOT_EXECUTED\t3\tCONNECT_FAILED\t100\n'
    } >"$results"
}

# verdict STATUS TEXT OPTION...: of the audit, and a text it must print.
verdict() {
    local status=$1 text=$2 code=0 said
    shift 2
    said=$("$bank/audit.sh" --journal "$journal" --results "$results" "$@" 2>&1) || code=$?
    ((code == status)) || scene_fail "status $code, not $status, where \"$text\" was due: $said"
    [[ $said == *"$text"* ]] || scene_fail "\"$text\" is not in: $said"
}

step "honest books pass"
honest
verdict 0 "executed twice                             0" --asked 6 --server-lived
verdict 0 "run again, being idempotent                1"

step "a duplicate"
honest && echo "000000000000000a Deposit" >>"$journal"
verdict 1 "BROKEN RULE: no operation is executed twice: 1 time"
honest && echo "000000000000000d Note" >>"$journal"
verdict 1 "000000000000000d Note"

step "an OK that never ran"
honest && sed -i '/000000000000000a/d' "$journal"
verdict 1 "BROKEN RULE: what was told EXECUTED is in the journal: 1 time"

step "a NOT_EXECUTED that ran"
honest && echo "000000000000000e Deposit" >>"$journal"
verdict 1 "BROKEN RULE: what was told NOT_EXECUTED is not in the journal: 1 time"

step "an UNKNOWN while the server lived"
honest && printf '000000000000000f\tUNAVAILABLE\tUNKNOWN\t3\tDOMAIN_CHANGED\t100\n' >>"$results"
verdict 1 "BROKEN RULE: nothing is UNKNOWN while the server lives" --server-lived
verdict 0 "failed, told UNKNOWN                       1"

step "an execution that nobody was told of"
honest && echo "00000000000000ff Deposit" >>"$journal"
verdict 1 "1 operations in the journal only"
verdict 0 "executed twice                             0" --client-died

step "calls that never ended, or twice"
honest
verdict 1 "7 asked, 6 ended" --asked 7
honest && printf '000000000000000a\tOK\tEXECUTED\t1\tNONE\t100\n' >>"$results"
verdict 1 "BROKEN RULE: every call ends exactly once"

step "an OK that claims not to be executed"
honest && sed -i '1s/EXECUTED/UNKNOWN/' "$results"
verdict 1 "BROKEN RULE: an OK call is EXECUTED"

step "torn lines"
honest && printf '00000000' >>"$journal"
verdict 1 "BROKEN RULE: every journal line is OP_ID METHOD"
honest && printf '000000000000000f\tOK\n' >>"$results"
verdict 1 "BROKEN RULE: every result has six fields"

step "wrong command lines"
verdict 2 "cannot read /nowhere" --journal /nowhere
verdict 2 "is not a whole number" --asked many
verdict 2 "unknown option --server-live" --server-live

echo passed
