/*
 * A directory read and written with the n-th allocation failing, for every n, on either side: each
 * request has one end, files are old or new, nothing half-written and no memory stays, and the
 * server goes on.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "fail_alloc.h"
#include "file_rig.h"

enum { LEN = 2500 };

static uint8_t fresh[LEN];

static const file_ask_t flows[] = {
    {.method = ACOAP_CODE_GET, .uri = "/files/f"},
    {.method = ACOAP_CODE_GET, .uri = "/files"},
    {.method = ACOAP_CODE_PUT, .uri = "/files/f", .body = fresh, .len = LEN},
    {.method = ACOAP_CODE_PUT, .uri = "/files/f", .body = fresh, .len = 10, .if_exists = true},
    {.method = ACOAP_CODE_POST, .uri = "/files", .body = fresh, .len = LEN},
    {.method = ACOAP_CODE_DELETE, .uri = "/files/f"},
};

enum { FLOWS = sizeof(flows) / sizeof(flows[0]) };

/* What may be in the directory after a flow. */
static void check_files(file_rig_t *rig, const file_ask_t *ask, bool certain) {
  size_t count = scratch_count(&rig->scratch, "root");
  bool old = scratch_has(&rig->scratch, "root/f", "old", 3);
  bool new = scratch_has(&rig->scratch, "root/f", fresh, ask->len);
  switch (ask->method) {
  case ACOAP_CODE_PUT:
    ck_assert_uint_eq(count, 1);
    ck_assert(new || (old && !certain));
    break;
  case ACOAP_CODE_POST:
    ck_assert(old);
    ck_assert(count == 2 || (count == 1 && !certain));
    break;
  case ACOAP_CODE_DELETE:
    ck_assert(count == 0 || (old && count == 1 && !certain));
    break;
  default:
    ck_assert(old && count == 1);
    break;
  }
}

START_TEST(every_allocation_of_a_flow_may_fail) {
  const file_ask_t *ask = &flows[_i];
  size_t failures = 0;
  file_rig_fill(fresh, LEN, 3);
  fail_alloc_install();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    file_rig_t rig;
    file_answer_t answer;
    file_rig_open(&rig, 21, NULL);
    (void)file_rig_serve(&rig, true);
    file_rig_write(&rig, "f", "old", 3);
    fail_alloc_at(n);
    int status = file_rig_try(&rig, ask, &answer);
    /* Long enough for transfers that were begun to be forgotten. */
    client_rig_run(&rig.client, 900000);
    fail_alloc_at(0);
    ck_assert_uint_eq(answer.finals, status == 0 ? 1 : 0);
    failures += fail_alloc_happened() ? 1 : 0;
    check_files(&rig, ask, status == 0 && answer.status == 0);
    file_answer_done(&answer);
    const file_ask_t again = {.method = ACOAP_CODE_PUT, .uri = "/files/f", .body = "x", .len = 1};
    file_answer_t after;
    file_rig_ask(&rig, &again, &after);
    ck_assert_msg(after.status == 0, "allocation %zu: %s", n, acoap_strerror(after.status));
    file_answer_done(&after);
    file_rig_close(&rig);
    ck_assert_msg(fail_alloc_live() == 0, "allocation %zu: %zu blocks", n, fail_alloc_live());
  }
  fail_alloc_restore();
  ck_assert_uint_gt(failures, 10);
}
END_TEST

static Suite *files_alloc_suite(void) {
  Suite *suite = suite_create("server/files without memory");
  TCase *tcase = tcase_create("flows");
  tcase_set_timeout(tcase, 110);
  tcase_add_loop_test(tcase, every_allocation_of_a_flow_may_fail, 0, FLOWS);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(files_alloc_suite)
