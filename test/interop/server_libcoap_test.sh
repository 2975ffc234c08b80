#!/usr/bin/env bash
# libcoap's coap-client against acoap serve: every method, formats, preconditions, separate responses, observation with changes and
# with block-wise notifications, NON, packets that it loses on purpose. Prints TAP.
# usage: test/interop/server_libcoap_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"
need_coap_client

# The observers run beside everything else: each of them waits for changes.
serve --plugtest
observers=()
observe() { # observe NAME SECONDS ARGUMENT...: prints to NAME.out
  local name=$1 seconds=$2
  shift 2
  timeout -k 5 60 "$coap_client" -m get -s "$seconds" -B "$((seconds + 4))" -w "$@" >"$name.out" 2>&1 </dev/null &
  observers+=("$!")
  started+=("$!")
}
observe obs 12 "$uri/obs"
observe obs-non 12 -N "$uri/obs-non"
observe obs-large 12 -b 64 "$uri/obs-large"
observe obs-large-1024 12 "$uri/obs-large"
observe pumping 3 "$uri/obs-pumping"
observe pumping-non 3 -N -b 256 "$uri/obs-pumping-non"

# ---- methods ---------------------------------------------------------------------------------------------------------------

plugtest=$uri plugtest_server=$server plugtest_log=$server_log
ask get /test
check "GET" has out "A resource to get"
ask get /test -N
check "GET by NON" has out "A resource to get"
ask put /test -e another -t 0 -v 7
check "PUT" has out "2.04"
ask get /test
check "GET shows what was put" has out another
ask post /test -e x -v 7
check "POST gives Location-Path" has out "Location-Path:location1"
ask delete /test -v 7
check "DELETE" has out "2.02"
ask get /nothing
check "4.04" has out 4.04
ask delete /large
check "4.05" has out 4.05
ask get '/query?first=1&second=2'
check "Uri-Query" has out "second=2"
for token in "" 1 12345678; do
  ask get /test -T "$token"
  check "a token of ${#token} bytes" has out "A resource to get"
done
for format in 0:one 41:'<' 50:'{'; do
  ask get /multi-format -A "${format%%:*}"
  check "Accept ${format%%:*}" has out "${format#*:}"
done
ask get /multi-format -A 60
check "an Accept that cannot be met is a 4.06" has out 4.06
ask put /create1 -O 5, -e one -v 7
check "If-None-Match creates" has out 2.01
ask put /create1 -O 5, -e two
check "If-None-Match where something is: 4.12" has out 4.12
ask put /validate -O 1,0x0102 -e stale
check "If-Match of another version: 4.12" has out 4.12
ask get /test -O 2051,x
check "an unknown critical option is a 4.02" has out 4.02
ask get /separate
check "a separate response to a CON" has out "a message of its own"
ask get /separate -N
check "a separate response to a NON" has out "a message of its own"

# ---- FETCH, PATCH, iPATCH ------------------------------------------------------------------------------------------------------

serve --demo
demo=$uri demo_server=$server demo_log=$server_log
ask fetch /echo -e asked -t 0
check "FETCH" has out asked
ask put /upload -e one -t 0 -v 7
check "PUT makes it: 2.01" has out 2.01
ask patch /upload -e two -t 0 -v 7
check "PATCH" has out 2.04
ask ipatch /upload -e two -t 0 -v 7
check "iPATCH" has out 2.04
ask get /upload
check "what they did" is out onetwo
ask delete /upload
ask patch /upload -e x
check "PATCH of nothing: 4.04" has out 4.04
ask patch /hello -e x
check "PATCH where there is none: 4.05" has out 4.05
head -c 3000 /dev/urandom >fetched
for size in 16 1024; do
  ask fetch /echo -f fetched -b "$size" -o fetched.back
  check "FETCH of 3,000 bytes up and down in blocks of $size" cmp fetched fetched.back
done

# ---- packets lost ----------------------------------------------------------------------------------------------------------------

# The client does not send these of its datagrams; what it repeats is answered from what is stored.
uri=$plugtest
timeout -k 5 60 "$coap_client" -l 1,3 -m post -e x "$uri/large-create" -v 7 >out 2>&1 </dev/null
check "POST whose first datagram is lost" has out 2.01
timeout -k 5 60 "$coap_client" -l 2,5,6 -b 256 -m get -o large.out "$uri/large" >out 2>&1 </dev/null
check "a download that loses requests" test "$(stat -c %s large.out)" -eq 1280
head -c 2000 /dev/urandom >lossy
timeout -k 5 90 "$coap_client" -l 2,5 -b 256 -m put -f lossy "$uri/large-update" >out 2>&1 </dev/null
ask get /large-update -o lossy.back
check "an upload that loses blocks" cmp lossy lossy.back

# ---- observation -------------------------------------------------------------------------------------------------------------------

for process in "${observers[@]}"; do
  wait "$process"
done
counts() { # counts FILE: the different counts that came, in order
  grep -aoE '^[0-9]+' "$1" | uniq
}
check "/obs: three states in twelve seconds" test "$(counts obs.out | wc -l)" -ge 3
check "/obs: in order" bash -c "grep -aoE '^[0-9]+' obs.out | sort -nc"
check "/obs-non: three states in twelve seconds" test "$(counts obs-non.out | wc -l)" -ge 3
for name in obs-large obs-large-1024; do
  check "/$name: three states in twelve seconds" test "$(counts $name.out | wc -l)" -ge 3
  # Each is 1,280 bytes: the count, one letter over and over, a line feed.
  check "/$name: every one is whole" bash -c "
    awk '/^[0-9]+\$/ { count = length(\$0) + 1; next } /^[a-z]+\$/ { n++; if (count + length(\$0) + 1 != 1280) exit 1; c = substr(\$0, 1, 1); gsub(c, \"\"); if (\$0 != \"\") exit 1 } END { exit n < 3 }' $name.out"
done
check "/obs-pumping: states one after another" test "$(counts pumping.out | wc -l)" -ge 5
check "/obs-pumping-non: states one after another" test "$(counts pumping-non.out | wc -l)" -ge 5

# A change made by another client is seen.
uri=$plugtest
observe seen 4 "$uri/obs"
sleep 1
ask put /obs -t 0 -e "seen by all"
wait "${observers[-1]}"
check "/obs: a PUT is seen by observers" has seen.out "seen by all"
observe gone 4 "$uri/obs"
sleep 1
ask delete /obs
wait "${observers[-1]}"
check "/obs: a DELETE ends the observation with 4.04" has gone.out 4.04

end_server "--plugtest" "$plugtest_server" "$plugtest_log"
end_server "--demo" "$demo_server" "$demo_log"
finish
