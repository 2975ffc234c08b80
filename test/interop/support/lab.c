/*
 * The loop, endpoints and guard of an interop test. Knows no peers.
 * SPDX-License-Identifier: MIT
 */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void guard_fired(uv_timer_t *timer) {
  (void)timer;
  ck_abort_msg("the guard timer ended the test");
}

void lab_open(lab_t *lab, acoap_udp_kind_t kind, unsigned guard_s) {
  memset(lab, 0, sizeof(*lab));
  lab->kind = kind;
  ck_assert_int_eq(uv_loop_init(&lab->loop), 0);
  ck_assert_int_eq(uv_timer_init(&lab->loop, &lab->guard), 0);
  ck_assert_int_eq(uv_timer_start(&lab->guard, guard_fired, (uint64_t)guard_s * 1000, 0), 0);
  uv_unref((uv_handle_t *)&lab->guard);
}

/* ACOAP_INTEROP_VERBOSE shows every message; warnings are shown always. */
static void show_log(void *user_data, acoap_log_level_t level, const char *text) {
  (void)user_data;
  fprintf(stderr, "# %d %s\n", (int)level, text);
}

static void show_message(void *user_data, acoap_direction_t direction, const acoap_path_t *path,
                         acoap_bytes_t bytes) {
  (void)user_data;
  char peer[ACOAP_ADDRESS_TEXT_MAX];
  char text[256] = "malformed";
  acoap_view_t view;
  acoap_address_format(&path->peer, peer, sizeof(peer));
  if (acoap_decode(&view, bytes.data, bytes.len, ACOAP_TOKEN_MAX, NULL) == 0) {
    acoap_view_format(&view, text, sizeof(text));
  }
  fprintf(stderr, "# %s %s if%u%s: %s\n", direction == ACOAP_SENT ? "to" : "from", peer,
          path->interface, path->multicast ? " multicast" : "", text);
}

static void show_event(void *user_data, const acoap_event_t *event) {
  (void)user_data;
  char address[ACOAP_ADDRESS_TEXT_MAX];
  acoap_address_format(&event->address, address, sizeof(address));
  fprintf(stderr, "# event %d: %s, %s %s %s\n", (int)event->kind, acoap_err_name(event->status),
          event->interface == NULL ? "" : event->interface, address,
          event->reason == NULL ? "" : event->reason);
}

acoap_local_endpoint_t *lab_endpoint(lab_t *lab, const acoap_local_endpoint_options_t *options) {
  acoap_local_endpoint_options_t mine;
  memset(&mine, 0, sizeof(mine));
  if (options != NULL) {
    mine = *options;
  }
  mine.size = sizeof(mine);
  mine.udp = lab->kind;
  ck_assert_uint_lt(lab->endpoint_count, LAB_ENDPOINTS_MAX);
  acoap_local_endpoint_t *endpoint = NULL;
  int status = acoap_local_endpoint_new(&lab->loop, &mine, &endpoint);
  ck_assert_msg(status == 0, "acoap_local_endpoint_new: %s", acoap_strerror(status));
  bool verbose = getenv("ACOAP_INTEROP_VERBOSE") != NULL;
  acoap_local_endpoint_set_log(endpoint, verbose ? ACOAP_LOG_DEBUG : ACOAP_LOG_WARNING, show_log,
                               NULL);
  if (verbose) {
    acoap_local_endpoint_set_tap(endpoint, show_message, NULL);
    acoap_local_endpoint_on_event(endpoint, show_event, NULL);
  }
  lab->endpoints[lab->endpoint_count++] = endpoint;
  return endpoint;
}

static void endpoint_closed(void *user_data) {
  lab_t *lab = user_data;
  lab->closed++;
}

void lab_close(lab_t *lab) {
  for (size_t i = 0; i < lab->endpoint_count; i++) {
    acoap_local_endpoint_close(lab->endpoints[i], endpoint_closed, lab);
  }
  ck_assert_uint_eq(lab->closed, 0);
  while (lab->closed < lab->endpoint_count) {
    uv_run(&lab->loop, UV_RUN_ONCE);
  }
  uv_close((uv_handle_t *)&lab->guard, NULL);
  ck_assert_int_eq(uv_run(&lab->loop, UV_RUN_DEFAULT), 0);
  int left = uv_loop_close(&lab->loop);
  if (left != 0) {
    uv_print_all_handles(&lab->loop, stderr);
  }
  ck_assert_int_eq(left, 0);
}

