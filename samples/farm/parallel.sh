#!/bin/sh
# Paints a film with GNU parallel, on this machine or on others that are reached by ssh and see the
# same folders. "daub farm parallel" prints such a command; this script is for changing it.
#   sh parallel.sh INPUT OUTPUT [option of daub plan]...
#   MACHINES=node1,node2 sh parallel.sh film.mkv painted.mkv -f matroska
set -eu
[ $# -ge 2 ] || { echo "usage: $0 INPUT OUTPUT [option of daub plan]..." >&2; exit 2; }
input=$1 output=$2
shift 2
plan=$output.plan

daub plan "$input" -o "$plan" "$@"
segments=$(grep -c '"warm_up"' "$plan")
# One segment at a time on each machine: daub uses all processors by itself. -q: names may have
# blanks and quotes.
seq 0 "$((segments - 1))" |
    parallel -q -j1 --retries 3 --joblog "$plan.joblog" ${MACHINES:+--sshlogin "$MACHINES" --wd .} \
        daub segment "$plan" {} --progress none
daub join "$plan" -o "$output"
