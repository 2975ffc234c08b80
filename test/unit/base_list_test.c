/*
 * base/list: order, removal, and lists that change while somebody walks over them.
 * SPDX-License-Identifier: MIT
 */
#include "base/list.h"

#include "support/check_main.h"

typedef struct item {
  int number;
  acoap__list_t link;
} item_t;

static int first_number(const acoap__list_t *head) {
  acoap__list_t *node = acoap__list_first(head);
  return node == NULL ? -1 : ACOAP__CONTAINER(node, item_t, link)->number;
}

START_TEST(append_prepend_remove) {
  acoap__list_t head;
  item_t items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
  acoap__list_init(&head);
  ck_assert(acoap__list_empty(&head));
  ck_assert_ptr_null(acoap__list_first(&head));
  for (int i = 0; i < 3; i++) {
    acoap__list_init(&items[i].link);
  }
  acoap__list_append(&head, &items[1].link);
  acoap__list_append(&head, &items[2].link);
  acoap__list_prepend(&head, &items[0].link);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(first_number(&head), i);
    acoap__list_remove(&items[i].link);
    acoap__list_remove(&items[i].link); /* harmless */
  }
  ck_assert(acoap__list_empty(&head));
}
END_TEST

START_TEST(take_leaves_the_source_empty_and_keeps_the_order) {
  acoap__list_t from;
  acoap__list_t to;
  item_t items[2] = {{.number = 0}, {.number = 1}};
  acoap__list_init(&from);
  acoap__list_init(&to);
  acoap__list_take(&from, &to);
  ck_assert(acoap__list_empty(&to));
  acoap__list_append(&from, &items[0].link);
  acoap__list_append(&from, &items[1].link);
  acoap__list_take(&from, &to);
  ck_assert(acoap__list_empty(&from));
  ck_assert_int_eq(first_number(&to), 0);
  acoap__list_remove(&items[0].link); /* a callback may still remove from where it is now */
  ck_assert_int_eq(first_number(&to), 1);
  acoap__list_append(&from, &items[0].link); /* and add to where it was */
  ck_assert_int_eq(first_number(&from), 0);
  acoap__list_remove(&items[1].link);
  ck_assert(acoap__list_empty(&to));
}
END_TEST

static Suite *base_list_suite(void) {
  Suite *suite = suite_create("base_list");
  TCase *list = tcase_create("list");
  tcase_add_test(list, append_prepend_remove);
  tcase_add_test(list, take_leaves_the_source_empty_and_keeps_the_order);
  suite_add_tcase(suite, list);
  return suite;
}

ACOAP_TEST_MAIN(base_list_suite)
