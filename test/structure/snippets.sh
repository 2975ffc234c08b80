#!/bin/sh
# The C in README.md and docs/*.md compiles: the blocks of a page are one program, in the order they stand in.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
found=0
for page in README.md docs/*.md; do
  {
    printf '#include <acoap/acoap.h>\n#include <stdio.h>\n#include <uv.h>\n'
    awk -v page="$page" '
      /^```c$/ { print "#line " NR + 1 " \"" page "\""; inside = 1; next }
      /^```/ { inside = 0 }
      inside { print }' "$page"
  } >"$work/page.c"
  [ "$(wc -l <"$work/page.c")" -gt 3 ] || continue
  found=$((found + 1))
  # shellcheck disable=SC2046 # flags
  ${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -Iinclude $(pkg-config --cflags libuv) \
    -fsyntax-only "$work/page.c" || bad=1
done
[ "$found" -ge 2 ] || { echo "no page with C was found"; bad=1; }
exit "$bad"
