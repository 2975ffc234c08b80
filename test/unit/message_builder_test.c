/*
 * message/builder: options in any order against a naive reference, the edges of delta and length,
 * and failures that stick.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/codec.h>

#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "message/builder.h"
#include "support/check_main.h"

enum { OPTIONS_MAX = 64, MESSAGE_MAX = 8192, VALUE_MAX = 700 };

/* The reference: a sorted list of options, encoded from scratch each time with arithmetic of its
 * own. */
typedef struct reference {
  struct {
    unsigned number;
    size_t len;
    uint8_t fill;
  } options[OPTIONS_MAX];
  size_t count;
  size_t payload_len;
  size_t token_len;
} reference_t;

static acoap__random_t rng;
static uint8_t fill[VALUE_MAX];

static void seed_random(uint64_t number) {
  static acoap__seeded_t seed;
  seed.state = number;
  acoap__random_init(&rng, acoap__seeded_fill, &seed);
}

static void reference_insert(reference_t *reference, unsigned number, size_t len, uint8_t byte) {
  size_t at = reference->count;
  while (at > 0 && reference->options[at - 1].number > number) {
    reference->options[at] = reference->options[at - 1];
    at--;
  }
  reference->options[at].number = number;
  reference->options[at].len = len;
  reference->options[at].fill = byte;
  reference->count++;
}

static void reference_remove(reference_t *reference, unsigned number) {
  size_t kept = 0;
  for (size_t i = 0; i < reference->count; i++) {
    if (reference->options[i].number != number) {
      reference->options[kept++] = reference->options[i];
    }
  }
  reference->count = kept;
}

static size_t put_extended(uint8_t *to, size_t value) {
  if (value < 13) {
    return 0;
  }
  if (value < 13 + 256) {
    to[0] = (uint8_t)(value - 13);
    return 1;
  }
  to[0] = (uint8_t)((value - 269) / 256);
  to[1] = (uint8_t)((value - 269) % 256);
  return 2;
}

static size_t reference_encode(const reference_t *reference, uint8_t *to) {
  size_t at = 4 + reference->token_len;
  unsigned last = 0;
  memset(to, 0xcc, at);
  to[0] = (uint8_t)(0x40 + reference->token_len);
  to[1] = ACOAP_CODE_PUT;
  to[2] = 0x12;
  to[3] = 0x34;
  for (size_t i = 0; i < reference->count; i++) {
    size_t delta = reference->options[i].number - last;
    size_t len = reference->options[i].len;
    uint8_t *head = &to[at++];
    size_t delta_bytes = put_extended(&to[at], delta);
    at += delta_bytes;
    size_t len_bytes = put_extended(&to[at], len);
    at += len_bytes;
    *head = (uint8_t)((delta_bytes > 0 ? 12 + delta_bytes : delta) * 16 +
                      (len_bytes > 0 ? 12 + len_bytes : len));
    memset(&to[at], reference->options[i].fill, len);
    at += len;
    last = reference->options[i].number;
  }
  if (reference->payload_len > 0) {
    to[at++] = 0xff;
    memset(&to[at], 'p', reference->payload_len);
    at += reference->payload_len;
  }
  return at;
}

/* Numbers near each other, near the edges of the format, and anywhere. */
static unsigned any_number(void) {
  static const unsigned edges[] = {0,   1,   12,  13,  14,  268,   269,
                                   270, 281, 282, 537, 538, 65534, 65535};
  switch (acoap__random_between(&rng, 0, 3)) {
  case 0:
    return edges[acoap__random_between(&rng, 0, 13)];
  case 1:
    return acoap__random_between(&rng, 0, UINT16_MAX);
  default:
    return acoap__random_between(&rng, 0, 40);
  }
}

static size_t any_len(void) {
  static const size_t edges[] = {0, 1, 12, 13, 14, 268, 269, 270};
  return acoap__random_between(&rng, 0, 1) == 0 ? edges[acoap__random_between(&rng, 0, 7)]
                                                : acoap__random_between(&rng, 0, 20);
}

static void any_step(acoap_builder_t *builder, reference_t *reference) {
  uint32_t what = acoap__random_between(&rng, 0, 9);
  if (what < 6 && reference->count < OPTIONS_MAX - 4) {
    unsigned number = any_number();
    size_t len = any_len();
    uint8_t byte = (uint8_t)acoap__random_u32(&rng);
    memset(fill, byte, len);
    acoap_builder_option(builder, (uint16_t)number, fill, len);
    reference_insert(reference, number, len, byte);
  } else if (what < 8) {
    unsigned number = reference->count > 0
                          ? reference->options[acoap__random_u32(&rng) % reference->count].number
                          : 5;
    acoap_builder_remove(builder, (uint16_t)number);
    reference_remove(reference, number);
  } else if (what == 8) {
    reference->payload_len = any_len();
    memset(fill, 'p', reference->payload_len);
    acoap_builder_payload(builder, fill, reference->payload_len);
  } else {
    size_t room = 0;
    uint8_t *payload = acoap_builder_payload_room(builder, &room);
    ck_assert_ptr_nonnull(payload);
    reference->payload_len = any_len();
    ck_assert_uint_ge(room, reference->payload_len);
    memset(payload, 'p', reference->payload_len);
    acoap_builder_payload_commit(builder, reference->payload_len);
  }
}

