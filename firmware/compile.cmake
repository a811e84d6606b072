# How every part of a firmware is compiled, also a library of kernels by itself.
include_guard(DIRECTORY)
set(QRIG_SANITIZE OFF CACHE BOOL "Build with address and undefined-behaviour sanitizers")

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_compile_options(-g $<$<COMPILE_LANGUAGE:C>:-O2> $<$<COMPILE_LANGUAGE:C>:-ffunction-sections>
                    $<$<COMPILE_LANGUAGE:C>:-fdata-sections>)
if(QRIG_SANITIZE)
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=all)
    add_link_options(-fsanitize=address,undefined)
endif()

# For our own sources; others may have the warnings they have.
set(QRIG_WARNINGS $<$<COMPILE_LANGUAGE:C>:-Wall> $<$<COMPILE_LANGUAGE:C>:-Wextra>
                  $<$<COMPILE_LANGUAGE:C>:-Wconversion>)
