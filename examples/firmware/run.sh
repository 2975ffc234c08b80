#!/usr/bin/env bash
# Starts the firmware in QEMU, the serial bridge in front of it, and asks it with acoap and, where it is installed, libcoap's
# client. One TAP line for each question. Loopback only.
# usage: run.sh SERVER.ELF FOLDER_WITH_serial_bridge ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
kernel=$1 bridge=$2/serial_bridge acoap=$3
port=${PORT:-$((20000 + RANDOM % 20000))}
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done; wait 2>/dev/null; rm -rf "$work"' EXIT
number=0 failed=0
: >"$work/qemu"

check() { # check NAME WANTED COMMAND...: the output has to match the pattern
  local name=$1 wanted=$2 got
  shift 2
  got=$(timeout 20 "$@" 2>&1)
  number=$((number + 1))
  # shellcheck disable=SC2053 # a pattern
  if [[ $got == $wanted ]]; then
    echo "ok $number - firmware/$name"
  else
    echo "not ok $number - firmware/$name"
    printf '#   wanted %s, got: %s\n' "$wanted" "$got"
    failed=1
  fi
}

qemu-system-arm -M mps2-an386 -nographic -monitor none -serial pty -kernel "$kernel" >"$work/qemu" 2>&1 </dev/null &
pids+=($!)
for _ in $(seq 100); do
  line=$(sed -n 's/.*redirected to \([^ ]*\).*/\1/p' "$work/qemu")
  [[ -z $line ]] || break
  sleep 0.1
done
[[ -n $line ]] || { echo "not ok 1 - firmware/starts"; sed 's/^/#   /' "$work/qemu"; exit 1; }
"$bridge" "$line" "$port" >"$work/bridge" 2>&1 </dev/null &
pids+=($!)
sleep 0.5

uri=coap://127.0.0.1:$port
if [[ -x $acoap ]]; then
  check acoap_get_name "acoap on a Cortex-M" "$acoap" get "$uri/name"
  check acoap_get_uptime "[0-9]*" "$acoap" get "$uri/uptime"
  check acoap_separate_response "21.5" "$acoap" get "$uri/temperature"
  check acoap_discovery "*light*name*" "$acoap" get "$uri/.well-known/core"
fi
for client in coap-client-notls coap-client-openssl coap-client; do
  command -v "$client" >/dev/null || continue
  check libcoap_put_light "" "$client" -m put -e 1 "$uri/light"
  check libcoap_get_light "1" "$client" -m get "$uri/light"
  check libcoap_separate_response "21.5" "$client" -m get "$uri/temperature"
  check libcoap_non "acoap on a Cortex-M" "$client" -N -B 3 -m get "$uri/name"
  check libcoap_discovery_in_blocks "</uptime>;rt=\"uptime-s\",</light>;rt=\"light\",</temperature>;rt=\"temperature-c\",</name>" \
    "$client" -b 16 -m get "$uri/.well-known/core"
  check libcoap_not_found "4.04*" "$client" -m get "$uri/nowhere"
  break
done
echo "1..$number"
[[ $number -gt 0 ]] || failed=1
exit $failed
