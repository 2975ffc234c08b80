#!/usr/bin/env bash
# node-coap's client and coap-cli against acoap serve: methods, downloads in every block size, observation, separate responses. (node-coap
# starts no Block1, and coap-cli breaks on uploads of more than a block: what they upload here is small.) Prints TAP.
# usage: test/interop/server_node_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"
[[ $(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') -ge 20 ]] 2>/dev/null || skip_all "node 20 is not installed"
[[ -d $interop/node/node_modules/coap && -d $interop/node/node_modules/coap-cli ]] ||
  skip_all "the npm packages coap and coap-cli are not installed (test/interop/run installs them)"

client() { # client ARGUMENT...: node-coap
  timeout -k 5 120 node "$interop/node/client.js" "$@" >out 2>&1 </dev/null
}
cli() { # cli ARGUMENT...: coap-cli
  timeout -k 5 60 node "$interop/node/node_modules/coap-cli/index.js" "$@" >out 2>&1 </dev/null
}

serve --plugtest
plugtest=$uri plugtest_server=$server plugtest_log=$server_log
timeout -k 5 60 node "$interop/node/client.js" observe "$plugtest/obs" 3 >obs.out 2>&1 </dev/null &
observers=($!)
timeout -k 5 60 node "$interop/node/client.js" observe "$plugtest/obs-non" 3 >obs-non.out 2>&1 </dev/null &
observers+=("$!")
timeout -k 5 60 node "$interop/node/client.js" observe "$plugtest/obs-large" 1 >obs-large.out 2>&1 </dev/null &
observers+=("$!")
started+=("${observers[@]}")

client get "$plugtest/test"
check "node-coap: GET" has out "2.05 A resource to get"
client non "$plugtest/test"
check "node-coap: GET by NON" has out "2.05 A resource to get"
client put "$plugtest/test" something
check "node-coap: PUT" has out 2.04
client post "$plugtest/test" something
check "node-coap: POST" has out 2.01
client get "$plugtest/test"
check "node-coap: GET of what was put" has out "2.05 something"
client delete "$plugtest/test"
check "node-coap: DELETE" has out 2.02
client get "$plugtest/separate"
check "node-coap: a separate response" has out "a message of its own"
client get "$plugtest/nothing"
check "node-coap: 4.04" has out 4.04
cli get "$plugtest/test"
check "coap-cli: get" has out "A resource to get"
cli get -c "$plugtest/test"
check "coap-cli: get by NON" has out "A resource to get"
cli put "$plugtest/test" -p one
check "coap-cli: put" has out 2.04
cli post "$plugtest/test" -p two
check "coap-cli: post" has out 2.01
cli delete "$plugtest/test"
check "coap-cli: delete" has out 2.02
cli get -q "$plugtest/large"
check "coap-cli: a download in blocks" has out "20 | a representation"

mkdir files
head -c 65536 /dev/urandom >files/body
hash=$(sha256sum <files/body | cut -d' ' -f1)
serve --dir files
client sizes "$uri/body" 16 32 64 128 256 512 1024
for size in 16 32 64 128 256 512 1024; do
  check "node-coap: 64 KiB in blocks of $size" has out "$size 2.05 65536 $hash"
done
end_server "--dir"
serve --demo
client fetch "$uri/echo" asked
check "node-coap: FETCH" has out "2.05 asked"
end_server "--demo"

for process in "${observers[@]}"; do
  wait "$process"
done
for name in obs obs-non; do
  check "node-coap: three notifications of /$name" has $name.out "notification 2 "
done
# It fetches the blocks of later ones too, and does not hand them on.
check "node-coap: the first representation of /obs-large is whole" has obs-large.out "notification 0 1280 "
end_server "--plugtest" "$plugtest_server" "$plugtest_log"
finish
