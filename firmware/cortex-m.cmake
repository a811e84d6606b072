# Toolchain file: arm-none-eabi-gcc for the core in QRIG_CPU_FLAGS.
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES QRIG_CPU_FLAGS)
set(QRIG_CPU_FLAGS "" CACHE STRING "Flags that choose the core, like -mcpu=cortex-m4")
set(CMAKE_C_FLAGS_INIT "${QRIG_CPU_FLAGS}")
