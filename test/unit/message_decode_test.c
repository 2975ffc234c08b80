/*
 * message/decode: the messages of RFC 7252 Appendix A byte for byte, the edges of the format, and
 * every format error with its offset.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/codec.h>

#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"

/* Bytes as C text, so that lengths count the zeros inside. */
#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

typedef struct example {
  const uint8_t *bytes;
  size_t len;
  acoap_type_t type;
  uint8_t code;
  uint16_t message_id;
  const char *token;
  const char *uri_path; /* NULL: none */
  const char *payload;
} example_t;

static const example_t appendix_a[] = {
    /* Figure 16 */
    {BYTES("\x40\x01\x7d\x34\xbbtemperature"), ACOAP_CON, ACOAP_CODE_GET, 0x7d34, "", "temperature",
     ""},
    {BYTES("\x60\x45\x7d\x34\xff"
           "22.3 C"),
     ACOAP_ACK, ACOAP_CODE_CONTENT, 0x7d34, "", NULL, "22.3 C"},
    /* Figure 17 */
    {BYTES("\x41\x01\x7d\x35\x20\xbbtemperature"), ACOAP_CON, ACOAP_CODE_GET, 0x7d35, "\x20",
     "temperature", ""},
    {BYTES("\x61\x45\x7d\x35\x20\xff"
           "22.3 C"),
     ACOAP_ACK, ACOAP_CODE_CONTENT, 0x7d35, "\x20", NULL, "22.3 C"},
    /* Figure 18 */
    {BYTES("\x41\x01\x7d\x36\x31\xbbtemperature"), ACOAP_CON, ACOAP_CODE_GET, 0x7d36, "\x31",
     "temperature", ""},
    /* Figure 20 */
    {BYTES("\x60\x00\x7d\x38"), ACOAP_ACK, ACOAP_CODE_EMPTY, 0x7d38, "", NULL, ""},
    {BYTES("\x41\x45\xad\x7b\x53\xff"
           "22.3 C"),
     ACOAP_CON, ACOAP_CODE_CONTENT, 0xad7b, "\x53", NULL, "22.3 C"},
    {BYTES("\x60\x00\xad\x7b"), ACOAP_ACK, ACOAP_CODE_EMPTY, 0xad7b, "", NULL, ""},
    /* Figure 21 */
    {BYTES("\x70\x00\xad\x7c"), ACOAP_RST, ACOAP_CODE_EMPTY, 0xad7c, "", NULL, ""},
    /* Figure 22 */
    {BYTES("\x51\x01\x7d\x40\x75\xbbtemperature"), ACOAP_NON, ACOAP_CODE_GET, 0x7d40, "\x75",
     "temperature", ""},
    {BYTES("\x51\x45\xad\x7d\x75\xff"
           "22.3 C"),
     ACOAP_NON, ACOAP_CODE_CONTENT, 0xad7d, "\x75", NULL, "22.3 C"},
    /* Figure 23 */
    {BYTES("\x51\x84\x7d\x41\x86"), ACOAP_NON, ACOAP_CODE_NOT_FOUND, 0x7d41, "\x86", NULL, ""},
};

static void assert_bytes(acoap_bytes_t bytes, const char *text) {
  ck_assert_uint_eq(bytes.len, strlen(text));
  ck_assert(bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}

START_TEST(appendix_a_decodes) {
  const example_t *e = &appendix_a[_i];
  acoap_view_t view;
  acoap_bytes_t path;
  ck_assert_int_eq(acoap_decode(&view, e->bytes, e->len, ACOAP_TOKEN_MAX, NULL), 0);
  ck_assert_int_eq(view.type, e->type);
  ck_assert_uint_eq(view.code, e->code);
  ck_assert_uint_eq(view.message_id, e->message_id);
  assert_bytes(view.token, e->token);
  assert_bytes(view.payload, e->payload);
  ck_assert_int_eq(acoap_view_option(&view, ACOAP_OPTION_URI_PATH, 0, &path), e->uri_path != NULL);
  if (e->uri_path != NULL) {
    assert_bytes(path, e->uri_path);
  }
}
END_TEST

START_TEST(appendix_a_encodes) {
  const example_t *e = &appendix_a[_i];
  acoap_builder_t builder;
  uint8_t bytes[64];
  acoap_builder_init(&builder, bytes, sizeof(bytes), e->type, e->code, e->message_id,
                     (const uint8_t *)e->token, strlen(e->token));
  if (e->uri_path != NULL) {
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, e->uri_path, strlen(e->uri_path));
  }
  acoap_builder_payload(&builder, e->payload, strlen(e->payload));
  ck_assert_int_eq(acoap_builder_finish(&builder), (int)e->len);
  ck_assert_mem_eq(bytes, e->bytes, e->len);
}
END_TEST

