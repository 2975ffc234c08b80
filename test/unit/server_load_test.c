/*
 * server/load: three levels with hysteresis, and what they do to Max-Age.
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#include "server_rig.h"
#include "support/check_main.h"

#define N ACOAP_LOAD_NORMAL
#define T ACOAP_LOAD_THROTTLED
#define S ACOAP_LOAD_SHEDDING

static const struct {
  acoap_load_t from;
  uint32_t fill;
  acoap_load_t to;
} moves[] = {
    {N, 0, N},  {N, 74, N}, {N, 75, T}, {N, 89, T}, {N, 90, S}, {N, 100, S}, {T, 64, N},
    {T, 65, T}, {T, 74, T}, {T, 89, T}, {T, 90, S}, {T, 0, N},  {S, 80, S},  {S, 79, T},
    {S, 75, T}, {S, 70, T}, {S, 65, T}, {S, 64, N}, {S, 90, S}, {S, 0, N},   {S, 100, S},
};

START_TEST(a_level_ends_below_where_it_began) {
  acoap__load_limits_t limits = {.throttle = 75, .shed = 90, .hysteresis = 10};
  ck_assert_int_eq(acoap__load_next(moves[_i].from, moves[_i].fill, &limits), moves[_i].to);
}
END_TEST

START_TEST(a_hysteresis_of_everything_ends_at_nothing) {
  acoap__load_limits_t limits = {.throttle = 5, .shed = 8, .hysteresis = 10};
  ck_assert_int_eq(acoap__load_next(S, 0, &limits), S);
  ck_assert_int_eq(acoap__load_next(N, 4, &limits), N);
}
END_TEST

/* ---- Max-Age --------------------------------------------------------------------------------- */

static const struct {
  uint8_t code;
  int64_t before; /* -1: none */
  int64_t after;
} ages[] = {
    {ACOAP_CODE_CONTENT, -1, 120},  {ACOAP_CODE_CONTENT, 10, 20},
    {ACOAP_CODE_CONTENT, 0, 0},     {ACOAP_CODE_CONTENT, UINT32_MAX, UINT32_MAX},
    {ACOAP_CODE_VALID, 30, 60},     {ACOAP_CODE_CHANGED, -1, -1},
    {ACOAP_CODE_NOT_FOUND, 10, 10}, {ACOAP_CODE_SERVICE_UNAVAILABLE, 5, 5},
};

static int64_t age_of(const acoap_builder_t *builder) {
  acoap_view_t view;
  uint32_t age;
  acoap_builder_view(builder, &view);
  return acoap_view_uint(&view, ACOAP_OPTION_MAX_AGE, &age) ? (int64_t)age : -1;
}

START_TEST(what_caches_may_keep_they_may_keep_twice_as_long_when_throttled) {
  server_rig_t rig;
  acoap_builder_t builder;
  uint8_t bytes[64];
  server_rig_open(&rig, 1, NULL);
  for (int throttled = 0; throttled < 2; throttled++) {
    rig.server->options.throttle_percent = 75;
    rig.server->options.hysteresis_percent = throttled ? 75 : 10;
    rig.server->protection->level = throttled ? ACOAP_LOAD_THROTTLED : ACOAP_LOAD_NORMAL;
    acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ages[_i].code, 0, NULL, 0);
    if (ages[_i].before >= 0) {
      acoap_builder_uint(&builder, ACOAP_OPTION_MAX_AGE, (uint32_t)ages[_i].before);
    }
    acoap__load_extend_max_age(rig.server, &builder);
    ck_assert_int_gt(acoap_builder_finish(&builder), 0);
    ck_assert_int_eq(age_of(&builder), throttled ? ages[_i].after : ages[_i].before);
  }
  server_rig_close(&rig);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("server/load");
  TCase *tcase = tcase_create("levels");
  tcase_add_loop_test(tcase, a_level_ends_below_where_it_began, 0,
                      sizeof(moves) / sizeof(moves[0]));
  tcase_add_test(tcase, a_hysteresis_of_everything_ends_at_nothing);
  tcase_add_loop_test(tcase, what_caches_may_keep_they_may_keep_twice_as_long_when_throttled, 0,
                      sizeof(ages) / sizeof(ages[0]));
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
