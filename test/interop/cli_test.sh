#!/usr/bin/env bash
# The command-line tool as people and scripts use it: names, exit status, JSON, files, against its own server on loopback ports that are
# free. Prints TAP and at the end "N passed, N failed".
# usage: test/interop/cli_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
acoap=$(realpath "${1:?usage: cli_test.sh PATH_OF_ACOAP}")
manual=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../../docs/man/acoap.1")
tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}

# In a network of its own, where the system lets us, so that nothing else answers or has a port.
if [[ -z ${CLI_TEST_ISOLATED:-} ]] && unshare -Urn ip link set lo up 2>/dev/null; then
  CLI_TEST_ISOLATED=1 exec unshare -Urn "$0" "$@"
elif [[ -n ${CLI_TEST_ISOLATED:-} ]]; then
  ip link set lo up
  ip address add 192.0.2.1/32 dev lo
fi
mkdir -p "$(dirname "$tap")"
: >"$tap"
work=$(mktemp -d)
started=() # processes to be ended
number=0
failed=0
cd "$work" || exit 1

finish() {
  local pid
  for pid in "${started[@]}"; do
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  rm -rf "$work"
}
trap finish EXIT

# ---- checks ---------------------------------------------------------------------------------------------------------------

check() { # check NAME COMMAND...: the command succeeds
  local name=$1 line
  shift
  number=$((number + 1))
  if "$@" >check.log 2>&1; then
    line="ok $number - $name"
  else
    line="not ok $number - $name"
    failed=$((failed + 1))
    { echo "failed: $*"; cat check.log; echo "stdout:"; head -c 2000 out; echo "stderr:"; head -c 2000 err; } 2>/dev/null | sed 's/^/# /'
  fi
  echo "$line" | tee -a "$tap"
}

run() { # run ARGUMENT...: the tool, its output in out and err, its exit status in status
  timeout -k 5 60 "$acoap" "$@" >out 2>err </dev/null
  status=$?
}

exits() { # exits STATUS: the last run did
  [[ $status -eq $1 ]]
}
lines() { # lines FILE NUMBER
  [[ $(wc -l <"$1") -eq $2 ]]
}
has() { # has FILE TEXT
  grep -qF -- "$2" "$1"
}
is() { # is FILE TEXT
  [[ $(cat "$1") == "$2" ]]
}
empty() { # empty FILE
  [[ ! -s $1 ]]
}

# Valid JSON, one object a line: node reads it, or else jq or python3; without any of them the braces are counted.
json() { # json FILE
  [[ -s $1 ]] || return 1
  if command -v node >/dev/null; then
    node -e '
      const lines = require("fs").readFileSync(process.argv[1], "utf8").split("\n");
      if (lines.pop() !== "") process.exit(1);
      for (const line of lines) if (typeof JSON.parse(line) !== "object") process.exit(1);' "$1"
  elif command -v python3 >/dev/null; then
    python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$1"
  else
    awk '{ gsub(/\\./, ""); gsub(/"[^"]*"/, "s"); if (gsub(/{/, "") != gsub(/}/, "") || /"/) exit 1 }' "$1"
  fi
}

# ---- a server --------------------------------------------------------------------------------------------------------------

server_log=$work/server.log
for try in $(seq 20); do
  port=$((20000 + RANDOM % 20000))
  "$acoap" serve --demo --json "coap://127.0.0.1:$port" "coap://[::1]:$port" >"$server_log" 2>&1 </dev/null &
  server=$!
  for _ in $(seq 100); do
    [[ $(grep -c listening "$server_log") -ge 2 ]] && break 2
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$server" 2>/dev/null
  # A host without IPv6 has no [::1].
  "$acoap" serve --demo --json "coap://127.0.0.1:$port" >"$server_log" 2>&1 </dev/null &
  server=$!
  sleep 1
  grep -q listening "$server_log" && break