typedef struct wrong {
  const char *name;
  const uint8_t *bytes;
  size_t len;
  size_t token_max;
  int error;
  size_t offset;
} wrong_t;

static const wrong_t wrongs[] = {
    {"nothing", BYTES(""), 8, ACOAP_EFORMAT, 0},
    {"one byte", BYTES("\x40"), 8, ACOAP_EFORMAT, 1},
    {"three bytes", BYTES("\x40\x01\x00"), 8, ACOAP_EFORMAT, 3},
    {"version 0", BYTES("\x00\x01\x00\x01"), 8, ACOAP_EVERSION, 0},
    {"version 2", BYTES("\x80\x01\x00\x01"), 8, ACOAP_EVERSION, 0},
    {"version 3 and too short", BYTES("\xc0"), 8, ACOAP_EVERSION, 0},
    {"Empty with a token length", BYTES("\x41\x00\x00\x01\xaa"), 8, ACOAP_EFORMAT, 0},
    {"Empty with a token length alone", BYTES("\x48\x00\x00\x01"), 8, ACOAP_EFORMAT, 0},
    {"Empty with an option", BYTES("\x40\x00\x00\x01\x60"), 8, ACOAP_EFORMAT, 4},
    {"Empty with a payload", BYTES("\x60\x00\x00\x01\xff\x31"), 8, ACOAP_EFORMAT, 4},
    {"token length 9", BYTES("\x49\x01\x00\x01ttttttttt"), 8, ACOAP_ETOKEN, 0},
    {"token length 12", BYTES("\x4c\x01\x00\x01tttttttttttt"), 8, ACOAP_ETOKEN, 0},
    {"token length 13", BYTES("\x4d\x01\x00\x01\x00ttttttttttttt"), 8, ACOAP_ETOKEN, 0},
    {"token length 15", BYTES("\x4f\x01\x00\x01ttttttttttttttt"), 8, ACOAP_ETOKEN, 0},
    {"token length 15, long ones taken", BYTES("\x4f\x01\x00\x01"), 65804, ACOAP_ETOKEN, 0},
    {"token beyond the limit", BYTES("\x44\x01\x00\x01tttt"), 3, ACOAP_ETOKEN, 0},
    {"long token beyond the limit", BYTES("\x4d\x01\x00\x01\x01tttttttttttttt"), 13, ACOAP_ETOKEN,
     4},
    {"token past the end", BYTES("\x44\x01\x00\x01ttt"), 8, ACOAP_EFORMAT, 7},
    {"long token past the end", BYTES("\x4d\x01\x00\x01\x00tttttttttttt"), 300, ACOAP_EFORMAT, 17},
    {"no length of a long token", BYTES("\x4d\x01\x00\x01"), 300, ACOAP_EFORMAT, 4},
    {"half a length of a long token", BYTES("\x4e\x01\x00\x01\x00"), 300, ACOAP_EFORMAT, 5},
    {"delta 15", BYTES("\x40\x01\x00\x01\xf0"), 8, ACOAP_EOPTION, 4},
    {"delta 15 and length 14", BYTES("\x40\x01\x00\x01\xfe\x00\x00"), 8, ACOAP_EOPTION, 4},
    {"length 15", BYTES("\x40\x01\x00\x01\x0f"), 8, ACOAP_EOPTION, 4},
    {"length 15 in the second option", BYTES("\x40\x01\x00\x01\x11x\x1f"), 8, ACOAP_EOPTION, 6},
    {"no extended delta", BYTES("\x40\x01\x00\x01\xd0"), 8, ACOAP_EOPTION, 4},
    {"half an extended delta", BYTES("\x40\x01\x00\x01\xe0\x00"), 8, ACOAP_EOPTION, 4},
    {"no extended length", BYTES("\x40\x01\x00\x01\x0d"), 8, ACOAP_EOPTION, 4},
    {"half an extended length", BYTES("\x40\x01\x00\x01\x0e\x00"), 8, ACOAP_EOPTION, 4},
    {"value past the end", BYTES("\x40\x01\x00\x01\xb4tes"), 8, ACOAP_EOPTION, 4},
    {"long value past the end", BYTES("\x40\x01\x00\x01\xbd\x00ttttttttttt"), 8, ACOAP_EOPTION, 4},
    {"number 65536", BYTES("\x40\x01\x00\x01\xe0\xfe\xf2\x10"), 8, ACOAP_EOPTION, 7},
    {"number beyond at once", BYTES("\x40\x01\x00\x01\xe0\xff\xff"), 8, ACOAP_EOPTION, 4},
    {"marker and nothing", BYTES("\x40\x01\x00\x01\xff"), 8, ACOAP_EPAYLOAD, 4},
    {"marker and nothing behind options", BYTES("\x40\x01\x00\x01\xb1x\xff"), 8, ACOAP_EPAYLOAD, 6},
};

