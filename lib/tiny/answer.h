/*
 * What every answer starts with and ends in, with an engine or without (RFC 7252 section 5.2, RFC
 * 7967).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TINY_ANSWER_H
#define ACOAP_TINY_ANSWER_H

#include <acoap/tiny.h>

/* An empty answer to a method: 2.05, 2.04, 2.02. */
void acoap__tiny_answer_init(acoap_builder_t *answer, uint8_t *bytes, size_t cap,
                             const acoap_view_t *request);
/* Which classes of responses are unwanted: bit n, class n + 1 (No-Response; errors to a group). */
uint8_t acoap__tiny_unwanted(const acoap_view_t *request, bool multicast);
bool acoap__tiny_is_unwanted(uint8_t unwanted, uint8_t code);
/* serve.c: let the row that was found answer. */
int acoap__tiny_serve_row(const acoap_tiny_request_t *request, acoap_builder_t *answer);
/*
 * Let the table answer. Returns ACOAP_TINY_SEND with the length in *len, ACOAP_TINY_LATER, or
 * ACOAP_TINY_SILENT, also when the answer is unwanted.
 */
int acoap__tiny_answer_write(int (*serve)(const acoap_tiny_request_t *, acoap_builder_t *),
                             const acoap_tiny_request_t *request, acoap_builder_t *answer,
                             size_t *len);

#endif
