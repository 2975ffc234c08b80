#!/usr/bin/env bash
# libcoap's coap-client moves 1 MiB up and down in blocks of every size, 16 to 1024 bytes: through a folder (acoap serve --dir
# --writable) and through a resource in memory (--plugtest). 16 bytes at a time that are 65,536 exchanges each way. Prints TAP.
# usage: test/interop/server_blocks_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"
need_coap_client

head -c 1048576 /dev/urandom >body
mkdir files
serve --dir files --writable
folder=$uri folder_server=$server folder_log=$server_log
serve --plugtest
memory=$uri memory_server=$server memory_log=$server_log

# One after the other: a resource in memory is shared by those who write it.
up_and_down() { # up_and_down NAME URI_PREFIX SIZE: leaves NAME.back
  timeout -k 5 140 "$coap_client" -B 120 -b "$3" -m put -f body "$2" >"$1.log" 2>&1 </dev/null
  timeout -k 5 140 "$coap_client" -B 120 -b "$3" -m get -o "$1.back" "$2" >>"$1.log" 2>&1 </dev/null
}
each_size_of_folder() {
  local size
  for size in 16 32 64 128 256 512 1024; do
    up_and_down "folder-$size" "$folder/body-$size" "$size"
  done
}
each_size_of_memory() {
  local size
  for size in 16 32 64 128 256 512 1024; do
    up_and_down "memory-$size" "$memory/large-update" "$size"
  done
}
each_size_of_folder &
first=$!
each_size_of_memory &
second=$!
started+=("$first" "$second")
wait "$first" "$second"

for size in 16 32 64 128 256 512 1024; do
  check "1 MiB into a folder in blocks of $size" cmp body "files/body-$size"
  check "1 MiB from a folder in blocks of $size" cmp body "folder-$size.back"
  check "1 MiB into memory and back in blocks of $size" cmp body "memory-$size.back"
done
check "nothing is left of the uploads but the files" test "$(find files -type f | wc -l)" -eq 7
end_server "--dir" "$folder_server" "$folder_log"
end_server "--plugtest" "$memory_server" "$memory_log"
finish
