#!/usr/bin/env bash
# acoap serve --dir DIR, with --writable and without: files and folders as clients see them, uploads that others make meanwhile, and
# that nothing outside the folder is reached. Prints TAP.
# usage: test/interop/server_dir_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source=test/interop/support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"

run() { # run METHOD PATH ARGUMENT...: the tool as a client; out, err, status
  local method=$1 path=$2
  shift 2
  timeout -k 5 60 "$acoap" "$method" "$@" "$uri$path" >out 2>err </dev/null
  status=$?
}
empty() { # empty FILE
  [[ ! -s $1 ]]
}
says() { # says CODE: the last run did, on stderr
  grep -qF -- "$1" err
}

mkdir -p files/sub/deep outside
echo "a text" >files/text.txt
echo '{"a":1}' >files/data.json
echo hidden >files/.hidden
echo deep >files/sub/deep/leaf
echo secret >outside/secret
echo secret >secret
ln -s "$PWD/outside" files/away
ln -s ../secret files/up
ln -s text.txt files/inside
head -c 3000000 /dev/urandom >files/large

# ---- read-only ---------------------------------------------------------------------------------------------------------------

serve --dir files
run get /text.txt --json
check "a file is given" has out '"payload":"a text\n"'
check "the Content-Format comes from the name" has out '"format":"text/plain"'
check "it has an ETag" has out '"name":"ETag"'
run get /data.json --json
check "another name, another Content-Format" has out '"format":"application/json"'
run get /sub/deep/leaf
check "a file below is given" is out deep
run get /large -o large.back
check "3 MB are the same bytes" cmp files/large large.back
run get /large -b 32 -v -o large.part -t 1
check "and come in small blocks" has err "Block2:1/0/32"
run get / --json
check "the folder is a list of links" has out '"format":"application/link-format"'
for link in /text.txt /data.json /sub /large; do
  check "it links to $link" grep -q "<$link/\?>" out
done
check "it does not link to what is hidden" bash -c '! grep -q hidden out'
check "it does not link to what leads out" bash -c '! grep -qE "<(/up|/away)" out'
run get /sub/ --json
check "a folder below, with a slash" has out /sub/deep
run get /sub --json
check "a folder below, without" has out /sub/deep
run get /inside
check "a symbolic link that stays inside is followed" is out "a text"
run get /.well-known/core --json
check "/.well-known/core is there" has out '"code":"2.05"'
check "and lists the root" has out "</>;ct=40"
for path in /up /away/secret /.hidden /nothing /text.txt/more /%2e%2e%2fsecret /sub%2f%2e%2e%2f%2e%2e%2fsecret \
  "/%2fetc/passwd" "//secret" "/text.txt%00" "/$(printf 'x%.0s' $(seq 255))"; do
  run get "$path"
  check "no way to ${path:0:60}: 4.04" says "4.0"
  check "and nothing of it: ${path:0:60}" bash -c '! grep -q secret out'
done
# A client takes ".." out of a URI; these go as they are.
for segments in ".. secret" "sub .. .. secret" ". text.txt" "sub . deep leaf"; do
  parents=()
  for segment in $segments; do
    parents+=(-O "Uri-Path=$segment")
  done
  run get "" "${parents[@]}" -v
  check "no way to the segments $segments: 4.04" has err "4.04"
  check "and nothing of it: $segments" empty out
done
for method in put post delete; do
  run $method /text.txt
  check "$method is not allowed" says 4.05
done
check "nothing has changed" is files/text.txt "a text"
etag=$(timeout 20 "$acoap" get --json "$uri/text.txt" | grep -o '"name":"ETag","value":"0x[0-9a-f]*' | grep -o '0x.*')
run get /text.txt -O "ETag=$etag" -v
check "a known ETag is a 2.03" says 2.03
echo "a new text" >files/text.txt
run get /text.txt -O "ETag=$etag"
check "a changed file is another version" is out "a new text"
end_server "read-only"

# ---- writable ----------------------------------------------------------------------------------------------------------------

serve --dir files --writable
head -c 300000 /dev/urandom >body
run put /new -i body
check "PUT makes a file: 2.01" says 2.01
check "with these bytes" cmp body files/new
head -c 100000 /dev/urandom >body
run put /new -i body -b 64
check "PUT replaces it: 2.04" says 2.04
check "with the other bytes" cmp body files/new
run put /new -O If-None-Match -d x
check "If-None-Match keeps what is there: 4.12" says 4.12
run put /text.txt -O "If-Match=$etag" -d x
check "If-Match of an old version: 4.12" says 4.12
etag=$(timeout 20 "$acoap" get --json "$uri/text.txt" | grep -o '"name":"ETag","value":"0x[0-9a-f]*' | grep -o '0x.*')
run put /text.txt -O "If-Match=$etag" -d "matched"
check "If-Match of this version: 2.04" says 2.04
check "and it is written" is files/text.txt matched
run post / -d posted -v
check "POST makes a file: 2.01" says 2.01
location=$(grep -oE 'Location-Path:[^ ]+' err | head -n 1 | cut -d: -f2)
check "and names it" test -f "files/$location"
check "with what was posted" is "files/$location" posted
run delete /new
check "DELETE: 2.02" says 2.02
check "and it is gone" test ! -e files/new
run delete /new
check "DELETE of nothing is no failure or 4.04" grep -qE '2\.02|4\.04' err
for path in /up /away/new /.hidden2 /nowhere/new "/%2ftmp%2fnew"; do
  run put "$path" -d x
  check "no way to write $path" says "4."
done
run put "" -O Uri-Path=.. -O Uri-Path=new2 -d x
check "no way to write ../new2" says "4."
run delete "" -O Uri-Path=.. -O Uri-Path=secret
check "no way to remove ../secret" says "4."
check "nothing outside was touched" bash -c '[[ $(cat secret) == secret && $(ls outside) == secret && ! -e new2 ]]'
run delete /away/secret
check "nor is removed" test -f outside/secret

# An upload that ends halfway leaves what was there, and no temporary file once it is given up.
echo before >files/kept
"$acoap" put -q -b 16 -i body "$uri/kept" >/dev/null 2>&1 </dev/null &
uploader=$!
started+=("$uploader")
sleep 0.3
kill -KILL "$uploader"
wait "$uploader" 2>/dev/null
check "an upload that ends halfway leaves the file" is files/kept before
run get / --json
check "its temporary file is not listed" bash -c "! grep -o '<[^>]*>' out | grep -vE '^</(text.txt|data.json|sub/?|large|inside|kept|$location)>$'"
end_server "writable"
check "and the server took its temporary file away" bash -c '[[ -z $(find files -name ".*" ! -name .hidden -type f) ]]'

# ---- usage -----------------------------------------------------------------------------------------------------------------------

timeout 20 "$acoap" serve --dir no-such-folder "$uri" >out 2>err </dev/null
check "a folder that is not there is a local failure" test $? -eq 1
check "and is named" has err no-such-folder
timeout 20 "$acoap" serve --dir secret "$uri" >out 2>err </dev/null
check "a file is no folder" test $? -eq 1
finish
