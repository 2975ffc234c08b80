#!/bin/sh
# Makes the certificates that the tests use: an authority, a server's certificate, one for another name, one that has expired, a
# client's, one for servers alone, some that name their host in other ways, one at the end of a chain of four, and one of an authority that nobody trusts. They are kept in the tree, so that tests need no openssl program; run this
# again to change them.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")"
DAYS=36500

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
authority() { # authority NAME SUBJECT
  key "$1"
  openssl req -x509 -new -key "$1.key" -sha256 -days $DAYS -subj "$2" -addext "basicConstraints=critical,CA:TRUE" \
    -addext "keyUsage=critical,keyCertSign,cRLSign" -out "$1.pem"
}
issue() { # issue NAME AUTHORITY SUBJECT ALTERNATIVE-NAMES [NOT-BEFORE NOT-AFTER]
  key "$1"
  openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
  printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "${USAGE:-serverAuth,clientAuth}" >"$1.ext"
  [ -z "$4" ] || echo "subjectAltName=$4" >>"$1.ext"
  if [ $# -gt 4 ]; then
    : >index.txt
    printf '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' >ca.cnf
    openssl ca -batch -notext -config ca.cnf -cert "$2.pem" -keyfile "$2.key" -in "$1.csr" -extfile "$1.ext" -startdate "$5" -enddate "$6" \
      -out "$1.pem" >/dev/null 2>&1
    find . -maxdepth 1 -name '*.pem' -regex './[0-9A-F]*\.pem' -delete
  else
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -sha256 -days $DAYS -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  fi
  rm -f "$1.csr" "$1.ext" ca.cnf index.txt* "$2.srl"
}
intermediate() { # intermediate NAME AUTHORITY SUBJECT
  key "$1"
  openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
  printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n' >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -sha256 -days $DAYS -extfile "$1.ext" -out "$1.pem" 2>/dev/null
  rm -f "$1.csr" "$1.ext" "$2.srl"
}

authority authority "/CN=acoap test authority"
authority stranger_authority "/CN=nobody trusts this"
issue server authority "/CN=server.test" "DNS:server.test,DNS:localhost,IP:127.0.0.1,IP:::1,IP:192.0.2.1,IP:2001:db8::1"
issue other_name authority "/CN=other.test" "DNS:other.test"
issue expired authority "/CN=server.test" "DNS:server.test,DNS:localhost,IP:127.0.0.1,IP:192.0.2.1" 20200101000000Z 20200201000000Z
issue client authority "/CN=lamp 7" "DNS:lamp7.test,URI:urn:dev:os:32473-7"
issue stranger stranger_authority "/CN=server.test" "DNS:server.test,DNS:localhost,IP:127.0.0.1,IP:192.0.2.1"
issue wildcard authority "/CN=wildcard" "DNS:*.server.test,DNS:p*.other.test"
issue uri authority "/CN=uri.test" "URI:coaps://server.test,URI:coap://192.0.2.1:5685,URI:http://www.test,URI:coaps://[2001:db8::1]"
issue common_name authority "/CN=server.test" ""
issue common_address authority "/CN=192.0.2.1" ""
issue common_wildcard authority "/CN=*.server.test" ""
issue two_common_names authority "/CN=server.test/CN=other.test" ""
USAGE=serverAuth
issue server_only authority "/CN=server.test" "DNS:server.test,IP:192.0.2.1"
USAGE=
intermediate first authority "/CN=first between"
intermediate second first "/CN=second between"
intermediate third second "/CN=third between"
issue chain third "/CN=server.test" "DNS:server.test,DNS:localhost,IP:127.0.0.1,IP:192.0.2.1"
cat third.pem second.pem first.pem >>chain.pem
rm -f first.* second.* third.*
