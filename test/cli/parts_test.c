/*
 * The tool's parts that can be looked at alone: the command line, request bodies from pipes,
 * response bodies into files, the progress line, JSON that stays JSON.
 * SPDX-License-Identifier: MIT
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <acoap/acoap.h>

#include "address.h"
#include "check_main.h"
#include "exit.h"
#include "input.h"
#include "json.h"
#include "json_reader.h"
#include "options.h"
#include "output.h"
#include "progress.h"

/* ---- the command line ------------------------------------------------------------------------ */

#define ARGUMENTS_MAX 12

/* Parse a line of words separated by single spaces; '_' stands for a space inside one. */
static int parse(options_t *options, unsigned set, const char *line) {
  static char text[512];
  static char *argv[ARGUMENTS_MAX];
  int argc = 0;
  snprintf(text, sizeof(text), "%s", line);
  for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " ")) {
    argv[argc++] = word;
  }
  return options_parse(options, "get", set, argc, argv);
}

START_TEST(options_stand_anywhere_and_are_written_as_people_do) {
  options_t o;
  ck_assert_int_eq(parse(&o, COMMAND_GET, "-qN coap://h -b64 -o file --ack-timeout=1.5 -t 2 -- -x"),
                   0);
  ck_assert(o.quiet);
  ck_assert(o.nonconfirmable);
  ck_assert_uint_eq(o.block_size, 64);
  ck_assert_str_eq(o.output, "file");
  ck_assert_uint_eq(o.ack_timeout_ms, 1500);
  ck_assert_uint_eq(o.deadline_ms, 2000);
  ck_assert_uint_eq(o.argument_count, 2);
  ck_assert_str_eq(o.arguments[0], "coap://h");
  ck_assert_str_eq(o.arguments[1], "-x");
  options_done(&o);
}
END_TEST

START_TEST(an_option_value_is_text_bytes_or_a_number) {
  options_t o;
  ck_assert_int_eq(
      parse(&o, COMMAND_GET, "-O 4=0x3aFF -O 2050=text -O no-response=:26 -O 5 -O 60=:0 u"), 0);
  ck_assert_uint_eq(o.extra_count, 5);
  ck_assert_uint_eq(o.extra[0].number, 4);
  ck_assert_uint_eq(o.extra[0].len, 2);
  ck_assert_mem_eq(o.extra[0].bytes, "\x3a\xff", 2);
  ck_assert_uint_eq(o.extra[1].len, 4);
  ck_assert_mem_eq(o.extra[1].bytes, "text", 4);
  ck_assert_uint_eq(o.extra[2].number, ACOAP_OPTION_NO_RESPONSE);
  ck_assert_uint_eq(o.extra[2].len, 1);
  ck_assert_uint_eq(o.extra[2].bytes[0], 26);
  ck_assert_uint_eq(o.extra[3].number, 5);
  ck_assert_uint_eq(o.extra[3].len, 0);
  ck_assert_uint_eq(o.extra[4].len, 0);
  options_done(&o);
}
END_TEST

static const char *const wrong_lines[] = {
    "--nope u",
    "-Z u",
    "-b 100 u",
    "-b 2048 u",
    "-b",
    "-t 0 u",
    "-t -1 u",
    "-t 1s u",
    "-t nan u",
    "--max-retransmit 21 u",
    "--nstart 0 u",
    "-O 65536 u",
    "-O Foo=1 u",
    "-O 4=0x3 u",
    "-O 4=0xzz u",
    "-O 4=:-1 u",
    "-O 4=:x u",
    "-O 4=:4294967296 u",
    "-a nonsense/x u",
    "-a 65536 u",
    "--progress u u",
    "--json=1 u",
    "--count 1 u",
    "-d body u",
    "--demo u",
    "-o",
    "--progress",
    "--",
    "--proxy coap://p u",
    "--window 0 u",
    "--window 129 u",
    "--qblock=1 u",
    "--oscore f u",
    "--psk-key 0xz u",
    "--psk-key 0x u",
    "--psk-file f u",
};

