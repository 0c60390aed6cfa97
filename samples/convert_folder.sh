#!/bin/sh
# samples/convert_folder.sh FROM TO [OPTIONS OF daub...]: paints every clip of a folder into
# another one under the same name, one after the other. Clips already painted are left
# alone, so a job that was stopped goes on where it was; one that fails is reported at the
# end and does not stop the rest. DAUB names the program (default: daub).
#
#     samples/convert_folder.sh holiday painted --strength 0.8 --keep-colors
set -u
if [ $# -lt 2 ] || ! [ -d "$1" ]; then
    echo "usage: $0 FROM TO [OPTIONS OF daub...]; FROM is a folder" >&2
    exit 2
fi
from=$1 to=$2
shift 2
mkdir -p "$to" || exit 5
if [ "$(cd "$from" && pwd -P)" = "$(cd "$to" && pwd -P)" ]; then
    echo "$0: FROM and TO are the same folder; name another one to paint into" >&2
    exit 2
fi
trap 'exit 130' INT TERM
done=0 kept=0 failed=0
for clip in "$from"/*; do
    case $clip in
    *.[mM][pP]4 | *.[mM][kK][vV] | *.[mM][oO][vV] | *.[wW][eE][bB][mM] | *.[aA][vV][iI]) ;;
    *) continue ;;
    esac
    out=$to/$(basename "$clip")
    if [ -e "$out" ]; then
        kept=$((kept + 1))
    elif "${DAUB:-daub}" -n "$@" -i "$clip" -o "$out" </dev/null; then
        done=$((done + 1))
    else
        code=$?
        [ $code -eq 130 ] && exit 130 # stopped by hand
        echo "$0: $clip was not painted (exit code $code)" >&2
        failed=$((failed + 1))
    fi
done
echo "$done painted, $kept were there already, $failed failed"
[ $failed -eq 0 ]
