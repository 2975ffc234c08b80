/*
 * What makes two requests the same one to a transfer or an observation (RFC 7252 section 5.6, RFC
 * 7959 section 2.4, RFC 9175 section 3.3): keys are taken of requests as a server receives them.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "server/server.h"
#include "server_rig.h"

typedef struct keys {
  server_rig_t rig;
  unsigned parts;    /* of the keys that are taken */
  acoap__key_t last; /* of the last request */
  unsigned taken;    /* requests */
} keys_t;

static void take(void *user_data, acoap_request_t *request) {
  keys_t *keys = user_data;
  keys->last =
      acoap__key_make(acoap_resource_server(acoap_request_resource(request)), request, keys->parts);
  keys->taken++;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, NULL, 0);
}

static void open_keys(keys_t *keys, unsigned parts) {
  memset(keys, 0, sizeof(*keys));
  server_rig_open(&keys->rig, 3, NULL);
  keys->parts = parts;
  acoap_resource_t *resource = acoap_resource_new(keys->rig.server, "/k/...");
  acoap_resource_on(resource, 0, take, keys);
  acoap_resource_understands(resource, 65001);
  ck_assert_int_eq(acoap_server_status(keys->rig.server), 0);
}

/* The key of what was begun. */
static acoap__key_t key(keys_t *keys) {
  unsigned before = keys->taken;
  (void)server_rig_answer(&keys->rig);
  ck_assert_uint_eq(keys->taken, before + 1);
  return keys->last;
}

static acoap_builder_t *begin(keys_t *keys, uint8_t method) {
  return server_rig_begin(&keys->rig, ACOAP_CON, method, "/k/a?q=1");
}

static acoap__key_t plain(keys_t *keys) {
  begin(keys, ACOAP_CODE_GET);
  return key(keys);
}

typedef struct option_row {
  uint16_t number;
  const char *value;
  size_t len;
  bool counts;
} option_row_t;

static const option_row_t option_rows[] = {
    {ACOAP_OPTION_BLOCK2, "\x02", 1, false},      /* which piece */
    {ACOAP_OPTION_OBSERVE, "\x01", 1, false},     /* what else is wished for */
    {ACOAP_OPTION_ETAG, "v1", 2, false},          /* interpreted (section 5.6) */
    {ACOAP_OPTION_SIZE1, "\x10", 1, false},       /* NoCacheKey */
    {ACOAP_OPTION_SIZE2, "", 0, false},           /* NoCacheKey */
    {ACOAP_OPTION_ECHO, "echo", 4, false},        /* NoCacheKey */
    {0xfffc, "x", 1, false},                      /* unknown, NoCacheKey by its bits */
    {ACOAP_OPTION_NO_RESPONSE, "\x08", 1, false}, /* of the way */
    {ACOAP_OPTION_HOP_LIMIT, "\x05", 1, false},   /* of the way */
    {ACOAP_OPTION_REQUEST_TAG, "t", 1, false},    /* only where it is a part */
    {ACOAP_OPTION_ACCEPT, "\x32", 1, true},
    {ACOAP_OPTION_URI_HOST, "h", 1, true},
    {ACOAP_OPTION_URI_QUERY, "r", 1, true},
    {ACOAP_OPTION_URI_PATH, "b", 1, true},
    {ACOAP_OPTION_CONTENT_FORMAT, "", 0, true},
    {65001, "", 0, true},
};

START_TEST(an_option_counts_as_the_table_says) {
  const option_row_t *row = &option_rows[_i];
  keys_t keys;
  open_keys(&keys, ACOAP__KEY_PEER);
  acoap__key_t without = plain(&keys);
  acoap_builder_option(begin(&keys, ACOAP_CODE_GET), row->number, row->value, row->len);
  acoap__key_t with = key(&keys);
  ck_assert_int_eq(acoap__key_equal(&without, &with), !row->counts);
  server_rig_close(&keys.rig);
}
END_TEST

