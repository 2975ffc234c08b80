/*
 * A response as JSON, and an error response as a line on stderr.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_RESPONSE_H
#define TOOL_RESPONSE_H

#include "json.h"
#include "options.h"

/* What a response carried, when it is not (or not all) in its message. */
typedef struct response_body {
  const void *bytes; /* the body; NULL: it went elsewhere */
  size_t len;        /* bytes */
  uint64_t size;     /* its size in all, wherever it went */
} response_body_t;

/*
 * Print
 * {"code":...,"from":...,"format":...,"options":[...],"size":...,"payload":...,"elapsed_ms":...,"retransmissions":...};
 * an error response has "error" as well. The object is left open for more members:
 * response_json_end.
 */
void response_json_begin(json_t *json, const acoap_message_t *message, const response_body_t *body,
                         double elapsed_ms);
void response_json_end(json_t *json);

/* The options of a message as the member "options". */
void response_json_options(json_t *json, const acoap_view_t *view);

/* Bytes as "payload" when they are UTF-8, else as "payload_hex". */
void response_json_payload(json_t *json, const void *bytes, size_t len);

/*
 * Tell an error response on stderr: code, name, diagnostic payload; another body behind it. With
 * --json the object on stdout as well. Returns the exit status.
 */
int response_error(const options_t *options, const acoap_message_t *message,
                   const response_body_t *body, double elapsed_ms);

/* Tell on stderr that something succeeded that shows no body, "2.04 Changed"; not with -q or
 * --json. */
void response_success(const options_t *options, const acoap_message_t *message);

#endif
