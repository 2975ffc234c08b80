#!/bin/sh
# Reads every #include of the sources and fails on one that crosses a wall: a room may include the rooms below it, the core
# rooms no host headers, only security/ OpenSSL, only transport/ and endpoint/ libuv, public headers neither, examples and the
# tool nothing but public headers and the system's.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."

find lib include examples -name '*.[ch]' | LC_ALL=C sort | xargs awk '
  BEGIN {
    # room: the rooms it may include
    rooms["base"] = " base "
    rooms["message"] = " base message "
    rooms["exchange"] = " base message exchange "
    rooms["tiny"] = " base message exchange tiny "
    rooms["security"] = " base message security "
    rooms["transport"] = " base security transport "
    rooms["endpoint"] = " base message exchange security transport endpoint "
    rooms["client"] = " base message exchange endpoint client "
    rooms["server"] = " base message exchange endpoint server "

    # Headers of C itself that call for no host, what the two rooms of the protocol may use besides, and the rest.
    free = " assert.h limits.h stdarg.h stdbool.h stddef.h stdint.h string.h "
    hosted = free "ctype.h errno.h inttypes.h math.h stdio.h stdlib.h "
    core = " base message exchange tiny "
    system_rooms = " transport endpoint "

    # Public headers that the core may see: those that <acoap/core.h> brings, and the words of <acoap/socket.h> (buffer,
    # path) that the engine passes through; that it calls no socket is seen by purity.sh.
    public_core = " core.h socket.h "
    for (found = 1; found;) {
      found = 0
      count = split(public_core, names, " ")
      for (i = 1; i <= count; i++) {
        path = "include/acoap/" names[i]
        if (path in seen) continue
        seen[path] = 1
        while ((getline line < path) > 0) {
          if (line ~ /^#include <acoap\//) {
            sub(/^#include <acoap\//, "", line); sub(/>.*/, "", line)
            if (!index(public_core, " " line " ")) { public_core = public_core line " "; found = 1 }
          }
        }
        close(path)
      }
    }
  }

  function breach(why) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, why, $0
    bad = 1
  }
  function exists(path,    line, result) {
    result = (getline line < path) >= 0
    close(path)
    return result
  }

  FNR == 1 { files++ }
  !/^[ \t]*#[ \t]*(include|import)/ { next }
  {
    includes++
    text = $0
    sub(/^[ \t]*#[ \t]*(include|import)[ \t]*/, "", text)
    mark = substr(text, 1, 1)
    if (mark != "<" && mark != "\"") { breach("neither <> nor \"\""); next }
    header = substr(text, 2)
    sub(/[>"].*/, "", header)
    split(FILENAME, part, "/")
    is_uv = header == "uv.h" || header ~ /^uv\//
    is_openssl = header ~ /^openssl\//
    is_public = header ~ /^acoap\//
  }

  part[1] == "include" {
    if (mark != "<") breach("a public header includes by <>")
    else if (is_public && exists("include/" header)) next
    else if (!index(" stdbool.h stddef.h stdint.h stdarg.h ", " " header " ")) breach("not in a public header")
    next
  }

  part[1] == "examples" {
    if (is_openssl) breach("an example knows no OpenSSL")
    else if (mark == "\"") {
      folder = FILENAME
      sub(/\/[^\/]*$/, "", folder)
      if (header ~ /\// || !exists(folder "/" header)) breach("an example includes only files beside it")
    } else if (is_public && !exists("include/" header)) breach("no such public header")
    next
  }

  part[1] == "lib" {
    room = part[2]
    if (!(room in rooms)) { breach("a file outside of the rooms"); next }
    if (mark == "\"") {
      target = header
      sub(/\/.*/, "", target)
      if (!exists("lib/" header) || header !~ /^[a-z]+\/[a-z0-9_]+\.h$/) breach("not of the form \"room/file.h\"")
      else if (!index(rooms[room], " " target " ")) breach(room " may not include " target)
      next
    }
    if (is_public) {
      name = substr(header, 7)
      if (!exists("include/" header)) breach("no such public header")
      else if (index(core, " " room " ") && !index(public_core, " " name " ")) breach("not a part of <acoap/core.h>")
    } else if (is_uv) {
      if (!index(system_rooms, " " room " ")) breach("libuv belongs to transport and endpoint")
    } else if (is_openssl) {
      if (room != "security") breach("OpenSSL belongs to security")
    } else if (index(core, " " room " ")) {
      if (!index(free, " " header " ")) breach("the core has no host")
    } else if (room == "security" && header == "sys/time.h") {
      # OpenSSL tells the time until a flight is repeated as a struct timeval.
    } else if (!index(system_rooms, " " room " ") && !index(hosted, " " header " ")) {
      breach("the system belongs to transport and endpoint")
    }
  }

  END {
    if (files == 0 || includes == 0) { print "no source was read"; exit 1 }
    exit bad
  }
'
