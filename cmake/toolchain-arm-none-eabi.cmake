# Cross compiling for a Cortex-M with a bare arm-none-eabi-gcc; no C library is needed.
#     cmake --toolchain cmake/toolchain-arm-none-eabi.cmake -DACOAP_CORE_ONLY=ON -DACOAP_CPU=cortex-m0plus
# SPDX-License-Identifier: MIT

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

set(ACOAP_CPU cortex-m4 CACHE STRING "The processor: cortex-m0plus, cortex-m4 ...")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES ACOAP_CPU)

# Every function is a section of its own, so that what a program does not call is not linked.
set(CMAKE_C_FLAGS_INIT "-mcpu=${ACOAP_CPU} -mthumb -ffreestanding -ffunction-sections -fdata-sections")
# Passes of the compiler that make this code larger.
set(larger "-fno-tree-forwprop -fno-tree-ch -fno-tree-loop-optimize -fno-move-loop-invariants")
string(APPEND larger " -fno-guess-branch-probability -fno-if-conversion -fno-ipa-sra -fno-ssa-phiopt -fno-schedule-insns2")
string(APPEND larger " -fno-optimize-sibling-calls")
set(CMAKE_C_FLAGS_MINSIZEREL_INIT "-Os -DNDEBUG -fira-algorithm=priority ${larger}")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-Wl,--gc-sections")
# Our <string.h> stands in for a C library's.
include_directories(SYSTEM ${CMAKE_CURRENT_LIST_DIR}/freestanding)