START_TEST(random_steps_agree_with_the_reference) {
  static uint8_t bytes[32768];
  static uint8_t expected[32768];
  seed_random((uint64_t)_i + 100);
  for (int message = 0; message < 60; message++) {
    reference_t reference = {.token_len = acoap__random_between(&rng, 0, 8)};
    uint8_t token[8];
    acoap_builder_t builder;
    memset(token, 0xcc, sizeof(token));
    acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_PUT, 0x1234, token,
                       reference.token_len);
    for (uint32_t n = acoap__random_between(&rng, 0, 80); n > 0; n--) {
      any_step(&builder, &reference);
      size_t len = reference_encode(&reference, expected);
      ck_assert_int_eq(acoap_builder_finish(&builder), (int)len);
      ck_assert_mem_eq(bytes, expected, len);
    }
    acoap_view_t built;
    acoap_view_t decoded;
    size_t len = (size_t)acoap_builder_finish(&builder);
    acoap_builder_view(&builder, &built);
    ck_assert_int_eq(acoap_decode(&decoded, bytes, len, ACOAP_TOKEN_MAX, NULL), 0);
    ck_assert_int_eq(built.type, decoded.type);
    ck_assert_uint_eq(built.code, decoded.code);
    ck_assert_uint_eq(built.message_id, decoded.message_id);
    ck_assert_ptr_eq(built.token.data, decoded.token.data);
    ck_assert_uint_eq(built.token.len, decoded.token.len);
    ck_assert_ptr_eq(built.options.data, decoded.options.data);
    ck_assert_uint_eq(built.options.len, decoded.options.len);
    ck_assert_uint_eq(built.payload.len, decoded.payload.len);
    ck_assert(built.payload.len == 0 || built.payload.data == decoded.payload.data);
  }
}
END_TEST

/* RFC 7252 section 3.1: every delta and length around the edges, spelled out. */
START_TEST(deltas_and_lengths_at_the_edges) {
  static const struct {
    uint16_t number;
    size_t len;
    const char *head;
    size_t head_len;
  } cases[] = {
      {0, 0, "\x00", 1},
      {12, 12, "\xcc", 1},
      {13, 0, "\xd0\x00", 2},
      {268, 0, "\xd0\xff", 2},
      {269, 0, "\xe0\x00\x00", 3},
      {65535, 0, "\xe0\xfe\xf2", 3},
      {0, 13, "\x0d\x00", 2},
      {0, 268, "\x0d\xff", 2},
      {0, 269, "\x0e\x00\x00", 3},
      {0, 65535, "\x0e\xfe\xf2", 3},
      {0, 65804, "\x0e\xff\xff", 3},
      {13, 13, "\xdd\x00\x00", 3},
      {269, 269, "\xee\x00\x00\x00\x00", 5},
      {268, 269, "\xde\xff\x00\x00", 4},
  };
  uint8_t *value = calloc(1, 65804);
  uint8_t *bytes = malloc(70000);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_builder_t builder;
    acoap_view_t view;
    acoap_bytes_t found;
    size_t total = 4 + cases[i].head_len + cases[i].len;
    acoap_builder_init(&builder, bytes, total, ACOAP_NON, ACOAP_CODE_GET, 0, NULL, 0);
    acoap_builder_option(&builder, cases[i].number, value, cases[i].len);
    ck_assert_int_eq(acoap_builder_finish(&builder), (int)total);
    ck_assert_mem_eq(bytes + 4, cases[i].head, cases[i].head_len);
    ck_assert_int_eq(acoap_decode(&view, bytes, total, 8, NULL), 0);
    ck_assert(acoap_view_option(&view, cases[i].number, 0, &found));
    ck_assert_uint_eq(found.len, cases[i].len);
    acoap_builder_init(&builder, bytes, total - 1, ACOAP_NON, ACOAP_CODE_GET, 0, NULL, 0);
    acoap_builder_option(&builder, cases[i].number, value, cases[i].len);
    ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_ENOSPACE);
  }
  free(value);
  free(bytes);
}
END_TEST