START_TEST(a_mistake_is_wrong_usage) {
  options_t o;
  int status = parse(&o, COMMAND_GET, wrong_lines[_i]);
  /* "--" alone is no mistake of the options; the command misses its argument. */
  int expected = strcmp(wrong_lines[_i], "--") == 0 ? 0 : EXIT_STATUS_USAGE;
  ck_assert_msg(status == expected, "%s: %d", wrong_lines[_i], status);
  options_done(&o);
}
END_TEST

/* ---- exit status ----------------------------------------------------------------------------- */

START_TEST(codes_and_errors_have_their_exit_status) {
  ck_assert_int_eq(exit_of_code(ACOAP_CODE_CONTENT), 0);
  ck_assert_int_eq(exit_of_code(ACOAP_CODE(4, 31)), 4);
  ck_assert_int_eq(exit_of_code(ACOAP_CODE(5, 0)), 5);
  ck_assert_int_eq(exit_of_code(ACOAP_CODE(3, 1)), 3);
  ck_assert_int_eq(exit_of_status(ACOAP_ENOMEM), 1);
  ck_assert_int_eq(exit_of_status(ACOAP_EURI), 2);
  ck_assert_int_eq(exit_of_status(ACOAP_ETIMEDOUT), 3);
  ck_assert_int_eq(exit_of_status(ACOAP_ERESET), 3);
  ck_assert_int_eq(exit_of_status(ACOAP_EUNREACHABLE), 3);
  ck_assert_int_eq(exit_of_status(ACOAP_ENOTFOUND), 3);
  ck_assert_int_eq(exit_of_status(ACOAP_ESECURITY), 3);
}
END_TEST

/* ---- addresses ------------------------------------------------------------------------------- */

START_TEST(zones_are_written_and_read_by_name) {
  acoap_address_t address;
  char text[ADDRESS_TEXT_MAX];
  ck_assert_int_eq(address_read("[fe80::1%lo]:5683", &address), 0);
  ck_assert_uint_eq(address.scope_id, 1);
  ck_assert_str_eq(address_text(&address, text), "[fe80::1%lo]:5683");
  ck_assert_str_eq(address_authority(&address, text), "[fe80::1%lo]");
  ck_assert_int_eq(address_read("192.0.2.1:5684", &address), 0);
  ck_assert_str_eq(address_authority(&address, text), "192.0.2.1:5684");
  ck_assert_int_eq(address_read("fe80::1%no-such-thing", &address), ACOAP_ENOTFOUND);
  ck_assert_int_eq(address_read("fe80::1%", &address), ACOAP_EADDRESS);
  ck_assert_int_eq(address_read("example.org", &address), ACOAP_EADDRESS);
}
END_TEST

/* ---- request bodies -------------------------------------------------------------------------- */

static uint8_t byte_at(uint64_t offset) {
  return (uint8_t)((offset * 2654435761u) >> 13);
}

/* A child that writes so many bytes into a pipe; its reading end becomes standard input. */
static void feed_standard_input(size_t len) {
  int ends[2];
  ck_assert_int_eq(pipe(ends), 0);
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child == 0) {
    close(ends[0]);
    for (size_t i = 0; i < len; i++) {
      uint8_t byte = byte_at(i);
      if (write(ends[1], &byte, 1) != 1) {
        _exit(1);
      }
    }
    _exit(0);
  }
  close(ends[1]);
  ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  close(ends[0]);
}

static void check_block(input_t *input, uint64_t offset, size_t cap, int expected) {
  uint8_t room[2048];
  int got = input_read(input, offset, room, cap);
  ck_assert_int_eq(got, expected);
  for (int i = 0; i < got; i++) {
    ck_assert_uint_eq(room[i], byte_at(offset + (uint64_t)i));
  }
}

