/*
 * acoap serve --plugtest, row by row: what a plugtest's client sends, message by message, and what
 * it has to hear. The rows about observation are server_observe_test.c's.
 * SPDX-License-Identifier: MIT
 */
#include "served.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"

enum { LARGE = 1280, UPLOAD = 3000 };

static served_t served;
static script_client_t client;

static void start(void) {
  const char *const mode[] = {"--plugtest", NULL};
  served_start(&served, ACOAP_TOOL, mode);
  client_open(&client, served.port);
}

static void stop(void) {
  client_close(&client);
  served_stop(&served);
}

static void expect_text(void) {
  ck_assert_uint_eq(heard_uint(&client, ACOAP_OPTION_CONTENT_FORMAT), ACOAP_FORMAT_TEXT_PLAIN);
  ck_assert_uint_gt(client.heard.payload.len, 0);
}

static void change(uint8_t method, const char *path, const char *payload, uint8_t code) {
  client_begin(&client, ACOAP_CON, method, path);
  if (payload != NULL) {
    acoap_builder_payload(&client.builder, payload, strlen(payload));
  }
  client_ask(&client, code);
}

START_TEST(ping_is_answered_with_a_reset) {
  client_send_empty(&client, ACOAP_CON, 4711);
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_int_eq(client.heard.type, ACOAP_RST);
  ck_assert_uint_eq(client.heard.code, ACOAP_CODE_EMPTY);
  ck_assert_uint_eq(client.heard.message_id, 4711);
  ck_assert_uint_eq(client.in_len, 4);
}
END_TEST

START_TEST(test_takes_get_put_post_delete_by_con_and_non) {
  for (int i = 0; i < 2; i++) {
    acoap_type_t type = i == 0 ? ACOAP_CON : ACOAP_NON;
    client_get(&client, type, "/test", ACOAP_CODE_CONTENT);
    expect_text();
    client_begin(&client, type, ACOAP_CODE_PUT, "/test");
    acoap_builder_uint(&client.builder, ACOAP_OPTION_CONTENT_FORMAT, ACOAP_FORMAT_TEXT_PLAIN);
    acoap_builder_payload(&client.builder, "another", 7);
    client_ask(&client, ACOAP_CODE_CHANGED);
    client_get(&client, type, "/test", ACOAP_CODE_CONTENT);
    ck_assert(heard_payload(&client, "another"));
    client_begin(&client, type, ACOAP_CODE_POST, "/test");
    acoap_builder_payload(&client.builder, "one more", 8);
    client_ask(&client, ACOAP_CODE_CREATED);
    ck_assert(heard_text(&client, ACOAP_OPTION_LOCATION_PATH, 0, "location1"));
    ck_assert(heard_text(&client, ACOAP_OPTION_LOCATION_PATH, 1, "location2"));
    ck_assert(heard_text(&client, ACOAP_OPTION_LOCATION_PATH, 2, "location3"));
    client_begin(&client, type, ACOAP_CODE_DELETE, "/test");
    client_ask(&client, ACOAP_CODE_DELETED);
    client_get(&client, type, "/test", ACOAP_CODE_CONTENT);
    expect_text();
  }
}
END_TEST

START_TEST(tokens_of_0_to_8_bytes_come_back) {
  for (client.token_len = 0; client.token_len <= 8; client.token_len++) {
    client_get(&client, ACOAP_CON, "/test", ACOAP_CODE_CONTENT);
    client_get(&client, ACOAP_NON, "/test", ACOAP_CODE_CONTENT);
  }
}
END_TEST

START_TEST(a_path_of_three_segments_is_found) {
  client_get(&client, ACOAP_CON, "/seg1/seg2/seg3", ACOAP_CODE_CONTENT);
  expect_text();
  client_get(&client, ACOAP_CON, "/seg1/seg2", ACOAP_CODE_NOT_FOUND);
  client_get(&client, ACOAP_CON, "/seg1/seg2/seg3/seg4", ACOAP_CODE_NOT_FOUND);
}
END_TEST

