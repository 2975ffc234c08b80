#!/usr/bin/env bash
# What the programs of this folder take: code and constants, the board's own part of them, and RAM. Fails when the core asks for
# a function that is not its own, and when a program that is linked across files takes more than it may: 12 KiB of text for the
# server, 6 KiB for the stateless one. (That the server's RAM is 1 KiB besides buffers it asserts itself.)
# usage: figures.sh BUILD_FOLDER...
# SPDX-License-Identifier: MIT
set -euo pipefail
bad=0
declare -A limits=([cortex-m4-lto/server.elf]=12288 [cortex-m4-lto/stateless.elf]=6144)

printf '%-34s %8s %8s %8s\n' program text board RAM
for build in "$@"; do
  for elf in "$build"/firmware/*.elf; do
    [[ -f $elf ]] || continue
    read -r text data bss <<<"$(arm-none-eabi-size "$elf" | awk 'NR == 2 { print $1, $2, $3 }')"
    # What belongs to the board alone: start-up, line, clock, and the five functions of <string.h>.
    board=$(arm-none-eabi-nm -S "$elf" | awk '
      function hex(text,    value, i) {
        value = 0
        for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
        return value
      }
      NF == 4 && $4 ~ /^(board_.*|put_byte|reset_handler|systick_handler|fault_handler|vectors|mem(cpy|move|set|cmp)|strlen)(\..*)?$/ {
        sum += hex($2)
      }
      END { print sum + 0 }')
    printf '%-34s %8d %8d %8d\n' "$(basename "$build")/$(basename "$elf")" $((text + data)) "$board" $((data + bss))
    if ((text + data - board > ${limits[$(basename "$build")/$(basename "$elf")]:-999999})); then
      echo "$elf: that is too much"
      bad=1
    fi
  done
  archive=$build/lib/libacoap-core.a
  # Joined, what the files define for each other is no longer undefined; LTO's objects are looked at through their plain twin.
  if [[ -f $archive ]] && ! grep -q 'CMAKE_INTERPROCEDURAL_OPTIMIZATION:.*=ON' "$build/CMakeCache.txt"; then
    foreign=$(arm-none-eabi-ld -r --whole-archive "$archive" -o "$build/joined.o" && arm-none-eabi-nm -u "$build/joined.o" |
      awk '$2 !~ /^(mem(cpy|move|set|cmp)|strlen|__aeabi_.*|__gnu_thumb1_case_.*|__(clz|ctz|popcount)[sd]i2)$/ { print $2 }')
    if [[ -n $foreign ]]; then
      echo "$archive: wants $foreign"
      bad=1
    fi
  fi
done
exit $bad
