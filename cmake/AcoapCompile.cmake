# How every file is compiled: the language, the warnings, the sanitizers. Chooses no sources.
# SPDX-License-Identifier: MIT

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                    -Wstrict-prototypes -Wmissing-prototypes)
if(ACOAP_WERROR)
  add_compile_options(-Werror)
endif()

if(ACOAP_BUILD_FUZZERS)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "ACOAP_BUILD_FUZZERS needs clang: libFuzzer is a part of it (-DCMAKE_C_COMPILER=clang)")
  endif()
  if(NOT ACOAP_SANITIZE)
    set(ACOAP_SANITIZE "address,undefined")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

if(ACOAP_SANITIZE)
  add_compile_options(-fsanitize=${ACOAP_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ACOAP_SANITIZE})
endif()

# libuv's header needs more than strict C11 shows, recvmmsg and the packet information of IPv6 are GNU's names. Written
# with an empty value so that a file may also say it itself.
set(ACOAP_HOST_DEFINITIONS "_GNU_SOURCE=")

# A call of a public function within the library is a call of ours: the compiler may look into it, and the linker needs no
# table for it.
if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang" AND NOT ACOAP_CORE_ONLY)
  add_compile_options(-fno-semantic-interposition)
endif()

# libacoap.so is optimised across its files: a request passes many small functions of many files.
set(ACOAP_LTO_FLAGS "")
if(ACOAP_LTO AND CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE MATCHES "^(Release|RelWithDebInfo)$" AND CMAKE_OBJCOPY
   AND NOT (ACOAP_CORE_ONLY OR ACOAP_SANITIZE OR APPLE))
  set(ACOAP_LTO_FLAGS -O3 -flto=auto -ffat-lto-objects)
endif()

# acoap_plain_archive(TARGET): objects serve the shared library and the archives, so they carry both kinds of code; an archive
# keeps what every linker understands.
function(acoap_plain_archive target)
  if(ACOAP_LTO_FLAGS)
    add_custom_command(TARGET ${target} POST_BUILD VERBATIM
      COMMAND ${CMAKE_OBJCOPY} -R .gnu.lto_* -R .gnu.debuglto_* $<TARGET_FILE:${target}>)
  endif()
endfunction()
