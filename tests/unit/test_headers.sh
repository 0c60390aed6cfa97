#!/bin/sh
# test_headers.sh CC INCLUDE_DIR LIBDAUB: every public header compiles by itself as C and as
# C++, and the library exports what they declare, no more and no less.
cc=$1 include=$2 library=$3
failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cxx=$(command -v c++ || command -v g++ || command -v clang++)
[ -n "$cxx" ] || echo "no C++ compiler: checked as C only"
warnings="-Wall -Wextra -Wundef -pedantic -Werror"

for header in "$include"/daub/*.h; do
    name=daub/$(basename "$header")
    # Twice: include guards.
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" \
        > "$work/unit.c"
    cp "$work/unit.c" "$work/unit.cpp"
    "$cc" -std=c11 $warnings -Wstrict-prototypes -fsyntax-only -I"$include" "$work/unit.c" ||
        { echo "$name does not compile as C"; failed=1; }
    if [ -n "$cxx" ]; then
        "$cxx" -std=c++11 $warnings -fsyntax-only -I"$include" "$work/unit.cpp" ||
            { echo "$name does not compile as C++"; failed=1; }
    fi
    grep -q 'extern "C"' "$header" || ! grep -q DAUB_API "$header" ||
        { echo "$name lacks extern \"C\""; failed=1; }
done

cat "$include"/daub/*.h | tr '\n' ' ' | grep -oE 'DAUB_API [^;()]*\(' |
    grep -oE 'daub_[a-z0-9_]+ *\(' | tr -d ' (' | sort -u > "$work/declared"
# Less what Clang's coverage counters add to every object of a fuzzing build.
nm -D --defined-only "$library" | awk '$2 != "A" && !/__s(tart|top)___sancov_/ { print $3 }' |
    sort -u > "$work/exported"
[ -s "$work/declared" ] && [ -s "$work/exported" ] || failed=1
diff "$work/declared" "$work/exported" > "$work/diff" ||
    { echo "declared (<) and exported (>) functions differ:"; cat "$work/diff"; failed=1; }
echo "$(wc -l < "$work/declared") functions declared, $(wc -l < "$work/exported") exported"
exit $failed
