#!/bin/sh
# Every source says under which licence it is, in the comment that opens it, and leaves nothing for later.
# SPDX-License-Identifier: MIT
set -eu
cd "$(dirname "$0")/../.."

find lib include examples test cmake dev .ci CMakeLists.txt -name node_modules -prune -o -name corpus -prune -o -type f \
  \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.js' -o -name '*.cmake' -o -name CMakeLists.txt -o -name run -o -name dev \) \
  -print | LC_ALL=C sort | xargs awk '
  function close_file() {
    if (file != "" && !licensed) { print file ": no line SPDX-License-Identifier: MIT among its first 30"; bad = 1 }
  }
  FNR == 1 { close_file(); file = FILENAME; licensed = 0; files++ }
  FNR <= 30 && /^( \*|#|\/\/|--) SPDX-License-Identifier: MIT$/ { licensed = 1 }
  FILENAME !~ /structure\/licence.sh$/ && /(^|[^A-Za-z])(TODO|FIXME|XXX)([^A-Za-z]|$)/ {
    print FILENAME ":" FNR ": left for later: " $0
    bad = 1
  }
  END {
    close_file()
    if (files < 10) { print "only " files " files were read"; bad = 1 }
    exit bad
  }
'
