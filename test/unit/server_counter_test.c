/*
 * Ready resources of values, over the network: a counter that is read, added to, set and cleared; a
 * typed value that is got and set, in three formats, with a diagnostic for what is wrong; and that
 * observers hear of each change.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <string.h>

#include "check_main.h"
#include "server_rig.h"

static void open_rig(server_rig_t *rig, int64_t start) {
  server_rig_open(rig, 4, NULL);
  ck_assert_ptr_nonnull(acoap_resource_new_counter(rig->server, "/c", start));
  ck_assert_int_eq(acoap_server_status(rig->server), 0);
}

/* A request with a body; its answer has to be this code and payload (NULL: any). */
static void say(server_rig_t *rig, uint8_t method, const char *uri, int format, const char *body,
                uint8_t code, const char *payload) {
  acoap_builder_t *builder = server_rig_begin(rig, ACOAP_CON, method, uri);
  if (format >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)format);
  }
  acoap_builder_payload(builder, body, strlen(body));
  const sim_datagram_t *answer = server_rig_answer(rig);
  ck_assert_msg(answer->view.code == code, "%s: %u.%02u", body, answer->view.code >> 5,
                answer->view.code & 31u);
  if (payload != NULL) {
    server_rig_expect_payload(answer, payload);
  }
}

static void expect_count(server_rig_t *rig, const char *count) {
  (void)server_rig_expect(rig, ACOAP_CODE_GET, "/c", ACOAP_CODE_CONTENT, count);
}

START_TEST(counter_counts) {
  server_rig_t rig;
  open_rig(&rig, 41);
  expect_count(&rig, "41");
  say(&rig, ACOAP_CODE_POST, "/c", -1, "", ACOAP_CODE_CHANGED, "42");
  say(&rig, ACOAP_CODE_POST, "/c", ACOAP_FORMAT_TEXT_PLAIN, "-50", ACOAP_CODE_CHANGED, "-8");
  say(&rig, ACOAP_CODE_POST, "/c", ACOAP_FORMAT_JSON, "10", ACOAP_CODE_CHANGED, "2");
  say(&rig, ACOAP_CODE_PUT, "/c", -1, "1000", ACOAP_CODE_CHANGED, "");
  expect_count(&rig, "1000");
  (void)server_rig_expect(&rig, ACOAP_CODE_DELETE, "/c", ACOAP_CODE_DELETED, "");
  expect_count(&rig, "0");
  server_rig_close(&rig);
}
END_TEST

START_TEST(what_would_not_fit_changes_nothing) {
  server_rig_t rig;
  open_rig(&rig, INT64_MAX);
  say(&rig, ACOAP_CODE_POST, "/c", -1, "", ACOAP_CODE_BAD_REQUEST, "the sum would be out of range");
  expect_count(&rig, "9223372036854775807");
  say(&rig, ACOAP_CODE_POST, "/c", -1, "-9223372036854775808", ACOAP_CODE_CHANGED, "-1");
  say(&rig, ACOAP_CODE_PUT, "/c", -1, "-9223372036854775808", ACOAP_CODE_CHANGED, NULL);
  say(&rig, ACOAP_CODE_POST, "/c", -1, "-1", ACOAP_CODE_BAD_REQUEST, NULL);
  expect_count(&rig, "-9223372036854775808");
  say(&rig, ACOAP_CODE_PUT, "/c", -1, "many", ACOAP_CODE_BAD_REQUEST,
      "an integer is expected, of 64 bits at most");
  say(&rig, ACOAP_CODE_POST, "/c", -1, "1.5", ACOAP_CODE_BAD_REQUEST, NULL);
  say(&rig, ACOAP_CODE_PUT, "/c", ACOAP_FORMAT_XML, "1", ACOAP_CODE_UNSUPPORTED_CONTENT_FORMAT,
      NULL);
  expect_count(&rig, "-9223372036854775808");
  server_rig_close(&rig);
}
END_TEST

