#!/bin/sh
# Compares what libacoap.so exports with what the public headers declare with ACOAP_API. The preprocessor reads the headers,
# so that conditions and macros count as they do for a user; each declaration's name is the word before its parameter list.
# usage: exports.sh LIBRARY
# SPDX-License-Identifier: MIT
set -eu
library=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Our own export.h is shadowed: the mark must survive the preprocessor as a word. One include more than needed does no harm.
mkdir -p "$work/acoap"
cat >"$work/acoap/export.h" <<'HEADER'
#define ACOAP_API ACOAP_EXPORTED_MARK
#define ACOAP_BEGIN_DECLS
#define ACOAP_END_DECLS
HEADER
for header in include/acoap/*.h; do
  [ "$header" = include/acoap/export.h ] || echo "#include <acoap/$(basename "$header")>"
done >"$work/all.c"

"${CC:-gcc}" -std=c99 -E -P -I"$work" -Iinclude "$work/all.c" | tr '\n' ' ' | awk '
  {
    count = split($0, piece, /ACOAP_EXPORTED_MARK/)
    for (i = 2; i <= count; i++) {
      text = piece[i]
      sub(/[;{].*/, "", text)
      # A function: the last word before the first parenthesis that follows a name of ours. Otherwise a variable.
      if (match(text, /acoap_[A-Za-z0-9_]+[ \t]*\(/)) text = substr(text, RSTART, RLENGTH - 1)
      else if (match(text, /acoap_[A-Za-z0-9_]+[ \t]*(\[|$)/)) text = substr(text, RSTART, RLENGTH)
      sub(/[ \t\[]+$/, "", text)
      print text
    }
  }' | LC_ALL=C sort -u >"$work/declared"

# Absolute symbols are names of versions.
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort -u >"$work/exported"

[ -s "$work/declared" ] || { echo "no declaration was found in the headers"; exit 1; }
LC_ALL=C comm -23 "$work/declared" "$work/exported" | sed 's/$/: declared, not exported/' >"$work/breach"
LC_ALL=C comm -13 "$work/declared" "$work/exported" | sed 's/$/: exported, not declared/' >>"$work/breach"
cat "$work/breach"
[ ! -s "$work/breach" ]
