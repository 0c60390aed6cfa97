#!/bin/sh
# Includes point one way: util <- net <- host <- gpu <- engine <- (public API) <- media, app.
# check_includes.sh SRC_FOLDER
set -u
src=$1
bad=0
allow() { # part, parts it may include
    part=$1
    shift
    for file in "$src/$part"/*.[ch]; do
        for used in $(sed -n 's|^#include "\([a-z]*\)/.*|\1|p' "$file" | sort -u); do
            case " $part $* " in
            *" $used "*) ;;
            *) echo "$file includes $used/" >&2; bad=1 ;;
            esac
        done
    done
}
allow util
# shaders/contract.h is the one header that C and shaders share.
allow net util shaders
allow host net util
allow gpu host net util shaders
allow engine gpu host net util shaders
allow media util
allow app media util
# The network knows no Vulkan and no FFmpeg, the media side no Vulkan.
grep -lE '<(vulkan|libav|libsw|SDL)' "$src"/util/*.[ch] "$src"/net/*.[ch] "$src"/host/*.[ch] && bad=1
grep -lE '<(libav|libsw|SDL)' "$src"/gpu/*.[ch] "$src"/engine/*.[ch] && bad=1
grep -l '<vulkan' "$src"/media/*.[ch] "$src"/app/*.[ch] && bad=1
exit $bad
