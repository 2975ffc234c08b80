#!/usr/bin/env bash
# Discovery of several acoap servers by libcoap's coap-client and by node-coap, to the group All CoAP Nodes and with filters: who has
# something answers, who has not is silent (RFC 7252 section 8.2, RFC 6690 section 4.1). In a network of its own. Prints TAP.
# usage: test/interop/server_multicast_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"
[[ $isolated == yes ]] || skip_all "network namespaces cannot be made here"

serve_at coap://127.0.0.2:5683 --demo --interface lo || exit 1
first=$server first_log=$server_log
serve_at coap://127.0.0.3:5683 --plugtest --interface lo || exit 1
second=$server second_log=$server_log

# Two ends of a cable, for groups of IPv6: the third server is at one of them, its clients are at the other.
ipv6=yes
{
  ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up &&
    ip -6 address add fd78::1/64 dev v0 nodad && ip -6 address add fd78::2/64 dev v1 nodad
} 2>/dev/null || ipv6=no
if [[ $ipv6 == yes ]]; then
  for _ in $(seq 50); do # until the link-local addresses may be used
    ip -6 -o address show scope link tentative | grep -q . || break
    sleep 0.1
  done
  serve_at 'coap://[fd78::2]:5683' --plugtest --interface v1 || exit 1
  third=$server third_log=$server_log
fi

# Two seconds are enough for a leisure of one.
group() { # group QUERY ARGUMENT...
  local query=$1
  shift
  timeout -k 5 30 "$coap_client" -v 7 -N -B 3 -m get "$@" "coap://224.0.1.187/.well-known/core$query" >out 2>&1 </dev/null
}
answers() { # answers ADDRESS...: exactly these did
  [[ $(grep -aoE '127\.0\.0\.[23]:5683 UDP : received' out | cut -d: -f1 | sort -u | xargs) == "$*" ]]
}

if [[ -n $coap_client ]]; then
  group ""
  check "both answer" answers 127.0.0.2 127.0.0.3
  check "one with its links" has out "</hello>"
  check "the other with its own" has out "</test>"
  group "?rt=greeting"
  check "rt=greeting: the first alone" answers 127.0.0.2
  group "?rt=Type1"
  check "rt=Type1: the second alone" answers 127.0.0.3
  check "with the two links of it" bash -c 'grep -aq "</link1>" out && grep -aq "</link3>" out && ! grep -aq "</link2>" out'
  group "?href=/large*"
  check "href=/large*: both" answers 127.0.0.2 127.0.0.3
  group "?rt=nothing"
  check "rt=nothing: silence" answers
  timeout -k 5 30 "$coap_client" -v 7 -N -B 3 -m get coap://224.0.1.187/nothing >out 2>&1 </dev/null
  check "4.04 is silence" answers
  timeout -k 5 30 "$coap_client" -v 7 -N -B 3 -m put -e x coap://224.0.1.187/hello >out 2>&1 </dev/null
  check "4.05 is silence" answers
  if [[ $ipv6 == yes ]]; then
    for filter in rt=Type2 rt=nothing; do
      timeout -k 5 30 "$coap_client" -v 7 -N -B 3 -U -m get "coap://[ff02::fd%v0]/.well-known/core?$filter" >"$filter.out" 2>&1 </dev/null
    done
    check "IPv6, rt=Type2: an answer from the server's address" has rt=Type2.out "[fd78::2]:5683 UDP : received"
    check "IPv6, with the link" has rt=Type2.out "</link2>"
    check "IPv6, rt=nothing: silence" bash -c '! grep -aq received rt=nothing.out'
  else
    skip "discovery by IPv6" "interfaces cannot be made here"
  fi
else
  skip "discovery by coap-client" "libcoap's coap-client is not installed (libcoap3-bin)"
fi

node_why=""
[[ $(node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/') -ge 20 ]] 2>/dev/null || node_why="node 20 is not installed"
[[ -d $interop/node/node_modules/coap ]] || node_why=${node_why:-"the npm package coap is not installed (test/interop/run installs it)"}
if [[ -z $node_why ]]; then
  timeout -k 5 30 node "$interop/node/client.js" multicast 224.0.1.187 5683 '/.well-known/core?rt=Type*' 3000 >out 2>&1 </dev/null
  check "node-coap hears the one that has rt=Type*" has out "127.0.0.3 2.05"
  check "and no other" bash -c '! grep -aq "127.0.0.2 " out'
  timeout -k 5 30 node "$interop/node/client.js" multicast 224.0.1.187 5683 '/.well-known/core?href=/large*' 3000 >out 2>&1 </dev/null
  check "node-coap hears both" bash -c 'grep -aq "127.0.0.2 2.05" out && grep -aq "127.0.0.3 2.05" out'
else
  skip "discovery by node-coap" "$node_why"
fi

timeout 30 "$acoap" discover --wait 2.5 --interface lo --json 'coap://224.0.1.187/.well-known/core?if=If*' >out 2>err </dev/null
check "acoap discover with a filter hears the one that has it" bash -c '[[ $(wc -l <out) -eq 1 ]] && grep -q "\"from\":\"127.0.0.3:5683\"" out'
[[ $ipv6 == no ]] || end_server "the third" "$third" "$third_log"
end_server "the first" "$first" "$first_log"
end_server "the second" "$second" "$second_log"
finish
