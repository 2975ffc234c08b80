#!/usr/bin/env bash
# openssl s_client and s_server against the tool: a handshake with each cipher suite that coaps:// has to know or prefers, both ways;
# a wrong key, an unknown identity, certificates that have expired or are for somebody else; a session that is resumed; and one raw CoAP
# exchange. Prints TAP.
# usage: test/interop/dtls_openssl_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"
# shellcheck source=test/interop/support/dtls.sh
source "$interop/support/dtls.sh"
command -v openssl >/dev/null || skip_all "the program openssl is not installed"

psk_suites=(PSK-AES128-CCM8 PSK-AES128-GCM-SHA256 ECDHE-PSK-CHACHA20-POLY1305 ECDHE-PSK-AES128-CBC-SHA256)
certificate_suites=(ECDHE-ECDSA-AES128-CCM8 ECDHE-ECDSA-AES128-GCM-SHA256)
key=$(hex secret)
work_begun=()
background() {
  "$@" &
  work_begun+=("$!")
  started+=("$!")
}
await_all() {
  local process
  for process in "${work_begun[@]}"; do
    wait "$process"
  done
  work_begun=()
}

# openssl's client with what it types; its output in NAME.
client() { # client NAME SECONDS PORT ARGUMENT...
  local name=$1 seconds=$2 at=$3
  shift 3
  sleep "$seconds" | timeout -k 2 30 openssl s_client -dtls1_2 -connect "127.0.0.1:$at" "$@" >"$name" 2>&1
}
# openssl's server at a port of its own, for as long as the tool asks it; the server's output in NAME, the tool's in NAME.err and
# NAME.status, and NAME.out.
ask_server() { # ask_server NAME PORT SECONDS SERVER-ARGUMENT... -- TOOL-ARGUMENT...
  local name=$1 at=$2 seconds=$3 arguments=() server
  shift 3
  while [[ $1 != -- ]]; do
    arguments+=("$1")
    shift
  done
  shift
  # Its input stays open for as long as it shall live.
  mkfifo "$name.in"
  openssl s_server -dtls1_2 -accept "127.0.0.1:$at" "${arguments[@]}" <"$name.in" >"$name" 2>&1 &
  server=$!
  exec {input}>"$name.in"
  await_port "$at"
  timeout -k 2 $((seconds + 60)) "$acoap" get -t "$seconds" "$@" "coaps://127.0.0.1:$at/hello" >"$name.out" 2>"$name.err" </dev/null
  echo $? >"$name.status"
  exec {input}>&-
  kill "$server"
  wait "$server"
} 2>/dev/null

# ---- the tool as a server --------------------------------------------------------------------------------------------------------

serve --demo --psk-identity lamp --psk-key secret --cert "$pki/server.pem" --key "$pki/server.key"
main=$port main_server=$server main_log=$server_log
serve --demo --cert "$pki/expired.pem" --key "$pki/expired.key"
expired=$port expired_server=$server
serve --demo --cert "$pki/other_name.pem" --key "$pki/other_name.key"
other_name=$port other_name_server=$server

for suite in "${psk_suites[@]}"; do
  background client "s_client-$suite" 2 "$main" -psk_identity lamp -psk "$key" -cipher "$suite:@SECLEVEL=0"
done
for suite in "${certificate_suites[@]}"; do
  background client "s_client-$suite" 2 "$main" -CAfile "$authority" -verify_return_error -verify_ip 127.0.0.1 \
    -cipher "$suite:@SECLEVEL=0"
done
background client s_client-wrong-key 4 "$main" -psk_identity lamp -psk "$(hex guess)" -cipher PSK-AES128-GCM-SHA256
background client s_client-unknown 2 "$main" -psk_identity nobody -psk "$key" -cipher PSK-AES128-GCM-SHA256
background client s_client-expired 2 "$expired" -CAfile "$authority" -verify_return_error
background client s_client-other-name 2 "$other_name" -CAfile "$authority" -verify_return_error -verify_hostname server.test
background client s_client-dtls1 2 "$main" -dtls1 -CAfile "$authority"

resume() { # two sessions, one after the other
  client s_client-first 2 "$main" -psk_identity lamp -psk "$key" -cipher PSK-AES128-GCM-SHA256 -sess_out ticket
  client s_client-second 2 "$main" -psk_identity lamp -psk "$key" -cipher PSK-AES128-GCM-SHA256 -sess_in ticket
}
background resume

# A CON GET of /hello with Message ID 0x1234, typed into s_client.
raw() {
  { sleep 2; printf '\x40\x01\x12\x34\xb5hello'; sleep 3; } |
    timeout -k 2 30 openssl s_client -dtls1_2 -quiet -connect "127.0.0.1:$main" -psk_identity lamp -psk "$key" \
      -cipher PSK-AES128-CCM8:@SECLEVEL=0 >raw 2>raw.err
}
background raw

# ---- the tool as a client --------------------------------------------------------------------------------------------------------

