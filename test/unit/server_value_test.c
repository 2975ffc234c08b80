/*
 * Typed values as text, JSON and CBOR: what is read, what is refused with which sentence, and that
 * what is written reads back the same, in every locale.
 * SPDX-License-Identifier: MIT
 */
#include "server/value.h"

#include <float.h>
#include <locale.h>
#include <math.h>

#include "base/mem.h"
#include "base/random.h"
#include "check_main.h"

enum { TEXT = ACOAP_FORMAT_TEXT_PLAIN, JSON = ACOAP_FORMAT_JSON, CBOR = ACOAP_FORMAT_CBOR };

typedef struct sample {
  int format;
  const char *bytes;
  size_t len; /* 0: that of the text */
} sample_t;

static int read_sample(acoap_value_type_t type, const sample_t *sample, acoap_value_t *value,
                       char **store, const char **why) {
  size_t len = sample->len > 0 ? sample->len : strlen(sample->bytes);
  *store = NULL;
  *why = NULL;
  return acoap__value_read(type, sample->format,
                           (acoap_bytes_t){(const uint8_t *)sample->bytes, len}, value, store, why);
}

static void expect_written(const acoap_value_t *value, int format, const void *bytes, size_t len) {
  size_t written = 0;
  uint8_t *out = acoap__value_write(value, format, &written);
  ck_assert_ptr_nonnull(out);
  ck_assert_uint_eq(written, len);
  ck_assert_mem_eq(out, bytes, len);
  acoap__free(out);
}