done
started+=("$server")
uri=coap://127.0.0.1:$port
check "serve says where it listens" has "$server_log" "{\"listening\":\"$uri\"}"
check "serve --json prints JSON" json "$server_log"
head -c 300000 /dev/urandom >body.bin

# ---- usage -----------------------------------------------------------------------------------------------------------------

run
check "without a command the exit status is 2" exits 2
run --help
check "--help succeeds" exits 0
check "--help lists the commands" has out discover
run --version
check "--version names a version" grep -Eq '^acoap [0-9]+\.[0-9]+\.[0-9]+$' out
for command in get put post delete fetch patch ipatch observe discover ping serve decode bench; do
  run "$command" --help
  check "$command --help succeeds" exits 0
  check "$command --help shows its usage" has out "usage: acoap $command"
done
for command in get put observe discover ping serve decode bench; do
  run "$command" --help
  sed -nE 's/^  (-[a-zA-Z]|--[a-z-]+)[ ,].*/\1/p' out >options
  check "the options of $command are in the manual" bash -c '
    [[ -s options ]] || exit 1
    while read -r option; do grep -qE "^\.It Fl ${option#-}( |$)" "$0" || { echo "$option"; exit 1; }; done <options' "$manual"
done
run frobnicate
check "an unknown command is wrong usage" exits 2
check "an unknown command is named" has err frobnicate
run get
check "a missing URI is wrong usage" exits 2
run get "$uri/hello" "$uri/hello"
check "a second URI is wrong usage" exits 2
run get --frobnicate "$uri/hello"
check "an unknown option is wrong usage" exits 2
check "an unknown option is named in one line" has err --frobnicate
check "wrong usage takes one line" lines err 1
run get -b 100 "$uri/hello"
check "a wrong block size is wrong usage" exits 2
check "a wrong block size is named" has err 100
while IFS='|' read -r wrong what; do
  run get "$wrong"
  check "a URI $what exits with 2" exits 2
  check "a URI $what is named in one line" lines err 1
  check "a URI $what prints nothing" empty out
done <<'EOF'
localhost/hello|without a scheme
coap://|without a host
coap://[::1|with an open bracket
coap://host:0/|with port 0
coap://host:65536/|with port 65536
coap://host/a b|with a space
coap://host/%zz|with a wrong percent-encoding
coap://host/#fragment|with a fragment
http://localhost/|of another scheme
EOF
for scheme in coap+tcp coaps+tcp coap+ws coaps+ws; do
  run get "$scheme://localhost/"
  check "$scheme says that it is not built yet" has err "not built yet"
  check "$scheme exits with 2" exits 2
done
run get --qblock "coap://224.0.1.187/hello"
check "--qblock with a group is wrong usage" exits 2
for option in "--oscore file" "--proxy coap://h"; do
  # shellcheck disable=SC2086 # an option and its argument
  run get $option "$uri/hello"
  check "${option%% *} says that it is not built yet" has err "not built yet"
  check "${option%% *} exits with 2" exits 2
done
run serve
check "serve without something to serve is wrong usage" exits 2
run serve --demo --plugtest "$uri"
check "two things to serve are wrong usage" exits 2
run serve --demo --writable "$uri"
check "--writable without --dir is wrong usage" exits 2
for wrong in 0 x -1 ""; do
  run serve --demo --amplification "$wrong" "$uri"
  check "--amplification '$wrong' is wrong usage" exits 2
done
run get --psk-identity me "coaps://127.0.0.1:$port/hello"
check "--psk-identity without --psk-key is wrong usage" exits 2
run get --cert cert.pem "coaps://127.0.0.1:$port/hello"
check "--cert without --key is wrong usage" exits 2
run serve --demo coaps://127.0.0.1
check "coaps:// without credentials is wrong usage" exits 2
run serve --demo --psk-file no-such-keys coaps://127.0.0.1
check "a file of keys that is not there is a local failure" exits 1
check "a file of keys that is not there is named" has err no-such-keys
echo nonsense >keys
run serve --demo --psk-file keys coaps://127.0.0.1
check "a file of keys that is not of its form is a local failure" exits 1
check "its line is named" has err "line 1"
run serve --demo "$uri"
check "an address in use is a local failure" exits 1
check "an address in use is named" has err "127.0.0.1:$port"
run get --json --frobnicate "$uri"
check "wrong usage prints no JSON" empty out
run get --json coap://
check "a malformed URI is a JSON object with --json" json out

