/*
 * The tool's printers: CBOR against the examples of RFC 8949 appendix A, SenML, link-format and
 * JSON against golden files made of the RFCs' examples, and what they refuse.
 * SPDX-License-Identifier: MIT
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <acoap/acoap.h>

#include "check_main.h"
#include "pretty.h"

/* What was printed; freed by the next call. */
static char *printed;
static size_t printed_len;

typedef bool (*printer_fn)(FILE *out, const void *bytes, size_t len);

static FILE *begin(void) {
  free(printed);
  printed = NULL;
  FILE *out = open_memstream(&printed, &printed_len);
  ck_assert_ptr_nonnull(out);
  return out;
}

static bool run(printer_fn printer, const void *bytes, size_t len) {
  FILE *out = begin();
  bool taken = printer(out, bytes, len);
  fclose(out);
  return taken;
}

static const char *shown(int format, const void *bytes, size_t len) {
  FILE *out = begin();
  pretty_print(out, format, bytes, len);
  fclose(out);
  return printed;
}

static size_t unhex(const char *hex, uint8_t *bytes) {
  size_t len = 0;
  for (unsigned value; sscanf(hex, " %2x", &value) == 1; hex += 2) {
    hex += strspn(hex, " \n");
    bytes[len++] = (uint8_t)value;
  }
  return len;
}

/* ---- CBOR ------------------------------------------------------------------------------------ */

/* RFC 8949 appendix A. */
static const struct {
  const char *hex;
  const char *diagnostic;
} appendix_a[] = {
    {"00", "0"},
    {"01", "1"},
    {"0a", "10"},
    {"17", "23"},
    {"1818", "24"},
    {"1903e8", "1000"},
    {"1a000f4240", "1000000"},
    {"1b000000e8d4a51000", "1000000000000"},
    {"1bffffffffffffffff", "18446744073709551615"},
    {"c249010000000000000000", "2(h'010000000000000000')"},
    {"3bffffffffffffffff", "-18446744073709551616"},
    {"20", "-1"},
    {"29", "-10"},
    {"3863", "-100"},
    {"3903e7", "-1000"},
    {"f90000", "0.0"},
    {"f98000", "-0.0"},
    {"f93c00", "1.0"},
    {"fb3ff199999999999a", "1.1"},
    {"f93e00", "1.5"},
    {"f97bff", "65504.0"},
    {"fa47c35000", "1e+05"},
    {"fb7e37e43c8800759c", "1e+300"},
    {"f90001", "5.9604644775390625e-08"},
    {"f90400", "6.103515625e-05"},
    {"f9c400", "-4.0"},
    {"fbc010666666666666", "-4.1"},
    {"f97c00", "Infinity"},
    {"f97e00", "NaN"},
    {"f9fc00", "-Infinity"},
    {"fa7f800000", "Infinity"},
    {"fb7ff8000000000000", "NaN"},
    {"f4", "false"},
    {"f5", "true"},
    {"f6", "null"},
    {"f7", "undefined"},
    {"f0", "simple(16)"},
    {"f8ff", "simple(255)"},
    {"c11a514b67b0", "1(1363896240)"},
    {"d74401020304", "23(h'01020304')"},
    {"d82076687474703a2f2f7777772e6578616d706c652e636f6d", "32(\"http://www.example.com\")"},
    {"40", "h''"},
    {"4401020304", "h'01020304'"},
    {"60", "\"\""},
    {"6449455446", "\"IETF\""},
    {"62225c", "\"\\\"\\\\\""},
    {"62c3bc", "\"\xc3\xbc\""},
    {"80", "[]"},
    {"83010203", "[1, 2, 3]"},
    {"8301820203820405", "[1, [2, 3], [4, 5]]"},
    {"a0", "{}"},
    {"a201020304", "{1: 2, 3: 4}"},
    {"a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"},
    {"826161a161626163", "[\"a\", {\"b\": \"c\"}]"},
    {"5f42010243030405ff", "(_ h'0102', h'030405')"},
    {"7f657374726561646d696e67ff", "(_ \"strea\", \"ming\")"},
    {"9fff", "[_ ]"},
    {"9f018202039f0405ffff", "[_ 1, [2, 3], [_ 4, 5]]"},
    {"bf61610161629f0203ffff", "{_ \"a\": 1, \"b\": [_ 2, 3]}"},
    {"bf6346756ef563416d7421ff", "{_ \"Fun\": true, \"Amt\": -2}"},
};

START_TEST(cbor_is_written_in_diagnostic_notation) {
  uint8_t bytes[64];
  size_t len = unhex(appendix_a[_i].hex, bytes);
  ck_assert_msg(run(pretty_cbor, bytes, len), "%s", appendix_a[_i].hex);
  ck_assert_uint_eq(printed_len, strlen(appendix_a[_i].diagnostic) + 1);
  printed[printed_len - 1] = '\0';
  ck_assert_str_eq(printed, appendix_a[_i].diagnostic);
}
END_TEST

