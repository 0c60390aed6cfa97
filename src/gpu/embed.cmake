# Writes OUTPUT, a C file with the words of every SPIR-V file of FILES as struct gpu_shader.
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
const struct gpu_shader gpu_shaders[] = {\n${table}};
const size_t gpu_shader_count = sizeof(gpu_shaders) / sizeof(gpu_shaders[0]);
const char gpu_shader_hash[] = \"${hash}\";\n")