# ---- decode ----------------------------------------------------------------------------------------------------------------

# RFC 7252 appendix A, figure 16: a piggybacked exchange.
run decode 41017d342074656d7065726174757265 # token 20, then no option header: the delta nibble is 7
check "decode refuses what is malformed" exits 1
run decode 40 01 7d 34 bb 74 65 6d 70 65 72 61 74 75 72 65
check "decode of figure 16's request succeeds" exits 0
check "decode shows the type" has out CON
check "decode shows the method" has out GET
check "decode shows the Message ID" has out "Message ID 32052"
check "decode shows the path" has out ": temperature"
run decode 60457d34ff32322e332043
check "decode of figure 16's response succeeds" exits 0
check "decode shows the code" has out "2.05 Content"
check "decode shows the payload" has out "22.3 C"
run decode --json 60457d34ff32322e332043
check "decode --json prints JSON" json out
check "decode --json has the payload" has out '"payload":"22.3 C"'
run decode 61 45 7d 34 20 ff
check "a marker without payload is malformed" exits 1
check "decode says what is wrong" has err "payload marker without payload"
check "decode says where" has err "byte 5"
run decode --json 4f01
check "malformed JSON is an object with an offset" has out '"offset":'
run decode 40 01 0z
check "what is not hexadecimal is wrong usage" exits 2
run decode 401
check "half a byte is wrong usage" exits 2
printf '\x40\x01\x7d\x34\xbbtemperature' | "$acoap" decode >out 2>err
check "decode takes the message itself from standard input" has out ": temperature"
echo '40017d34 bb74656d7065726174757265' | "$acoap" decode - >out 2>err
check "decode takes hexadecimal from standard input" has out ": temperature"
run decode --tcp 00
check "decode --tcp says that it is not built yet" has err "not built yet"

# ---- get -------------------------------------------------------------------------------------------------------------------

run get "$uri/hello"
check "get succeeds" exits 0
check "get prints the body and nothing else" is out "Hello, world!"
check "get says nothing on stderr" empty err
run get --json "$uri/hello"
check "get --json prints JSON" json out
for member in '"code":"2.05"' "\"from\":\"127.0.0.1:$port\"" '"format":"text/plain"' '"options":[{"number":4,"name":"ETag","value":"0x' '"size":14' '"payload":"Hello, world!\n"' '"elapsed_ms":' '"retransmissions":0'; do
  check "get --json has ${member//:/ }" has out "$member"
done
run get -v "$uri/hello"
check "-v shows what is sent" has err "-> 127.0.0.1:$port  CON GET"
check "-v shows what is received" has err "<- 127.0.0.1:$port  ACK 2.05"
check "-v leaves stdout alone" is out "Hello, world!"
run get -N -v "$uri/hello"
check "-N sends a NON" has err "-> 127.0.0.1:$port  NON GET"
run get -a json "$uri/hello"
check "an Accept that cannot be met is a 4.06" exits 4
run get -a 112 --json "$uri/status"
check "a binary body is payload_hex" has out '"payload_hex":"8'
check "Accept chooses the format" has out '"format":"application/senml+cbor"'
run get "$uri/nothing-here"
check "4.04 exits with 4" exits 4
check "4.04 says so on stderr" has err "4.04 Not Found"
check "4.04 prints nothing" empty out
run get --json "$uri/nothing-here"
check "4.04 is a JSON object with --json" has out '"code":"4.04"'
run put -d x "$uri/hello"
check "4.05 exits with 4" exits 4
run get -O 2051=:1 "$uri/hello"
check "an unknown critical option is a 4.02" has err "4.02 Bad Option"
check "and the diagnostic payload names it" has err 2051
run get -O 2052=0x0102 "$uri/hello"
check "an unknown elective option is ignored" exits 0
run get -O Proxy-Uri=coap://h/ "$uri/hello"
check "5.05 exits with 5" exits 5
check "5.05 says so on stderr" has err "5.05 Proxying Not Supported"
run get "$uri/separate"
check "a separate response is taken" is out "This answer came in a message of its own, two seconds later."
run get -t 0.3 "$uri/separate"
check "-t gives up with exit status 3" exits 3
check "-t says that it timed out" has err "timed out"
run get --json -t 0.3 "$uri/separate"
check "a time-out is a JSON object with --json" is out '{"error":"timed out","code":null}'

