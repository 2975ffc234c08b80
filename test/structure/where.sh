#!/bin/sh
# docs/where.md leads from a section of an RFC to the file: every file it names exists, every C file of lib/ is named in it.
# A name is a path from the top (lib/exchange/dedup.c) or from lib/ (exchange/dedup.c).
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."
[ -f docs/where.md ] || { echo "docs/where.md does not exist"; exit 1; }
bad=0

named=$(grep -oE '[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+\.(c|h|sh|md|txt|map)' docs/where.md | LC_ALL=C sort -u)
[ -n "$named" ] || { echo "docs/where.md names no file"; exit 1; }
for file in $named; do
  # <acoap/x.h> is how users write include/acoap/x.h
  [ -f "$file" ] || [ -f "lib/$file" ] || [ -f "include/$file" ] || { echo "docs/where.md: $file does not exist"; bad=1; }
done
for file in lib/*/*.c; do
  if ! printf '%s\n' "$named" | grep -Fxq -e "$file" -e "${file#lib/}"; then
    echo "$file: not named in docs/where.md"
    bad=1
  fi
done
exit "$bad"