acoap_remote_endpoint_t *lab_remote(acoap_local_endpoint_t *endpoint, uint16_t port,
                                    const char *reference) {
  acoap_address_t address = {.family = ACOAP_FAMILY_IPV4, .port = port, .ip = {127, 0, 0, 1}};
  acoap_remote_endpoint_t *remote = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_from_address(endpoint, &address, reference, &remote), 0);
  return remote;
}

lab_answer_t lab_ask(acoap_remote_endpoint_t *remote, acoap_desc_t *desc) {
  lab_answer_t answer = {0, 0, NULL};
  acoap_future_t *future = NULL;
  answer.status = acoap_send(remote, desc, NULL, NULL, &future);
  if (answer.status == 0) {
    answer.status = acoap_future_wait(future);
    answer.message = acoap_message_ref(acoap_future_message(future));
    if (answer.message != NULL) {
      answer.code = acoap_message_code(answer.message);
    }
    acoap_future_unref(future);
  }
  return answer;
}

void lab_drop(lab_answer_t *answer) {
  answer->message = acoap_message_unref(answer->message);
}

static void expect_code(const lab_answer_t *answer, uint8_t code) {
  char wanted[5];
  char got[5];
  acoap_code_format(code, wanted);
  acoap_code_format(answer->code, got);
  int status = acoap_code_is_success(code)   ? 0
               : ACOAP_CODE_CLASS(code) == 4 ? ACOAP_ECLIENTERROR
                                             : ACOAP_ESERVERERROR;
  ck_assert_msg(answer->code == code && answer->status == status,
                "%s wanted, got %s with status %s", wanted, got, acoap_err_name(answer->status));
}

void lab_expect(acoap_remote_endpoint_t *remote, acoap_desc_t *desc, uint8_t code) {
  lab_answer_t answer = lab_ask(remote, desc);
  expect_code(&answer, code);
  lab_drop(&answer);
}

void lab_expect_text(acoap_remote_endpoint_t *remote, acoap_desc_t *desc, const char *text) {
  lab_answer_t answer = lab_ask(remote, desc);
  expect_code(&answer, ACOAP_CODE_CONTENT);
  acoap_bytes_t payload = acoap_message_payload(answer.message);
  ck_assert_msg(payload.len == strlen(text) && memcmp(payload.data, text, payload.len) == 0,
                "'%s' wanted, got '%.*s'", text, (int)payload.len, (const char *)payload.data);
  lab_drop(&answer);
}

void lab_turn(lab_t *lab) {
  uv_run(&lab->loop, UV_RUN_ONCE);
}

static void time_is_over(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

void lab_run_for(lab_t *lab, unsigned ms) {
  bool over = false;
  uv_timer_t timer;
  ck_assert_int_eq(uv_timer_init(&lab->loop, &timer), 0);
  timer.data = &over;
  uv_update_time(&lab->loop);
  ck_assert_int_eq(uv_timer_start(&timer, time_is_over, ms, 0), 0);
  while (!over) {
    lab_turn(lab);
  }
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&lab->loop, UV_RUN_NOWAIT);
}

acoap_stats_t lab_stats(const acoap_local_endpoint_t *endpoint) {
  acoap_stats_t stats;
  memset(&stats, 0, sizeof(stats));
  stats.size = sizeof(stats);
  ck_assert_int_eq(acoap_local_endpoint_stats(endpoint, &stats), 0);
  return stats;
}

acoap_desc_t *lab_desc(uint8_t method, const char *path) {
  acoap_desc_t *desc = acoap_desc_new(method);
  acoap_desc_path(desc, path);
  return desc;
}

uint8_t *lab_body(size_t len, uint64_t seed) {
  uint8_t *body = malloc(len);
  ck_assert_ptr_nonnull(body);
  uint64_t state = seed;
  for (size_t i = 0; i < len; i++) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    body[i] = (uint8_t)(state >> 56);
  }
  return body;
}
