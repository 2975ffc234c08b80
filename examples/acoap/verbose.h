/*
 * -v: every message on stderr.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_VERBOSE_H
#define TOOL_VERBOSE_H

#include <acoap/acoap.h>

/* Print one datagram as one line: direction, peer, the message as text or what is wrong with it. */
void verbose_print(acoap_direction_t direction, const acoap_path_t *path, acoap_bytes_t bytes);

#endif
