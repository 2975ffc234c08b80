#!/bin/sh
# Compiles base, message, exchange and tiny without assertions and fails when together they call anything that is not their own:
# only memcpy, memmove, memset, memcmp and strlen are left to the host, as every freestanding compiler asks for them anyway.
# The files are those that the CMake lists of these rooms name. Says nothing about what the functions do.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."
cc=${CC:-gcc}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

sources=$(for room in base message exchange tiny; do
  sed -n 's/^[ \t]*\([a-z0-9_]*\.c\)\()\{0,1\}\)[ \t]*$/\1/p' "lib/$room/CMakeLists.txt" | sed "s|^|lib/$room/|"
done)
sources="$sources $(sed -n 's/^target_sources(acoap_core PRIVATE \(base\/[a-z0-9_]*\.c\))$/lib\/\1/p' lib/CMakeLists.txt)"
count=0
for source in $sources; do
  object=$work/$(echo "$source" | tr / _).o
  "$cc" -std=c11 -O2 -DNDEBUG -fno-stack-protector -fno-pic -Iinclude -Ilib -c "$source" -o "$object"
  count=$((count + 1))
done
[ "$count" -gt 2 ] || { echo "only $count files were found"; exit 1; }

# Joined, what the rooms define for each other is no longer undefined. timer_list.c stands in for timer_queue.c in a core alone.
join() { # join FILE_LEFT_OUT: what the others want
  # shellcheck disable=SC2046
  ld -r -o "$work/core" $(ls "$work"/*.o | grep -v "_$1\.o\$")
  nm -u "$work/core"
}
foreign=$({ join timer_list.c; join timer_queue.c; } | sort -u | awk '
  $2 ~ /^(memcpy|memmove|memset|memcmp|strlen)$/ { next }
  # Arithmetic that a 32-bit machine has in its compiler support library.
  $2 ~ /^__(u?(div|mod|divmod)|mul|ashl|ashr|lshr|popcount|clz|ctz)[sdt]i[234]$/ { next }
  { print $2 }')
[ -n "$foreign" ] || exit 0
for symbol in $foreign; do
  printf '%s: wanted by' "$symbol"
  for object in "$work"/*.o; do
    nm -u "$object" | grep -q " $symbol\$" && printf ' %s' "$(basename "$object" .o)"
  done
  echo
done
exit 1