START_TEST(integers_are_read) {
  static const struct {
    sample_t sample;
    int64_t integer;
  } cases[] = {
      {{TEXT, "0", 0}, 0},
      {{TEXT, " 42\r\n", 0}, 42},
      {{TEXT, "-1", 0}, -1},
      {{TEXT, "+7", 0}, 7},
      {{TEXT, "9223372036854775807", 0}, INT64_MAX},
      {{TEXT, "-9223372036854775808", 0}, INT64_MIN},
      {{JSON, "\t-5 ", 0}, -5},
      {{JSON, "0", 0}, 0},
      {{CBOR, "\x00", 1}, 0},
      {{CBOR, "\x17", 1}, 23},
      {{CBOR, "\x18\x18", 2}, 24},
      {{CBOR, "\x19\x01\x00", 3}, 256},
      {{CBOR, "\x20", 1}, -1},
      {{CBOR, "\x1b\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, INT64_MAX},
      {{CBOR, "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9}, INT64_MIN},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value;
    char *store;
    const char *why;
    ck_assert_msg(read_sample(ACOAP_VALUE_INT, &cases[i].sample, &value, &store, &why) == 0,
                  "case %zu", i);
    ck_assert_msg(value.integer == cases[i].integer, "case %zu", i);
  }
}
END_TEST

START_TEST(what_is_no_integer_is_refused_with_a_sentence) {
  static const sample_t cases[] = {
      {TEXT, "9223372036854775808", 0},
      {TEXT, "-9223372036854775809", 0},
      {TEXT, " ", 0},
      {TEXT, "-", 0},
      {TEXT, "1.0", 0},
      {TEXT, "1 2", 0},
      {TEXT, "0x10", 0},
      {JSON, "+7", 0},
      {JSON, "01", 0},
      {JSON, "1e2", 0},
      {JSON, "\"1\"", 0},
      {JSON, "null", 0},
      {CBOR, "\x1b\x80\x00\x00\x00\x00\x00\x00\x00", 9},
      {CBOR, "\x18", 1},
      {CBOR, "\x01\x02", 2},
      {CBOR, "\xf5", 1},
      {CBOR, "\x1c", 1},
      {CBOR, "\x61\x31", 2},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value;
    char *store;
    const char *why;
    ck_assert_msg(read_sample(ACOAP_VALUE_INT, &cases[i], &value, &store, &why) == ACOAP_EFORMAT,
                  "case %zu", i);
    ck_assert_msg(why != NULL && strlen(why) > 10, "case %zu", i);
    ck_assert_ptr_null(store);
  }
}
END_TEST

START_TEST(empty_bodies_are_no_values_but_an_empty_string) {
  static const int formats[] = {TEXT, JSON, CBOR};
  for (int type = ACOAP_VALUE_BOOL; type <= ACOAP_VALUE_STRING; type++) {
    for (size_t i = 0; i < 3; i++) {
      acoap_value_t value;
      char *store = NULL;
      const char *why = NULL;
      bool fine = type == ACOAP_VALUE_STRING && formats[i] == TEXT;
      ck_assert_int_eq(acoap__value_read((acoap_value_type_t)type, formats[i],
                                         (acoap_bytes_t){NULL, 0}, &value, &store, &why),
                       fine ? 0 : ACOAP_EFORMAT);
    }
  }
}
END_TEST

START_TEST(booleans_in_every_format) {
  static const struct {
    sample_t sample;
    int status;
    bool boolean;
  } cases[] = {
      {{TEXT, "1", 0}, 0, true},
      {{TEXT, "false", 0}, 0, false},
      {{TEXT, "true\n", 0}, 0, true},
      {{TEXT, "yes", 0}, ACOAP_EFORMAT, false},
      {{TEXT, "2", 0}, ACOAP_EFORMAT, false},
      {{JSON, " true ", 0}, 0, true},
      {{JSON, "false", 0}, 0, false},
      {{JSON, "1", 0}, ACOAP_EFORMAT, false},
      {{CBOR, "\xf4", 1}, 0, false},
      {{CBOR, "\xf5", 1}, 0, true},
      {{CBOR, "\xf6", 1}, ACOAP_EFORMAT, false},
      {{CBOR, "\xf8\x15", 2}, ACOAP_EFORMAT, false},
      {{CBOR, "\x01", 1}, ACOAP_EFORMAT, false},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value;
    char *store;
    const char *why;
    int status = read_sample(ACOAP_VALUE_BOOL, &cases[i].sample, &value, &store, &why);
    ck_assert_msg(status == cases[i].status, "case %zu", i);
    ck_assert_msg(status != 0 || value.boolean == cases[i].boolean, "case %zu", i);
  }
  acoap_value_t yes = {.type = ACOAP_VALUE_BOOL, .boolean = true};
  expect_written(&yes, TEXT, "1", 1);
  expect_written(&yes, JSON, "true", 4);
  expect_written(&yes, CBOR, "\xf5", 1);
}
END_TEST

START_TEST(integers_are_written_shortest) {
  static const struct {
    int64_t integer;
    const char *text;
    const char *cbor;
    size_t cbor_len;
  } cases[] = {
      {0, "0", "\x00", 1},
      {23, "23", "\x17", 1},
      {24, "24", "\x18\x18", 2},
      {-25, "-25", "\x38\x18", 2},
      {65536, "65536", "\x1a\x00\x01\x00\x00", 5},
      {INT64_MIN, "-9223372036854775808", "\x3b\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value = {.type = ACOAP_VALUE_INT, .integer = cases[i].integer};
    expect_written(&value, TEXT, cases[i].text, strlen(cases[i].text));
    expect_written(&value, JSON, cases[i].text, strlen(cases[i].text));
    expect_written(&value, CBOR, cases[i].cbor, cases[i].cbor_len);
  }
}
END_TEST

/* RFC 8949 appendix A. */
START_TEST(numbers_in_cbor_are_those_of_rfc8949) {
  static const struct {
    double number;
    const char *cbor;
    size_t len;
  } cases[] = {
      {0.0, "\xf9\x00\x00", 3},
      {-0.0, "\xf9\x80\x00", 3},
      {1.5, "\xf9\x3e\x00", 3},
      {65504.0, "\xf9\x7b\xff", 3},
      {-4.0, "\xf9\xc4\x00", 3},
      {0.00006103515625, "\xf9\x04\x00", 3},
      {100000.0, "\xfa\x47\xc3\x50\x00", 5},
      {3.4028234663852886e+38, "\xfa\x7f\x7f\xff\xff", 5},
      {1.1, "\xfb\x3f\xf1\x99\x99\x99\x99\x99\x9a", 9},
      {1.0e+300, "\xfb\x7e\x37\xe4\x3c\x88\x00\x75\x9c", 9},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value = {.type = ACOAP_VALUE_DOUBLE, .number = cases[i].number};
    acoap_value_t again;
    char *store;
    const char *why;
    const sample_t sample = {CBOR, cases[i].cbor, cases[i].len};
    expect_written(&value, CBOR, cases[i].cbor, cases[i].len);
    ck_assert_int_eq(read_sample(ACOAP_VALUE_DOUBLE, &sample, &again, &store, &why), 0);
    ck_assert(again.number == cases[i].number);
  }
  /* Read, though we would write it longer or shorter: the smallest half, a float, an integer. */
  static const struct {
    sample_t sample;
    double number;
  } others[] = {{{CBOR, "\xf9\x00\x01", 3}, 5.960464477539063e-8},
                {{CBOR, "\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00", 9}, 1.5},
                {{CBOR, "\x19\x03\xe8", 3}, 1000},
                {{CBOR, "\x38\x63", 2}, -100}};
  for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
    acoap_value_t value;
    char *store;
    const char *why;
    ck_assert_int_eq(read_sample(ACOAP_VALUE_DOUBLE, &others[i].sample, &value, &store, &why), 0);
    ck_assert(value.number == others[i].number);
  }
}
END_TEST

START_TEST(what_is_no_number_is_neither_read_nor_written_as_one) {
  static const sample_t cases[] = {
      {TEXT, "nan", 0},          {TEXT, "inf", 0},  {TEXT, "1e400", 0}, {TEXT, ".5", 0},
      {TEXT, "5.", 0},           {TEXT, "1,5", 0},  {TEXT, "0x1p3", 0}, {TEXT, "1e", 0},
      {JSON, "NaN", 0},          {JSON, "00.5", 0}, {JSON, "+1", 0},    {CBOR, "\xf9\x7e\x00", 3},
      {CBOR, "\xf9\x7c\x00", 3}, {CBOR, "\xf4", 1}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value;
    char *store;
    const char *why;
    ck_assert_msg(read_sample(ACOAP_VALUE_DOUBLE, &cases[i], &value, &store, &why) == ACOAP_EFORMAT,
                  "case %zu", i);
  }
  acoap_value_t value = {.type = ACOAP_VALUE_DOUBLE, .number = NAN};
  expect_written(&value, TEXT, "nan", 3);
  expect_written(&value, JSON, "null", 4);
  expect_written(&value, CBOR, "\xf9\x7e\x00", 3);
  value.number = -INFINITY;
  expect_written(&value, TEXT, "-inf", 4);
  expect_written(&value, JSON, "null", 4);
  expect_written(&value, CBOR, "\xf9\xfc\x00", 3);
}
END_TEST

static void expect_round_trip(double number) {
  static const int formats[] = {TEXT, JSON, CBOR};
  for (size_t i = 0; i < 3; i++) {
    acoap_value_t value = {.type = ACOAP_VALUE_DOUBLE, .number = number};
    acoap_value_t again;
    char *store = NULL;
    const char *why = NULL;
    size_t len = 0;
    uint8_t *bytes = acoap__value_write(&value, formats[i], &len);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(acoap__value_read(ACOAP_VALUE_DOUBLE, formats[i], (acoap_bytes_t){bytes, len},
                                       &again, &store, &why),
                     0);
    ck_assert_mem_eq(&again.number, &number, sizeof(number));
    acoap__free(bytes);
  }
}

static void round_trips(void) {
  acoap__seeded_t chance = {7};
  static const double edges[] = {0.0,    -0.0,          0.1,  1.0 / 3, DBL_MAX, DBL_MIN,
                                 5e-324, 123456789.125, 1e21, -2.5e-7, 1e22,    9007199254740993.0};
  for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
    expect_round_trip(edges[i]);
  }
  for (int i = 0; i < 2000;) {
    double number;
    acoap__seeded_fill(&chance, (uint8_t *)&number, sizeof(number));
    if (isfinite(number)) {
      expect_round_trip(number);
      i++;
    }
  }
}

START_TEST(every_double_survives_writing_and_reading) {
  char room[ACOAP__DECIMAL_MAX];
  round_trips();
  ck_assert_uint_eq(acoap__decimal_write(0.1, room), 3);
  ck_assert_str_eq(room, "0.1");
  acoap__decimal_write(-12.5, room);
  ck_assert_str_eq(room, "-12.5");
  acoap__decimal_write(1e21, room);
  ck_assert_str_eq(room, "1e+21");
}
END_TEST

START_TEST(locale_has_no_say) {
  static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "nl_NL.UTF-8"};
  char room[ACOAP__DECIMAL_MAX];
  double number = 0;
  for (size_t i = 0; i < sizeof(commas) / sizeof(commas[0]); i++) {
    /* Where the system has none of them, what stands here is tested in its own. */
    (void)setlocale(LC_NUMERIC, commas[i]);
    acoap__decimal_write(0.5, room);
    ck_assert_str_eq(room, "0.5");
    ck_assert(acoap__decimal_read("2.25", 4, &number) && number == 2.25);
    ck_assert(!acoap__decimal_read("2,25", 4, &number));
    round_trips();
  }
  (void)setlocale(LC_NUMERIC, "C");
}
END_TEST

START_TEST(strings_in_json_are_escaped_both_ways) {
  static const struct {
    sample_t sample;
    const char *string;
    size_t len;
  } cases[] = {
      {{JSON, "\"\"", 0}, "", 0},
      {{JSON, " \"a b\" ", 0}, "a b", 3},
      {{JSON, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 0}, "\"\\/\b\f\n\r\t", 8},
      {{JSON, "\"\\u00e9\\u20AC\"", 0}, "\xc3\xa9\xe2\x82\xac", 5},
      {{JSON, "\"\\ud83d\\ude00\"", 0}, "\xf0\x9f\x98\x80", 4},
      {{JSON, "\"\\u0000\"", 0}, "\0", 1},
      {{CBOR, "\x62\xc3\xa9", 3}, "\xc3\xa9", 2},
      {{TEXT, " x ", 0}, " x ", 3},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value;
    char *store;
    const char *why;
    ck_assert_msg(read_sample(ACOAP_VALUE_STRING, &cases[i].sample, &value, &store, &why) == 0,
                  "case %zu", i);
    ck_assert_uint_eq(value.string.len, cases[i].len);
    ck_assert_msg(cases[i].len == 0 ||
                      memcmp(value.string.data, cases[i].string, cases[i].len) == 0,
                  "case %zu", i);
    acoap__free(store);
  }
  acoap_value_t value = {.type = ACOAP_VALUE_STRING,
                         .string = {(const uint8_t *)"a\"\\\n\xc3\xa9", 6}};
  expect_written(&value, JSON, "\"a\\\"\\\\\\u000a\xc3\xa9\"", 15);
  expect_written(&value, TEXT, "a\"\\\n\xc3\xa9", 6);
  expect_written(&value, CBOR,
                 "\x66"
                 "a\"\\\n\xc3\xa9",
                 7);
}
END_TEST

START_TEST(malformed_strings_are_refused) {
  static const sample_t cases[] = {
      {JSON, "a", 0},
      {JSON, "\"", 0},
      {JSON, "\"a", 0},
      {JSON, "\"a\"b\"", 0},
      {JSON, "\"\\x\"", 0},
      {JSON, "\"\\u12\"", 0},
      {JSON, "\"\\ud800\"", 0},
      {JSON, "\"\\ude00\"", 0},
      {JSON, "\"\\ud83d\\u0041\"", 0},
      {JSON, "\"a\\\"", 0},
      {JSON, "\"\n\"", 0},
      {JSON, "\"\xff\"", 0},
      {TEXT, "\xc3", 0},
      {CBOR, "\x61\xff", 2},
      {CBOR, "\x62\x61", 2},
      {CBOR, "\x7f\x61\x61\xff", 4},
      {CBOR, "\x41\x61", 2},
      {CBOR, "\x7b\xff\xff\xff\xff\xff\xff\xff\xff", 9},
  };
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_value_t value;
    char *store;
    const char *why;
    ck_assert_msg(read_sample(ACOAP_VALUE_STRING, &cases[i], &value, &store, &why) == ACOAP_EFORMAT,
                  "case %zu", i);
    ck_assert_ptr_nonnull(why);
    acoap__free(store);
  }
}
END_TEST

static Suite *value_suite(void) {
  Suite *suite = suite_create("server/value");
  TCase *tcase = tcase_create("values");
  tcase_add_test(tcase, integers_are_read);
  tcase_add_test(tcase, what_is_no_integer_is_refused_with_a_sentence);
  tcase_add_test(tcase, empty_bodies_are_no_values_but_an_empty_string);
  tcase_add_test(tcase, booleans_in_every_format);
  tcase_add_test(tcase, integers_are_written_shortest);
  tcase_add_test(tcase, numbers_in_cbor_are_those_of_rfc8949);
  tcase_add_test(tcase, what_is_no_number_is_neither_read_nor_written_as_one);
  tcase_add_test(tcase, every_double_survives_writing_and_reading);
  tcase_add_test(tcase, locale_has_no_say);
  tcase_add_test(tcase, strings_in_json_are_escaped_both_ways);
  tcase_add_test(tcase, malformed_strings_are_refused);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(value_suite)
