# From the rounds of test/bench/run (case, server, requests/s, CPU us, p50, p99, RSS, sent again; separated by tabs) to one line for each
# case and server: the medians, the largest RSS, all that was sent again, and the median of CPU / the floor's of the same round.
# SPDX-License-Identifier: MIT
BEGIN { FS = OFS = "\t" }
function median(name, count,    i, j, kept, sorted) {
  for (i = 1; i <= count; i++) {
    kept = value[name, i] + 0
    for (j = i; j > 1 && sorted[j - 1] > kept; j--) sorted[j] = sorted[j - 1]
    sorted[j] = kept
  }
  return sorted[int((count + 1) / 2)]
}
{
  key = $1 FS $2
  if (!(key in rounds)) order[++keys] = key
  n = ++rounds[key]
  for (i = 3; i <= 6; i++) value[key FS i, n] = $i
  if ($2 == "floor") floor[$1, n] = $4
  value[key FS "ratio", n] = floor[$1, n] ? $4 / floor[$1, n] : 0
  rss[key] = $7 + 0 > rss[key] ? $7 : rss[key]
  lost[key] += $8
}
END {
  for (i = 1; i <= keys; i++) {
    key = order[i]
    n = rounds[key]
    printf "%s\t%.0f\t%.3f\t%.0f\t%.0f\t%s\t%d\t%.3f\n", key, median(key FS 3, n), median(key FS 4, n), median(key FS 5, n), \
      median(key FS 6, n), rss[key], lost[key], median(key FS "ratio", n)
  }
}