START_TEST(accept_chooses_the_format) {
  static const struct {
    int accept;
    uint8_t code;
    const char *payload;
  } cases[] = {{ACOAP_FORMAT_TEXT_PLAIN, ACOAP_CODE_CONTENT, "10"},
               {ACOAP_FORMAT_JSON, ACOAP_CODE_CONTENT, "10"},
               {ACOAP_FORMAT_CBOR, ACOAP_CODE_CONTENT, "\x0a"},
               {ACOAP_FORMAT_XML, ACOAP_CODE_NOT_ACCEPTABLE, NULL}};
  server_rig_t rig;
  open_rig(&rig, 10);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    uint32_t format = 99;
    acoap_builder_uint(server_rig_begin(&rig, ACOAP_CON, ACOAP_CODE_GET, "/c"), ACOAP_OPTION_ACCEPT,
                       (uint32_t)cases[i].accept);
    const sim_datagram_t *answer = server_rig_answer(&rig);
    ck_assert_uint_eq(answer->view.code, cases[i].code);
    if (cases[i].payload != NULL) {
      server_rig_expect_payload(answer, cases[i].payload);
      ck_assert(acoap_view_uint(&answer->view, ACOAP_OPTION_CONTENT_FORMAT, &format));
      ck_assert_int_eq((int)format, cases[i].accept);
    }
  }
  server_rig_close(&rig);
}
END_TEST

START_TEST(rfc7641_observers_hear_of_each_change) {
  server_rig_t rig;
  open_rig(&rig, 1);
  acoap_builder_uint(server_rig_begin(&rig, ACOAP_NON, ACOAP_CODE_GET, "/c"), ACOAP_OPTION_OBSERVE,
                     0);
  server_rig_expect_payload(server_rig_answer(&rig), "1");
  say(&rig, ACOAP_CODE_POST, "/c", -1, "", ACOAP_CODE_CHANGED, "2");
  server_rig_run(&rig, 10);
  server_rig_expect_payload(sim_peer_next(&rig.peer), "2");
  (void)server_rig_ask(&rig, ACOAP_CODE_DELETE, "/c");
  server_rig_run(&rig, 10);
  server_rig_expect_payload(sim_peer_next(&rig.peer), "0");
  server_rig_close(&rig);
}
END_TEST

/* ---- a typed value --------------------------------------------------------------------------- */

typedef struct thermostat {
  double target;
  int get_status; /* what the getter says */
  int set_status; /* what the setter says */
  unsigned sets;
} thermostat_t;

static int get_target(void *user_data, acoap_value_t *value) {
  const thermostat_t *thermostat = user_data;
  value->number = thermostat->target;
  return thermostat->get_status;
}

static int set_target(void *user_data, const acoap_value_t *value) {
  thermostat_t *thermostat = user_data;
  ck_assert_int_eq(value->type, ACOAP_VALUE_DOUBLE);
  thermostat->sets++;
  if (thermostat->set_status == 0) {
    thermostat->target = value->number;
  }
  return thermostat->set_status;
}