START_TEST(query_shows_its_parameters) {
  client_get(&client, ACOAP_CON, "/query?first=1&second=2", ACOAP_CODE_CONTENT);
  expect_text();
  ck_assert(heard_payload(&client, "first=1"));
  ck_assert(heard_payload(&client, "second=2"));
}
END_TEST

START_TEST(separate_by_con_is_an_empty_ack_and_later_a_con) {
  client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/separate");
  client_send(&client);
  /* at once: at PROCESSING_DELAY the response would have come first */
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_int_eq(client.heard.type, ACOAP_ACK);
  ck_assert_uint_eq(client.in_len, 4);
  ck_assert_uint_eq(client.heard.message_id, client.message_id);
  client_expect_silence(&client, 100);
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_int_eq(client.heard.type, ACOAP_CON);
  ck_assert_uint_eq(client.heard.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(client.heard.token.len, client.token_len);
  ck_assert_int_eq(memcmp(client.heard.token.data, client.token, client.token_len), 0);
  expect_text();
  uint16_t first = client.heard.message_id;
  /* unacknowledged, it comes again: the same message */
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_int_eq(client.heard.type, ACOAP_CON);
  ck_assert_uint_eq(client.heard.message_id, first);
  client_send_empty(&client, ACOAP_ACK, first);
  client_expect_silence(&client, 500);
}
END_TEST

START_TEST(separate_by_non_is_a_non) {
  client_begin(&client, ACOAP_NON, ACOAP_CODE_GET, "/separate");
  client_ask(&client, ACOAP_CODE_CONTENT);
  expect_text();
}
END_TEST

START_TEST(a_duplicate_gets_the_same_answer) {
  uint8_t first[SERVED_DATAGRAM_MAX];
  client_begin(&client, ACOAP_CON, ACOAP_CODE_POST, "/large-create");
  acoap_builder_payload(&client.builder, "x", 1);
  client_ask(&client, ACOAP_CODE_CREATED);
  size_t len = client.in_len;
  memcpy(first, client.in, len);
  client_send_again(&client);
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_uint_eq(client.in_len, len);
  ck_assert_int_eq(memcmp(client.in, first, len), 0);
}
END_TEST

START_TEST(location_query_is_two_options) {
  change(ACOAP_CODE_POST, "/location-query", "x", ACOAP_CODE_CREATED);
  ck_assert(heard_text(&client, ACOAP_OPTION_LOCATION_QUERY, 0, "first=1"));
  ck_assert(heard_text(&client, ACOAP_OPTION_LOCATION_QUERY, 1, "second=2"));
}
END_TEST

START_TEST(multi_format_gives_what_accept_asks_for) {
  static const int formats[] = {ACOAP_FORMAT_TEXT_PLAIN, ACOAP_FORMAT_XML, ACOAP_FORMAT_JSON};
  for (size_t i = 0; i < 3; i++) {
    client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/multi-format");
    acoap_builder_uint(&client.builder, ACOAP_OPTION_ACCEPT, (uint32_t)formats[i]);
    client_ask(&client, ACOAP_CODE_CONTENT);
    ck_assert_uint_eq(heard_uint(&client, ACOAP_OPTION_CONTENT_FORMAT), (uint32_t)formats[i]);
    ck_assert(heard_payload(&client, i == 0 ? "one" : i == 1 ? "<" : "{"));
  }
  client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/multi-format");
  acoap_builder_uint(&client.builder, ACOAP_OPTION_ACCEPT, ACOAP_FORMAT_CBOR);
  client_ask(&client, ACOAP_CODE_NOT_ACCEPTABLE);
  client_get(&client, ACOAP_CON, "/multi-format", ACOAP_CODE_CONTENT);
  expect_text();
}
END_TEST

/* Ask for /validate with an ETag. */
static void validate(const uint8_t *etag, size_t len, uint8_t code) {
  client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/validate");
  acoap_builder_option(&client.builder, ACOAP_OPTION_ETAG, etag, len);
  client_ask(&client, code);
}

START_TEST(validate_confirms_once_and_changes) {
  uint8_t first[8];
  uint8_t second[8];
  client_get(&client, ACOAP_CON, "/validate", ACOAP_CODE_CONTENT);
  size_t first_len = heard_etag(&client, first);
  validate(first, first_len, ACOAP_CODE_VALID);
  ck_assert_uint_eq(heard_etag(&client, second), first_len);
  ck_assert_int_eq(memcmp(first, second, first_len), 0);
  ck_assert_uint_eq(client.heard.payload.len, 0);
  validate(first, first_len, ACOAP_CODE_CONTENT);
  size_t second_len = heard_etag(&client, second);
  ck_assert(second_len != first_len || memcmp(first, second, first_len) != 0);
  ck_assert_uint_gt(client.heard.payload.len, 0);
}
END_TEST

static void put_if_match(const uint8_t *etag, size_t len, uint8_t code) {
  client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, "/validate");
  acoap_builder_option(&client.builder, ACOAP_OPTION_IF_MATCH, etag, len);
  acoap_builder_payload(&client.builder, "put", 3);
  client_ask(&client, code);
}

