#!/bin/sh
# What doxygen reads instead of a header: the comment that opens the file is the file's, the comments that stand behind a field or
# an enumerator are its documentation, and a table of X() is written out, each entry with its text as its documentation.
# SPDX-License-Identifier: MIT
exec awk '
  # Split the arguments of one X(...) into arg[1..n]; text becomes the first one in quotation marks.
  function split_entry(line,    i, c, quoted, n) {
    n = 1
    text = ""
    arg[1] = ""
    sub(/^[ \t]*X\(/, "", line)
    sub(/\)[ \t]*\\?$/, "", line)
    for (i = 1; i <= length(line); i++) {
      c = substr(line, i, 1)
      if (c == "\\") { i++; continue }
      if (c == "\"") quoted = !quoted
      else if (c == "," && !quoted) { arg[++n] = ""; continue }
      if (c != " " || quoted) arg[n] = arg[n] c
    }
    for (i = n; i >= 1; i--) if (arg[i] ~ /^"/) { text = arg[i]; gsub(/"/, "", text) }
    return n
  }
  # Replace a parameter by its argument wherever it stands as a word.
  function replace_word(body, word, by,    out, before) {
    out = ""
    while (match(body, word)) {
      before = substr(body, RSTART - 1, 1)
      if ((RSTART > 1 && before ~ /[A-Za-z0-9_]/) || substr(body, RSTART + RLENGTH, 1) ~ /[A-Za-z0-9_]/)
        out = out substr(body, 1, RSTART + RLENGTH - 1)
      else out = out substr(body, 1, RSTART - 1) by
      body = substr(body, RSTART + RLENGTH)
    }
    return out body
  }
  function expand(table, macro,    i, j, n, line) {
    for (i = 1; i <= entries[table]; i++) {
      n = split_entry(entry[table, i])
      line = body[macro]
      for (j = 1; j <= n; j++) line = replace_word(line, param[macro, j], arg[j])
      gsub(/##/, "", line)
      print line " /**< " text " */"
    }
  }

  FNR == 1 && /^\/\*$/ { print "/** @file"; next }
  /^#define ACOAP_[A-Z_]*_MAP\(X\)/ {
    table = $2
    sub(/\(.*/, "", table)
    next
  }
  table != "" {
    while ($0 !~ /\)[ \t]*\\?$/) { sub(/[ \t]*\\$/, ""); getline more; $0 = $0 " " more }
    entry[table, ++entries[table]] = $0
    if ($0 !~ /\\$/) table = ""
    next
  }
  /^#define ACOAP_[A-Z_]*_(ENUM|MEMBER)\(/ {
    macro = $2
    sub(/\(.*/, "", macro)
    while (sub(/\\$/, "")) { getline more; $0 = $0 more }
    list = $0
    sub(/^[^(]*\(/, "", list)
    sub(/\).*/, "", list)
    count = split(list, names, /, */)
    for (i = 1; i <= count; i++) param[macro, i] = names[i]
    text = $0
    sub(/^[^)]*\)[ \t]*/, "", text)
    gsub(/\/\*[^*]*\*\//, "", text)
    body[macro] = text
    next
  }
  /^ *ACOAP_[A-Z_]*_MAP\(ACOAP_[A-Z_]*\)$/ {
    split($1, call, /[()]/)
    expand(call[1], call[2])
    next
  }
  /^ *[^ \/*#].*[;,A-Za-z0-9)}] *\/\* .*$/ { sub(/\/\* /, "/**< ") }
  # Comments above a field: ordinary ones too.
  /^  +\/\*( |$)/ { sub(/\/\*/, "/**") }
  { print }
' "$1"
