# From the figures of test/bench/run (case, server, requests/s, CPU us, ...; separated by tabs) to bars in SVG: CPU time of a request,
# one group for each case. Bars that are longer than the scale are cut and say so.
# SPDX-License-Identifier: MIT
BEGIN {
  FS = "\t"
  colour["floor"] = "#9aa5b1"; colour["acoap"] = "#1f77b4"; colour["libcoap"] = "#ff7f0e"; colour["node"] = "#2ca02c"
  scale = 12; width = 720; left = 250; bar = 13
}
{ if ($1 != last) { y += 14; label[++groups] = $1; label_y[groups] = y + 2 * bar; last = $1 }
  n++; at[n] = y; name[n] = $2; cpu[n] = $4; y += bar + 1 }
END {
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"11\">\n", width + 60, y + 50
  printf "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<text x=\"10\" y=\"16\" font-size=\"13\">CPU microseconds a request, server process</text>\n"
  for (i = 1; i <= groups; i++) printf "<text x=\"10\" y=\"%d\">%s</text>\n", label_y[i] + 20, label[i]
  for (i = 1; i <= n; i++) {
    cut = cpu[i] > scale; len = (cut ? scale : cpu[i]) / scale * (width - left)
    printf "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/><text x=\"%.1f\" y=\"%d\">%s %.2f%s</text>\n", \
      left, at[i] + 20, len, bar, colour[name[i]], left + len + 4, at[i] + 30, name[i], cpu[i], cut ? " (cut)" : ""
  }
  print "</svg>"
}
