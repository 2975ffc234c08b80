/*
 * exchange/message_id: RFC 7252 section 4.4: all 65,536 IDs can be used within a lifetime, none is
 * used again before its lifetime is over.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/message_id.h"

#include "support/check_main.h"

#define LIFETIME 247000u

/* A check for long loops: those of Check write to a file each time, also when they pass. */
#define REQUIRE(condition)                                                                         \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      ck_abort_msg("%s", #condition);                                                              \
    }                                                                                              \
  } while (0)

static acoap_time_t last_end[65536];

static void forget_ends(void) {
  for (size_t i = 0; i < 65536; i++) {
    last_end[i] = INT64_MIN;
  }
}

/* Take one and check the rule against a full list of what was given out. */
static bool take(acoap__message_id_t *ids, acoap_time_t now, uint32_t lifetime) {
  uint16_t id;

  if (!acoap__message_id_take(ids, now, lifetime, &id)) {
    return false;
  }
  if (last_end[id] > now) {
    ck_abort_msg("%u given out again %lld ms too early", id, (long long)(last_end[id] - now));
  }
  last_end[id] = now + (acoap_time_t)lifetime;
  return true;
}

START_TEST(all_65536_are_distinct_within_a_lifetime) {
  acoap__message_id_t ids;

  forget_ends();
  acoap__message_id_init(&ids, 0xfff0);
  for (unsigned i = 0; i < 65536; i++) {
    REQUIRE(acoap__message_id_when(&ids, 5000) == 5000);
    REQUIRE(take(&ids, 5000, LIFETIME));
  }
  ck_assert(!take(&ids, 5000, LIFETIME));
  ck_assert_int_eq(acoap__message_id_when(&ids, 5000), 5000 + (acoap_time_t)LIFETIME);
}
END_TEST

START_TEST(the_next_one_waits_until_the_lifetime_is_over) {
  acoap__message_id_t ids;
  acoap_time_t now = 0;

  forget_ends();
  acoap__message_id_init(&ids, 7);
  for (unsigned i = 0; i < 65536; i++) {
    now = i;
    REQUIRE(take(&ids, now, LIFETIME));
  }
  /* The first window's last use was at ACOAP__MESSAGE_ID_WINDOW - 1. */
  acoap_time_t free_at = ACOAP__MESSAGE_ID_WINDOW - 1 + (acoap_time_t)LIFETIME;
  ck_assert_int_eq(acoap__message_id_when(&ids, now), free_at);
  ck_assert(!take(&ids, free_at - 1, LIFETIME));
  ck_assert(take(&ids, free_at, LIFETIME));
}
END_TEST

START_TEST(first_id_is_the_one_given) {
  acoap__message_id_t ids;
  uint16_t id;

  acoap__message_id_init(&ids, 0x7d34);
  ck_assert(acoap__message_id_take(&ids, 0, LIFETIME, &id));
  ck_assert_uint_eq(id, 0x7d34);
  ck_assert(acoap__message_id_take(&ids, 0, LIFETIME, &id));
  ck_assert_uint_eq(id, 0x7d35);
}
END_TEST

START_TEST(sustained_rate_is_near_the_bound) {
  acoap__message_id_t ids;
  unsigned taken = 0;

  forget_ends();
  acoap__message_id_init(&ids, 1);
  for (acoap_time_t now = 0; now < 4 * (acoap_time_t)LIFETIME; now++) {
    if (take(&ids, now, LIFETIME)) {
      taken++;
    }
  }
  /* One a millisecond is asked for: 65,536 a lifetime is all there is, fifteen sixteenths of it at
   * least is given. */
  ck_assert_uint_ge(taken, 4u * 61440);
  ck_assert_uint_le(taken, 4u * 65536 + 65536);
}
END_TEST

START_TEST(rule_holds_at_random_paces_and_after_long_rests) {
  static const acoap_time_t steps[] = {0, 0, 0, 0, 1, 3, 17, 400, 60000, 246999, 247000, 90000000};
  acoap__message_id_t ids;
  acoap_time_t now = -5000000;
  uint64_t random = 88172645463325252u;

  forget_ends();
  acoap__message_id_init(&ids, 40000);
  for (unsigned i = 0; i < 3000000; i++) {
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    if (random % 1000 == 0) {
      now += steps[(random >> 20) % (sizeof(steps) / sizeof(steps[0]))];
    }
    uint32_t lifetime = (random >> 32) % 2 == 0 ? LIFETIME : 145000;
    if (!take(&ids, now, lifetime)) {
      acoap_time_t when = acoap__message_id_when(&ids, now);
      REQUIRE(when > now);
      REQUIRE(when <= now + (acoap_time_t)LIFETIME);
      now = when;
      REQUIRE(take(&ids, now, lifetime));
    }
  }
}
END_TEST

