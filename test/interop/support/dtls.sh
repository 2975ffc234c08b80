# What the shell tests of coaps:// share: the peers that there are, and where their certificates lie. To be sourced after tool.sh.
# SPDX-License-Identifier: MIT
pki=$(realpath "$interop/../support/pki")
authority=$pki/authority.pem
scheme=coaps

# The variants of libcoap's programs, by the library that does their DTLS.
libcoap_variants=(openssl gnutls)

# A port that nobody has, and its successor: libcoap's server takes both.
free_port() {
  local try
  for try in $(seq 50); do
    port=$((20000 + RANDOM % 10000))
    if ! grep -qiE "$(printf ':(%04X|%04X) ' "$port" $((port + 1)))" /proc/net/udp /proc/net/udp6; then
      return
    fi
  done
}

# Wait until a UDP port of this host is taken.
await_port() { # await_port PORT
  for _ in $(seq 100); do
    grep -qi "$(printf ':%04X ' "$1")" /proc/net/udp /proc/net/udp6 && return
    sleep 0.1
  done
  return 1
}

hex() { # hex TEXT
  printf %s "$1" | od -An -tx1 | tr -d ' \n'
}