START_TEST(each_format_error_has_its_code_and_offset) {
  const wrong_t *w = &wrongs[_i];
  size_t offset = 999;
  acoap_view_t view;
  /* Exactly as many bytes as there are, so that a sanitizer sees a step too far. */
  uint8_t *bytes = malloc(w->len > 0 ? w->len : 1);
  memcpy(bytes, w->bytes, w->len);
  memset(&view, 0x5a, sizeof(view));
  int error = acoap_decode(&view, bytes, w->len, w->token_max, &offset);
  ck_assert_msg(error == w->error && offset == w->offset, "%s: %d at %zu", w->name, error, offset);
  if (w->len >= 4 && error != ACOAP_EVERSION) {
    ck_assert_int_eq((int)view.type, bytes[0] >> 4 & 3);
    ck_assert_uint_eq(view.code, bytes[1]);
    ck_assert_uint_eq(view.message_id, (unsigned)(bytes[2] << 8 | bytes[3]));
    ck_assert_uint_eq(view.token.len + view.options.len + view.payload.len, 0);
  } else {
    ck_assert_uint_eq(view.code, 0x5a);
  }
  ck_assert_int_eq(acoap_decode(&view, bytes, w->len, w->token_max, NULL), w->error);
  free(bytes);
}
END_TEST

START_TEST(what_is_no_format_error) {
  acoap_view_t view;
  /* Reserved and unknown classes, an Uri-Host of length 0 (section 5.4.3), an unknown critical
   * option, numbers up to 65535. */
  static const struct {
    const uint8_t *bytes;
    size_t len;
  } cases[] = {
      {BYTES("\x40\x20\x00\x01")},         {BYTES("\x40\xff\x00\x01")},
      {BYTES("\x40\x01\x00\x01\x30")},     {BYTES("\x40\x01\x00\x01\xe0\xfe\xf2")},
      {BYTES("\x40\x01\x00\x01\x90\x00")}, {BYTES("\x50\x1e\x00\x01\xff{}")},
      {BYTES("\x40\x01\x00\x01\xff\xff")}, /* a payload that is one byte ff */
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    ck_assert_int_eq(acoap_decode(&view, cases[i].bytes, cases[i].len, 8, NULL), 0);
  }
}
END_TEST

START_TEST(tokens_of_every_length) {
  static const size_t lengths[] = {0,   1,   7,   8,   9,    12,   13,    14,
                                   268, 269, 270, 524, 1000, 4096, 65803, 65804};
  for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
    size_t len = lengths[i];
    uint8_t *token = malloc(len + 1);
    uint8_t *bytes = malloc(len + 20);
    acoap_builder_t builder;
    acoap_view_t view;
    memset(token, (int)(len & 0xff), len + 1);
    acoap_builder_init(&builder, bytes, len + 20, ACOAP_CON, ACOAP_CODE_GET, 7, token, len);
    acoap_builder_option(&builder, ACOAP_OPTION_URI_PATH, "x", 1);
    int total = acoap_builder_finish(&builder);
    size_t extra = len < 13 ? 0 : len < 269 ? 1 : 2;
    ck_assert_int_eq(total, (int)(4 + extra + len + 2));
    ck_assert_int_eq(acoap_decode(&view, bytes, (size_t)total, len > 8 ? len : 8, NULL), 0);
    ck_assert_uint_eq(view.token.len, len);
    ck_assert(len == 0 || memcmp(view.token.data, token, len) == 0);
    ck_assert_uint_eq(view.options.len, 2);
    if (len > 0) {
      ck_assert_int_eq(acoap_decode(&view, bytes, (size_t)total, len - 1, NULL), ACOAP_ETOKEN);
    }
    free(token);
    free(bytes);
  }
}
END_TEST

START_TEST(misuse_is_invalid) {
  acoap_view_t view;
  uint8_t byte = 0x40;
  ck_assert_int_eq(acoap_decode(NULL, &byte, 1, 8, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_decode(&view, NULL, 1, 8, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_decode(&view, NULL, 0, 8, NULL), ACOAP_EFORMAT);
}
END_TEST

static Suite *message_decode_suite(void) {
  Suite *suite = suite_create("message_decode");
  TCase *decode = tcase_create("decode");
  int examples = sizeof(appendix_a) / sizeof(appendix_a[0]);
  tcase_add_loop_test(decode, appendix_a_decodes, 0, examples);
  tcase_add_loop_test(decode, appendix_a_encodes, 0, examples);
  tcase_add_loop_test(decode, each_format_error_has_its_code_and_offset, 0,
                      sizeof(wrongs) / sizeof(wrongs[0]));
  tcase_add_test(decode, what_is_no_format_error);
  tcase_add_test(decode, tokens_of_every_length);
  tcase_add_test(decode, misuse_is_invalid);
  suite_add_tcase(suite, decode);
  return suite;
}

ACOAP_TEST_MAIN(message_decode_suite)