START_TEST(a_slow_user_is_never_kept_waiting) {
  /* One a minute for two years: the 32-bit ends wrap some fourteen times. */
  acoap__message_id_t ids;

  forget_ends();
  acoap__message_id_init(&ids, 3);
  for (acoap_time_t now = 0; now < 730ll * 86400000; now += 60000) {
    REQUIRE(acoap__message_id_when(&ids, now) == now);
    REQUIRE(take(&ids, now, LIFETIME));
  }
}
END_TEST

START_TEST(after_a_month_of_silence_all_are_free) {
  acoap__message_id_t ids;
  acoap_time_t month = 30ll * 86400000;

  forget_ends();
  acoap__message_id_init(&ids, 3);
  for (unsigned i = 0; i < 2 * 65536; i++) {
    acoap_time_t now = i < 65536 ? 1000 : 1000 + month;
    REQUIRE(acoap__message_id_when(&ids, now) == now);
    REQUIRE(take(&ids, now, LIFETIME));
  }
}
END_TEST

START_TEST(living_ids_are_those_given_out_within_their_lifetime) {
  acoap__message_id_t ids;

  forget_ends();
  acoap__message_id_init(&ids, 65000);
  ck_assert_uint_eq(acoap__message_id_living(&ids, 0, 65000), 0);
  for (unsigned i = 0; i < 5000; i++) {
    REQUIRE(take(&ids, 100 + i, LIFETIME));
  }
  for (unsigned i = 0; i < 65536; i++) {
    uint16_t id = (uint16_t)(65000 + i);
    uint32_t run = i < 4096 ? 4096 - i : i < 5000 ? 5000 - i : 0;
    REQUIRE(acoap__message_id_living(&ids, 5100, id) == run);
    /* The first window's end is that of its last ID. */
    REQUIRE(acoap__message_id_living(&ids, 100 + 4095 + (acoap_time_t)LIFETIME, id) ==
            (i < 4096 ? 0 : run));
    REQUIRE(acoap__message_id_living(&ids, 5099 + (acoap_time_t)LIFETIME, id) == 0);
  }
}
END_TEST

START_TEST(rule_holds_when_ids_are_skipped) {
  acoap__message_id_t ids;
  acoap_time_t now = 0;
  uint64_t random = 99;

  forget_ends();
  acoap__message_id_init(&ids, 12345);
  for (unsigned i = 0; i < 300000; i++) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    now += (random >> 40) % 64 == 0 ? 13 : 0;
    acoap_time_t when = acoap__message_id_when(&ids, now);
    now = when;
    if ((random >> 33) % 50 == 0) {
      uint16_t before = ids.next;
      acoap__message_id_skip(&ids, (uint32_t)(random >> 50));
      /* At most to the end of the window. */
      REQUIRE(before / ACOAP__MESSAGE_ID_WINDOW == ids.next / ACOAP__MESSAGE_ID_WINDOW ||
              ids.next % ACOAP__MESSAGE_ID_WINDOW == 0);
    } else {
      REQUIRE(take(&ids, now, LIFETIME));
    }
  }
}
END_TEST

START_TEST(the_longest_lifetime_is_kept) {
  acoap__message_id_t ids;
  uint32_t longest = 0x7ffffffe;

  forget_ends();
  acoap__message_id_init(&ids, 3);
  for (unsigned i = 0; i < 65536; i++) {
    REQUIRE(take(&ids, i, longest));
  }
  ck_assert_int_eq(acoap__message_id_when(&ids, 70000),
                   ACOAP__MESSAGE_ID_WINDOW - 1 + (acoap_time_t)longest);
  ck_assert(!take(&ids, ACOAP__MESSAGE_ID_WINDOW - 2 + (acoap_time_t)longest, longest));
  ck_assert(take(&ids, ACOAP__MESSAGE_ID_WINDOW - 1 + (acoap_time_t)longest, longest));
}
END_TEST

static Suite *exchange_message_id_suite(void) {
  Suite *suite = suite_create("exchange_message_id");
  TCase *tcase = tcase_create("message_id");
  tcase_add_test(tcase, all_65536_are_distinct_within_a_lifetime);
  tcase_add_test(tcase, the_next_one_waits_until_the_lifetime_is_over);
  tcase_add_test(tcase, first_id_is_the_one_given);
  tcase_add_test(tcase, sustained_rate_is_near_the_bound);
  tcase_add_test(tcase, rule_holds_at_random_paces_and_after_long_rests);
  tcase_add_test(tcase, a_slow_user_is_never_kept_waiting);
  tcase_add_test(tcase, after_a_month_of_silence_all_are_free);
  tcase_add_test(tcase, living_ids_are_those_given_out_within_their_lifetime);
  tcase_add_test(tcase, rule_holds_when_ids_are_skipped);
  tcase_add_test(tcase, the_longest_lifetime_is_kept);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(exchange_message_id_suite)