# Ports in a row that nobody has.
free_port
next=$((port + 10))
at() { next=$((next + 1)); }
for suite in "${psk_suites[@]}"; do
  at
  background ask_server "s_server-$suite" "$next" 4 -nocert -psk "$key" -cipher "$suite:@SECLEVEL=0" -- \
    --psk-identity lamp --psk-key secret
done
for suite in "${certificate_suites[@]}"; do
  at
  background ask_server "s_server-$suite" "$next" 4 -cert "$pki/server.pem" -key "$pki/server.key" -cipher "$suite:@SECLEVEL=0" -- \
    --ca "$authority"
done
at
background ask_server s_server-listen "$next" 4 -listen -nocert -psk "$key" -cipher PSK-AES128-GCM-SHA256 -- \
  --psk-identity lamp --psk-key secret
at
background ask_server s_server-verify "$next" 4 -cert "$pki/server.pem" -key "$pki/server.key" -CAfile "$authority" -Verify 2 \
  -verify_return_error -- --ca "$authority" --cert "$pki/client.pem" --key "$pki/client.key"
at
background ask_server s_server-no-client "$next" 4 -cert "$pki/server.pem" -key "$pki/server.key" -CAfile "$authority" -Verify 2 \
  -verify_return_error -- --ca "$authority"
at
background ask_server s_server-wrong-key "$next" 60 -nocert -psk "$key" -cipher PSK-AES128-GCM-SHA256 -- \
  --psk-identity lamp --psk-key guess
at
background ask_server s_server-expired "$next" 4 -cert "$pki/expired.pem" -key "$pki/expired.key" -- --ca "$authority"
at
background ask_server s_server-expired-json "$next" 4 -cert "$pki/expired.pem" -key "$pki/expired.key" -- --json --ca "$authority"
at
background ask_server s_server-other-name "$next" 4 -cert "$pki/other_name.pem" -key "$pki/other_name.key" -- --ca "$authority"
at
background ask_server s_server-stranger "$next" 4 -cert "$pki/stranger.pem" -key "$pki/stranger.key" -- --ca "$authority"
at
background ask_server s_server-insecure "$next" 4 -cert "$pki/stranger.pem" -key "$pki/stranger.key" -- --insecure
await_all

# ---- what came of it ---------------------------------------------------------------------------------------------------------------

for suite in "${psk_suites[@]}" "${certificate_suites[@]}"; do
  # Only a handshake that has ended brings a ticket.
  check "s_client with $suite" bash -c "grep -q 'Cipher *: $suite\$' 's_client-$suite' && grep -q 'TLS session ticket:' 's_client-$suite'"
  check "s_server with $suite" grep -q "^CIPHER is $suite\$" "s_server-$suite"
  check "s_server with $suite reads the request" has "s_server-$suite" hello
done
check "s_client with a certificate of ours: it is verified" has "s_client-${certificate_suites[0]}" "Verify return code: 0 (ok)"
check "s_client with a wrong key: no session" bash -c "! grep -q 'TLS session ticket:' s_client-wrong-key"
check "s_client with an unknown identity is told so" has s_client-unknown "unknown psk identity"
check "s_client finds that the certificate has expired" has s_client-expired "certificate has expired"
check "s_client finds that the certificate is for another name" has s_client-other-name "hostname mismatch"
check "s_client with DTLS 1.0 is refused" bash -c "! grep -q 'Cipher *: [^0]' s_client-dtls1"
check "s_client's first session is new" grep -q "^New, " s_client-first
check "s_client's second session is resumed" grep -q "^Reused, " s_client-second
check "a raw GET is acknowledged with 2.05" bash -c "head -c 4 raw | cmp - <(printf '\x60\x45\x12\x34')"
check "a raw GET gets its payload" has raw "Hello, world!"
check "s_server with a cookie exchange of its own" has s_server-listen hello
check "s_server sees the certificate of the client" has s_server-verify "lamp 7"
check "s_server without a certificate of the client: exit 3" is s_server-no-client.status 3
check "s_server without a certificate of the client: the alert is named" has s_server-no-client.err alert
check "s_server with another key: exit 3" is s_server-wrong-key.status 3
check "s_server with another key: the key is asked for" has s_server-wrong-key.err "do the keys agree"
for wrong in "expired:certificate has expired" "other-name:IP address mismatch" "stranger:unable to get local issuer certificate"; do
  check "s_server, ${wrong%%:*}: exit 3" is "s_server-${wrong%%:*}.status" 3
  check "s_server, ${wrong%%:*}: the reason on stderr" has "s_server-${wrong%%:*}.err" "${wrong#*:}"
  check "s_server, ${wrong%%:*}: the request does not leave" bash -c "! grep -qa hello 's_server-${wrong%%:*}'"
done
check "--json: the reason as an object" grep -q '^{"error":"[^"]*certificate has expired' s_server-expired-json.out
check "--insecure asks a stranger" has s_server-insecure hello

kill "$expired_server" "$other_name_server"
check "the server names the identity that it does not know" grep -q "failed: psk identity not found" "$main_log"
sed -i '/^acoap: handshake with .* failed: /d' "$main_log"
end_server "--demo" "$main_server" "$main_log"
finish
