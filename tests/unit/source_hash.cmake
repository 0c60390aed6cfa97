# The hash of source_hash.cmake follows every C file and the version.
# cmake -DSOURCE=src -DWORK=FOLDER -P source_hash.cmake
function(hash_of version result)
    execute_process(COMMAND ${CMAKE_COMMAND} "-DFOLDERS=${WORK}/net;${WORK}/gpu"
        -DVERSION=${version} -DOUTPUT=${WORK}/out.c -P ${SOURCE}/gpu/source_hash.cmake
        RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "source_hash.cmake failed")
    endif()
    file(READ ${WORK}/out.c text)
    set(${result} "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(COPY ${SOURCE}/net ${SOURCE}/gpu DESTINATION ${WORK})
hash_of(1 first)
hash_of(1 again)
hash_of(2 newer)
file(APPEND ${WORK}/net/plan.c "/* another */\n")
hash_of(1 edited)
if(NOT first STREQUAL again OR first STREQUAL newer OR first STREQUAL edited)
    message(FATAL_ERROR "the hash does not follow the sources:\n${first}${edited}")
endif()
