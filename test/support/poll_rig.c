/*
 * Heapless endpoints under virtual time, see poll_rig.h.
 * SPDX-License-Identifier: MIT
 */
#include "support/poll_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static int send_datagram(void *user_data, const acoap_address_t *peer, acoap_bytes_t bytes) {
  poll_rig_t *rig = user_data;

  if (rig->refuse != 0) {
    return rig->refuse;
  }
  poll_datagram_t *datagram = &rig->sent_log[rig->sent++ % POLL_KEPT];
  ck_assert_uint_le(bytes.len, sizeof(datagram->bytes));
  datagram->at = rig->now;
  datagram->peer = *peer;
  datagram->len = bytes.len;
  memcpy(datagram->bytes, bytes.data, bytes.len);
  ck_assert_int_eq(acoap_decode(&datagram->view, datagram->bytes, datagram->len, 8, NULL), 0);
  return 0;
}

static void draw_entropy(void *user_data, uint8_t *bytes, size_t len) {
  poll_rig_t *rig = user_data;

  acoap__seeded_fill(&rig->seed, bytes, len);
}

void poll_rig_init(poll_rig_t *rig, const acoap_tiny_resource_t *resources) {
  memset(rig, 0, sizeof(*rig));
  acoap_params_init(&rig->params);
  rig->params.ack_random_factor_permille = 1000;
  rig->config = (acoap_tiny_config_t){.requests = 2,
                                      .responses = 4,
                                      .exchanges_in = 16,
                                      .peers = 4,
                                      .reply_bytes = 1024,
                                      .message_bytes = 256,
                                      .send = send_datagram,
                                      .entropy = draw_entropy,
                                      .user_data = rig,
                                      .params = &rig->params,
                                      .waiting = acoap_tiny_waiting,
                                      .resources = resources,
                                      .serve = resources != NULL ? acoap_tiny_serve : NULL};
  rig->seed.state = 1;
  rig->now = 1000;
}

void poll_rig_start(poll_rig_t *rig) {
  size_t len = acoap_tiny_memory(&rig->config);

  ck_assert_uint_gt(len, 0);
  rig->memory = malloc(len);
  rig->sent_log = calloc(POLL_KEPT, sizeof(*rig->sent_log));
  rig->told_log = calloc(POLL_KEPT, sizeof(*rig->told_log));
  ck_assert(rig->memory != NULL && rig->sent_log != NULL && rig->told_log != NULL);
  memset(rig->memory, 0xa5, len);
  ck_assert_int_eq(acoap_tiny_init(rig->memory, len, &rig->config, &rig->tiny), 0);
}

void poll_rig_done(poll_rig_t *rig) {
  free(rig->memory);
  free(rig->sent_log);
  free(rig->told_log);
}

acoap_address_t poll_peer(unsigned n) {
  acoap_address_t peer = {.family = ACOAP_FAMILY_IPV4, .port = 5683};

  peer.ip[0] = 192;
  peer.ip[2] = 2;
  peer.ip[3] = (uint8_t)n;
  return peer;
}

void poll_rig_poll(poll_rig_t *rig) {
  acoap_tiny_event_t event;
  unsigned turns = 0;

  while (acoap_tiny_poll(rig->tiny, rig->now, &event)) {
    poll_told_t *told = &rig->told_log[rig->told++ % POLL_KEPT];
    told->event = event;
    told->at = rig->now;
    told->payload_len = event.view.payload.len;
    ck_assert_uint_lt(told->payload_len, sizeof(told->payload));
    if (told->payload_len > 0) {
      memcpy(told->payload, event.view.payload.data, told->payload_len);
    }
    told->payload[told->payload_len] = '\0';
    if (rig->on_event != NULL) {
      rig->on_event(rig, &event);
    }
    ck_assert_uint_lt(turns++, 1000);
  }
}