START_TEST(a_pipe_is_read_block_by_block_and_a_little_back) {
  static input_t input;
  static const options_t options;
  feed_standard_input(100000);
  ck_assert_int_eq(input_open(&input, &options, "-"), 0);
  ck_assert_int_eq(input.total, -1);
  check_block(&input, 0, 1024, 1024);
  check_block(&input, 1024, 1024, 1024);
  check_block(&input, 0, 64, 64); /* the server wants smaller blocks */
  for (uint64_t at = 64; at + 1024 <= 99000; at += 1024) {
    check_block(&input, at, 1024, 1024);
  }
  check_block(&input, 98976, 1024, 1024);
  check_block(&input, 99968, 1024, 32);
  check_block(&input, 100000, 1024, 0);
  ck_assert_ptr_null(input_error(&input));
  check_block(&input, 0, 1024, ACOAP_ECANCELED); /* that is gone */
  ck_assert_ptr_nonnull(input_error(&input));
  input_close(&input);
}
END_TEST

START_TEST(a_file_is_read_anywhere_and_noticed_when_it_shrinks) {
  static input_t input;
  static const options_t options;
  char name[] = "/tmp/acoap-input-XXXXXX";
  int fd = mkstemp(name);
  ck_assert_int_ge(fd, 0);
  for (size_t i = 0; i < 5000; i++) {
    uint8_t byte = byte_at(i);
    ck_assert_int_eq(write(fd, &byte, 1), 1);
  }
  ck_assert_int_eq(input_open(&input, &options, name), 0);
  ck_assert_int_eq(input.total, 5000);
  check_block(&input, 4096, 1024, 904);
  check_block(&input, 0, 16, 16);
  check_block(&input, 5000, 16, 0);
  ck_assert_int_eq(ftruncate(fd, 100), 0);
  check_block(&input, 1024, 1024, ACOAP_ECANCELED);
  ck_assert_ptr_nonnull(input_error(&input));
  input_close(&input);
  close(fd);
  unlink(name);
}
END_TEST

/* ---- response bodies ------------------------------------------------------------------------- */

static char folder[] = "/tmp/acoap-output-XXXXXX";

static void make_folder(void) {
  strcpy(folder, "/tmp/acoap-output-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
}

static size_t count_files(void) {
  size_t count = 0;
  DIR *dir = opendir(folder);
  for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
    count += entry->d_name[0] != '.' ? 1 : 0;
  }
  closedir(dir);
  return count;
}

static const char *path_in_folder(const char *name) {
  static char path[256];
  snprintf(path, sizeof(path), "%s/%s", folder, name);
  return path;
}

static void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  fclose(file);
}

static void check_file(const char *path, const char *expected) {
  char text[256];
  FILE *file = fopen(path, "r");
  ck_assert_ptr_nonnull(file);
  size_t len = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  text[len] = '\0';
  ck_assert_str_eq(text, expected);
}

static void remove_folder(void) {
  unlink(path_in_folder("body"));
  unlink(path_in_folder("link"));
  ck_assert_int_eq(rmdir(folder), 0);
}

static int put(output_t *output, uint64_t offset, const char *text) {
  return output_write(output, offset, (const uint8_t *)text, strlen(text), -1);
}

START_TEST(a_file_appears_when_it_is_complete_and_not_before) {
  output_t output;
  make_folder();
  char path[256];
  snprintf(path, sizeof(path), "%s", path_in_folder("body"));
  options_t options = {.output = path};
  ck_assert_int_eq(output_open(&output, &options), 0);
  ck_assert_int_eq(put(&output, 0, "first "), 0);
  ck_assert_int_eq(access(path, F_OK), -1);
  ck_assert_int_eq(put(&output, 6, "version"), 0);
  ck_assert_int_eq(put(&output, 0, "second"), 0); /* it changed: from the start */
  ck_assert_int_eq(output_commit(&output, ACOAP_FORMAT_NONE), 0);
  output_close(&output);
  check_file(path, "second");
  ck_assert_uint_eq(count_files(), 1);
  remove_folder();
}
END_TEST

START_TEST(what_is_given_up_leaves_the_old_file_and_nothing_else) {
  output_t output;
  make_folder();
  char path[256];
  snprintf(path, sizeof(path), "%s", path_in_folder("body"));
  write_file(path, "old");
  options_t options = {.output = path};
  ck_assert_int_eq(output_open(&output, &options), 0);
  ck_assert_int_eq(put(&output, 0, "half of the n"), 0);
  output_close(&output);
  check_file(path, "old");
  ck_assert_uint_eq(count_files(), 1);
  remove_folder();
}
END_TEST