START_TEST(the_request_tag_counts_where_it_is_a_part) {
  keys_t keys;
  open_keys(&keys, ACOAP__KEY_PEER | ACOAP__KEY_REQUEST_TAG);
  acoap__key_t without = plain(&keys);
  acoap_builder_option(begin(&keys, ACOAP_CODE_GET), ACOAP_OPTION_REQUEST_TAG, "t", 1);
  acoap__key_t with = key(&keys);
  acoap_builder_option(begin(&keys, ACOAP_CODE_GET), ACOAP_OPTION_REQUEST_TAG, NULL, 0);
  acoap__key_t empty = key(&keys);
  ck_assert(!acoap__key_equal(&without, &with));
  ck_assert(!acoap__key_equal(&without, &empty)); /* RFC 9175 section 3.2: absent is not empty */
  server_rig_close(&keys.rig);
}
END_TEST

START_TEST(a_repeated_option_is_not_its_values_joined) {
  keys_t keys;
  open_keys(&keys, ACOAP__KEY_PEER);
  acoap_builder_option(begin(&keys, ACOAP_CODE_GET), ACOAP_OPTION_URI_QUERY, "ab", 2);
  acoap__key_t joined = key(&keys);
  acoap_builder_t *builder = begin(&keys, ACOAP_CODE_GET);
  acoap_builder_option(builder, ACOAP_OPTION_URI_QUERY, "a", 1);
  acoap_builder_option(builder, ACOAP_OPTION_URI_QUERY, "b", 1);
  acoap__key_t apart = key(&keys);
  ck_assert(!acoap__key_equal(&joined, &apart));
  server_rig_close(&keys.rig);
}
END_TEST

START_TEST(the_method_counts) {
  keys_t keys;
  open_keys(&keys, ACOAP__KEY_PEER);
  acoap__key_t get = plain(&keys);
  begin(&keys, ACOAP_CODE_POST);
  acoap__key_t post = key(&keys);
  ck_assert(!acoap__key_equal(&get, &post));
  server_rig_close(&keys.rig);
}
END_TEST

START_TEST(the_payload_counts_where_it_is_a_part) {
  keys_t keys;
  open_keys(&keys, 0);
  for (unsigned parts = 0; parts <= ACOAP__KEY_PAYLOAD; parts += ACOAP__KEY_PAYLOAD) {
    keys.parts = parts;
    acoap_builder_payload(begin(&keys, ACOAP_CODE_FETCH), "one", 3);
    acoap__key_t one = key(&keys);
    acoap_builder_payload(begin(&keys, ACOAP_CODE_FETCH), "two", 3);
    acoap__key_t two = key(&keys);
    ck_assert_int_eq(acoap__key_equal(&one, &two), parts == 0);
  }
  server_rig_close(&keys.rig);
}
END_TEST

START_TEST(the_peer_counts_where_it_is_a_part) {
  keys_t keys;
  sim_peer_t other;
  open_keys(&keys, 0);
  sim_peer_open(&other, keys.rig.sim, "192.0.2.2:40001");
  for (unsigned parts = 0; parts <= ACOAP__KEY_PEER; parts += ACOAP__KEY_PEER) {
    keys.parts = parts;
    acoap__key_t one = plain(&keys);
    begin(&keys, ACOAP_CODE_GET);
    int len = acoap_builder_finish(&keys.rig.builder);
    sim_peer_send_bytes(&other, &keys.rig.address, keys.rig.bytes, (size_t)len);
    server_rig_run(&keys.rig, 1);
    acoap__key_t two = keys.last;
    ck_assert_uint_eq(keys.taken, parts == 0 ? 2 : 4);
    ck_assert_int_eq(acoap__key_equal(&one, &two), parts == 0);
  }
  sim_peer_close(&other);
  server_rig_close(&keys.rig);
}
END_TEST

START_TEST(token_and_message_id_do_not_count) {
  keys_t keys;
  open_keys(&keys, ACOAP__KEY_PEER);
  acoap__key_t one = plain(&keys);
  acoap_builder_t *builder = &keys.rig.builder;
  acoap_builder_init(builder, keys.rig.bytes, sizeof(keys.rig.bytes), ACOAP_CON, ACOAP_CODE_GET,
                     900, (const uint8_t *)"other", 5);
  acoap_builder_option(builder, ACOAP_OPTION_URI_PATH, "k", 1);
  acoap_builder_option(builder, ACOAP_OPTION_URI_PATH, "a", 1);
  acoap_builder_option(builder, ACOAP_OPTION_URI_QUERY, "q=1", 3);
  acoap__key_t two = key(&keys);
  ck_assert(acoap__key_equal(&one, &two));
  server_rig_close(&keys.rig);
}
END_TEST

