#!/usr/bin/env bash
# acoap bench: what it counts and how it ends. No figure is judged, only that it is there.
# usage: server_bench_test.sh PATH_OF_ACOAP
# SPDX-License-Identifier: MIT
set -uo pipefail
# shellcheck source-path=SCRIPTDIR source=support/tool.sh
source "$(dirname "${BASH_SOURCE[0]}")/support/tool.sh"

serve --demo
bench() { # bench ARGUMENT...: sets status
  status=0
  timeout -k 5 60 "$acoap" bench "$@" >out 2>err </dev/null || status=$?
}
ends() { [[ $status -eq $1 ]]; }
holds() { grep -Eq -- "$1" out; }

bench "$uri/hello" --count 3000 --window 16 --json
check "a count ends it with 0" ends 0
check "as many answers as were asked for" holds '"answered":3000,"failed":0,'
check "all of them 2.xx" holds '"codes":\{"2.xx":3000,"4.xx":0,"5.xx":0\}'
check "percentiles in order" bash -c 'sed -E "s/.*\"p50\":([0-9.]+),\"p90\":([0-9.]+),\"p99\":([0-9.]+),\"p99_9\":([0-9.]+).*/\1 \2 \3 \4/" out |
  awk "{ exit !(\$1 > 0 && \$1 <= \$2 && \$2 <= \$3 && \$3 <= \$4) }"'

bench "$uri/hello" --count 61000 --window 64 --json
check "no source port is used beyond its Message IDs" holds '"answered":61000,.*"source_ports":2,'

bench "$uri/hello" --count 500 --window 8 --connections 4 -N
check "NON, from several ports" ends 0
check "the table says what came of it" holds '^2\.xx 500  4\.xx 0  5\.xx 0  no answer 0$'

bench "$uri/nothing-here" --count 100
check "4.xx answers make its status 4" ends 4

bench "$uri/hello" --for 0.5 --size 100 --method post --window 1
check "a time ends it" bash -c '[[ $(head -n 1 out) =~ ^[0-9]+\ answers ]]'

bench "$uri/hello" --count 10 --window 1 --connections 3 --server-pid "$server" --json
check "more connections than the window take turns" holds '"answered":10,.*"source_ports":3,'
check "CPU time of the server" bash -c '[[ ! -e /proc/self/schedstat ]] || grep -q "\"server_cpu_us_per_request\":[1-9]" out'
bench "$uri/hello" --server-pid nobody
check "a process that is none is wrong usage" ends 2
bench "$uri/hello" --method fly
check "a method that is none is wrong usage" ends 2

end_server "a server that was measured"
bench "$uri/hello" --count 10 -t 2 --json
check "without a server its status is 3" ends 3
check "and the object says so" holds '"answered":0,"failed":10,.*"error":"'
finish
