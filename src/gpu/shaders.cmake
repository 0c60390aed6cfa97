find_program(GLSLANG glslangValidator REQUIRED)
find_program(SPIRV_VAL spirv-val REQUIRED)
set(embed_script ${CMAKE_CURRENT_LIST_DIR}/embed.cmake CACHE INTERNAL "")

# daub_embed_shaders(TARGET PREFIX VARIANTS...): compiles and validates each variant ("NAME
# SOURCE [DEFINES...]", SOURCE in shaders/) and embeds all in TARGET as PREFIX_shaders.
function(daub_embed_shaders target prefix)
    set(shader_dir ${PROJECT_SOURCE_DIR}/shaders)
    file(GLOB shader_includes CONFIGURE_DEPENDS ${shader_dir}/*.glsl ${shader_dir}/*.h)
    set(spirv_files)
    foreach(variant ${ARGN})
        separate_arguments(words UNIX_COMMAND "${variant}")
        list(POP_FRONT words name source)
        set(defines)
        foreach(word ${words})
            list(APPEND defines -D${word})
        endforeach()
        set(spirv ${CMAKE_CURRENT_BINARY_DIR}/spirv/${name}.spv)
        add_custom_command(OUTPUT ${spirv}
            COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/spirv
            COMMAND ${GLSLANG} -V --quiet --target-env vulkan1.2 -I${shader_dir} ${defines}
                -o ${spirv} ${shader_dir}/${source}
            COMMAND ${SPIRV_VAL} --target-env vulkan1.2 ${spirv}
            DEPENDS ${shader_dir}/${source} ${shader_includes}
            COMMENT "Shader ${name}" VERBATIM)
        list(APPEND spirv_files ${spirv})
    endforeach()
    set(embedded ${CMAKE_CURRENT_BINARY_DIR}/${prefix}_shader_table.c)
    add_custom_command(OUTPUT ${embedded}
        COMMAND ${CMAKE_COMMAND} "-DFILES=${spirv_files}" -DPREFIX=${prefix}
            -DOUTPUT=${embedded} -P ${embed_script}
        DEPENDS ${spirv_files} ${embed_script} COMMENT "Embedding shaders" VERBATIM)
    target_sources(${target} PRIVATE ${embedded})
endfunction()
