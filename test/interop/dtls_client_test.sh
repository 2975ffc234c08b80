#!/usr/bin/env bash
# The tool asks libcoap's servers, with OpenSSL and with GnuTLS, over coaps:// with a pre-shared key and with certificates: GET, NON,
# 1 MiB block-wise each way, observation; a server that is not the one we want is not asked. Prints TAP.
# usage: test/interop/dtls_client_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"
# shellcheck source=test/interop/support/dtls.sh
source "$interop/support/dtls.sh"

head -c 1048576 /dev/urandom >body

# Start libcoap's server; sets uri.
serve_libcoap() { # serve_libcoap PROGRAM ARGUMENT...
  local program=$1
  shift
  free_port
  "$program" -A 127.0.0.1 -p "$port" -d 10 "$@" >"server-$port.log" 2>&1 </dev/null &
  started+=("$!")
  uri=coaps://127.0.0.1:$((port + 1))
  await_port $((port + 1))
}
run() { # run NAME ARGUMENT...: the tool; its output in NAME.out and NAME.err, its exit status in NAME.status
  local name=$1
  shift
  timeout -k 5 100 "$acoap" "$@" >"$name.out" 2>"$name.err" </dev/null
  echo $? >"$name.status"
}
exercise() { # exercise NAME URI CREDENTIAL...
  local name=$1 at=$2
  shift 2
  run "$name-observe" observe --count 3 -t 30 "$@" "$at/time" &
  local observer=$!
  run "$name-get" get "$@" "$at/"
  run "$name-non" get -N "$@" "$at/"
  run "$name-put" put -i body -b 1024 "$@" "$at/up-$name"
  run "$name-down" get -o "$name-back" "$@" "$at/up-$name"
  wait "$observer"
}

work_begun=()
background() {
  "$@" &
  work_begun+=("$!")
  started+=("$!")
}
for variant in "${libcoap_variants[@]}"; do
  program=$(command -v "coap-server-$variant") || continue
  serve_libcoap "$program" -k secret -h hint
  background exercise "$variant-psk" "$uri" --psk-identity lamp --psk-key secret
  background run "$variant-wrong-key" get -t 60 --psk-identity lamp --psk-key guess "$uri/"
  # -R: clients may come without a certificate; -n: and are not asked for one.
  serve_libcoap "$program" -c "$pki/server.pem" -j "$pki/server.key" -R "$authority" -n
  background exercise "$variant-cert" "$uri" --ca "$authority"
  background run "$variant-no-trust" get -t 20 --ca "$pki/stranger_authority.pem" "$uri/"
  background run "$variant-insecure" get -t 20 --insecure "$uri/"
  serve_libcoap "$program" -c "$pki/server.pem" -j "$pki/server.key" -C "$authority"
  background exercise "$variant-client-cert" "$uri" --ca "$authority" --cert "$pki/client.pem" --key "$pki/client.key"
  serve_libcoap "$program" -c "$pki/other_name.pem" -j "$pki/other_name.key" -R "$authority" -n
  background run "$variant-other-name" get -t 20 --ca "$authority" "$uri/"
done
for process in "${work_begun[@]}"; do
  wait "$process"
done

ended() { # ended NAME STATUS
  is "$1.status" "$2"
}
for variant in "${libcoap_variants[@]}"; do
  if ! command -v "coap-server-$variant" >/dev/null; then
    skip "dtls: libcoap's server with $variant" "coap-server-$variant is not installed (libcoap3-bin)"
    continue
  fi
  for kind in psk cert client-cert; do
    name=$variant-$kind
    check "$name: GET" has "$name-get.out" "libcoap"
    check "$name: GET by NON" has "$name-non.out" "libcoap"
    check "$name: 1 MiB up" ended "$name-put" 0
    check "$name: 1 MiB down" cmp body "$name-back"
    check "$name: three notifications" bash -c "[[ \$(cat '$name-observe.status') -eq 0 && \$(grep -c : '$name-observe.out') -ge 3 ]]"
  done
  check "$variant: a wrong key is exit 3" ended "$variant-wrong-key" 3
  check "$variant: a wrong key is said to be one" has "$variant-wrong-key.err" "do the keys agree"
  check "$variant: an anchor that is not the server's is exit 3" ended "$variant-no-trust" 3
  check "$variant: an anchor that is not the server's is named" has "$variant-no-trust.err" "certificate verify failed"
  check "$variant: --insecure asks all the same" ended "$variant-insecure" 0
  check "$variant: another name is exit 3" ended "$variant-other-name" 3
  check "$variant: another name is named" has "$variant-other-name.err" "IP address mismatch"
done
finish
