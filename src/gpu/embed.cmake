# Writes OUTPUT, a C file with the words of every SPIR-V file of FILES as struct gpu_shader
# in PREFIX_shaders.
set(arrays "")
set(table "")
set(all "")
foreach(file ${FILES})
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} hex HEX)
    string(APPEND all ${hex})
    string(REGEX REPLACE "(..)(..)(..)(..)" "0x\\4\\3\\2\\1," words "${hex}")
    string(APPEND arrays "static const uint32_t ${name}[] = {${words}};\n")
    string(APPEND table "    {\"${name}\", ${name}, sizeof(${name})},\n")
endforeach()
string(SHA1 hash "${all}")
file(WRITE ${OUTPUT} "#include \"gpu/gpu.h\"\n\n${arrays}
const struct gpu_shader ${PREFIX}_shaders[] = {\n${table}};
const size_t ${PREFIX}_shader_count = sizeof(${PREFIX}_shaders) / sizeof(struct gpu_shader);
const char ${PREFIX}_shader_hash[] = \"${hash}\";\n")
