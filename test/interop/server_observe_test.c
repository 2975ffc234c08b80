/*
 * acoap serve --plugtest, the rows about observation (RFC 7641), message by message: the type of
 * notifications, their order, Max-Age, and every way in which a registration ends.
 * SPDX-License-Identifier: MIT
 */
#include "served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"

/* /obs changes every five seconds. */
enum { PERIOD_MS = 5000, LARGE = 1280 };

static served_t served;
enum { OBSERVERS = 3 };
static script_client_t observers[OBSERVERS];
static script_client_t *observer = observers; /* the one in hand */
static script_client_t other;
static uint32_t last_order; /* of the observer's notifications */

static void start(void) {
  const char *const mode[] = {"--plugtest", NULL};
  served_start(&served, ACOAP_TOOL, mode);
  for (size_t i = 0; i < OBSERVERS; i++) {
    client_open(&observers[i], served.port);
  }
  observer = observers;
  client_open(&other, served.port);
}

static void stop(void) {
  for (size_t i = 0; i < OBSERVERS; i++) {
    client_close(&observers[i]);
  }
  client_close(&other);
  served_stop(&served);
}

/* RFC 7641 section 3.4, without its time. */
static bool newer(uint32_t order, uint32_t than) {
  return ((order - than) & 0xffffff) != 0 && ((order - than) & 0xffffff) < 1u << 23;
}

static void observe(acoap_type_t type, const char *path) {
  client_begin(observer, type, ACOAP_CODE_GET, path);
  acoap_builder_uint(&observer->builder, ACOAP_OPTION_OBSERVE, 0);
  client_ask(observer, ACOAP_CODE_CONTENT);
  last_order = heard_uint(observer, ACOAP_OPTION_OBSERVE);
  ck_assert_uint_ne(last_order, UINT32_MAX);
}

/* The next notification: of this type, newer than those before, acknowledged when it asks for it.
 */
static void hear_notification(acoap_type_t type) {
  ck_assert_msg(client_hear(observer, 2 * PERIOD_MS), "no notification");
  ck_assert_int_eq(observer->heard.type, type);
  ck_assert_uint_eq(observer->heard.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(observer->heard.token.len, observer->token_len);
  ck_assert_int_eq(memcmp(observer->heard.token.data, observer->token, observer->token_len), 0);
  uint32_t order = heard_uint(observer, ACOAP_OPTION_OBSERVE);
  ck_assert_uint_ne(order, UINT32_MAX);
  ck_assert_msg(newer(order, last_order), "%u after %u", order, last_order);
  last_order = order;
  if (type == ACOAP_CON) {
    client_send_empty(observer, ACOAP_ACK, observer->heard.message_id);
  }
}

/* A registration ends with this code, and nothing follows. */
static void hear_end(uint8_t code) {
  ck_assert_msg(client_hear(observer, 2000), "no farewell");
  ck_assert_uint_eq(observer->heard.code, code);
  ck_assert_uint_eq(heard_uint(observer, ACOAP_OPTION_OBSERVE), UINT32_MAX);
  if (observer->heard.type == ACOAP_CON) {
    client_send_empty(observer, ACOAP_ACK, observer->heard.message_id);
  }
  client_expect_silence(observer, PERIOD_MS + 1000);
}

static void change(uint8_t method, const char *path, int format, const char *payload,
                   uint8_t code) {
  client_begin(&other, ACOAP_CON, method, path);
  if (format >= 0) {
    acoap_builder_uint(&other.builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)format);
  }
  if (payload != NULL) {
    acoap_builder_payload(&other.builder, payload, strlen(payload));
  }
  client_ask(&other, code);
}

START_TEST(obs_notifies_by_con_every_five_seconds) {
  observe(ACOAP_CON, "/obs");
  ck_assert_uint_eq(heard_uint(observer, ACOAP_OPTION_MAX_AGE), 5);
  ck_assert_uint_eq(heard_uint(observer, ACOAP_OPTION_CONTENT_FORMAT), ACOAP_FORMAT_TEXT_PLAIN);
  char first[32];
  snprintf(first, sizeof(first), "%.*s", (int)observer->heard.payload.len,
           (const char *)observer->heard.payload.data);
  hear_notification(ACOAP_CON);
  ck_assert(!heard_payload(observer, first));
  ck_assert_uint_eq(heard_uint(observer, ACOAP_OPTION_MAX_AGE), 5);
  hear_notification(ACOAP_CON);
}
END_TEST

