/*
 * base/log: a sink hears what it wants and nothing else.
 * SPDX-License-Identifier: MIT
 */
#include "base/log.h"

#include <string.h>

#include "support/check_main.h"

typedef struct heard {
  int count;
  acoap_log_level_t level;
  char text[32];
} heard_t;

static void hear(void *user_data, acoap_log_level_t level, const char *text) {
  heard_t *heard = user_data;
  heard->count++;
  heard->level = level;
  strncpy(heard->text, text, sizeof(heard->text) - 1);
}

START_TEST(levels_at_or_above_the_wanted_one_are_heard) {
  for (int wanted = ACOAP_LOG_ERROR; wanted <= ACOAP_LOG_DEBUG; wanted++) {
    for (int level = ACOAP_LOG_ERROR; level <= ACOAP_LOG_DEBUG; level++) {
      heard_t heard = {0};
      acoap__log_t log = {(acoap_log_level_t)wanted, hear, &heard};
      acoap__log_text(&log, (acoap_log_level_t)level, "peer lost");
      ck_assert_int_eq(heard.count, level <= wanted);
      if (level <= wanted) {
        ck_assert_int_eq(heard.level, level);
        ck_assert_str_eq(heard.text, "peer lost");
      }
    }
  }
}
END_TEST

START_TEST(nobody_listens) {
  acoap__log_t log = {ACOAP_LOG_DEBUG, NULL, NULL};
  acoap__log_text(&log, ACOAP_LOG_ERROR, "unheard");
  acoap__log_text(NULL, ACOAP_LOG_ERROR, "unheard");
  ck_assert(!acoap__log_wants(&log, ACOAP_LOG_ERROR));
  ck_assert(!acoap__log_wants(NULL, ACOAP_LOG_ERROR));
}
END_TEST

static Suite *base_log_suite(void) {
  Suite *suite = suite_create("base_log");
  TCase *log = tcase_create("log");
  tcase_add_test(log, levels_at_or_above_the_wanted_one_are_heard);
  tcase_add_test(log, nobody_listens);
  suite_add_tcase(suite, log);
  return suite;
}

ACOAP_TEST_MAIN(base_log_suite)
