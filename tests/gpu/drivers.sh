#!/bin/sh
# drivers.sh DRIVER PROGRAMS [STEP...]: the gpu tests' shaders on a driver of tests/drivers. A step is
# empty, own, foreign (what is in Mesa's shader cache: nothing, what this width of vectors or
# what the other widths left there) or validation, with the width: empty:256. PROGRAMS is the folder of
# the tests. Ends with 77 where the driver cannot be had.
set -u
driver=$1 programs=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=$root/build/drivers/cache-$driver
export DAUB_TEST_KERNELS=shaders
if [ $# -eq 0 ]; then
    case $driver in # only Mesa has the width and the cache
    swiftshader) set -- empty:256 validation:256 ;;
    *) set -- empty:256 own:256 foreign:512 foreign:128 foreign:256 empty:512 empty:128 validation:256 ;;
    esac
fi
"$root/tests/drivers" "$driver" /bin/true || exit $?
failed=0

# check PROGRAM [ARGUMENT...]
check() {
    program=$1
    shift
    output=$("$root/tests/drivers" "$driver" "$programs/$program" "$@" 2>&1)
    code=$?
    echo "$output" | grep -e '^device' -e 'signal-to-noise' -e '^FAILED' -e ' validation errors' | sed 's/^/    /'
    [ $code -eq 0 ] && return
    echo "FAILED $driver, $step: $program $* (exit code $code)"
    echo "$output" | tail -n 30
    failed=1
}

for step in "$@"; do
    echo "== $driver, $step"
    export LP_NATIVE_VECTOR_WIDTH="${step#*:}" XDG_CACHE_HOME="$cache"
    case $step in
    empty:*)
        rm -rf "$cache"
        programs_here="frame flow temporal stylizer encoder"
        ;;
    *) programs_here="stylizer" ;;
    esac
    mkdir -p "$cache"
    case $step in validation:*) export DAUB_TEST_VALIDATION=1 && programs_here="frame flow stylizer" ;; esac
    check test_ops reduced
    for name in $programs_here; do
        check "test_$name"
    done
    unset DAUB_TEST_VALIDATION
done
exit $failed
