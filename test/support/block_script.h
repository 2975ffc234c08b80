/*
 * Block-wise transfers with a server, message by message, in a notation close to that of the
 * figures of RFC 7959:
 *
 *     "PUT /options 1:0/1/128 size1=300"      "2.31 1:0/1/128"
 *     "GET /status 2:1/0/64"                  "2.05 2:1/1/64 etag [64]"
 *
 * A request's payload is the block of the upload (byte n of it is block_script_byte(n)) that its
 * Block1 names, "+44" so many bytes of it; "q1:" and "q2:" are those of RFC 9177, and a 4.08's list
 * reads " missing=1,9"; further words: NON, tag=, etag=, token=, size1=, size2=,
 * observe=, format=. What answers bring is put together in `got`.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_BLOCK_SCRIPT_H
#define ACOAP_TEST_BLOCK_SCRIPT_H

#include "server_rig.h"

enum { BLOCK_SCRIPT_BODY = 1 << 17 };

typedef struct block_script {
  server_rig_t *rig;
  uint8_t got[BLOCK_SCRIPT_BODY]; /* payloads of answers, by their offset */
  size_t got_len;                 /* end of the last one */
  uint8_t etag[8];                /* of the last answer */
  size_t etag_len;                /* 0: none */
  const char *payload;            /* of the next request, instead of the pattern; NULL */
  bool tells_token;               /* answers read with their token behind: " token=tk" */
  char text[200];                 /* the last answer */
} block_script_t;

/* Byte n of every pattern body. */
uint8_t block_script_byte(uint64_t n);
/* Fill with the pattern, from byte `offset` of it on. */
void block_script_fill(uint8_t *bytes, uint64_t offset, size_t len);
/* Send this request from the rig's peer. */
void block_script_send(block_script_t *script, const char *request);
/* The next answer has to read like this. */
void block_script_expect(block_script_t *script, const char *answer);
/* Both. */
void block_script_say(block_script_t *script, const char *request, const char *answer);
/* `got` is the pattern, so long. */
void block_script_expect_body(const block_script_t *script, size_t len);

#endif
