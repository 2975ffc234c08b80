/*
 * message/observe: the three conditions of RFC 7641 section 3.4, each at its edge.
 * SPDX-License-Identifier: MIT
 */
#include "message/observe.h"

#include "support/check_main.h"

static const struct {
  uint32_t v1;
  uint32_t v2;
  acoap_time_t elapsed; /* t2 - t1, milliseconds */
  bool newer;
} cases[] = {
    {1, 2, 0, true},         {2, 1, 0, false},
    {5, 5, 0, false},        {0, 0x7fffff, 0, true}, /* v2 - v1 = 2^23 - 1 */
    {0, 0x800000, 0, false},                         /* v2 - v1 = 2^23 */
    {0x800000, 0, 0, false},                         /* v1 - v2 = 2^23 */
    {0x800001, 0, 0, true},                          /* v1 - v2 = 2^23 + 1 */
    {0xffffff, 0, 0, true},                          /* wrapped */
    {0, 0xffffff, 0, false},                         /* late from before the wrap */
    {0xfffff0, 5, 0, true},  {2, 1, 127999, false},
    {2, 1, 128000, false}, /* 128 seconds are not enough */
    {2, 1, 128001, true},  /* more are */
    {5, 5, 128001, true},    {2, 1, -1000, false},
};

START_TEST(order_of_notifications) {
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_time_t t1 = 1000000;
    ck_assert_msg(acoap__observe_is_newer(cases[i].v1, t1, cases[i].v2, t1 + cases[i].elapsed) ==
                      cases[i].newer,
                  "%u then %u after %d ms", cases[i].v1, cases[i].v2, (int)cases[i].elapsed);
  }
}
END_TEST

/* Of two different numbers in quick succession one is newer, except when they lie exactly half a
 * circle apart. */
START_TEST(never_both_newer) {
  for (uint32_t a = 0; a < 0x1000000; a += 4099) {
    for (uint32_t b = 1; b < 0x1000000; b += 80021) {
      bool forth = acoap__observe_is_newer(a, 0, b, 0);
      bool back = acoap__observe_is_newer(b, 0, a, 0);
      uint32_t apart = a > b ? a - b : b - a;
      if (forth + back != (apart != 0 && apart != 0x800000)) {
        ck_abort_msg("%u and %u", (unsigned)a, (unsigned)b);
      }
    }
  }
}
END_TEST

static Suite *message_observe_suite(void) {
  Suite *suite = suite_create("message_observe");
  TCase *observe = tcase_create("observe");
  tcase_add_test(observe, order_of_notifications);
  tcase_add_test(observe, never_both_newer);
  suite_add_tcase(suite, observe);
  return suite;
}

ACOAP_TEST_MAIN(message_observe_suite)
