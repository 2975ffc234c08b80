/*
 * Files below a directory: what is reached and what is not, in both ways of resolving; reading,
 * listing, and that a new name is taken once.
 * SPDX-License-Identifier: MIT
 */
#include "transport/files.h"

#include <string.h>
#include <sys/stat.h>
#include <uv.h>

#include "check_main.h"
#include "scratch.h"

typedef struct tree {
  scratch_t scratch;
  char root[300];
} tree_t;

/* root/a.txt, root/sub/b.txt; beside the root: secret.txt. */
static void open_tree(tree_t *tree) {
  scratch_open(&tree->scratch);
  scratch_mkdir(&tree->scratch, "root");
  scratch_mkdir(&tree->scratch, "root/sub");
  scratch_write(&tree->scratch, "root/a.txt", "aaa", 3);
  scratch_write(&tree->scratch, "root/sub/b.txt", "bbbb", 4);
  scratch_write(&tree->scratch, "secret.txt", "secret", 6);
  snprintf(tree->root, sizeof(tree->root), "%s", scratch_path(&tree->scratch, "root"));
}

/* The status of opening; what was opened is closed. */
static int try_open(const tree_t *tree, const char *path, acoap__files_way_t way) {
  acoap__file_facts_t facts;
  int file = acoap__files_open(tree->root, path, way, &facts);
  acoap__files_close(file);
  return file < 0 ? file : 0;
}

static const acoap__files_way_t ways[] = {ACOAP__FILES_BEST, ACOAP__FILES_BY_SEGMENT};