START_TEST(validate_takes_a_put_that_matches) {
  uint8_t first[8];
  uint8_t second[8];
  client_get(&client, ACOAP_CON, "/validate", ACOAP_CODE_CONTENT);
  size_t first_len = heard_etag(&client, first);
  put_if_match(first, first_len, ACOAP_CODE_CHANGED);
  size_t second_len = heard_etag(&client, second);
  ck_assert(second_len != first_len || memcmp(first, second, first_len) != 0);
  put_if_match(first, first_len, ACOAP_CODE_PRECONDITION_FAILED);
  client_get(&client, ACOAP_CON, "/validate", ACOAP_CODE_CONTENT);
  ck_assert(heard_payload(&client, "put"));
  ck_assert_uint_eq(heard_etag(&client, first), second_len);
  ck_assert_int_eq(memcmp(first, second, second_len), 0);
}
END_TEST

START_TEST(create_is_made_once) {
  for (int i = 1; i <= 3; i++) {
    char path[24];
    snprintf(path, sizeof(path), "/create%d", i);
    client_get(&client, ACOAP_CON, path, ACOAP_CODE_NOT_FOUND);
    for (int time = 0; time < 3; time++) {
      client_begin(&client, ACOAP_CON, ACOAP_CODE_PUT, path);
      acoap_builder_option(&client.builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
      acoap_builder_payload(&client.builder, "made", 4);
      client_ask(&client, time == 1 ? ACOAP_CODE_PRECONDITION_FAILED : ACOAP_CODE_CREATED);
      if (time == 1) {
        change(ACOAP_CODE_DELETE, path, NULL, ACOAP_CODE_DELETED);
      }
    }
    client_get(&client, ACOAP_CON, path, ACOAP_CODE_CONTENT);
    ck_assert(heard_payload(&client, "made"));
    change(ACOAP_CODE_DELETE, path, NULL, ACOAP_CODE_DELETED);
    client_get(&client, ACOAP_CON, path, ACOAP_CODE_NOT_FOUND);
  }
}
END_TEST

/* The large representation is lines of text under numbers. */
static void expect_large(const uint8_t *body, size_t len) {
  ck_assert_uint_eq(len, LARGE);
  for (size_t line = 0; line < LARGE / 64; line++) {
    char number[8];
    snprintf(number, sizeof(number), "%2zu |", line + 1);
    ck_assert_int_eq(memcmp(body + line * 64, number, 4), 0);
    ck_assert_int_eq(body[line * 64 + 63], '\n');
  }
}

START_TEST(large_comes_in_blocks_of_every_size) {
  uint8_t body[LARGE];
  for (size_t size = 16; size <= 1024; size *= 2) {
    expect_large(body, client_download(&client, "/large", size, body, sizeof(body)));
  }
  /* late negotiation: the server's size */
  client_get(&client, ACOAP_CON, "/large", ACOAP_CODE_CONTENT);
  acoap_block_t block = heard_block(&client, ACOAP_OPTION_BLOCK2);
  ck_assert_uint_eq(block.num, 0);
  ck_assert(block.more);
  ck_assert_uint_eq(acoap_block_size(block.szx), 1024);
  ck_assert_uint_eq(heard_uint(&client, ACOAP_OPTION_SIZE2), LARGE);
}
END_TEST

START_TEST(large_update_is_read_back) {
  uint8_t body[UPLOAD];
  uint8_t back[UPLOAD];
  for (size_t i = 0; i < UPLOAD; i++) {
    body[i] = (uint8_t)(i * 7 + i / 256);
  }
  for (size_t size = 16; size <= 1024; size *= 2) {
    body[0] = (uint8_t)size;
    client_upload(&client, ACOAP_CODE_PUT, "/large-update", size, body, UPLOAD, ACOAP_CODE_CHANGED);
    ck_assert_uint_eq(client_download(&client, "/large-update", size, back, sizeof(back)), UPLOAD);
    ck_assert_int_eq(memcmp(body, back, UPLOAD), 0);
  }
}
END_TEST

START_TEST(large_create_makes_a_resource) {
  uint8_t body[UPLOAD];
  uint8_t back[UPLOAD];
  memset(body, 'c', sizeof(body));
  client_upload(&client, ACOAP_CODE_POST, "/large-create", 64, body, UPLOAD, ACOAP_CODE_CREATED);
  char path[64] = "";
  acoap_bytes_t segment;
  for (size_t n = 0;
       acoap_view_option(&client.heard, ACOAP_OPTION_LOCATION_PATH, n, &segment) && n < 4; n++) {
    size_t len = strlen(path);
    snprintf(path + len, sizeof(path) - len, "/%.*s", (int)segment.len, (const char *)segment.data);
  }
  ck_assert_uint_gt(strlen(path), 0);
  ck_assert_uint_eq(client_download(&client, path, 512, back, sizeof(back)), UPLOAD);
  ck_assert_int_eq(memcmp(body, back, UPLOAD), 0);
  change(ACOAP_CODE_DELETE, path, NULL, ACOAP_CODE_DELETED);
  client_get(&client, ACOAP_CON, path, ACOAP_CODE_NOT_FOUND);
}
END_TEST

START_TEST(created_resources_are_bounded) {
  for (int i = 1; i <= 40; i++) {
    change(ACOAP_CODE_POST, "/large-create", "x", ACOAP_CODE_CREATED);
  }
  client_get(&client, ACOAP_CON, "/large-create/1", ACOAP_CODE_NOT_FOUND);
  client_get(&client, ACOAP_CON, "/large-create/24", ACOAP_CODE_NOT_FOUND);
  client_get(&client, ACOAP_CON, "/large-create/25", ACOAP_CODE_CONTENT);
  client_get(&client, ACOAP_CON, "/large-create/40", ACOAP_CODE_CONTENT);
}
END_TEST

/* Block1 up, Block2 down, in one transfer: RFC 7959 section 3.3. */
START_TEST(large_post_comes_back_in_upper_case) {
  static const size_t sizes[] = {16, 128, 1024};
  uint8_t body[UPLOAD];
  for (size_t i = 0; i < UPLOAD; i++) {
    body[i] = (uint8_t)(i % 29 == 28 ? '\n' : 'a' + i % 26);
  }
  for (size_t s = 0; s < 3; s++) {
    client_upload(&client, ACOAP_CODE_POST, "/large-post", sizes[s], body, UPLOAD,
                  ACOAP_CODE_CHANGED);
    acoap_block_t block = heard_block(&client, ACOAP_OPTION_BLOCK2);
    size_t len = 0;
    for (;;) {
      ck_assert_uint_eq(block.num * acoap_block_size(block.szx), len);
      for (size_t i = 0; i < client.heard.payload.len; i++, len++) {
        uint8_t c = body[len];
        ck_assert_int_eq(client.heard.payload.data[i], c == '\n' ? c : c - 'a' + 'A');
      }
      if (!block.more) {
        break;
      }
      block = (acoap_block_t){block.num + 1, false, block.szx};
      client_begin(&client, ACOAP_CON, ACOAP_CODE_POST, "/large-post");
      acoap_builder_block(&client.builder, ACOAP_OPTION_BLOCK2, &block);
      client_ask(&client, ACOAP_CODE_CHANGED);
      block = heard_block(&client, ACOAP_OPTION_BLOCK2);
    }
    ck_assert_uint_eq(len, UPLOAD);
  }
}
END_TEST

START_TEST(large_separate_is_acknowledged_first) {
  uint8_t body[LARGE];
  acoap_block_t block = {0, false, 2};
  client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/large-separate");
  acoap_builder_block(&client.builder, ACOAP_OPTION_BLOCK2, &block);
  client_send(&client);
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_int_eq(client.heard.type, ACOAP_ACK);
  ck_assert_uint_eq(client.in_len, 4);
  ck_assert(client_hear(&client, SERVED_WAIT_MS));
  ck_assert_int_eq(client.heard.type, ACOAP_CON);
  ck_assert_uint_eq(client.heard.code, ACOAP_CODE_CONTENT);
  client_send_empty(&client, ACOAP_ACK, client.heard.message_id);
  size_t len = 0;
  for (;;) {
    block = heard_block(&client, ACOAP_OPTION_BLOCK2);
    ck_assert_uint_eq(acoap_block_size(block.szx), 64);
    ck_assert_uint_le(len + client.heard.payload.len, LARGE);
    memcpy(body + len, client.heard.payload.data, client.heard.payload.len);
    len += client.heard.payload.len;
    if (!block.more) {
      break;
    }
    block = (acoap_block_t){block.num + 1, false, block.szx};
    client_begin(&client, ACOAP_CON, ACOAP_CODE_GET, "/large-separate");
    acoap_builder_block(&client.builder, ACOAP_OPTION_BLOCK2, &block);
    client_ask(&client, ACOAP_CODE_CONTENT);
  }
  expect_large(body, len);
}
END_TEST

START_TEST(path_links_to_its_children) {
  static const char *const children[] = {"/path/sub1", "/path/sub2", "/path/sub3"};
  client_get(&client, ACOAP_CON, "/path", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(heard_uint(&client, ACOAP_OPTION_CONTENT_FORMAT), ACOAP_FORMAT_LINK_FORMAT);
  for (size_t i = 0; i < 3; i++) {
    char link[24];
    snprintf(link, sizeof(link), "<%s>", children[i]);
    ck_assert(heard_payload(&client, link));
  }
  ck_assert(!heard_payload(&client, "</test>"));
  for (size_t i = 0; i < 3; i++) {
    client_get(&client, ACOAP_CON, children[i], ACOAP_CODE_CONTENT);
    expect_text();
  }
}
END_TEST

/* Which of the three links does a filter leave? Bits 1, 2 and 4. */
static unsigned links_found(const char *query) {
  uint8_t links[4096];
  char path[64];
  unsigned found = 0;
  snprintf(path, sizeof(path), "/.well-known/core?%s", query);
  client_get(&client, ACOAP_CON, path, ACOAP_CODE_CONTENT);
  ck_assert(client.heard.payload.len == 0 ||
            heard_uint(&client, ACOAP_OPTION_CONTENT_FORMAT) == ACOAP_FORMAT_LINK_FORMAT);
  size_t len = client.heard.payload.len;
  if (len > 0) {
    memcpy(links, client.heard.payload.data, len);
  }
  acoap_block_t block;
  if (acoap_view_block(&client.heard, ACOAP_OPTION_BLOCK2, &block) == 1) {
    len = client_download(&client, path, 1024, links, sizeof(links));
  }
  for (unsigned i = 0; i < 3; i++) {
    char link[16];
    int link_len = snprintf(link, sizeof(link), "</link%u>", i + 1);
    found |= len > 0 && memmem(links, len, link, (size_t)link_len) != NULL ? 1u << i : 0;
  }
  return found;
}

START_TEST(links_are_filtered_by_their_attributes) {
  static const struct {
    const char *query;
    unsigned links;
  } filters[] = {{"rt=Type1", 1 | 4}, {"rt=Type2", 1 | 2},   {"rt=Type3", 2 | 4}, {"rt=Type*", 7},
                 {"rt=Type", 0},      {"if=If1", 1},         {"if=If2", 2},       {"if=If*", 1 | 2},
                 {"if=foo", 4},       {"href=/link*", 7},    {"href=/link2", 2},  {"href=/lin", 0},
                 {"ct=0", 7},         {"rt=Type1&if=foo", 4}};
  for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
    unsigned found = links_found(filters[i].query);
    ck_assert_msg(found == filters[i].links, "%s: links %u instead of %u", filters[i].query, found,
                  filters[i].links);
  }
}
END_TEST

START_TEST(links_name_sizes) {
  uint8_t links[4096];
  size_t len = client_download(&client, "/.well-known/core?sz=1280", 64, links, sizeof(links));
  ck_assert_ptr_nonnull(memmem(links, len, "</large>", 8));
  ck_assert(memmem(links, len, "sz=1280", 7) != NULL ||
            memmem(links, len, "sz=\"1280\"", 9) != NULL);
  ck_assert_ptr_null(memmem(links, len, "</test>", 7));
  len = client_download(&client, "/.well-known/core", 16, links, sizeof(links));
  ck_assert_ptr_nonnull(memmem(links, len, "</test>", 7));
}
END_TEST

/* More than three times the request: this mode limits nobody. */
START_TEST(no_address_has_to_show_that_it_is_there) {
  client_get(&client, ACOAP_NON, "/large", ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(client.heard.payload.len, 1024);
}
END_TEST

static Suite *server_plugtest_suite(void) {
  Suite *suite = suite_create("server_plugtest");
  TCase *rows = tcase_create("rows");
  tcase_set_timeout(rows, 60);
  tcase_add_checked_fixture(rows, start, stop);
  tcase_add_test(rows, ping_is_answered_with_a_reset);
  tcase_add_test(rows, test_takes_get_put_post_delete_by_con_and_non);
  tcase_add_test(rows, tokens_of_0_to_8_bytes_come_back);
  tcase_add_test(rows, a_path_of_three_segments_is_found);
  tcase_add_test(rows, query_shows_its_parameters);
  tcase_add_test(rows, separate_by_con_is_an_empty_ack_and_later_a_con);
  tcase_add_test(rows, separate_by_non_is_a_non);
  tcase_add_test(rows, a_duplicate_gets_the_same_answer);
  tcase_add_test(rows, location_query_is_two_options);
  tcase_add_test(rows, multi_format_gives_what_accept_asks_for);
  tcase_add_test(rows, validate_confirms_once_and_changes);
  tcase_add_test(rows, validate_takes_a_put_that_matches);
  tcase_add_test(rows, create_is_made_once);
  tcase_add_test(rows, large_comes_in_blocks_of_every_size);
  tcase_add_test(rows, large_update_is_read_back);
  tcase_add_test(rows, large_create_makes_a_resource);
  tcase_add_test(rows, created_resources_are_bounded);
  tcase_add_test(rows, large_post_comes_back_in_upper_case);
  tcase_add_test(rows, large_separate_is_acknowledged_first);
  tcase_add_test(rows, path_links_to_its_children);
  tcase_add_test(rows, links_are_filtered_by_their_attributes);
  tcase_add_test(rows, links_name_sizes);
  tcase_add_test(rows, no_address_has_to_show_that_it_is_there);
  suite_add_tcase(suite, rows);
  return suite;
}

ACOAP_TEST_MAIN(server_plugtest_suite)