START_TEST(a_link_is_followed_and_the_mode_is_kept) {
  output_t output;
  struct stat info;
  make_folder();
  char path[256];
  char link_path[256];
  snprintf(path, sizeof(path), "%s", path_in_folder("body"));
  snprintf(link_path, sizeof(link_path), "%s", path_in_folder("link"));
  write_file(path, "old");
  ck_assert_int_eq(chmod(path, 0640), 0);
  ck_assert_int_eq(symlink(path, link_path), 0);
  options_t options = {.output = link_path};
  ck_assert_int_eq(output_open(&output, &options), 0);
  ck_assert_int_eq(put(&output, 0, "new"), 0);
  ck_assert_int_eq(output_commit(&output, ACOAP_FORMAT_NONE), 0);
  output_close(&output);
  check_file(path, "new");
  ck_assert_int_eq(lstat(link_path, &info), 0);
  ck_assert(S_ISLNK(info.st_mode));
  ck_assert_int_eq(stat(path, &info), 0);
  ck_assert_uint_eq(info.st_mode & 0777, 0640);
  remove_folder();
}
END_TEST

START_TEST(a_body_with_a_hole_is_refused) {
  output_t output;
  make_folder();
  char path[256];
  snprintf(path, sizeof(path), "%s", path_in_folder("body"));
  options_t options = {.output = path};
  ck_assert_int_eq(output_open(&output, &options), 0);
  ck_assert_int_eq(put(&output, 0, "abc"), 0);
  ck_assert_int_lt(put(&output, 4, "e"), 0);
  ck_assert_int_eq(output_failure(&output), EXIT_STATUS_LOCAL);
  output_close(&output);
  remove_folder();
}
END_TEST

START_TEST(a_body_to_be_shown_has_a_limit) {
  static uint8_t piece[1 << 20];
  output_t output;
  options_t options = {.json = true};
  int status = 0;
  ck_assert_int_eq(output_open(&output, &options), 0);
  for (uint64_t at = 0; at <= OUTPUT_SHOWN_MAX && status == 0; at += sizeof(piece)) {
    status = output_write(&output, at, piece, sizeof(piece), -1);
    ck_assert_uint_le(output.cap, OUTPUT_SHOWN_MAX);
  }
  ck_assert_int_eq(status, ACOAP_ETOOBIG);
  ck_assert_int_eq(output_failure(&output), EXIT_STATUS_LOCAL);
  output_close(&output);
}
END_TEST

START_TEST(what_waits_for_a_pipe_takes_a_bounded_memory) {
  static uint8_t piece[1 << 16];
  output_t output;
  options_t options = {.quiet = true};
  ck_assert_int_eq(output_open(&output, &options), 0);
  if (output.keep) {
    return; /* standard output of this test is a terminal */
  }
  for (uint64_t at = 0; at < 64 * sizeof(piece); at += sizeof(piece)) {
    ck_assert_int_eq(output_write(&output, at, piece, sizeof(piece), -1), 0);
    ck_assert_uint_le(output.cap, OUTPUT_MEMORY_MAX);
  }
  ck_assert_ptr_nonnull(output.spill);
  ck_assert_int_eq(ftell(output.spill), 64 * (long)sizeof(piece));
  output_close(&output);
}
END_TEST

/* ---- the progress line ----------------------------------------------------------------------- */

START_TEST(progress_shows_bytes_total_rate_and_remaining_time) {
  char line[256];
  progress_t progress = {.bytes = 32768 + 1024, .first_bytes = 1024, .total = 65536};
  progress_format(&progress, 2.0, false, 80, line, sizeof(line));
  ck_assert_str_eq(line,
                   " 51% [===========>          ] 33.0 KiB of 64.0 KiB  16.0 KiB/s  0:02 left");
  progress.bytes = 65536;
  progress_format(&progress, 4.0, true, 80, line, sizeof(line));
  ck_assert_str_eq(line, "100% [======================] 64.0 KiB  15.8 KiB/s  in 4.00 s");
  progress.total = -1;
  progress_format(&progress, 4.0, false, 80, line, sizeof(line));
  ck_assert_str_eq(line, "64.0 KiB  15.8 KiB/s");
  progress.total = 65536;
  progress_format(&progress, 4.0, false, 40, line, sizeof(line));
  ck_assert_ptr_null(strchr(line, '['));
}
END_TEST

