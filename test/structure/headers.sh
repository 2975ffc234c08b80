#!/bin/sh
# Compiles every public header alone, as strict C99, C11 and C++11, and looks for the guard that allows it twice.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
warnings="-Wall -Wextra -Wpedantic -pedantic-errors -Werror"
bad=0

for header in include/acoap/*.h; do
  name=$(basename "$header")
  printf '#include <acoap/%s>\n#include <acoap/%s>\nextern int unit_is_not_empty;\n' "$name" "$name" >"$work/unit.c"
  cp "$work/unit.c" "$work/unit.cpp"
  for standard in c99 c11; do
    # shellcheck disable=SC2086 # a list of options
    "${CC:-gcc}" -std=$standard $warnings -Wstrict-prototypes -Iinclude -fsyntax-only "$work/unit.c" || bad=1
  done
  # shellcheck disable=SC2086
  "${CXX:-g++}" -std=c++11 $warnings -Iinclude -fsyntax-only "$work/unit.cpp" || bad=1
done
exit "$bad"