# ---- blocks and files ------------------------------------------------------------------------------------------------------

run get "$uri/large"
check "get joins all blocks" lines out 1024
check "the blocks are in order" bash -c "awk '\$1 != NR { exit 1 }' out"
cp out large.expected
for size in 16 32 64 128 256 512 1024; do
  run get -b "$size" -v "$uri/large"
  check "get -b $size gets the same body" cmp out large.expected
  check "get -b $size asks for blocks of $size" has err "Block2:1/0/$size"
done
run get -o large.txt "$uri/large"
check "-o writes the body" cmp large.txt large.expected
check "-o prints nothing" empty out
run get --progress always -o large.txt "$uri/large"
check "--progress always shows a bar" has err "100%"
check "--progress shows how much" has err "64.0 KiB"
run get --progress auto -o large.txt "$uri/large"
check "--progress auto shows nothing without a terminal" empty err
echo old >old.txt
run get -o old.txt "$uri/nothing-here"
check "an error leaves the file of -o alone" is old.txt old
run get -o missing/file "$uri/hello"
check "a file that cannot be written is a local failure" exits 1
check "a file that cannot be written is named" has err missing/file
run get -o . "$uri/hello"
check "a folder is no file to write" exits 1
run put -i body.bin "$uri/upload"
check "put of 300,000 bytes succeeds" exits 0
check "put says 2.01 or 2.04" grep -q '2\.0[14]' err
run get -o body.back "$uri/upload"
check "the body comes back as it was" cmp body.bin body.back
run get --json -o body.back "$uri/upload"
check "--json with -o has no payload" bash -c '! grep -q payload out'
check "--json with -o has the size" has out '"size":300000'
timeout 60 "$acoap" put -i - "$uri/upload" <body.bin >out 2>err
check "put from a file as standard input succeeds" grep -q 2.04 err
head -c 200000 body.bin | timeout 60 "$acoap" put -q -b 512 -i - "$uri/upload" >out 2>err
check "put from a pipe succeeds" empty err
timeout 60 "$acoap" get "$uri/upload" >body.back 2>err
check "what came through the pipe is there" cmp -n 200000 body.bin body.back
check "and nothing more" test "$(stat -c %s body.back)" -eq 200000
run put -i missing.bin "$uri/upload"
check "a missing input file is a local failure" exits 1
head -c 1200000 /dev/zero >toolarge.bin
run put -i toolarge.bin "$uri/upload"
check "a body beyond the server's limit is a 4.13" has err 4.13
run put -d text -f text/plain "$uri/upload"
run get --json "$uri/upload"
check "Content-Format is kept" has out '"format":"text/plain"'
run put -O 5 -d text "$uri/upload"
check "If-None-Match is honoured" has err "4.12 Precondition Failed"
run patch -d "+more" "$uri/upload"
run ipatch -d "+more" "$uri/upload"
run get "$uri/upload"
check "patch appends, ipatch once" is out text+more
run delete "$uri/upload"
check "delete succeeds" exits 0
check "delete says 2.02" has err "2.02 Deleted"
run post -d ping "$uri/echo"
check "post gives the body back" is out ping
run fetch -d '{"a":1}' -f json --json "$uri/echo"
check "fetch gives the body back" has out '"payload":"{\"a\":1}"'
run patch -d x "$uri/echo"
check "patch where there is none is a 4.05" exits 4
run ipatch -d x "$uri/echo"
check "ipatch where there is none is a 4.05" exits 4