START_TEST(value_is_got_and_set) {
  server_rig_t rig;
  thermostat_t thermostat = {.target = 20.5};
  server_rig_open(&rig, 5, NULL);
  ck_assert_ptr_nonnull(acoap_resource_new_value(rig.server, "/t", ACOAP_VALUE_DOUBLE, get_target,
                                                 set_target, &thermostat));
  (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/t", ACOAP_CODE_CONTENT, "20.5");
  say(&rig, ACOAP_CODE_PUT, "/t", ACOAP_FORMAT_TEXT_PLAIN, "21.1", ACOAP_CODE_CHANGED, "");
  (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/t", ACOAP_CODE_CONTENT, "21.1");
  say(&rig, ACOAP_CODE_PUT, "/t", ACOAP_FORMAT_JSON, "warm", ACOAP_CODE_BAD_REQUEST,
      "a decimal number is expected, of a double's range");
  ck_assert_uint_eq(thermostat.sets, 1);
  thermostat.set_status = ACOAP_CODE_FORBIDDEN;
  say(&rig, ACOAP_CODE_PUT, "/t", -1, "50", ACOAP_CODE_FORBIDDEN, NULL);
  thermostat.set_status = ACOAP_ENOMEM;
  say(&rig, ACOAP_CODE_PUT, "/t", -1, "50", ACOAP_CODE_INTERNAL_SERVER_ERROR, NULL);
  thermostat.get_status = ACOAP_CODE_SERVICE_UNAVAILABLE;
  (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/t", ACOAP_CODE_SERVICE_UNAVAILABLE, NULL);
  thermostat.get_status = ACOAP_EINVAL;
  (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/t", ACOAP_CODE_INTERNAL_SERVER_ERROR, NULL);
  server_rig_close(&rig);
}
END_TEST

START_TEST(value_without_a_setter_is_read_only) {
  server_rig_t rig;
  thermostat_t thermostat = {.target = -3};
  server_rig_open(&rig, 6, NULL);
  ck_assert_ptr_nonnull(acoap_resource_new_value(rig.server, "/t", ACOAP_VALUE_DOUBLE, get_target,
                                                 NULL, &thermostat));
  say(&rig, ACOAP_CODE_PUT, "/t", -1, "50", ACOAP_CODE_METHOD_NOT_ALLOWED, NULL);
  (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/t", ACOAP_CODE_CONTENT, "-3");
  server_rig_close(&rig);
}
END_TEST

static int get_text(void *user_data, acoap_value_t *value) {
  value->string = *(acoap_bytes_t *)user_data;
  return 0;
}

static int set_text(void *user_data, const acoap_value_t *value) {
  acoap_bytes_t *expected = user_data;
  ck_assert_uint_eq(value->string.len, expected->len);
  ck_assert_mem_eq(value->string.data, expected->data, expected->len);
  return 0;
}

START_TEST(string_value_goes_through_escapes) {
  server_rig_t rig;
  acoap_bytes_t text = {(const uint8_t *)"a\n\"b\"", 6};
  server_rig_open(&rig, 7, NULL);
  text.len = strlen("a\n\"b\"");
  ck_assert_ptr_nonnull(
      acoap_resource_new_value(rig.server, "/t", ACOAP_VALUE_STRING, get_text, set_text, &text));
  (void)server_rig_expect(&rig, ACOAP_CODE_GET, "/t", ACOAP_CODE_CONTENT, "a\n\"b\"");
  say(&rig, ACOAP_CODE_PUT, "/t", ACOAP_FORMAT_JSON, "\"a\\n\\\"b\\\"\"", ACOAP_CODE_CHANGED, "");
  say(&rig, ACOAP_CODE_PUT, "/t", ACOAP_FORMAT_TEXT_PLAIN, "a\n\"b\"", ACOAP_CODE_CHANGED, "");
  say(&rig, ACOAP_CODE_PUT, "/t", ACOAP_FORMAT_CBOR,
      "\x65"
      "a\n\"b\"",
      ACOAP_CODE_CHANGED, "");
  server_rig_close(&rig);
}
END_TEST

START_TEST(invalid_arguments_are_told_by_the_server) {
  server_rig_t rig;
  server_rig_open(&rig, 8, NULL);
  ck_assert_ptr_null(
      acoap_resource_new_value(rig.server, "/t", ACOAP_VALUE_BOOL, NULL, NULL, NULL));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(
      acoap_resource_new_value(rig.server, "/t", (acoap_value_type_t)9, get_target, NULL, NULL));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_counter(rig.server, "c", 0));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_counter(NULL, "/c", 0));
  server_rig_close(&rig);
}
END_TEST

static Suite *counter_suite(void) {
  Suite *suite = suite_create("server/counter");
  TCase *tcase = tcase_create("counter");
  tcase_add_test(tcase, counter_counts);
  tcase_add_test(tcase, what_would_not_fit_changes_nothing);
  tcase_add_test(tcase, accept_chooses_the_format);
  tcase_add_test(tcase, rfc7641_observers_hear_of_each_change);
  tcase_add_test(tcase, value_is_got_and_set);
  tcase_add_test(tcase, value_without_a_setter_is_read_only);
  tcase_add_test(tcase, string_value_goes_through_escapes);
  tcase_add_test(tcase, invalid_arguments_are_told_by_the_server);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(counter_suite)
