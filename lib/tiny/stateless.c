/*
 * The smallest server (RFC 7252 sections 4.2, 4.3, 4.5): one datagram in, at most one out, nothing
 * remembered. A request that comes twice is answered twice, which section 4.5 allows where all
 * handlers are idempotent. No engine: no retransmission, no separate responses, no client.
 *
 *     CON request -> piggybacked answer        NON request -> NON
 *     CON Empty (ping), reserved class, response, malformed -> RST, unless it came by multicast
 *     all others -> silence
 *
 * SPDX-License-Identifier: MIT
 */
#include <acoap/tiny.h>

#include "tiny/answer.h"

enum { OUT_MIN = 16 };

static int write_empty(uint8_t *out, acoap_type_t type, uint16_t message_id) {
  out[0] = 0x40;
  out[1] = ACOAP_CODE_EMPTY;
  acoap_message_set_header(out, type, message_id);
  return 4;
}

static int answer_request(acoap_tiny_stateless_t *server, const acoap_tiny_request_t *request,
                          uint8_t *out, size_t cap) {
  const acoap_view_t *view = request->view;
  acoap_builder_t answer;
  size_t len = 0;

  acoap__tiny_answer_init(&answer, out, cap, view);
  int verdict = acoap__tiny_answer_write(server->serve, request, &answer, &len);
  if (verdict != ACOAP_TINY_SEND) {
    return view->type == ACOAP_CON ? write_empty(out, ACOAP_ACK, view->message_id) : 0;
  }
  if (view->type == ACOAP_NON) {
    acoap_message_set_header(out, ACOAP_NON, server->message_id++);
  }
  return (int)len;
}

int acoap_tiny_stateless_answer(acoap_tiny_stateless_t *server, acoap_time_t now,
                                const acoap_address_t *peer, bool multicast, const void *bytes,
                                size_t len, uint8_t *out, size_t cap) {
  acoap_view_t view;

  if (server == NULL || server->serve == NULL || server->resources == NULL || peer == NULL ||
      out == NULL || cap < OUT_MIN || (bytes == NULL && len > 0)) {
    return ACOAP_EINVAL;
  }
  int status = acoap_decode(&view, bytes, len, ACOAP_TOKEN_MAX, NULL);
  if (status == ACOAP_EVERSION || len < 4) {
    return 0;
  }
  bool con = view.type == ACOAP_CON;
  if (status == 0 && acoap_code_is_request(view.code) &&
      (con ? !multicast : view.type == ACOAP_NON)) {
    acoap_tiny_request_t request = {.now = now,
                                    .peer = peer,
                                    .view = &view,
                                    .resources = server->resources,
                                    .multicast = multicast};
    return answer_request(server, &request, out, cap);
  }
  return con && !multicast ? write_empty(out, ACOAP_RST, view.message_id) : 0;
}