START_TEST(a_failure_sticks_and_nothing_more_is_written) {
  uint8_t bytes[16];
  acoap_builder_t builder;
  acoap_view_t view;
  size_t room;
  memset(bytes, 0xee, sizeof(bytes));
  acoap_builder_init(&builder, bytes, 8, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_option(&builder, 11, "abcd", 4); /* one byte too many */
  acoap_builder_option(&builder, 11, "a", 1);    /* would fit */
  acoap_builder_payload(&builder, "p", 1);
  acoap_builder_remove(&builder, 11);
  acoap_builder_code(&builder, ACOAP_CODE_PUT);
  acoap_builder_payload_commit(&builder, 1);
  ck_assert_ptr_null(acoap_builder_payload_room(&builder, &room));
  ck_assert_uint_eq(acoap_builder_left(&builder), 0);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_ENOSPACE);
  ck_assert_uint_eq(bytes[1], ACOAP_CODE_GET);
  ck_assert_uint_eq(bytes[4], 0xee);
  acoap_builder_view(&builder, &view);
  ck_assert_uint_eq(view.options.len, 0);
}
END_TEST

START_TEST(misuse_is_the_failure) {
  uint8_t bytes[16];
  acoap_builder_t builder;
  acoap_view_t view;
  acoap_builder_init(&builder, NULL, 16, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  acoap_builder_view(&builder, &view);
  ck_assert_uint_eq(view.options.len, 0);
  acoap_builder_init(&builder, bytes, 16, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 1);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  acoap_builder_init(&builder, bytes, 16, ACOAP_CON, ACOAP_CODE_GET, 1, bytes, 65805);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  acoap_builder_init(&builder, bytes, 3, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_ENOSPACE);
  acoap_builder_init(&builder, bytes, 16, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_option(&builder, 11, NULL, 1);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  acoap_builder_init(&builder, bytes, 16, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_option(&builder, 11, bytes, 65805);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EOPTIONLEN);
  acoap_builder_init(&builder, bytes, 16, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_payload(&builder, NULL, 1);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
}
END_TEST

/* RFC 7252 section 4.1. */
START_TEST(empty_is_a_header_and_nothing_else) {
  uint8_t bytes[16];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_RST, ACOAP_CODE_EMPTY, 9, NULL, 0);
  ck_assert_int_eq(acoap_builder_finish(&builder), 4);
  acoap_builder_payload(&builder, "x", 1);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_EINVAL);
  acoap_builder_code(&builder, ACOAP_CODE_CONTENT);
  ck_assert_int_eq(acoap_builder_finish(&builder), 6);
}
END_TEST

START_TEST(room_is_what_fits_behind_the_marker) {
  uint8_t bytes[16];
  acoap_builder_t builder;
  size_t room = 0;
  acoap_builder_init(&builder, bytes, 12, ACOAP_CON, ACOAP_CODE_PUT, 1, NULL, 0);
  ck_assert_uint_eq(acoap_builder_left(&builder), 7);
  ck_assert_ptr_eq(acoap_builder_payload_room(&builder, &room), bytes + 5);
  ck_assert_uint_eq(room, 7);
  acoap_builder_payload(&builder, "abc", 3);
  ck_assert_uint_eq(acoap_builder_left(&builder), 4);
  ck_assert_ptr_nonnull(acoap_builder_payload_room(&builder, &room));
  ck_assert_uint_eq(room, 7);                    /* a new payload would replace the old one */
  acoap_builder_payload(&builder, bytes + 6, 2); /* from the room itself */
  ck_assert_int_eq(acoap_builder_finish(&builder), 7);
  ck_assert_mem_eq(bytes + 4,
                   "\xff"
                   "bc",
                   3);
  acoap_builder_payload_commit(&builder, 7);
  ck_assert_int_eq(acoap_builder_finish(&builder), 12);
  ck_assert_uint_eq(acoap_builder_left(&builder), 0);
  acoap_builder_payload(&builder, NULL, 0);
  ck_assert_int_eq(acoap_builder_finish(&builder), 4);
  acoap_builder_payload_commit(&builder, 8);
  ck_assert_int_eq(acoap_builder_finish(&builder), ACOAP_ENOSPACE);
  acoap_builder_init(&builder, bytes, 5, ACOAP_CON, ACOAP_CODE_PUT, 1, NULL, 0);
  ck_assert_ptr_null(acoap_builder_payload_room(&builder, &room));
  ck_assert_uint_eq(acoap_builder_left(&builder), 0);
}
END_TEST

START_TEST(type_and_message_id_can_change_later) {
  uint8_t bytes[8] = {0x48, 0x01, 0x00, 0x00};
  for (int type = 0; type < 4; type++) {
    acoap_message_set_header(bytes, (acoap_type_t)type, 0xabcd);
    ck_assert_uint_eq(bytes[0], (unsigned)(0x48 | type << 4));
    ck_assert_mem_eq(bytes + 1, "\x01\xab\xcd", 3);
  }
}
END_TEST

START_TEST(ranks_write_a_list_from_its_end) {
  uint8_t bytes[32];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_option(&builder, 11, "a", 1);
  acoap_builder_option(&builder, 15, "q", 1);
  size_t rank = acoap__builder_count(&builder, 11);
  ck_assert_uint_eq(rank, 1);
  acoap__builder_insert(&builder, 11, rank, "d", 1);
  acoap__builder_insert(&builder, 11, rank, "c", 1);
  acoap__builder_insert(&builder, 11, rank, "b", 1);
  ck_assert_uint_eq(acoap__builder_count(&builder, 11), 4);
  ck_assert_uint_eq(acoap__builder_count(&builder, 12), 0);
  ck_assert_int_eq(acoap_builder_finish(&builder), 14);
  ck_assert_mem_eq(bytes + 4,
                   "\xb1"
                   "a\x01"
                   "b\x01"
                   "c\x01"
                   "d\x41q",
                   10);
}
END_TEST

START_TEST(integers_take_their_shortest_form) {
  uint8_t bytes[32];
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_uint(&builder, 14, 0);
  acoap_builder_uint(&builder, 60, 65536);
  ck_assert_int_eq(acoap_builder_finish(&builder), 11);
  ck_assert_mem_eq(bytes + 4, "\xd0\x01\xd3\x21\x01\x00\x00", 7);
}
END_TEST

START_TEST(what_was_never_written_is_known_to_be_absent) {
  uint8_t bytes[64];
  acoap_builder_t builder;
  acoap_view_t view;
  acoap_bytes_t value;
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_CONTENT, 1, NULL, 0);
  acoap_builder_view(&builder, &view);
  ck_assert_uint_eq(view.present, ACOAP__PRESENT_KNOWN);
  acoap_builder_uint(&builder, ACOAP_OPTION_MAX_AGE, 7);
  acoap_builder_uint(&builder, ACOAP_OPTION_CONTENT_FORMAT, 50);
  acoap_builder_payload(&builder, "abc", 3);
  ck_assert(!acoap__builder_get(&builder, ACOAP_OPTION_ETAG, &value));
  ck_assert(acoap__builder_get(&builder, ACOAP_OPTION_MAX_AGE, &value));
  ck_assert_uint_eq(value.len, 1);
  ck_assert_uint_eq(value.data[0], 7);
  acoap_builder_view(&builder, &view);
  ck_assert_uint_eq(view.present,
                    ACOAP__PRESENT_KNOWN | acoap__present_bit(12) | acoap__present_bit(14));
  /* another number with the same bit is not mistaken for it */
  ck_assert(!acoap__builder_get(&builder, ACOAP_OPTION_MAX_AGE + 64, &value));
  acoap_builder_remove(&builder, ACOAP_OPTION_MAX_AGE + 64);
  ck_assert(acoap__builder_get(&builder, ACOAP_OPTION_MAX_AGE, &value));
  acoap_builder_remove(&builder, ACOAP_OPTION_MAX_AGE);
  ck_assert(!acoap__builder_get(&builder, ACOAP_OPTION_MAX_AGE, &value));
  ck_assert_uint_eq(acoap__builder_code(&builder), ACOAP_CODE_CONTENT);
  ck_assert_mem_eq(acoap__builder_payload(&builder).data, "abc", 3);
  ck_assert_uint_eq(acoap__builder_payload(&builder).len, 3);
  acoap_builder_payload(&builder, NULL, 0);
  ck_assert_uint_eq(acoap__builder_payload(&builder).len, 0);
}
END_TEST

static Suite *message_builder_suite(void) {
  Suite *suite = suite_create("message_builder");
  TCase *builder = tcase_create("builder");
  tcase_add_loop_test(builder, random_steps_agree_with_the_reference, 0, 20);
  tcase_add_test(builder, deltas_and_lengths_at_the_edges);
  tcase_add_test(builder, a_failure_sticks_and_nothing_more_is_written);
  tcase_add_test(builder, misuse_is_the_failure);
  tcase_add_test(builder, empty_is_a_header_and_nothing_else);
  tcase_add_test(builder, room_is_what_fits_behind_the_marker);
  tcase_add_test(builder, type_and_message_id_can_change_later);
  tcase_add_test(builder, ranks_write_a_list_from_its_end);
  tcase_add_test(builder, integers_take_their_shortest_form);
  tcase_add_test(builder, what_was_never_written_is_known_to_be_absent);
  suite_add_tcase(suite, builder);
  return suite;
}

ACOAP_TEST_MAIN(message_builder_suite)
