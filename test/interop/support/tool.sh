# What the shell tests of "acoap serve" share: checks in TAP, servers at ports that are free, an end that leaves nothing behind. To be
# sourced with the path of the tool as its argument; the working folder is a new one afterwards.
# SPDX-License-Identifier: MIT
acoap=$(realpath "${1:?usage: $0 PATH_OF_ACOAP}")
interop=$(realpath "$(dirname "${BASH_SOURCE[0]}")/..")
tap=${CK_TAP_LOG_FILE_NAME:-/dev/null}

# In a network of its own, where the system lets us: loopback alone, with an address that multicasts can leave from.
isolated=no
if [[ -z ${TOOL_TEST_ISOLATED:-} ]] && unshare -Urn ip link set lo up 2>/dev/null; then
  TOOL_TEST_ISOLATED=1 exec unshare -Urn "$0" "$@"
elif [[ -n ${TOOL_TEST_ISOLATED:-} ]]; then
  isolated=yes
  ip link set lo up
  ip address add 192.0.2.1/32 dev lo
  ip route add 224.0.0.0/4 dev lo
fi

[[ $tap == /dev/null ]] || mkdir -p "$(dirname "$tap")"
: >"$tap"
work=$(mktemp -d)
started=() # processes to be ended
number=0
failed=0
cd "$work" || exit 1

end_started() {
  local pid
  for pid in "${started[@]}"; do
    kill -KILL "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  rm -rf "$work"
}
trap end_started EXIT

report() { # report ok|'not ok' TEXT
  number=$((number + 1))
  echo "$1 $number - $2" | tee -a "$tap"
}

check() { # check NAME COMMAND...: the command succeeds
  local name=$1
  shift
  if "$@" >check.log 2>&1; then
    report ok "$name"
  else
    report 'not ok' "$name"
    failed=$((failed + 1))
    { echo "failed: $*"; head -c 2000 check.log; echo "output:"; head -c 2000 out; } 2>/dev/null | sed 's/^/# /'
  fi
}

skip() { # skip NAME REASON
  report ok "$1 # SKIP $2"
}

# Nothing here can be run: the lines that test/interop/run reads, and ctest's word for it.
skip_all() { # skip_all REASON
  echo "ok - $(basename "$0" _test.sh) # SKIP $1"
  exit "${skip_status:-77}"
}

has() { # has FILE TEXT
  grep -qaF -- "$2" "$1"
}
is() { # is FILE TEXT
  [[ $(cat "$1") == "$2" ]]
}

# Start the tool as a server at a free port of 127.0.0.1. Sets port, uri and server (its process).
scheme=coap
serve() { # serve ARGUMENT...
  local try
  for try in $(seq 20); do
    port=$((20000 + RANDOM % 10000))
    uri=$scheme://127.0.0.1:$port
    serve_at "$uri" "$@" && return
  done
  echo "no server could be started (after $try tries): acoap serve $*"
  exit 1
}

serve_at() { # serve_at URI ARGUMENT...
  local log address=$1
  shift
  log=serve.${#started[@]}.log
  : >"$log"
  "${wrap[@]}" "$acoap" serve "$@" "$address" >"$log" 2>&1 </dev/null &
  server=$!
  started+=("$server")
  server_log=$log
  for _ in $(seq 300); do
    grep -q listening "$log" && return
    kill -0 "$server" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}
wrap=() # a program to run servers with

# It ends cleanly, and has said nothing but where it listens.
end_server() { # end_server NAME [PROCESS LOG]
  local status=0 process=${2:-$server} log=${3:-$server_log}
  kill -TERM "$process" 2>/dev/null
  wait "$process" || status=$?
  check "$1: SIGTERM ends it with 0" test "$status" -eq 0
  # Valgrind's "--PID--" are remarks about itself, its findings are "==PID==".
  check "$1: it said nothing wrong" bash -c "! grep -vE '^(listening on|--[0-9]+--)' '$log'"
}

finish() {
  echo "1..$number"
  echo "$((number - failed)) passed, $failed failed"
  [[ $failed -eq 0 ]]
  exit
}

coap_client=$(command -v coap-client-notls || command -v coap-client-openssl || true)
need_coap_client() {
  [[ -n $coap_client ]] || skip_all "libcoap's coap-client is not installed (libcoap3-bin)"
}

# libcoap's client; it gives up after 60 seconds. What it prints goes to out.
ask() { # ask METHOD PATH ARGUMENT...
  local method=$1 path=$2
  shift 2
  timeout -k 5 90 "$coap_client" -B 60 -m "$method" "$@" "$uri$path" >out 2>&1 </dev/null
}