# A download that is ended halfway leaves nothing, neither the file nor its temporary.
mkdir halfway
timeout 60 "$acoap" put -q -i body.bin "$uri/upload"
"$acoap" get -b 16 -o halfway/file "$uri/upload" >/dev/null 2>&1 </dev/null &
loader=$!
for _ in $(seq 200); do
  [[ -n $(ls halfway) ]] && break
  sleep 0.01
done
check "a download writes under another name" bash -c '[[ -n $(ls halfway) && ! -e halfway/file ]]'
kill -TERM "$loader"
wait "$loader" 2>/dev/null
check "a download that is ended leaves nothing" bash -c '[[ -z $(ls -A halfway) ]]'
"$acoap" get "$uri/large" 2>err | head -c 10 >out
check "a reader that goes away is no crash" test "${PIPESTATUS[0]}" -le 1

# ---- observe ---------------------------------------------------------------------------------------------------------------

run observe --count 3 "$uri/counter"
check "observe --count ends with 0" exits 0
check "observe --count 3 shows three notifications" lines out 3
check "the notifications differ" test "$(sort -u out | wc -l)" -eq 3
run observe --for 2.5 --json -v "$uri/time"
check "observe --for ends with 0" exits 0
check "observe --json prints JSON" json out
check "each notification has an Observe option" test "$(grep -c '"name":"Observe"' out)" -eq "$(wc -l <out)"
check "the end deregisters" grep -q -- '-> .* GET .*Observe:deregister' err
run observe --count 1 -o counter.txt "$uri/counter"
check "observe -o writes the notification" grep -Eq '^[0-9]+$' counter.txt
run observe "$uri/hello"
check "what cannot be observed is shown once" is out "Hello, world!"
check "and it is said" has err "cannot be observed"
run observe -t 0.3 "$uri/separate"
check "observe -t gives up with exit status 3" exits 3
run observe "$uri/nothing-here"
check "observe of nothing exits with 4" exits 4
"$acoap" observe -v "$uri/counter" >out 2>err </dev/null &
observer=$!
started+=("$observer")
for _ in $(seq 100); do
  [[ $(wc -l <out) -ge 2 ]] && break
  sleep 0.1
done
kill -INT "$observer"
wait "$observer"
status=$?
check "Ctrl-C ends observe with 0" exits 0
check "Ctrl-C deregisters" grep -q -- '-> .* GET .*Observe:deregister' err
check "and waits for the answer" bash -c "tail -n 1 err | grep -q -- '<- .* 2.05'"
timeout 20 "$acoap" observe "$uri/counter" 2>err | head -n 1 >out
check "a reader that goes away ends observe" test "${PIPESTATUS[0]}" -le 1

# ---- discover and ping -----------------------------------------------------------------------------------------------------

run discover "$uri"
check "discover of one server succeeds" exits 0
check "discover shows a table of resources" grep -Eq '^/counter +counter +0 +yes' out
run discover --json "$uri?rt=clock"
check "discover --json prints JSON" json out
check "discover --json has the links" has out '"links":[{"target":"/time","rt":["clock"],"if":[],"ct":[0],"obs":true,"title":"UTC, every second"}]'
check "discover --json has the interface" has out '"interface":"lo"'
run discover --wait 0.5 --interface lo "coap://224.0.1.187:$((port % 1000 + 61000))"
check "a group where nobody is exits with 3" exits 3
run ping "$uri"
check "ping succeeds" exits 0
check "ping shows the round-trip time" grep -Eq "^127\.0\.0\.1:$port: [0-9.]+ ms" out
run ping --json "$uri"
check "ping --json prints JSON" json out
run ping "coap://224.0.1.187/"
check "a group cannot be pinged" exits 2

