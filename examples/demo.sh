#!/usr/bin/env bash
# The demonstration of ./dev demo: two servers on loopback, both in the group All CoAP Nodes, a third one with a folder, and the tool
# asks them. Every line that is shown is what the tool printed. Where the system lets us (unshare, ip) all of it happens in a network
# of its own; elsewhere on this host's loopback, where port 5683 must be free, since that is the one a multicast request goes to.
# usage: examples/demo.sh BUILD_FOLDER
# SPDX-License-Identifier: MIT
set -euo pipefail
acoap=$(realpath "${1:-build}")/bin/acoap
first=127.0.0.1
second=127.0.0.2
files=127.0.0.3

if [[ -z ${ACOAP_DEMO_ISOLATED:-} ]] && unshare -Urn ip link set lo up 2>/dev/null; then
  ACOAP_DEMO_ISOLATED=1 exec unshare -Urn "$0" "$@"
elif [[ -n ${ACOAP_DEMO_ISOLATED:-} ]]; then
  ip link set lo up
  ip address add 192.0.2.1/32 dev lo # multicast does not leave from an address of 127.0.0.0/8
fi

work=$(mktemp -d)
servers=()

finish() {
  local pid
  for pid in "${servers[@]}"; do
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT

serve() { # serve ADDRESS ARGUMENT...
  local address=$1
  shift
  "$acoap" serve "$@" "coap://$address" >"$work/$address.log" 2>&1 </dev/null &
  servers+=($!)
  local pid=$! try
  for try in $(seq 100); do
    grep -q listening "$work/$address.log" && return
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  echo "demo: no server could be started on coap://$address (after $try tries):" >&2
  cat "$work/$address.log" >&2
  exit 1
}

show() { # show SENTENCE ARGUMENT...
  printf '\n\033[1m%s\033[0m\n$ acoap' "$1"
  shift
  printf ' %s' "${@/#$work\//}"
  printf '\n'
  "$acoap" "$@"
}

mkdir "$work/files"
serve "$first" --demo --interface lo
serve "$second" --demo --interface lo
serve "$files" --dir "$work/files" --writable

show "A representation" get "coap://$first/hello"
show "The same, with the messages that are exchanged" get -v -N "coap://$first/hello"
show "SenML, resolved into a table" get "coap://$first/status"
head -c 1048576 /dev/urandom >"$work/body"
show "1 MiB up, block by block" put --progress always -i "$work/body" "coap://$first/upload"
show "and down again, in blocks of 32 bytes" get --progress always -b 32 -o "$work/copy" "coap://$first/upload"
cmp "$work/body" "$work/copy" && echo "body and copy are the same $(wc -c <"$work/copy") bytes"
show "Into a folder that another server has (acoap serve --dir files --writable)" put -i "$work/body" "coap://$files/body"
cmp "$work/body" "$work/files/body" && echo "files/body has the same $(wc -c <"$work/files/body") bytes"
show "which is a list of links" get "coap://$files/"
show "An observation, four notifications of it" observe --count 4 "coap://$first/time"
show "Who is there? A multicast request, answered by whoever hears it" discover --interface lo --wait 2 |
  tee "$work/discovered"
show "What is wrong is said in one line" get "coap://$second/nothing" || echo "[exit status $?]"

for address in "$first" "$second"; do
  grep -q "coap://$address " "$work/discovered" || {
    echo "demo: $address did not answer the discovery" >&2
    exit 1
  }
done