void poll_rig_run_until(poll_rig_t *rig, acoap_time_t until) {
  for (unsigned turns = 0;; turns++) {
    ck_assert_uint_lt(turns, 100000);
    acoap_time_t wake = acoap_tiny_next_wake(rig->tiny);
    if (wake > until) {
      break;
    }
    rig->now = wake > rig->now ? wake : rig->now;
    poll_rig_poll(rig);
  }
  rig->now = until;
  poll_rig_poll(rig);
}

void poll_rig_feed(poll_rig_t *rig, unsigned n, const void *bytes, size_t len) {
  acoap_address_t peer = poll_peer(n);
  /* Memory of its own, gone afterwards: nobody may look at it later. */
  uint8_t *copy = malloc(len > 0 ? len : 1);

  ck_assert_ptr_nonnull(copy);
  memcpy(copy, bytes, len);
  ck_assert_int_eq(acoap_tiny_receive(rig->tiny, rig->now, &peer, copy, len), 0);
  poll_rig_poll(rig);
  free(copy);
}

void poll_rig_receive(poll_rig_t *rig, unsigned n, acoap_type_t type, uint8_t code,
                      uint16_t message_id, const char *token, const char *payload) {
  acoap_builder_t builder;
  uint8_t bytes[1300];

  acoap_builder_init(&builder, bytes, sizeof(bytes), type, code, message_id, (const uint8_t *)token,
                     strlen(token));
  acoap_builder_payload(&builder, payload, payload != NULL ? strlen(payload) : 0);
  int len = acoap_builder_finish(&builder);
  ck_assert_int_gt(len, 0);
  poll_rig_feed(rig, n, bytes, (size_t)len);
}

void poll_rig_ask(poll_rig_t *rig, unsigned n, acoap_type_t type, uint8_t method,
                  uint16_t message_id, const char *token, const char *path, uint16_t number,
                  const void *value, size_t len) {
  acoap_builder_t builder;
  uint8_t bytes[300];

  acoap_builder_init(&builder, bytes, sizeof(bytes), type, method, message_id,
                     (const uint8_t *)token, strlen(token));
  while (*path != '\0') {
    size_t segment = strcspn(path, "/");
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, path, segment);
    path += segment + (path[segment] == '/' ? 1 : 0);
  }
  if (number != 0) {
    acoap_builder_option(&builder, number, value, len);
  }
  poll_rig_feed(rig, n, bytes, (size_t)acoap_builder_finish(&builder));
}

const poll_datagram_t *poll_rig_expect(poll_rig_t *rig, acoap_type_t type, uint8_t code,
                                       int message_id) {
  ck_assert_msg(rig->taken < rig->sent, "nothing was sent");
  const poll_datagram_t *datagram = &rig->sent_log[rig->taken++ % POLL_KEPT];

  ck_assert_int_eq(datagram->view.type, type);
  ck_assert_uint_eq(datagram->view.code, code);
  if (message_id >= 0) {
    ck_assert_int_eq(datagram->view.message_id, message_id);
  }
  return datagram;
}

void poll_rig_payload(const poll_datagram_t *datagram, const char *text) {
  ck_assert_uint_eq(datagram->view.payload.len, strlen(text));
  if (text[0] != '\0') {
    ck_assert(memcmp(datagram->view.payload.data, text, strlen(text)) == 0);
  }
}

void poll_rig_silence(const poll_rig_t *rig) {
  ck_assert_uint_eq(rig->taken, rig->sent);
}

const poll_told_t *poll_rig_told(poll_rig_t *rig, acoap_tiny_event_kind_t kind) {
  ck_assert_msg(rig->seen < rig->told, "nothing was told");
  const poll_told_t *told = &rig->told_log[rig->seen++ % POLL_KEPT];

  ck_assert_int_eq(told->event.kind, kind);
  return told;
}

void poll_rig_nothing_told(const poll_rig_t *rig) {
  ck_assert_uint_eq(rig->seen, rig->told);
}
