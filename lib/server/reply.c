/*
 * Answers from other threads. The loop's thread makes a reply, which holds the request; another
 * thread fills it in and posts it, with memory that was there from the beginning, so that at least
 * a 5.00 always arrives; the loop's thread answers. The rule: each thread lets go once, and who is
 * last frees; what the request is made of is touched by the loop's thread alone, the payload by the
 * other one until it has let go.
 * Reference: RFC 7252 section 5.2.2.
 * SPDX-License-Identifier: MIT
 */
#include "server/server.h"

#include <string.h>

#include "base/mem.h"

struct acoap_reply {
  acoap__posting_t posting; /* between the threads */
  acoap_request_t *request; /* referenced until it was settled; the loop's thread's */
  uint8_t code;             /* the answer; this and the rest: the other thread's */
  int content_format;
  uint8_t *payload; /* from acoap__malloc; NULL: none */
  size_t len;       /* bytes */
  bool given_up;    /* nobody answered */
};

/* acoap__posting_t.settle */
static void settle(acoap__posting_t *posting, int status) {
  acoap_reply_t *reply = ACOAP__CONTAINER(posting, acoap_reply_t, posting);
  acoap_request_t *request = reply->request;
  reply->request = NULL;
  if (status == 0 && !reply->given_up) {
    (void)acoap_request_respond(request, reply->code, reply->content_format, reply->payload,
                                reply->len);
  }
  acoap_request_unref(request);
}

/* acoap__posting_t.freed */
static void freed(acoap__posting_t *posting) {
  acoap_reply_t *reply = ACOAP__CONTAINER(posting, acoap_reply_t, posting);
  acoap__free(reply->payload);
  acoap__free(reply);
}

acoap_reply_t *acoap_request_reply(acoap_request_t *request) {
  acoap_reply_t *reply = NULL;
  if (request == NULL || acoap__request_is_answered(request)) {
    return NULL;
  }
  reply = acoap__calloc(1, sizeof(*reply));
  if (reply == NULL) {
    return NULL;
  }
  acoap__request_outlive(request);
  if (acoap__posting_init(acoap_request_endpoint(request), &reply->posting, settle, freed) != 0) {
    acoap__free(reply);
    return NULL;
  }
  reply->request = acoap_request_ref(request);
  return reply;
}

int acoap_reply_send(acoap_reply_t *reply, uint8_t code, int content_format, const void *payload,
                     size_t len) {
  int failed = 0;
  if (reply == NULL) {
    return ACOAP_EINVAL;
  }
  if (!acoap_code_is_response(code) || content_format > UINT16_MAX ||
      (payload == NULL && len > 0)) {
    failed = ACOAP_EINVAL;
  } else if (len > 0) {
    reply->payload = acoap__malloc(len);
    failed = reply->payload == NULL ? ACOAP_ENOMEM : 0;
  }
  reply->code = code;
  reply->content_format = content_format;
  if (failed == 0 && len > 0) {
    memcpy(reply->payload, payload, len);
    reply->len = len;
  }
  reply->given_up = failed != 0;
  int status = acoap__posting_send(&reply->posting);
  return status != 0 ? status : failed;
}

void acoap_reply_drop(acoap_reply_t *reply) {
  if (reply != NULL) {
    reply->given_up = true;
    (void)acoap__posting_send(&reply->posting);
  }
}
