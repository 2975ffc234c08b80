#!/usr/bin/env bash
# libcoap's clients, with OpenSSL and with GnuTLS, ask acoap serve coaps://... with a pre-shared key and with certificates: GET, NON,
# 1 MiB block-wise each way, observation; what does not prove itself gets nothing. Prints TAP.
# usage: test/interop/dtls_server_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"
# shellcheck source=test/interop/support/dtls.sh
source "$interop/support/dtls.sh"

head -c 1048576 /dev/urandom >body
printf '# keys\nlamp:secret\nswitch:0x00ff10\n' >keys
mkdir files
serve --dir files --writable --psk-file keys --cert "$pki/server.pem" --key "$pki/server.key" --ca "$authority"
folder=$uri folder_server=$server folder_log=$server_log
serve --plugtest --psk-file keys --cert "$pki/server.pem" --key "$pki/server.key" --ca "$authority"

# Everything that one client does with one kind of credentials; its output is left in files called NAME-*.
exercise() { # exercise NAME CLIENT CREDENTIAL...
  local name=$1 client=$2
  shift 2
  timeout -k 5 30 "$client" -s 6 -B 12 -w "$@" "$uri/obs" >"$name-observe" 2>&1 </dev/null &
  local observer=$!
  timeout -k 5 20 "$client" -B 10 "$@" "$uri/test" >"$name-get" 2>&1 </dev/null
  timeout -k 5 20 "$client" -B 10 -N "$@" "$uri/test" >"$name-non" 2>&1 </dev/null
  timeout -k 5 90 "$client" -B 80 -b 1024 -m put -f body "$@" "$folder/$name" >"$name-put" 2>&1 </dev/null
  timeout -k 5 90 "$client" -B 80 -b 1024 -o "$name-back" "$@" "$folder/$name" >"$name-down" 2>&1 </dev/null
  wait "$observer"
}
states() { # states FILE: the different ones that came
  grep -aoE '^[0-9]+' "$1" | sort -u | wc -l
}
at_least() { # at_least NUMBER NUMBER
  [[ $1 -ge $2 ]]
}

exercises=()
start() {
  exercise "$@" &
  exercises+=("$!")
  started+=("$!")
}
refused() { # refused NAME CLIENT CREDENTIAL...: asks and hopes for nothing
  local name=$1 client=$2
  shift 2
  timeout -k 2 8 "$client" -B 5 "$@" "$uri/test" >"$name" 2>&1 </dev/null &
  exercises+=("$!")
  started+=("$!")
}
for variant in "${libcoap_variants[@]}"; do
  client=$(command -v "coap-client-$variant") || continue
  start "$variant-psk" "$client" -u lamp -k secret
  start "$variant-cert" "$client" -C "$authority"
  start "$variant-client-cert" "$client" -C "$authority" -c "$pki/client.pem" -j "$pki/client.key"
  refused "$variant-wrong-key" "$client" -u lamp -k guess
  refused "$variant-unknown" "$client" -u nobody -k secret
  # (With GnuTLS a client that has no certificate of the authorities that the server names shows none.)
  if [[ $variant == openssl ]]; then
    refused "$variant-stranger" "$client" -C "$authority" -c "$pki/stranger.pem" -j "$pki/stranger.key"
  fi
  refused "$variant-no-trust" "$client" -R "$pki/stranger_authority.pem"
done
for process in "${exercises[@]}"; do
  wait "$process"
done

for variant in "${libcoap_variants[@]}"; do
  if ! command -v "coap-client-$variant" >/dev/null; then
    skip "dtls: libcoap with $variant" "coap-client-$variant is not installed (libcoap3-bin)"
    continue
  fi
  for kind in psk cert client-cert; do
    name=$variant-$kind
    check "$name: GET" has "$name-get" "A resource to get"
    check "$name: GET by NON" has "$name-non" "A resource to get"
    check "$name: 1 MiB up" cmp body "files/$name"
    check "$name: 1 MiB down" cmp body "$name-back"
    check "$name: observation sees changes" at_least "$(states "$name-observe")" 2
  done
  for wrong in wrong-key unknown stranger no-trust; do
    [[ ! -f $variant-$wrong ]] || check "$variant-$wrong: gets no answer" bash -c "! grep -qaF 'A resource to get' '$variant-$wrong'"
  done
done

# Nobody can talk to the port in the clear.
plain=$(command -v coap-client-notls || command -v coap-client-openssl || true)
if [[ -n $plain ]]; then
  timeout 5 "$plain" -B 2 "coap://127.0.0.1:$port/test" >plain 2>&1 </dev/null
  check "coap:// at a port of coaps:// gets no answer" bash -c "! grep -qaF 'A resource to get' plain"
fi
# The server has named each failure with the peer and the reason. (The wrong key is silence for longer than this test takes.)
if command -v coap-client-openssl >/dev/null; then
  for reason in "psk identity not found" "tlsv1 alert unknown ca" "unable to get local issuer certificate"; do
    check "the server's reason: $reason" grep -q "handshake with 127.0.0.1:[0-9]* failed: .*$reason" "$server_log"
  done
fi
sed -i '/^acoap: handshake with .* failed: /d' "$server_log"
end_server "--plugtest"
end_server "--dir" "$folder_server" "$folder_log"
finish