/* RFC 8949 appendix F, and things left over. */
static const char *const not_well_formed[] = {
    "18",   "19",     "1a0102", "41",       "61",           "5affffffff00", "81",   "818181",
    "a1",   "a2",     "bf",     "9f",       "5f",           "7f",           "c0",   "ff",
    "1c",   "1f",     "3c",     "3f",       "fc",           "f800",         "f81f", "8200ff",
    "a1ff", "a100ff", "5f00ff", "7f4100ff", "5f5f4100ffff", "bf00ff",       "0000", "61ff",
};

START_TEST(cbor_that_is_not_well_formed_is_refused) {
  uint8_t bytes[64];
  size_t len = unhex(not_well_formed[_i], bytes);
  ck_assert_msg(!run(pretty_cbor, bytes, len), "%s", not_well_formed[_i]);
}
END_TEST

START_TEST(cbor_nested_too_deep_is_refused_and_the_limit_is_not) {
  uint8_t bytes[4096];
  memset(bytes, 0x81, sizeof(bytes));
  bytes[sizeof(bytes) - 1] = 0;
  ck_assert(!run(pretty_cbor, bytes, sizeof(bytes)));
  ck_assert(run(pretty_cbor, bytes + sizeof(bytes) - 61, 61));
}
END_TEST

START_TEST(cbor_sequence_has_one_item_a_line) {
  uint8_t bytes[16];
  size_t len = unhex("01 6161 8102", bytes);
  ck_assert(run(pretty_cbor_seq, bytes, len));
  ck_assert_str_eq(printed, "1\n\"a\"\n[2]\n");
}
END_TEST

START_TEST(cbor_longer_than_a_line_is_broken) {
  uint8_t bytes[128] = {0x82, 0x58, 40};
  bytes[43] = 0x07;
  ck_assert(run(pretty_cbor, bytes, 44));
  ck_assert_str_eq(
      printed, "[\n  h'"
               "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
               "',\n  7\n]\n");
}
END_TEST

/* ---- JSON ------------------------------------------------------------------------------------ */

static const char *const valid_json[] = {
    "0", "-0.5e+7", "\"\\u00e9\\n\"", "[]", "{}", " [ 1 , {\"a\" : null} ] ", "true",
};

START_TEST(json_is_taken) {
  ck_assert_msg(run(pretty_json, valid_json[_i], strlen(valid_json[_i])), "%s", valid_json[_i]);
}
END_TEST

static const char *const invalid_json[] = {
    "",      "[",       "[1,]",  "{\"a\"}",    "{\"a\":}",  "{a:1}",  "01",
    "1.",    "\"\\x\"", "[1 2]", "{\"a\":1,}", "nul",       "\"open", "]",
    "1 2",   "-",       "+1",    "\"\t\"",     "\"\xff\"",  "[1}",    "{\"a\":1]",
    "{1:2}", "'a'",     ".5",    "1e",         "\"\\u12\"",
};

START_TEST(what_is_no_json_is_refused) {
  ck_assert_msg(!run(pretty_json, invalid_json[_i], strlen(invalid_json[_i])), "%s",
                invalid_json[_i]);
}
END_TEST

START_TEST(json_nested_too_deep_is_refused) {
  char text[200];
  memset(text, '[', 100);
  memset(text + 100, ']', 100);
  ck_assert(!run(pretty_json, text, 200));
  ck_assert(run(pretty_json, text + 40, 120));
}
END_TEST

/* ---- golden files ---------------------------------------------------------------------------- */

static const struct {
  const char *name;
  int format;
  bool hex; /* the input is written in hexadecimal */
} golden[] = {
    {"json_rfc8259", ACOAP_FORMAT_JSON, false},
    {"link_rfc6690", ACOAP_FORMAT_LINK_FORMAT, false},
    {"senml_rfc8428_multiple", ACOAP_FORMAT_SENML_JSON, false},
    {"senml_rfc8428_types", ACOAP_FORMAT_SENML_JSON, false},
    {"senml_rfc8428_cbor", ACOAP_FORMAT_SENML_CBOR, true},
    {"binary", ACOAP_FORMAT_OCTET_STREAM, true},
};

static size_t read_golden(const char *name, const char *suffix, char *text, size_t cap) {
  char path[512];
  snprintf(path, sizeof(path), "%s/cli/golden/%s.%s", ACOAP_TEST_DIR, name, suffix);
  FILE *file = fopen(path, "rb");
  ck_assert_msg(file != NULL, "%s", path);
  size_t len = fread(text, 1, cap - 1, file);
  fclose(file);
  text[len] = '\0';
  return len;
}

