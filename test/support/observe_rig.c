/*
 * The observed server's test rig. Fails the running test where a step's own precondition does not
 * hold.
 * SPDX-License-Identifier: MIT
 */
#include "observe_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

void observe_rig_answer(observe_rig_t *rig, acoap_request_t *request) {
  acoap_body_t *body = acoap_body_copy(rig->state, rig->state_len);
  acoap_builder_t *builder = acoap_request_begin(request, rig->code);
  if (body == NULL || builder == NULL) {
    acoap_body_unref(body); /* a test without memory, or nobody to answer to */
    return;
  }
  if (rig->content_format >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)rig->content_format);
  }
  if (rig->etag != NULL) {
    acoap_body_set_etag(body, rig->etag, strlen(rig->etag));
  }
  if (rig->max_age_s > 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, rig->max_age_s);
  }
  if (acoap_code_is_success(rig->code)) {
    (void)acoap_request_send_body(request, body, ACOAP_AS_REQUESTED);
  } else {
    acoap_body_unref(body);
    (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
  }
}

static void handle(void *user_data, acoap_request_t *request) {
  observe_rig_t *rig = user_data;
  rig->asked++;
  rig->rounds += acoap_request_is_notification(request) ? 1 : 0;
  if (rig->on_ask != NULL) {
    rig->on_ask(rig, request);
  }
  if (rig->ignore && acoap_request_is_notification(request)) {
    acoap_request_ignore(request);
  } else if (rig->later) {
    ck_assert_uint_lt(rig->kept_count, OBSERVE_RIG_KEPT);
    rig->kept[rig->kept_count++] = acoap_request_ref(request);
  } else {
    observe_rig_answer(rig, request);
  }
}

void observe_rig_open(observe_rig_t *rig, const acoap_observable_options_t *options,
                      const acoap_server_options_t *server_options) {
  memset(rig, 0, sizeof(*rig));
  server_rig_open(&rig->rig, 5, server_options);
  sim_peer_open(&rig->other, rig->rig.sim, "192.0.2.3:40000");
  rig->code = ACOAP_CODE_CONTENT;
  rig->content_format = ACOAP_FORMAT_TEXT_PLAIN;
  rig->resource = acoap_resource_new(rig->rig.server, "/r");
  acoap_resource_on(rig->resource, ACOAP_CODE_GET, handle, rig);
  acoap_resource_on(rig->resource, ACOAP_CODE_FETCH, handle, rig);
  acoap_resource_observable(rig->resource, options);
  ck_assert_int_eq(acoap_server_status(rig->rig.server), 0);
  observe_rig_set(rig, "0");
}

void observe_rig_close(observe_rig_t *rig) {
  for (unsigned i = 0; i < rig->kept_count; i++) {
    acoap_request_unref(rig->kept[i]);
  }
  sim_peer_close(&rig->other);
  server_rig_close(&rig->rig);
}

void observe_rig_run(observe_rig_t *rig, acoap_time_t ms) {
  server_rig_run(&rig->rig, ms);
}

void observe_rig_set(observe_rig_t *rig, const char *text) {
  rig->state_len = strlen(text);
  memcpy(rig->state, text, rig->state_len);
}

void observe_rig_change(observe_rig_t *rig, const char *text) {
  observe_rig_set(rig, text);
  ck_assert_int_eq(acoap_resource_notify(rig->resource), 0);
  observe_rig_run(rig, 1);
}

acoap_builder_t *observe_rig_begin(observe_rig_t *rig, acoap_type_t type, const char *token,
                                   const char *path, int observe) {
  acoap_builder_t *builder = &rig->rig.builder;
  acoap_builder_init(builder, rig->rig.bytes, sizeof(rig->rig.bytes), type, ACOAP_CODE_GET,
                     ++rig->message_id, (const uint8_t *)token, strlen(token));
  acoap_builder_path(builder, path, strlen(path));
  if (observe >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_OBSERVE, (uint32_t)observe);
  }
  return builder;
}

void observe_rig_send(observe_rig_t *rig, sim_peer_t *peer) {
  int len = acoap_builder_finish(&rig->rig.builder);
  ck_assert_int_gt(len, 0);
  sim_peer_send_bytes(peer, &rig->rig.address, rig->rig.bytes, (size_t)len);
  observe_rig_run(rig, 1);
}

void observe_rig_register(observe_rig_t *rig, sim_peer_t *peer, acoap_type_t type,
                          const char *token) {
  (void)observe_rig_begin(rig, type, token, "/r", 0);
  observe_rig_send(rig, peer);
  (void)observe_rig_expect(rig, peer, type == ACOAP_CON ? ACOAP_ACK : ACOAP_NON, ACOAP_CODE_CONTENT,
                           token, NULL);
  ck_assert_int_ge(rig->number, 0);
}

const sim_datagram_t *observe_rig_expect(observe_rig_t *rig, sim_peer_t *peer, acoap_type_t type,
                                         uint8_t code, const char *token, const char *payload) {
  const sim_datagram_t *got = sim_peer_expect(peer, type, code);
  uint32_t number;
  ck_assert_uint_eq(got->view.token.len, strlen(token));
  ck_assert(got->view.token.len == 0 ||
            memcmp(got->view.token.data, token, got->view.token.len) == 0);
  if (payload != NULL) {
    server_rig_expect_payload(got, payload);
  }
  bool given = acoap_view_uint(&got->view, ACOAP_OPTION_OBSERVE, &number);
  rig->number = given ? (int32_t)number : -1;
  return got;
}

static void send_empty(observe_rig_t *rig, sim_peer_t *peer, acoap_type_t type,
                       const sim_datagram_t *datagram) {
  sim_peer_send(peer, &rig->rig.address, type, ACOAP_CODE_EMPTY, datagram->view.message_id, NULL,
                NULL);
  observe_rig_run(rig, 1);
}

void observe_rig_acknowledge(observe_rig_t *rig, sim_peer_t *peer, const sim_datagram_t *datagram) {
  send_empty(rig, peer, ACOAP_ACK, datagram);
}

void observe_rig_reset(observe_rig_t *rig, sim_peer_t *peer, const sim_datagram_t *datagram) {
  send_empty(rig, peer, ACOAP_RST, datagram);
}
