#!/usr/bin/env bash
# The heapless endpoint on plain sockets meets Debian's libcoap in both roles: examples/tiny_server is asked by coap-client,
# examples/tiny_client asks coap-server, examples/lwm2m_register registers with coap-rd and with a LwM2M registration interface
# of ours. Loopback only. Prints TAP.
# usage: test/interop/tiny_test.sh FOLDER_OF_THE_EXAMPLES RD_SERVER
# SPDX-License-Identifier: MIT
set -uo pipefail
examples=$(realpath "${1:?usage: tiny_test.sh FOLDER_OF_THE_EXAMPLES RD_SERVER}")
rd_server=$(realpath "${2:?usage: tiny_test.sh FOLDER_OF_THE_EXAMPLES RD_SERVER}")
tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}
if [[ -z ${TINY_TEST_ISOLATED:-} ]] && unshare -Urn ip link set lo up 2>/dev/null; then
  TINY_TEST_ISOLATED=1 exec unshare -Urn "$0" "$@"
elif [[ -n ${TINY_TEST_ISOLATED:-} ]]; then
  ip link set lo up
fi
mkdir -p "$(dirname "$tap")"
: >"$tap"
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT
cd "$work" || exit 1
number=0 failed=0

check() { # check NAME WANTED COMMAND...: the output has to match the pattern
  local name=$1 wanted=$2 got line
  shift 2
  got=$(timeout 60 "$@" 2>&1)
  number=$((number + 1))
  # shellcheck disable=SC2053 # a pattern
  if [[ $got == $wanted ]]; then
    line="ok $number - $name"
  else
    line="not ok $number - $name"
    failed=$((failed + 1))
    printf '# wanted %s\n# got    %s\n' "${wanted:0:300}" "${got:0:300}"
  fi
  echo "$line" | tee -a "$tap"
}
tool() { # tool NAME: the program of libcoap, whichever flavour is installed
  local flavour
  for flavour in notls openssl gnutls; do
    command -v "$1-$flavour" && return
  done
  command -v "$1"
}
client=$(tool coap-client) && server=$(tool coap-server) && rd=$(tool coap-rd) || {
  echo "ok - tiny # SKIP libcoap's programs are not installed"
  exit 77
}
start() { # start LOG COMMAND...
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null &
  pids+=($!)
  sleep 0.5
}

head -c 3000 /dev/urandom | base64 -w 0 | head -c 3900 >body
body=$(cat body)

# ---- the server -----------------------------------------------------------------------------------------------------------
start server.log "$examples/tiny_server" 7683
uri=coap://127.0.0.1:7683
check "GET, piggybacked" off "$client" -m get "$uri/light"
check "GET, NON" off "$client" -N -B 3 -m get "$uri/light"
check "GET over IPv6" off "$client" -m get "coap://[::1]:7683/light"
check "PUT" "" "$client" -m put -e 1 "$uri/light"
check "GET after PUT" on "$client" -m get "$uri/light"
check "separate response" "worth the wait" "$client" -m get "$uri/slow"
check "4.04" "4.04*" "$client" -m get "$uri/nowhere"
check "4.05" "4.05*" "$client" -m delete "$uri/light"
check "4.06" "4.06*" "$client" -A 60 -m get "$uri/light"
check "discovery" '</light>;rt="light";obs;title="a lamp",</note>;rt="text",</slow>;rt="text"' \
  "$client" -b 32 -m get "$uri/.well-known/core"
check "discovery, filtered" '</light>;rt="light";obs;title="a lamp"' "$client" -m get "$uri/.well-known/core?rt=light"
for size in 16 32 64 128 256 512; do
  check "upload in blocks of $size" "" "$client" -m put -b $size -f body "$uri/note"
  check "download in blocks of $size" "$body" "$client" -m get -b $size "$uri/note"
done
# Numbered losses: a share of them, drawn anew each time, loses one request five times in a row now and then.
check "download with every fourth datagram lost" "$body" "$client" -l 4,8,12 -m get -b 512 "$uri/note"
"$client" -s 3 -B 4 -m get "$uri/light" >observed 2>/dev/null </dev/null &
pids+=($!)
sleep 0.5
check "PUT to what is observed" "" "$client" -m put -e 0 "$uri/light"
check "PUT again" "" "$client" -m put -e 1 "$uri/light"
sleep 1
check "notifications" "on*off*on*" cat observed
check "own client: block-wise" "$body" "$examples/tiny_client" 127.0.0.1:7683 /note
check "own client: ping" pong "$examples/tiny_client" 127.0.0.1:7683 ping

# ---- the client -----------------------------------------------------------------------------------------------------------
start coap-server.log "$server" -A 127.0.0.1 -p 7684 -d 10
check "client: ping" pong "$examples/tiny_client" 127.0.0.1:7684 ping
check "client: GET" "*libcoap*" "$examples/tiny_client" 127.0.0.1:7684 /
check "client: 4.04" "4.04 *" "$examples/tiny_client" 127.0.0.1:7684 /nowhere
check "client: separate response" "done*" "$examples/tiny_client" 127.0.0.1:7684 /async
check "client: Block1" "2.0[14] *" "$examples/tiny_client" 127.0.0.1:7684 /stored put body
check "client: Block2" "$body" "$examples/tiny_client" 127.0.0.1:7684 /stored
timeout 4 "$examples/tiny_client" 127.0.0.1:7684 /time observe >times 2>/dev/null </dev/null
check "client: observation" "[3-5]" grep -c : times

# ---- registration ---------------------------------------------------------------------------------------------------------
# Debian's coap-rd aborts when a registration is deleted (by its own client too), and knows no update by POST.
start rd.log "$rd" -A 127.0.0.1 -p 7685
check "register" "2.01 registered at /rd/*4.05 update not known there" "$examples/lwm2m_register" 127.0.0.1:7685 device stay
check "the directory knows the device" '*</rd/*' "$client" -m get coap://127.0.0.1:7685/.well-known/core

# All of the registration interface: ours.
start own_rd.log "$rd_server" 7686
check "register, stay" $'2.01 registered at /rd/0\n2.04 updated' "$examples/lwm2m_register" 127.0.0.1:7686 device stay
check "the directory knows the update" 'device lt=600 updates=1 </1/0>,</3/0>,</5/0>,</3303/0>;rt="oma.lwm2m"' \
  "$client" -m get coap://127.0.0.1:7686/rd/0
check "register, update, deregister" $'2.01 registered at /rd/1\n2.04 updated\n2.02 deregistered' \
  "$examples/lwm2m_register" 127.0.0.1:7686 another
check "the directory forgot it" "4.04*" "$client" -m get coap://127.0.0.1:7686/rd/1
check "and keeps the other" "device *" "$client" -m get coap://127.0.0.1:7686/rd/0
check "no name, no registration" "4.00*" "$client" -m post -t 40 -e "</1/0>" "coap://127.0.0.1:7686/rd?lt=60"

echo "1..$number"
[[ $failed -eq 0 ]]