START_TEST(obs_non_notifies_by_non) {
  observe(ACOAP_CON, "/obs-non");
  hear_notification(ACOAP_NON);
  hear_notification(ACOAP_NON);
}
END_TEST

/* Observe 1, a RST of a CON, a RST of a NON: RFC 7641 sections 3.6 and 4.2. */
START_TEST(each_way_to_leave_ends_the_registration) {
  observe(ACOAP_CON, "/obs");
  client_begin(observer, ACOAP_CON, ACOAP_CODE_GET, "/obs");
  acoap_builder_uint(&observer->builder, ACOAP_OPTION_OBSERVE, 1);
  client_ask(observer, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(heard_uint(observer, ACOAP_OPTION_OBSERVE), UINT32_MAX);
  observer = &observers[1];
  observe(ACOAP_CON, "/obs");
  observer = &observers[2];
  observe(ACOAP_NON, "/obs-non");
  for (size_t i = 1; i < OBSERVERS; i++) {
    observer = &observers[i];
    ck_assert(client_hear(observer, 2 * PERIOD_MS));
    ck_assert_int_eq(observer->heard.type, i == 1 ? ACOAP_CON : ACOAP_NON);
    client_send_empty(observer, ACOAP_RST, observer->heard.message_id);
  }
  client_expect_silence(observer, PERIOD_MS + 1000);
  client_expect_silence(&observers[0], 0);
  client_expect_silence(&observers[1], 0);
}
END_TEST

START_TEST(put_is_seen_at_once) {
  observe(ACOAP_CON, "/obs");
  change(ACOAP_CODE_PUT, "/obs", ACOAP_FORMAT_TEXT_PLAIN, "fresh", ACOAP_CODE_CHANGED);
  hear_notification(ACOAP_CON);
  ck_assert(heard_payload(observer, "fresh"));
  change(ACOAP_CODE_PUT, "/obs", -1, "fresher", ACOAP_CODE_CHANGED);
  hear_notification(ACOAP_CON);
  ck_assert(heard_payload(observer, "fresher"));
}
END_TEST

START_TEST(another_content_format_ends_the_registration_with_4_06) {
  observe(ACOAP_CON, "/obs");
  change(ACOAP_CODE_PUT, "/obs", ACOAP_FORMAT_JSON, "{}", ACOAP_CODE_CHANGED);
  hear_end(ACOAP_CODE_NOT_ACCEPTABLE);
  client_get(&other, ACOAP_CON, "/obs", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(heard_uint(&other, ACOAP_OPTION_CONTENT_FORMAT), ACOAP_FORMAT_JSON);
}
END_TEST

START_TEST(delete_ends_the_registration_with_4_04) {
  observe(ACOAP_CON, "/obs");
  change(ACOAP_CODE_DELETE, "/obs", -1, NULL, ACOAP_CODE_DELETED);
  hear_end(ACOAP_CODE_NOT_FOUND);
  observe(ACOAP_CON, "/obs"); /* it exists again */
}
END_TEST

START_TEST(obs_reset_puts_it_back) {
  change(ACOAP_CODE_PUT, "/obs", ACOAP_FORMAT_TEXT_PLAIN, "other", ACOAP_CODE_CHANGED);
  observe(ACOAP_CON, "/obs");
  ck_assert(heard_payload(observer, "other"));
  change(ACOAP_CODE_POST, "/obs-reset", -1, NULL, ACOAP_CODE_CHANGED);
  hear_notification(ACOAP_CON);
  ck_assert(heard_payload(observer, "0\n"));
}
END_TEST

/* The rest of a notification, block by block, under another token: RFC 7959 section 3.4. */
static size_t fetch_rest(const char *path, uint8_t *body) {
  acoap_block_t block = heard_block(observer, ACOAP_OPTION_BLOCK2);
  ck_assert(block.more);
  ck_assert_uint_eq(block.num, 0);
  uint8_t etag[8];
  size_t etag_len = heard_etag(observer, etag);
  size_t len = observer->heard.payload.len;
  memcpy(body, observer->heard.payload.data, len);
  while (block.more) {
    block = (acoap_block_t){block.num + 1, false, block.szx};
    observer->token[0] ^= 0xff;
    client_begin(observer, ACOAP_CON, ACOAP_CODE_GET, path);
    observer->token[0] ^= 0xff;
    acoap_builder_block(&observer->builder, ACOAP_OPTION_BLOCK2, &block);
    client_send(observer);
    ck_assert(client_hear(observer, SERVED_WAIT_MS));
    ck_assert_uint_eq(observer->heard.message_id, observer->message_id);
    ck_assert_uint_eq(observer->heard.code, ACOAP_CODE_CONTENT);
    block = heard_block(observer, ACOAP_OPTION_BLOCK2);
    acoap_bytes_t again = {NULL, 0};
    ck_assert(acoap_view_option(&observer->heard, ACOAP_OPTION_ETAG, 0, &again));
    ck_assert(again.len == etag_len && memcmp(again.data, etag, etag_len) == 0);
    ck_assert_uint_le(len + observer->heard.payload.len, LARGE);
    memcpy(body + len, observer->heard.payload.data, observer->heard.payload.len);
    len += observer->heard.payload.len;
  }
  return len;
}

START_TEST(a_large_notification_begins_with_its_first_block) {
  uint8_t body[LARGE];
  observe(ACOAP_CON, "/obs-large");
  hear_notification(ACOAP_CON);
  char count = (char)observer->heard.payload.data[0];
  ck_assert_uint_eq(fetch_rest("/obs-large", body), LARGE);
  ck_assert_int_eq(body[0], count);
  ck_assert_int_eq(body[LARGE - 1], '\n');
  for (size_t i = 8; i < LARGE - 2; i++) {
    ck_assert_int_eq(body[i], body[i + 1]); /* one version, not two */
  }
}
END_TEST

/* While it is unacknowledged the newest state waits; then it comes, not each one in between. */
START_TEST(pumping_skips_states_but_not_the_newest) {
  observe(ACOAP_CON, "/obs-pumping");
  int first = atoi((const char *)observer->heard.payload.data);
  ck_assert(client_hear(observer, SERVED_WAIT_MS));
  ck_assert_int_eq(observer->heard.type, ACOAP_CON);
  uint16_t outstanding = observer->heard.message_id;
  last_order = heard_uint(observer, ACOAP_OPTION_OBSERVE);
  client_expect_silence(observer, 1000);
  client_send_empty(observer, ACOAP_ACK, outstanding);
  hear_notification(ACOAP_CON);
  ck_assert_int_ge(atoi((const char *)observer->heard.payload.data), first + 8);
}
END_TEST

START_TEST(pumping_non_goes_on) {
  observe(ACOAP_NON, "/obs-pumping-non");
  for (int i = 0; i < 10; i++) {
    hear_notification(ACOAP_NON);
  }
}
END_TEST

static Suite *server_observe_suite(void) {
  Suite *suite = suite_create("server_observe");
  TCase *rows = tcase_create("rows");
  tcase_set_timeout(rows, 60);
  tcase_add_checked_fixture(rows, start, stop);
  tcase_add_test(rows, obs_notifies_by_con_every_five_seconds);
  tcase_add_test(rows, obs_non_notifies_by_non);
  tcase_add_test(rows, each_way_to_leave_ends_the_registration);
  tcase_add_test(rows, put_is_seen_at_once);
  tcase_add_test(rows, another_content_format_ends_the_registration_with_4_06);
  tcase_add_test(rows, delete_ends_the_registration_with_4_04);
  tcase_add_test(rows, obs_reset_puts_it_back);
  tcase_add_test(rows, a_large_notification_begins_with_its_first_block);
  tcase_add_test(rows, pumping_skips_states_but_not_the_newest);
  tcase_add_test(rows, pumping_non_goes_on);
  suite_add_tcase(suite, rows);
  return suite;
}

ACOAP_TEST_MAIN(server_observe_suite)