START_TEST(progress_fits_its_columns) {
  char line[256];
  for (size_t columns = 60; columns <= 200; columns++) {
    for (uint64_t total = 1; total < (uint64_t)1 << 40; total *= 3) {
      progress_t progress = {.bytes = total / 2 + 1, .total = (int64_t)total};
      ck_assert_uint_lt(progress_format(&progress, 0.7, false, columns, line, sizeof(line)),
                        columns);
    }
  }
}
END_TEST

/* ---- JSON ------------------------------------------------------------------------------------ */

START_TEST(whatever_bytes_come_json_stays_json) {
  char *text = NULL;
  size_t len = 0;
  uint8_t bytes[512];
  json_t json;
  json_reader_t reader;
  json_token_t token;
  for (size_t i = 0; i < 256; i++) {
    bytes[i] = (uint8_t)i;
    bytes[256 + i] = (uint8_t)(255 - i);
  }
  FILE *out = open_memstream(&text, &len);
  json_init(&json, out);
  json_object_begin(&json, NULL);
  json_bytes(&json, "all \"bytes\"", bytes, sizeof(bytes));
  json_array_begin(&json, "list");
  json_int(&json, NULL, -1);
  json_hex(&json, NULL, bytes, 3);
  json_null(&json, NULL);
  json_array_end(&json);
  json_real(&json, "real", 12.3456);
  json_text(&json, "nothing", NULL);
  json_bool(&json, "true", true);
  json_object_end(&json);
  json_line_end(&json);
  fclose(out);
  ck_assert_ptr_eq(memchr(text, '\n', len), text + len - 1);
  json_reader_init(&reader, text, len);
  while ((token = json_reader_next(&reader)) != JSON_END) {
    ck_assert_int_ne(token, JSON_INVALID);
  }
  ck_assert_ptr_nonnull(strstr(
      text, "\"list\":[-1,\"0x000102\",null],\"real\":12.346,\"nothing\":null,\"true\":true}"));
  free(text);
}
END_TEST

static Suite *suite(void) {
  Suite *s = suite_create("cli_parts");
  TCase *t = tcase_create("parts");
  tcase_add_test(t, options_stand_anywhere_and_are_written_as_people_do);
  tcase_add_test(t, an_option_value_is_text_bytes_or_a_number);
  tcase_add_loop_test(t, a_mistake_is_wrong_usage, 0,
                      (int)(sizeof(wrong_lines) / sizeof(wrong_lines[0])));
  tcase_add_test(t, codes_and_errors_have_their_exit_status);
  tcase_add_test(t, zones_are_written_and_read_by_name);
  tcase_add_test(t, a_pipe_is_read_block_by_block_and_a_little_back);
  tcase_add_test(t, a_file_is_read_anywhere_and_noticed_when_it_shrinks);
  tcase_add_test(t, a_file_appears_when_it_is_complete_and_not_before);
  tcase_add_test(t, what_is_given_up_leaves_the_old_file_and_nothing_else);
  tcase_add_test(t, a_link_is_followed_and_the_mode_is_kept);
  tcase_add_test(t, a_body_with_a_hole_is_refused);
  tcase_add_test(t, a_body_to_be_shown_has_a_limit);
  tcase_add_test(t, what_waits_for_a_pipe_takes_a_bounded_memory);
  tcase_add_test(t, progress_shows_bytes_total_rate_and_remaining_time);
  tcase_add_test(t, progress_fits_its_columns);
  tcase_add_test(t, whatever_bytes_come_json_stays_json);
  suite_add_tcase(s, t);
  return s;
}

ACOAP_TEST_MAIN(suite)
