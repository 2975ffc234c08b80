/*
 * What a request that came by multicast gets (RFC 7252 section 8.2): answers with something to say,
 * after a leisure; never an ACK or a RST. The rules, unless the resource's policy says otherwise:
 *
 *     4.xx, 5.xx                             no answer
 *     2.05 without a payload                 no answer
 *     No-Response that leaves classes open   those are answered, errors and empty ones, too
 *                                            (RFC 7967 section 2.1)
 *
 * A silent resource's handlers run all the same. Delays and suppresses nothing itself: the endpoint
 * does, as it is told here.
 * SPDX-License-Identifier: MIT
 */
#include "server/server.h"

#include "message/builder.h"

/* Classes 4 and 5, and all that No-Response can name, as RFC 7967 section 2.1 has them. */
#define ERRORS 0x18
#define EVERYTHING 0x1a

/* The policy of the request's resource; without one, the default. */
static acoap_multicast_policy_t policy_of(const acoap__serving_t *serving) {
  acoap_multicast_policy_t policy = {sizeof(policy), false, false, false, 0};
  const acoap_resource_t *resource = serving->resource;
  return resource != NULL && resource->multicast.size > 0 ? resource->multicast : policy;
}

/* Has the client said itself which answers it wants? */
static bool is_asked_for(const acoap_request_t *request) {
  uint32_t not_interested = 0;
  return acoap_view_uint(acoap_message_view(acoap_request_message(request)),
                         ACOAP_OPTION_NO_RESPONSE, &not_interested) &&
         (not_interested & EVERYTHING) != EVERYTHING;
}

void acoap__multicast_admit(acoap__serving_t *serving) {
  acoap_request_t *request = serving->request;
  acoap_multicast_policy_t policy = policy_of(serving);
  uint8_t suppressed = policy.errors || is_asked_for(request) ? 0 : ERRORS;
  if (policy.silent) {
    suppressed = EVERYTHING;
  }
  acoap__request_set_policy(request, suppressed, policy.leisure_ms);
}

bool acoap__multicast_unwanted(const acoap__serving_t *serving, const acoap_builder_t *builder,
                               bool has_body) {
  return acoap__builder_code(builder) == ACOAP_CODE_CONTENT && builder->payload_at == 0 &&
         !has_body && !policy_of(serving).empty && !is_asked_for(serving->request);
}