/* Longer than what is hashed at once: still every byte counts, and its place. */
START_TEST(every_byte_of_a_long_request_counts) {
  keys_t keys;
  uint8_t payload[1000];
  open_keys(&keys, ACOAP__KEY_PAYLOAD);
  memset(payload, 'x', sizeof(payload));
  acoap_builder_payload(begin(&keys, ACOAP_CODE_FETCH), payload, sizeof(payload));
  acoap__key_t plain_key = key(&keys);
  for (size_t at = 0; at < sizeof(payload); at += 37) {
    payload[at] = 'y';
    acoap_builder_payload(begin(&keys, ACOAP_CODE_FETCH), payload, sizeof(payload));
    acoap__key_t other = key(&keys);
    ck_assert_uint_ne(plain_key.low, other.low);
    ck_assert_uint_ne(plain_key.high, other.high);
    payload[at] = 'x';
  }
  acoap_builder_payload(begin(&keys, ACOAP_CODE_FETCH), payload, sizeof(payload));
  acoap__key_t again = key(&keys);
  ck_assert(acoap__key_equal(&plain_key, &again));
  server_rig_close(&keys.rig);
}
END_TEST

/* RFC 7959 section 2.8: what came by multicast goes on by unicast. */
START_TEST(a_multicast_request_has_no_particular_address_of_ours) {
  keys_t keys;
  open_keys(&keys, ACOAP__KEY_PEER);
  server_rig_join(&keys.rig);
  server_rig_begin(&keys.rig, ACOAP_NON, ACOAP_CODE_GET, "/k/a?q=1");
  server_rig_send(&keys.rig, &keys.rig.group);
  ck_assert_uint_eq(keys.taken, 1);
  acoap__key_t one = keys.last;
  server_rig_begin(&keys.rig, ACOAP_NON, ACOAP_CODE_GET, "/k/a?q=1");
  server_rig_send(&keys.rig, &keys.rig.group);
  ck_assert_uint_eq(keys.taken, 2);
  ck_assert(acoap__key_equal(&one, &keys.last));
  server_rig_close(&keys.rig);
}
END_TEST

/* Keys are keyed: what collides in one server does not in another. */
START_TEST(two_servers_have_different_keys) {
  keys_t keys;
  acoap__key_t of[2];
  for (int i = 0; i < 2; i++) {
    memset(&keys, 0, sizeof(keys));
    open_keys(&keys, 0);
    acoap_server_free(keys.rig.server);
    /* The second server of the same endpoint draws other numbers. */
    for (int n = 0; n <= i; n++) {
      keys.rig.server = NULL;
      ck_assert_int_eq(acoap_server_new(keys.rig.endpoint, NULL, &keys.rig.server), 0);
      if (n < i) {
        acoap_server_free(keys.rig.server);
      }
    }
    acoap_resource_on(acoap_resource_new(keys.rig.server, "/k/..."), 0, take, &keys);
    of[i] = plain(&keys);
    server_rig_close(&keys.rig);
  }
  ck_assert(!acoap__key_equal(&of[0], &of[1]));
}
END_TEST

static Suite *key_suite(void) {
  Suite *suite = suite_create("server/key");
  TCase *tcase = tcase_create("parts");
  tcase_add_loop_test(tcase, an_option_counts_as_the_table_says, 0,
                      (int)(sizeof(option_rows) / sizeof(option_rows[0])));
  tcase_add_test(tcase, the_request_tag_counts_where_it_is_a_part);
  tcase_add_test(tcase, a_repeated_option_is_not_its_values_joined);
  tcase_add_test(tcase, the_method_counts);
  tcase_add_test(tcase, the_payload_counts_where_it_is_a_part);
  tcase_add_test(tcase, the_peer_counts_where_it_is_a_part);
  tcase_add_test(tcase, token_and_message_id_do_not_count);
  tcase_add_test(tcase, every_byte_of_a_long_request_counts);
  tcase_add_test(tcase, a_multicast_request_has_no_particular_address_of_ours);
  tcase_add_test(tcase, two_servers_have_different_keys);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(key_suite)