# ---- no answer -------------------------------------------------------------------------------------------------------------

dead=$((port + 1))
before=$(date +%s%N)
run get "coap://127.0.0.1:$dead/x"
after=$(date +%s%N)
check "a dead port exits with 3" exits 3
check "a dead port is known at once" test $(((after - before) / 1000000)) -lt 1500
check "a dead port is said in one line" lines err 1
run get --json "coap://127.0.0.1:$dead/x"
check "a dead port is a JSON object with --json" json out
check "it says why, and its code is null" is out '{"error":"peer unreachable","code":null}'
run ping "coap://127.0.0.1:$dead/x"
check "ping of a dead port exits with 3" exits 3
run observe "coap://127.0.0.1:$dead/x"
check "observe of a dead port exits with 3" exits 3
run get "coap://no-such-host.invalid/"
check "a name that is not found exits with 3" exits 3
check "a name that is not found is named" has err no-such-host.invalid
run get --interface no-such-interface "$uri/hello"
check "an interface that is not there is a local failure" exits 1
run get "coap://[fe80::1%25no-such-zone]/"
check "a zone that is not there is a local failure" exits 1
run get --bind 127.0.0.1 "$uri/hello"
check "--bind chooses the local address" exits 0
run get --bind nonsense "$uri/hello"
check "--bind wants an address" exits 2
if grep -q '\[::1\]' "$server_log"; then
  run get "coap://[::1]:$port/hello"
  check "IPv6 works" is out "Hello, world!"
fi

# ---- multicast on loopback ---------------------------------------------------------------------------------------------------

# Two servers in the same group on one host: each answers from its own address.
serve_in_group() { # serve_in_group ADDRESS
  "$acoap" serve --demo --interface lo "coap://$1:$port" >"$1.log" 2>&1 </dev/null &
  started+=("$!")
  for _ in $(seq 100); do
    grep -q listening "$1.log" && return
    sleep 0.1
  done
}
serve_in_group 127.0.0.2
serve_in_group 127.0.0.3
run discover --wait 3 --interface lo --json
if [[ $status -eq 3 && -z $(ip -4 -o address show scope global 2>/dev/null) ]]; then
  number=$((number + 1))
  echo "ok $number - multicast on loopback # SKIP this host has no address but those of loopback" | tee -a "$tap"
else
  check "discover by multicast succeeds" exits 0
  check "discover --json prints an object per answer" json out
  check "two responders answer" test "$(grep -o '"from":"127.0.0.[23]:' out | sort -u | wc -l)" -eq 2
  check "each answers once" lines out 2
fi

# ---- amplification -----------------------------------------------------------------------------------------------------------------

# A limit that is asked for counts on this host, too: smaller blocks first, and the whole body all the same.
limited=$((port + 2))
"$acoap" serve --demo --amplification 1 "coap://127.0.0.1:$limited" >limited.log 2>&1 </dev/null &
started+=("$!")
for _ in $(seq 100); do
  grep -q listening limited.log && break
  sleep 0.1
done
run get -v -o limited.txt "coap://127.0.0.1:$limited/large"
check "--amplification 1: the body comes whole" cmp limited.txt large.expected
check "--amplification 1: the first answer is no more than 136 bytes" bash -c '
  first=$(grep -m 1 -- "<- " err); [[ $first == *4.01* || $first == *Block2:0/1/64* || $first == *Block2:0/1/32* || $first == *Block2:0/1/16* ]] || { echo "$first"; exit 1; }'

# ---- the end -----------------------------------------------------------------------------------------------------------------

kill -TERM "$server"
wait "$server"
status=$?
check "SIGTERM ends serve with 0" exits 0
check "the server said nothing wrong" bash -c "! grep -v listening '$server_log'"

echo "1..$number"
echo "$((number - failed)) passed, $failed failed"
[[ $failed -eq 0 ]]
