#!/bin/sh
# Paints a film with GNU parallel, on this machine or on others that are reached by ssh and see the
# same folders. "daub farm parallel" prints such a command; this script is for changing it.
#   sh parallel.sh INPUT OUTPUT [option of daub plan]...
#   MACHINES=node1,node2 sh parallel.sh INPUT OUTPUT
set -eu
input=$1 output=$2
shift 2
plan=$output.plan

daub plan "$input" -o "$plan" -f "${output##*.}" "$@"
segments=$(grep -c '"warm_up"' "$plan")
# One segment at a time on each machine: daub uses all processors by itself.
seq 0 "$((segments - 1))" |
    parallel -j1 --retries 3 --joblog "$plan.joblog" ${MACHINES:+--sshlogin "$MACHINES" --wd .} \
        daub segment "$plan" {} --progress none
daub join "$plan" -o "$output"
