# Writes OUTPUT, a C file with a hash of VERSION and of every C file in FOLDERS: what the
# library keeps on disk is only read by a build of the same sources.
set(all "${VERSION}")
foreach(folder ${FOLDERS})
    file(GLOB files ${folder}/*.c ${folder}/*.h)
    list(SORT files)
    foreach(file ${files})
        file(SHA1 ${file} hash)
        string(APPEND all " ${hash}")
    endforeach()
endforeach()
string(SHA1 hash "${all}")
file(WRITE ${OUTPUT} "#include \"gpu/gpu.h\"\n
const char gpu_source_hash[] = \"${hash}\";\n")
