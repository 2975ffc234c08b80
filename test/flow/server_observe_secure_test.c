/*
 * Observers under identities of their own (RFC 7252 section 9.1, RFC 7641 section 4.1): the handler
 * answers each one as who he is, first and with every notification; what one is told never goes to
 * another, whole or in blocks. Two clients with different pre-shared keys, a third with the key of
 * the first.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"

enum { WATCHERS = 3, LARGE = 3000 };

/* An observation. */
typedef struct watcher {
  acoap_stream_t *stream;
  unsigned told;
  int status;       /* of the last item */
  size_t len;       /* of the last item's body */
  char text[LARGE]; /* that body */
} watcher_t;

static dtls_pair_t pair;
static dtls_end_t more[WATCHERS - 1];
static acoap_server_t *server;
static acoap_resource_t *resource;
static watcher_t watchers[WATCHERS];
static unsigned state;
static unsigned asked;
static size_t body_len; /* of what is answered; 0: a short text */

static size_t find_key(void *user_data, acoap_bytes_t identity, uint8_t *key, size_t cap) {
  (void)user_data;
  if (identity.len == 4 && memcmp(identity.data, "lamp", 4) == 0 && cap >= 6) {
    memcpy(key, "secret", 6);
    return 6;
  }
  if (identity.len == 4 && memcmp(identity.data, "door", 4) == 0 && cap >= 6) {
    memcpy(key, "hidden", 6);
    return 6;
  }
  return 0;
}

/* "lamp 3", and its first letter as often as it takes. */
static void get(void *user_data, acoap_request_t *request) {
  acoap_bytes_t psk = acoap_identity_psk(acoap_request_identity(request));
  char text[LARGE];
  (void)user_data;
  asked++;
  ck_assert_uint_eq(psk.len, 4);
  size_t len =
      (size_t)snprintf(text, sizeof(text), "%.*s %u", (int)psk.len, (const char *)psk.data, state);
  if (body_len > len) {
    memset(text + len, psk.data[0], body_len - len);
    len = body_len;
  }
  ck_assert_int_eq(
      acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, len), 0);
}

static void on_item(void *user_data, int status, acoap_message_t *message) {
  watcher_t *watcher = user_data;
  watcher->status = status;
  if (status == 0) {
    acoap_bytes_t payload = acoap_message_payload(message);
    ck_assert_uint_le(payload.len, sizeof(watcher->text));
    watcher->told++;
    watcher->len = payload.len;
    memcpy(watcher->text, payload.data, payload.len);
  }
}

static void watch(dtls_end_t *end, watcher_t *watcher) {
  acoap_remote_endpoint_t *remote = NULL;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_block2(desc, 256);
  acoap_desc_collect(desc, LARGE);
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(acoap_remote_endpoint_new(end->endpoint, DTLS_URI, &remote), 0);
  ck_assert_int_eq(acoap_send_stream(remote, desc, on_item, watcher, &watcher->stream), 0);
  acoap_remote_endpoint_unref(remote);
}

static void open_pair(uint64_t seed, size_t len) {
  acoap_credentials_options_t options = {.size = sizeof(options), .psk_lookup = find_key};
  memset(watchers, 0, sizeof(watchers));
  state = 1;
  asked = 0;
  body_len = len;
  dtls_pair_open(&pair, seed, dtls_credentials(&options), dtls_psk("lamp", "secret"), NULL);
  dtls_end_open(&pair, &more[0], "192.0.2.3:40000", dtls_psk("door", "hidden"), NULL);
  dtls_end_open(&pair, &more[1], "192.0.2.4:40000", dtls_psk("lamp", "secret"), NULL);
  ck_assert_int_eq(acoap_server_new(pair.server.endpoint, NULL, &server), 0);
  resource = acoap_resource_new(server, "/who");
  acoap_resource_on(resource, ACOAP_CODE_GET, get, NULL);
  acoap_resource_observable(resource, NULL);
  ck_assert_int_eq(acoap_server_status(server), 0);
  watch(&pair.client, &watchers[0]);
  watch(&more[0], &watchers[1]);
  watch(&more[1], &watchers[2]);
  dtls_pair_run(&pair, 2000);
  ck_assert_uint_eq(acoap_resource_observers(resource), WATCHERS);
}

static void close_pair(void) {
  for (size_t i = 0; i < WATCHERS; i++) {
    acoap_stream_unref(watchers[i].stream);
  }
  dtls_pair_run(&pair, 2000);
  acoap_server_free(server);
  dtls_end_close(&pair, &more[0]);
  dtls_end_close(&pair, &more[1]);
  dtls_pair_close(&pair);
}

/* All have heard so often, each what is his. */
static void expect_told(unsigned times) {
  static const char *const names[] = {"lamp", "door", "lamp"};
  for (size_t i = 0; i < WATCHERS; i++) {
    const watcher_t *watcher = &watchers[i];
    char text[16];
    size_t len = (size_t)snprintf(text, sizeof(text), "%s %u", names[i], state);
    ck_assert_int_eq(watcher->status, 0);
    ck_assert_uint_eq(watcher->told, times);
    ck_assert_uint_eq(watcher->len, body_len > len ? body_len : len);
    ck_assert_mem_eq(watcher->text, text, len);
    for (size_t at = len; at < watcher->len; at++) {
      ck_assert_int_eq(watcher->text[at], names[i][0]);
    }
  }
}

START_TEST(each_identity_is_told_what_is_its_own) {
  open_pair(1, 0);
  expect_told(1);
  ck_assert_uint_eq(asked, WATCHERS);
  for (unsigned times = 2; times <= 4; times++) {
    state++;
    acoap_resource_notify(resource);
    dtls_pair_run(&pair, 2000);
    expect_told(times);
    ck_assert_uint_eq(asked, WATCHERS * times); /* nobody's answer serves for another */
  }
  close_pair();
}
END_TEST

START_TEST(also_when_it_takes_several_blocks) {
  open_pair(2, 2500);
  expect_told(1);
  state++;
  acoap_resource_notify(resource);
  dtls_pair_run(&pair, 4000);
  expect_told(2);
  close_pair();
}
END_TEST

START_TEST(who_leaves_takes_nobody_along) {
  open_pair(3, 0);
  watchers[0].stream = acoap_stream_unref(watchers[0].stream);
  dtls_pair_run(&pair, 2000);
  ck_assert_uint_eq(acoap_resource_observers(resource), WATCHERS - 1);
  state++;
  acoap_resource_notify(resource);
  dtls_pair_run(&pair, 2000);
  ck_assert_uint_eq(watchers[0].told, 1);
  ck_assert_uint_eq(watchers[1].told, 2);
  ck_assert_uint_eq(watchers[2].told, 2);
  ck_assert_mem_eq(watchers[1].text, "door 2", 6);
  ck_assert_mem_eq(watchers[2].text, "lamp 2", 6);
  close_pair();
}
END_TEST

static Suite *server_observe_secure_suite(void) {
  Suite *suite = suite_create("server_observe_secure");
  TCase *identities = tcase_create("identities");
  tcase_add_test(identities, each_identity_is_told_what_is_its_own);
  tcase_add_test(identities, also_when_it_takes_several_blocks);
  tcase_add_test(identities, who_leaves_takes_nobody_along);
  suite_add_tcase(suite, identities);
  return suite;
}

ACOAP_TEST_MAIN(server_observe_secure_suite)