START_TEST(the_examples_of_the_rfcs_look_as_in_the_golden_files) {
  static char input[8192];
  static char expected[8192];
  static uint8_t bytes[8192];
  size_t len = read_golden(golden[_i].name, "in", input, sizeof(input));
  read_golden(golden[_i].name, "out", expected, sizeof(expected));
  if (golden[_i].hex) {
    len = unhex(input, bytes);
  } else {
    memcpy(bytes, input, len);
  }
  ck_assert_str_eq(shown(golden[_i].format, bytes, len), expected);
}
END_TEST

START_TEST(senml_numbers_may_be_decimal_fractions) {
  uint8_t bytes[64];
  size_t len =
      unhex("83 a2 00 61 74 02 c4 82 20 18 eb a1 02 c4 82 02 24 a1 02 c4 82 1b 7f ff ff ff ff "
            "ff ff ff 01",
            bytes);
  ck_assert_str_eq(shown(ACOAP_FORMAT_SENML_CBOR, bytes, len),
                   "NAME  VALUE\nt     23.5\n      -500\n      inf\n");
}
END_TEST

/* Changed examples: whatever comes is shown, printable, and in lines. */
START_TEST(changed_examples_never_harm) {
  static char input[8192];
  static uint8_t bytes[8192];
  uint32_t random = 2463534242u + (uint32_t)_i;
  size_t len = read_golden(golden[_i].name, "in", input, sizeof(input));
  if (golden[_i].hex) {
    len = unhex(input, bytes);
  } else {
    memcpy(bytes, input, len);
  }
  for (int round = 0; round < 3000; round++) {
    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    size_t at = (random >> 8) % len;
    uint8_t before = bytes[at];
    bytes[at] = (uint8_t)random;
    size_t cut = random % 7 == 0 ? at + 1 : len;
    const char *text = shown(golden[_i].format, bytes, cut);
    ck_assert(text[0] != '\0' && text[strlen(text) - 1] == '\n');
    ck_assert_ptr_null(strchr(text, '\033'));
    if (random % 3 != 0) {
      bytes[at] = before; /* some changes stay */
    }
  }
}
END_TEST

/* ---- the choice ------------------------------------------------------------------------------ */

START_TEST(a_body_that_is_not_what_it_says_is_shown_as_text_or_as_bytes) {
  ck_assert_str_eq(shown(ACOAP_FORMAT_JSON, "no json", 7), "no json\n");
  ck_assert_str_eq(shown(ACOAP_FORMAT_SENML_JSON, "{\"a\":1}", 7), "{\n  \"a\": 1\n}\n");
  ck_assert_str_eq(shown(ACOAP_FORMAT_CBOR, "\xff\x00", 2),
                   "00000000  ff 00                                             |..|\n");
  ck_assert_str_eq(shown(ACOAP_FORMAT_NONE, "", 0), "");
}
END_TEST

START_TEST(nothing_steers_the_terminal) {
  ck_assert_str_eq(shown(ACOAP_FORMAT_TEXT_PLAIN, "\033[31mred\007\rx\r\n", 13),
                   "\\x1b[31mred\\x07\\rx\r\n");
  ck_assert_str_eq(shown(ACOAP_FORMAT_TEXT_PLAIN,
                         "\xc2\x9b"
                         "1m \xe2\x80\xae",
                         8),
                   "\\xc2\\x9b1m \\xe2\\x80\\xae\n");
  const char *evil = "</a>;title=\"\033]0;x\007\"";
  ck_assert_ptr_null(strchr(shown(ACOAP_FORMAT_LINK_FORMAT, evil, strlen(evil)), '\033'));
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("cli_pretty");
  TCase *t = tcase_create("printers");
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
  tcase_add_loop_test(t, cbor_is_written_in_diagnostic_notation, 0, COUNT(appendix_a));
  tcase_add_loop_test(t, cbor_that_is_not_well_formed_is_refused, 0, COUNT(not_well_formed));
  tcase_add_test(t, cbor_nested_too_deep_is_refused_and_the_limit_is_not);
  tcase_add_test(t, cbor_sequence_has_one_item_a_line);
  tcase_add_test(t, cbor_longer_than_a_line_is_broken);
  tcase_add_loop_test(t, json_is_taken, 0, COUNT(valid_json));
  tcase_add_loop_test(t, what_is_no_json_is_refused, 0, COUNT(invalid_json));
  tcase_add_test(t, json_nested_too_deep_is_refused);
  tcase_add_loop_test(t, the_examples_of_the_rfcs_look_as_in_the_golden_files, 0, COUNT(golden));
  tcase_add_test(t, senml_numbers_may_be_decimal_fractions);
  tcase_add_loop_test(t, changed_examples_never_harm, 0, COUNT(golden));
  tcase_add_test(t, a_body_that_is_not_what_it_says_is_shown_as_text_or_as_bytes);
  tcase_add_test(t, nothing_steers_the_terminal);
  suite_add_tcase(s, t);
  return s;
}

ACOAP_TEST_MAIN(suite)
