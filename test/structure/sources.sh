#!/bin/sh
# Every C file of a room is in the room's CMake list, or by its path in lib/CMakeLists.txt, and every file listed exists.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../../lib"
bad=0
count=0

for file in */*.c; do
  [ -f "$file" ] || continue
  count=$((count + 1))
  room=${file%%/*}
  name=${file##*/}
  if ! grep -Eq "^[[:space:]]*$name\)?[[:space:]]*$" "$room/CMakeLists.txt" && ! grep -Fq " $file)" CMakeLists.txt; then
    echo "lib/$file: in no list"
    bad=1
  fi
done
for list in */CMakeLists.txt; do
  room=${list%%/*}
  for name in $(sed 's/#.*//' "$list" | grep -oE '[a-z0-9_/]+\.c' || true); do
    [ -f "$room/$name" ] || { echo "lib/$list: $name does not exist"; bad=1; }
  done
done
for file in *.c; do
  [ ! -f "$file" ] || { echo "lib/$file: outside of the rooms"; bad=1; }
done
[ "$count" -gt 0 ] || { echo "no source was found"; bad=1; }
exit "$bad"