START_TEST(file_below_the_root_is_opened_and_measured) {
  tree_t tree;
  acoap__file_facts_t facts;
  open_tree(&tree);
  int file = acoap__files_open(tree.root, "sub/b.txt", ways[_i], &facts);
  ck_assert_int_ge(file, 0);
  ck_assert(facts.regular && !facts.directory);
  ck_assert_uint_eq(facts.size, 4);
  acoap__files_close(file);
  file = acoap__files_open(tree.root, "", ways[_i], &facts);
  ck_assert_int_ge(file, 0);
  ck_assert(facts.directory && !facts.regular);
  acoap__files_close(file);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(paths_that_are_no_plain_names_are_refused) {
  static const char *const paths[] = {"..",      "../secret.txt", "sub/../a.txt", "sub/..",
                                      "/a.txt",  "sub//b.txt",    "sub/",         ".",
                                      "./a.txt", "/etc/passwd",   "sub/./b.txt"};
  tree_t tree;
  char overlong[ACOAP__FILES_NAME_MAX + 1];
  open_tree(&tree);
  for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
    ck_assert_msg(try_open(&tree, paths[i], ways[_i]) == UV_EINVAL, "%s", paths[i]);
  }
  memset(overlong, 'x', sizeof(overlong) - 1);
  overlong[sizeof(overlong) - 1] = '\0';
  ck_assert_int_eq(try_open(&tree, overlong, ways[_i]), UV_EINVAL);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(links_that_lead_out_are_refused) {
  tree_t tree;
  char absolute[300];
  open_tree(&tree);
  snprintf(absolute, sizeof(absolute), "%s", scratch_path(&tree.scratch, "secret.txt"));
  scratch_link(&tree.scratch, "../secret.txt", "root/up");
  scratch_link(&tree.scratch, absolute, "root/absolute");
  scratch_link(&tree.scratch, "..", "root/above");
  scratch_link(&tree.scratch, "../..", "root/sub/above");
  scratch_link(&tree.scratch, "loop", "root/loop");
  ck_assert_int_lt(try_open(&tree, "up", ways[_i]), 0);
  ck_assert_int_lt(try_open(&tree, "absolute", ways[_i]), 0);
  ck_assert_int_lt(try_open(&tree, "above/secret.txt", ways[_i]), 0);
  ck_assert_int_lt(try_open(&tree, "sub/above/secret.txt", ways[_i]), 0);
  ck_assert_int_eq(try_open(&tree, "loop", ways[_i]), UV_ELOOP);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(links_are_never_followed_segment_by_segment) {
  tree_t tree;
  open_tree(&tree);
  scratch_link(&tree.scratch, "a.txt", "root/inside");
  scratch_link(&tree.scratch, "sub", "root/directory");
  ck_assert_int_eq(try_open(&tree, "inside", ACOAP__FILES_BY_SEGMENT), UV_ELOOP);
  ck_assert_int_eq(try_open(&tree, "directory/b.txt", ACOAP__FILES_BY_SEGMENT), UV_ELOOP);
  /* Followed, or refused where the system has no openat2; in no case something else. */
  int status = try_open(&tree, "directory/b.txt", ACOAP__FILES_BEST);
  ck_assert(status == 0 || status == UV_ELOOP);
  ck_assert_int_eq(try_open(&tree, "inside", ACOAP__FILES_BEST), status);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(what_is_no_file_does_not_hold_the_thread_up) {
  tree_t tree;
  open_tree(&tree);
  ck_assert_int_eq(mkfifo(scratch_path(&tree.scratch, "root/fifo"), 0644), 0);
  ck_assert_int_eq(try_open(&tree, "fifo", ways[_i]), UV_EINVAL);
  ck_assert_int_eq(try_open(&tree, "a.txt/b", ways[_i]), UV_ENOTDIR);
  ck_assert_int_eq(try_open(&tree, "none", ways[_i]), UV_ENOENT);
  ck_assert_int_eq(try_open(&tree, "none/b", ways[_i]), UV_ENOENT);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(reading_gives_fewer_bytes_only_at_the_end) {
  tree_t tree;
  acoap__file_facts_t facts;
  uint8_t room[8];
  open_tree(&tree);
  int file = acoap__files_open(tree.root, "sub/b.txt", ACOAP__FILES_BEST, &facts);
  ck_assert_int_eq(acoap__files_read(file, 0, room, 3), 3);
  ck_assert_mem_eq(room, "bbb", 3);
  ck_assert_int_eq(acoap__files_read(file, 2, room, sizeof(room)), 2);
  ck_assert_int_eq(acoap__files_read(file, 4, room, sizeof(room)), 0);
  ck_assert_int_eq(acoap__files_read(file, 1000, room, sizeof(room)), 0);
  ck_assert_int_eq(acoap__files_read(file, UINT64_MAX, room, sizeof(room)), UV_EINVAL);
  acoap__files_close(file);
  acoap__files_close(-1);
  scratch_close(&tree.scratch);
}
END_TEST

typedef struct seen {
  size_t count;
  bool a, sub, out;
  int stop; /* returned by the callback */
} seen_t;

static int see(void *user_data, const char *name, const acoap__file_facts_t *facts) {
  seen_t *seen = user_data;
  seen->count++;
  seen->a = seen->a || (strcmp(name, "a.txt") == 0 && facts->regular && facts->size == 3);
  seen->sub = seen->sub || (strcmp(name, "sub") == 0 && facts->directory);
  seen->out = seen->out || strcmp(name, "out") == 0;
  return seen->stop;
}

START_TEST(listing_leaves_out_what_cannot_be_served) {
  tree_t tree;
  acoap__file_facts_t facts;
  seen_t seen = {0};
  open_tree(&tree);
  scratch_link(&tree.scratch, "../secret.txt", "root/out");
  ck_assert_int_eq(mkfifo(scratch_path(&tree.scratch, "root/fifo"), 0644), 0);
  int directory = acoap__files_open(tree.root, "", ACOAP__FILES_BEST, &facts);
  ck_assert_int_eq(acoap__files_list(directory, tree.root, "", see, &seen), 0);
  ck_assert_uint_eq(seen.count, 2);
  ck_assert(seen.a && seen.sub && !seen.out);
  seen.count = 0;
  seen.stop = -1;
  ck_assert_int_eq(acoap__files_list(directory, tree.root, "", see, &seen), -1);
  ck_assert_uint_eq(seen.count, 1);
  acoap__files_close(directory);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(new_name_is_taken_once) {
  tree_t tree;
  const char *name = NULL;
  open_tree(&tree);
  int parent = acoap__files_open_parent(tree.root, "sub/new", ACOAP__FILES_BEST, &name);
  ck_assert_int_ge(parent, 0);
  ck_assert_str_eq(name, "new");
  int one = acoap__files_create(parent, "one");
  int two = acoap__files_create(parent, "two");
  ck_assert_int_ge(one, 0);
  ck_assert_int_ge(two, 0);
  ck_assert_int_eq(acoap__files_create(parent, "two"), UV_EEXIST);
  ck_assert_int_eq(acoap__files_write(one, 0, (const uint8_t *)"1st", 3), 0);
  ck_assert_int_eq(acoap__files_rename_new(parent, "one", name), 0);
  ck_assert_int_eq(acoap__files_rename_new(parent, "two", name), UV_EEXIST);
  ck_assert(scratch_has(&tree.scratch, "root/sub/new", "1st", 3));
  ck_assert(!scratch_exists(&tree.scratch, "root/sub/one"));
  ck_assert_int_eq(acoap__files_replace(parent, "two", name), 0);
  ck_assert(scratch_has(&tree.scratch, "root/sub/new", "", 0));
  ck_assert_int_eq(acoap__files_remove(parent, name), 0);
  ck_assert_int_eq(acoap__files_remove(parent, name), UV_ENOENT);
  acoap__files_close(one);
  acoap__files_close(two);
  acoap__files_close(parent);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(parent_outside_is_refused_and_links_are_seen_as_such) {
  tree_t tree;
  acoap__file_facts_t facts;
  const char *name = NULL;
  open_tree(&tree);
  scratch_link(&tree.scratch, "..", "root/above");
  scratch_link(&tree.scratch, "../secret.txt", "root/out");
  ck_assert_int_lt(acoap__files_open_parent(tree.root, "above/x", ways[_i], &name), 0);
  ck_assert_int_eq(acoap__files_open_parent(tree.root, "../x", ways[_i], &name), UV_EINVAL);
  ck_assert_int_eq(acoap__files_open_parent(tree.root, "", ways[_i], &name), UV_EINVAL);
  int parent = acoap__files_open_parent(tree.root, "out", ways[_i], &name);
  ck_assert_int_ge(parent, 0);
  ck_assert_int_eq(acoap__files_look(parent, name, &facts), 0);
  ck_assert(!facts.regular && !facts.directory);
  ck_assert_int_eq(acoap__files_look(parent, "none", &facts), UV_ENOENT);
  acoap__files_close(parent);
  scratch_close(&tree.scratch);
}
END_TEST

START_TEST(change_of_content_is_another_version) {
  tree_t tree;
  acoap__file_facts_t before;
  acoap__file_facts_t after;
  open_tree(&tree);
  int file = acoap__files_open(tree.root, "a.txt", ACOAP__FILES_BEST, &before);
  ck_assert_int_eq(acoap__files_facts(file, &after), 0);
  ck_assert(acoap__files_same(&before, &after));
  scratch_write(&tree.scratch, "root/a.txt", "aaaa", 4);
  ck_assert_int_eq(acoap__files_facts(file, &after), 0);
  ck_assert(!acoap__files_same(&before, &after));
  acoap__files_close(file);
  scratch_close(&tree.scratch);
}
END_TEST

static Suite *files_suite(void) {
  Suite *suite = suite_create("transport/files_posix");
  TCase *tcase = tcase_create("files");
  tcase_add_loop_test(tcase, file_below_the_root_is_opened_and_measured, 0, 2);
  tcase_add_loop_test(tcase, paths_that_are_no_plain_names_are_refused, 0, 2);
  tcase_add_loop_test(tcase, links_that_lead_out_are_refused, 0, 2);
  tcase_add_test(tcase, links_are_never_followed_segment_by_segment);
  tcase_add_loop_test(tcase, what_is_no_file_does_not_hold_the_thread_up, 0, 2);
  tcase_add_test(tcase, reading_gives_fewer_bytes_only_at_the_end);
  tcase_add_test(tcase, listing_leaves_out_what_cannot_be_served);
  tcase_add_test(tcase, new_name_is_taken_once);
  tcase_add_loop_test(tcase, parent_outside_is_refused_and_links_are_seen_as_such, 0, 2);
  tcase_add_test(tcase, change_of_content_is_another_version);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(files_suite)
