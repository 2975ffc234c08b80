/*
 * -v: every message on stderr, as it is on the wire, with the seconds since the first one. Changes
 * nothing on its way.
 * SPDX-License-Identifier: MIT
 */
#include "verbose.h"

#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "address.h"
#include "text.h"

void verbose_print(acoap_direction_t direction, const acoap_path_t *path, acoap_bytes_t bytes) {
  static uint64_t started_ns;
  char peer[ADDRESS_TEXT_MAX];
  char line[1024];
  acoap_view_t view;
  size_t offset = 0;
  uint64_t now = uv_hrtime();
  if (started_ns == 0) {
    started_ns = now;
  }
  fprintf(stderr, "%9.4f %s %s  ", (double)(now - started_ns) / 1e9,
          direction == ACOAP_SENT ? "->" : "<-", address_text(&path->peer, peer));
  int status = acoap_decode(&view, bytes.data, bytes.len, ACOAP_TOKEN_EXTENDED_MAX, &offset);
  if (status < 0) {
    fprintf(stderr, "%s at byte %zu of %zu\n", acoap_strerror(status), offset, bytes.len);
    return;
  }
  acoap_view_format(&view, line, sizeof(line));
  text_print_line(stderr, line, strlen(line));
  fputc('\n', stderr);
}
