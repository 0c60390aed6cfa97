#!/bin/sh
# drivers.sh DRIVER PROGRAMS [STEP...]: the gpu tests' shaders on a driver of tests/drivers, or with
# DRIVER processor the host kernels. Steps, with the width of vectors for Mesa: empty:256, own:256,
# foreign:256 (what is in Mesa's shader cache: nothing, what this width or what the other widths left
# there), validation:256; the kernel sets of the processor. PROGRAMS is the folder of the tests.
# Ends with 77 where the driver cannot be had. build/drivers/DRIVER.log is for drivers_table.py.
set -u
driver=$1 programs=$2
shift 2
root=$(cd "$(dirname "$0")/../.." && pwd)
cache=$root/build/drivers/cache-$driver
log=$root/build/drivers/$driver.log
mkdir -p "$root/build/drivers"
if [ $# -eq 0 ]; then
    case $driver in # only Mesa has the width and the cache
    swiftshader) set -- empty validation ;;
    processor)
        set -- host-generic
        if grep -qw avx2 /proc/cpuinfo; then set -- "$@" host-avx2; fi
        if grep -qw avx512bw /proc/cpuinfo; then set -- "$@" host-avx512; fi
        ;;
    *) set -- empty:256 own:256 foreign:512 foreign:128 foreign:256 empty:512 empty:128 validation:256 ;;
    esac
fi
[ "$driver" = processor ] || "$root/tests/drivers" "$driver" /bin/true || exit $?
: >"$log"
failed=0

say() { printf '%s\n' "$*" | tee -a "$log"; }

# run COMMAND...: with the driver, without any for the processor.
run() {
    case $driver in
    processor) VK_DRIVER_FILES=/nonexistent VK_ICD_FILENAMES=/nonexistent "$@" ;;
    *) "$root/tests/drivers" "$driver" "$@" ;;
    esac
}

# check PROGRAM [ARGUMENT...]
check() {
    program=$1
    shift
    output=$(run "$programs/$program" "$@" 2>&1)
    code=$?
    count=$((count + 1))
    say "$(echo "$output" | grep -e '^device' -e 'signal-to-noise' -e '^FAILED' -e ' validation errors' | sed 's/^/    /')"
    if [ $code -eq 0 ]; then
        passed=$((passed + 1))
        return
    fi
    say "FAILED $driver, $step: $program $* (exit code $code)"
    say "$(echo "$output" | tail -n 30)"
    failed=1
}

for step in "$@"; do
    say "== $driver, $step"
    count=0 passed=0
    export DAUB_TEST_KERNELS=shaders XDG_CACHE_HOME="$cache"
    case $step in *:*) export LP_NATIVE_VECTOR_WIDTH="${step#*:}" ;; esac
    case $step in
    empty*)
        rm -rf "$cache"
        names="frame flow temporal stylizer encoder"
        ;;
    validation*) export DAUB_TEST_VALIDATION=1 && names="frame flow stylizer" ;;
    host-*) export DAUB_TEST_KERNELS="$step" && names="frame temporal" ;;
    *) names="frame stylizer" ;; # with what the cache has
    esac
    mkdir -p "$cache"
    case $step in own* | foreign*) ;; *) check test_ops reduced ;; esac
    for name in $names; do
        check "test_$name"
    done
    unset DAUB_TEST_VALIDATION
    say "$passed of $count programs passed"
done
exit $failed
