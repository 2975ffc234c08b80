#!/usr/bin/env bash
# The demonstration of ./dev demo: two servers on loopback, both in the group All CoAP Nodes, and the tool asks them. Every line
# that is shown is what the tool printed. Port 5683 is the one that a multicast request goes to; when somebody else has it, the
# demonstration says so and ends.
# usage: examples/demo.sh BUILD_FOLDER
# SPDX-License-Identifier: MIT
set -euo pipefail
acoap=$(realpath "${1:-build}")/bin/acoap
work=$(mktemp -d)
first=127.0.0.1
second=127.0.0.2
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

serve() { # serve ADDRESS
  "$acoap" serve --demo --interface lo "coap://$1" >"$1.log" 2>&1 </dev/null &
  servers+=($!)
  local pid=$! _
  for _ in $(seq 50); do
    if ! kill -0 "$pid" 2>/dev/null; then
      break
    elif "$acoap" ping -q -t 1 "coap://$1" >/dev/null 2>&1; then
      return
    fi
    sleep 0.1
  done
  echo "demo: no server could be started on coap://$1:" >&2
  cat "$1.log" >&2
  exit 1
}

bold=''
plain=''
if [[ -t 1 ]]; then
  bold=$'\033[1m'
  plain=$'\033[0m'
fi

show() { # show SENTENCE ARGUMENT...
  printf '\n%s%s%s\n$ acoap' "$bold" "$1" "$plain"
  shift
  printf ' %s' "$@"
  printf '\n'
  "$acoap" "$@"
}

cd "$work"
serve "$first"
serve "$second"

show "A representation" get "coap://$first/hello"
show "A large one, block by block" get --progress always -b 64 -o large.txt "coap://$first/large"
printf '%d bytes in large.txt\n' "$(wc -c <large.txt)"
show "An observation, four notifications of it" observe --count 4 "coap://$first/time"
show "Who is there?" discover --interface lo --wait 3 | tee discovered

for address in "$first" "$second"; do
  grep -q "coap://$address " discovered || { echo "demo: $address did not answer the discovery" >&2; exit 1; }
done
