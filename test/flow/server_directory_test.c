/*
 * A directory that is served and written to: what is reached and what is not, links of what is
 * there, uploads that take their place at once or not at all, preconditions that two clients race
 * for, and that nothing half-written stays whatever goes.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "check_main.h"
#include "file_rig.h"

enum { LONG = 100000 };

static uint8_t long_body[LONG];

static void open_rig(file_rig_t *rig, bool writable) {
  file_rig_open(rig, 12, NULL);
  (void)file_rig_serve(rig, writable);
  file_rig_fill(long_body, LONG, 9);
}

static file_ask_t asking(uint8_t method, const char *uri) {
  file_ask_t ask = {.method = method, .uri = uri};
  return ask;
}

static file_ask_t putting(const char *uri, const void *body, size_t len) {
  file_ask_t ask = {.method = ACOAP_CODE_PUT, .uri = uri, .body = body, .len = len};
  return ask;
}

static void expect(file_rig_t *rig, uint8_t method, const char *uri, uint8_t code) {
  file_ask_t ask = asking(method, uri);
  file_rig_expect(rig, &ask, code);
}

static void expect_put(file_rig_t *rig, const char *uri, const char *text, uint8_t code) {
  file_ask_t ask = putting(uri, text, strlen(text));
  file_rig_expect(rig, &ask, code);
}

static void expect_text(file_rig_t *rig, const char *uri, const char *text) {
  file_answer_t answer;
  file_ask_t ask = asking(ACOAP_CODE_GET, uri);
  file_rig_ask(rig, &ask, &answer);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_CONTENT);
  ck_assert_msg(answer.body.len == strlen(text) &&
                    (answer.body.len == 0 || memcmp(answer.body.data, text, answer.body.len) == 0),
                "%s: %.*s", uri, (int)answer.body.len, (const char *)answer.body.data);
  file_answer_done(&answer);
}

static size_t count_of(file_rig_t *rig) {
  return scratch_count(&rig->scratch, "root");
}

/* ---- reading --------------------------------------------------------------------------------- */

START_TEST(file_comes_with_the_format_of_its_extension) {
  static const struct {
    const char *name;
    int format;
  } cases[] = {{"a.txt", ACOAP_FORMAT_TEXT_PLAIN},
               {"b.JSON", ACOAP_FORMAT_JSON},
               {"c.cbor", ACOAP_FORMAT_CBOR},
               {"d", ACOAP_FORMAT_OCTET_STREAM},
               {"e.unknown", ACOAP_FORMAT_OCTET_STREAM},
               {"f.tar.xml", ACOAP_FORMAT_XML},
               {"g.png", 23}};
  file_rig_t rig;
  open_rig(&rig, false);
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    char uri[64];
    file_answer_t answer;
    file_rig_write(&rig, cases[i].name, "x", 1);
    snprintf(uri, sizeof(uri), "/files/%s", cases[i].name);
    file_ask_t ask = asking(ACOAP_CODE_GET, uri);
    file_rig_ask(&rig, &ask, &answer);
    ck_assert_uint_eq(answer.code, ACOAP_CODE_CONTENT);
    ck_assert_int_eq(acoap_message_content_format(answer.message), cases[i].format);
    file_answer_done(&answer);
  }
  file_ask_t ask = asking(ACOAP_CODE_GET, "/files/a.txt");
  ask.has_accept = true;
  ask.accept = ACOAP_FORMAT_TEXT_PLAIN;
  file_rig_expect(&rig, &ask, ACOAP_CODE_CONTENT);
  ask.accept = ACOAP_FORMAT_JSON;
  file_rig_expect(&rig, &ask, ACOAP_CODE_NOT_ACCEPTABLE);
  file_rig_close(&rig);
}
END_TEST

START_TEST(rfc7252_5_10_6_known_etag_of_a_file_is_valid) {
  file_rig_t rig;
  file_answer_t first;
  file_answer_t second;
  open_rig(&rig, false);
  file_rig_write(&rig, "a.txt", "aaa", 3);
  file_ask_t ask = asking(ACOAP_CODE_GET, "/files/a.txt");
  file_rig_ask(&rig, &ask, &first);
  ck_assert_uint_eq(first.etag_len, 8);
  ask.etag = first.etag;
  file_rig_ask(&rig, &ask, &second);
  ck_assert_uint_eq(second.code, ACOAP_CODE_VALID);
  ck_assert_mem_eq(second.etag, first.etag, 8);
  ck_assert_uint_eq(second.body.len, 0);
  file_answer_done(&first);
  file_answer_done(&second);
  file_rig_close(&rig);
}
END_TEST

START_TEST(rfc6690_directory_is_links_in_order) {
  static const char links[] =
      "</files/a%20b.txt>;ct=0;sz=2,</files/sub/>;ct=40,</files/x,y.json>;ct=50;sz=1";
  file_rig_t rig;
  open_rig(&rig, false);
  expect_text(&rig, "/files", "");
  file_rig_write(&rig, "x,y.json", "1", 1);
  file_rig_write(&rig, "a b.txt", "ab", 2);
  file_rig_write(&rig, ".hidden", "h", 1);
  file_rig_write(&rig, ".acoap-0123456789abcdef.part", "half", 4);
  scratch_mkdir(&rig.scratch, "root/sub");
  file_rig_write(&rig, "sub/c.cbor", "c", 1);
  file_rig_write(&rig, "\xff\xfe", "not UTF-8", 9);
  expect_text(&rig, "/files", links);
  expect_text(&rig, "/files/", links);
  expect_text(&rig, "/files/sub", "</files/sub/c.cbor>;ct=60;sz=1");
  expect_text(&rig, "/files/sub/", "</files/sub/c.cbor>;ct=60;sz=1");
  expect_text(&rig, "/files?ct=50", "</files/x,y.json>;ct=50;sz=1");
  expect_text(&rig, "/files?href=/files/s*", "</files/sub/>;ct=40");
  expect_text(&rig, "/files?ct=0&sz=3", "");
  file_ask_t ask = asking(ACOAP_CODE_GET, "/files");
  ask.has_accept = true;
  ask.accept = ACOAP_FORMAT_TEXT_PLAIN;
  file_rig_expect(&rig, &ask, ACOAP_CODE_NOT_ACCEPTABLE);
  ask = asking(ACOAP_CODE_GET, "/files?=no-filter");
  file_rig_expect(&rig, &ask, ACOAP_CODE_BAD_REQUEST);
  expect(&rig, ACOAP_CODE_GET, "/files/a%20b.txt/", ACOAP_CODE_NOT_FOUND);
  file_rig_close(&rig);
}
END_TEST

START_TEST(large_directory_comes_in_blocks) {
  file_rig_t rig;
  file_answer_t answer;
  open_rig(&rig, false);
  for (int i = 0; i < 300; i++) {
    char name[32];
    snprintf(name, sizeof(name), "file-%03d.txt", i);
    file_rig_write(&rig, name, "x", 1);
  }
  file_ask_t ask = asking(ACOAP_CODE_GET, "/files");
  file_rig_ask(&rig, &ask, &answer);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_CONTENT);
  ck_assert_uint_eq(answer.body.len, 300 * strlen("</files/file-000.txt>;ct=0;sz=1,") - 1);
  file_answer_done(&answer);
  file_rig_close(&rig);
}
END_TEST

/* ---- what is not reached --------------------------------------------------------------------- */

static const char *const escapes[] = {
    "/files/%2E%2E/secret.txt",
    "/files/..%2Fsecret.txt",
    "/files/%2E%2E%2Fsecret.txt",
    "/files/sub/%2E%2E/%2E%2E/secret.txt",
    "/files/%2E",
    "/files/sub/%2E/c.txt",
    "/files//a.txt",
    "/files/sub//c.txt",
    "/files/%2Fetc%2Fpasswd",
    "/files/a.txt%00",
    "/files/a.txt%00.txt",
    "/files/%2Ehidden",
    "/files/%2Eacoap-0123456789abcdef.part",
    "/files/link-out",
    "/files/link-absolute",
    "/files/link-above/secret.txt",
    "/files/link-loop",
    "/files/sub/link-up/secret.txt",
};

static void prepare_escapes(file_rig_t *rig) {
  char absolute[600];
  snprintf(absolute, sizeof(absolute), "%s", scratch_path(&rig->scratch, "secret.txt"));
  file_rig_write(rig, "a.txt", "a", 1);
  file_rig_write(rig, ".hidden", "h", 1);
  file_rig_write(rig, ".acoap-0123456789abcdef.part", "half", 4);
  scratch_mkdir(&rig->scratch, "root/sub");
  file_rig_write(rig, "sub/c.txt", "c", 1);
  scratch_link(&rig->scratch, "../secret.txt", "root/link-out");
  scratch_link(&rig->scratch, absolute, "root/link-absolute");
  scratch_link(&rig->scratch, "..", "root/link-above");
  scratch_link(&rig->scratch, "link-loop", "root/link-loop");
  scratch_link(&rig->scratch, "../..", "root/sub/link-up");
}

/* The client resolves dot segments itself, so the options are sent as they are. */
static void ask_raw(file_rig_t *rig, uint8_t method, const char *uri, uint8_t code) {
  file_answer_t answer;
  char path[200];
  char *rest = path;
  memset(&answer, 0, sizeof(answer));
  acoap_desc_t *desc = acoap_desc_new(method);
  snprintf(path, sizeof(path), "%s", uri + 1);
  for (char *segment; rest != NULL;) {
    char plain[100];
    size_t len = 0;
    segment = rest;
    rest = strchr(rest, '/');
    if (rest != NULL) {
      *rest++ = '\0';
    }
    for (const char *at = segment; *at != '\0'; at++) {
      unsigned byte = (unsigned char)*at;
      if (byte == '%') {
        ck_assert_int_eq(sscanf(at + 1, "%2x", &byte), 1);
        at += 2;
      }
      plain[len++] = (char)byte;
    }
    acoap_desc_option(desc, ACOAP_OPTION_URI_PATH, plain, len);
  }
  if (method == ACOAP_CODE_PUT) {
    acoap_desc_payload(desc, "evil", 4);
  }
  file_rig_send(rig, desc, &answer);
  file_rig_finish(rig, &answer);
  ck_assert_msg(answer.code == code, "%u %s: %u.%02u", method, uri, answer.code >> 5,
                answer.code & 31u);
  if (code == ACOAP_CODE_NOT_FOUND) { /* as what is not there: nothing is said of it */
    ck_assert_msg(answer.body.len == 0, "%s: %.*s", uri, (int)answer.body.len,
                  (const char *)answer.body.data);
  }
  file_answer_done(&answer);
}

START_TEST(nothing_outside_is_read) {
  file_rig_t rig;
  open_rig(&rig, true);
  prepare_escapes(&rig);
  for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
    ask_raw(&rig, ACOAP_CODE_GET, escapes[i], ACOAP_CODE_NOT_FOUND);
  }
  ask_raw(&rig, ACOAP_CODE_GET, "/files/nothing", ACOAP_CODE_NOT_FOUND);
  ask_raw(&rig, ACOAP_CODE_GET, "/files/sub/c.txt", ACOAP_CODE_CONTENT);
  file_rig_close(&rig);
}
END_TEST

START_TEST(nothing_outside_is_written_or_removed) {
  file_rig_t rig;
  open_rig(&rig, true);
  prepare_escapes(&rig);
  size_t count = count_of(&rig);
  for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
    ask_raw(&rig, ACOAP_CODE_PUT, escapes[i], ACOAP_CODE_FORBIDDEN);
    ask_raw(&rig, ACOAP_CODE_DELETE, escapes[i], ACOAP_CODE_FORBIDDEN);
  }
  ck_assert(scratch_has(&rig.scratch, "secret.txt", "secret", 6));
  ck_assert_uint_eq(scratch_count(&rig.scratch, ""), 2);
  ck_assert_uint_eq(count_of(&rig), count);
  file_rig_has(&rig, ".hidden", "h", 1);
  file_rig_close(&rig);
}
END_TEST

/* What is short enough is looked for (and its directory is not there); one byte more is refused. */
START_TEST(overlong_paths_are_refused) {
  static const struct {
    size_t last;
    uint8_t code;
  } cases[] = {{203, ACOAP_CODE_CONFLICT}, {204, ACOAP_CODE_FORBIDDEN}};
  file_rig_t rig;
  char name[256];
  file_answer_t answer;
  open_rig(&rig, true);
  memset(name, 'x', sizeof(name));
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    acoap_desc_t *desc = acoap_desc_put();
    acoap_desc_option(desc, ACOAP_OPTION_URI_PATH, "files", 5);
    for (int j = 0; j < 4; j++) {
      acoap_desc_option(desc, ACOAP_OPTION_URI_PATH, name, 204);
    }
    acoap_desc_option(desc, ACOAP_OPTION_URI_PATH, name, cases[i].last);
    acoap_desc_payload(desc, "x", 1);
    file_rig_send(&rig, desc, &answer);
    file_rig_finish(&rig, &answer);
    ck_assert_uint_eq(answer.code, cases[i].code);
    file_answer_done(&answer);
  }
  file_rig_close(&rig);
}
END_TEST

START_TEST(links_inside_are_followed_or_refused_but_lead_nowhere_else) {
  file_rig_t rig;
  file_answer_t answer;
  open_rig(&rig, true);
  file_rig_write(&rig, "a.txt", "a", 1);
  scratch_link(&rig.scratch, "a.txt", "root/link.txt");
  file_ask_t ask = asking(ACOAP_CODE_GET, "/files/link.txt");
  file_rig_ask(&rig, &ask, &answer);
  ck_assert(answer.code == ACOAP_CODE_CONTENT || answer.code == ACOAP_CODE_NOT_FOUND);
  ck_assert(answer.code != ACOAP_CODE_CONTENT || answer.body.data[0] == 'a');
  file_answer_done(&answer);
  expect_put(&rig, "/files/link.txt", "new", ACOAP_CODE_FORBIDDEN);
  expect(&rig, ACOAP_CODE_DELETE, "/files/link.txt", ACOAP_CODE_FORBIDDEN);
  file_rig_has(&rig, "a.txt", "a", 1);
  file_rig_close(&rig);
}
END_TEST

START_TEST(hidden_names_are_served_where_that_was_asked_for) {
  file_rig_t rig;
  file_rig_open(&rig, 13, NULL);
  acoap_directory_options_t options = {.size = sizeof(options), .writable = true, .hidden = true};
  ck_assert_ptr_nonnull(acoap_resource_new_directory(rig.server, "/files/", rig.root, &options));
  file_rig_write(&rig, ".hidden", "h", 1);
  file_rig_write(&rig, ".acoap-0123456789abcdef.part", "half", 4);
  expect_text(&rig, "/files/.hidden", "h");
  expect_text(&rig, "/files", "</files/.hidden>;ct=42;sz=1");
  expect_put(&rig, "/files/.other", "o", ACOAP_CODE_CREATED);
  expect(&rig, ACOAP_CODE_GET, "/files/.acoap-0123456789abcdef.part", ACOAP_CODE_NOT_FOUND);
  expect_put(&rig, "/files/.ACOAP-x", "o", ACOAP_CODE_FORBIDDEN);
  file_rig_close(&rig);
}
END_TEST

START_TEST(directory_that_is_not_writable_takes_nothing) {
  file_rig_t rig;
  open_rig(&rig, false);
  file_rig_write(&rig, "a.txt", "a", 1);
  expect_put(&rig, "/files/a.txt", "b", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect(&rig, ACOAP_CODE_DELETE, "/files/a.txt", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect(&rig, ACOAP_CODE_POST, "/files", ACOAP_CODE_METHOD_NOT_ALLOWED);
  file_rig_has(&rig, "a.txt", "a", 1);
  ck_assert_uint_eq(count_of(&rig), 1);
  file_rig_close(&rig);
}
END_TEST

/* ---- writing --------------------------------------------------------------------------------- */

START_TEST(rfc7252_5_8_3_put_creates_then_changes) {
  static const size_t lens[] = {0, 1, 1024, 1025, LONG};
  file_rig_t rig;
  file_answer_t put;
  file_answer_t got;
  open_rig(&rig, true);
  for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
    file_ask_t ask = putting("/files/new.bin", long_body, lens[i]);
    file_rig_ask(&rig, &ask, &put);
    ck_assert_uint_eq(put.code, i == 0 ? ACOAP_CODE_CREATED : ACOAP_CODE_CHANGED);
    file_rig_has(&rig, "new.bin", long_body, lens[i]);
    ask = asking(ACOAP_CODE_GET, "/files/new.bin");
    file_rig_ask(&rig, &ask, &got);
    ck_assert_uint_eq(got.body.len, lens[i]);
    ck_assert_uint_eq(put.etag_len, 8);
    ck_assert_mem_eq(got.etag, put.etag, 8);
    file_answer_done(&put);
    file_answer_done(&got);
  }
  ck_assert_uint_eq(count_of(&rig), 1);
  file_rig_close(&rig);
}
END_TEST

START_TEST(upload_in_blocks_of_every_size) {
  static const size_t sizes[] = {16, 32, 64, 128, 256, 512, 1024};
  file_rig_t rig;
  open_rig(&rig, true);
  file_ask_t ask = putting("/files/f", long_body, 5000);
  ask.block_size = sizes[_i];
  file_rig_expect(&rig, &ask, ACOAP_CODE_CREATED);
  file_rig_has(&rig, "f", long_body, 5000);
  file_rig_close(&rig);
}
END_TEST

START_TEST(mode_of_a_replaced_file_stays) {
  file_rig_t rig;
  struct stat facts;
  open_rig(&rig, true);
  file_rig_write(&rig, "script", "old", 3);
  ck_assert_int_eq(chmod(scratch_path(&rig.scratch, "root/script"), 0751), 0);
  expect_put(&rig, "/files/script", "new", ACOAP_CODE_CHANGED);
  ck_assert_int_eq(stat(scratch_path(&rig.scratch, "root/script"), &facts), 0);
  ck_assert_uint_eq(facts.st_mode & 0777, 0751);
  file_rig_close(&rig);
}
END_TEST

START_TEST(directories_are_neither_made_nor_replaced_nor_removed) {
  file_rig_t rig;
  open_rig(&rig, true);
  scratch_mkdir(&rig.scratch, "root/sub");
  file_rig_write(&rig, "a.txt", "a", 1);
  expect_put(&rig, "/files/none/a.txt", "x", ACOAP_CODE_CONFLICT);
  expect_put(&rig, "/files/a.txt/b", "x", ACOAP_CODE_CONFLICT);
  expect_put(&rig, "/files/sub", "x", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect_put(&rig, "/files/sub/", "x", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect_put(&rig, "/files", "x", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect(&rig, ACOAP_CODE_DELETE, "/files/sub", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect(&rig, ACOAP_CODE_DELETE, "/files", ACOAP_CODE_METHOD_NOT_ALLOWED);
  expect_put(&rig, "/files/sub/b.txt", "bb", ACOAP_CODE_CREATED);
  file_rig_has(&rig, "sub/b.txt", "bb", 2);
  ck_assert_uint_eq(count_of(&rig), 2);
  ck_assert_uint_eq(scratch_count(&rig.scratch, "root/sub"), 1);
  file_rig_close(&rig);
}
END_TEST

START_TEST(rfc7252_5_8_4_delete_is_deleted_twice) {
  file_rig_t rig;
  open_rig(&rig, true);
  file_rig_write(&rig, "a.txt", "a", 1);
  expect(&rig, ACOAP_CODE_DELETE, "/files/a.txt", ACOAP_CODE_DELETED);
  ck_assert(!scratch_exists(&rig.scratch, "root/a.txt"));
  expect(&rig, ACOAP_CODE_DELETE, "/files/a.txt", ACOAP_CODE_DELETED);
  expect(&rig, ACOAP_CODE_DELETE, "/files/none/a.txt", ACOAP_CODE_DELETED);
  file_ask_t ask = asking(ACOAP_CODE_DELETE, "/files/a.txt");
  ask.if_exists = true;
  file_rig_expect(&rig, &ask, ACOAP_CODE_PRECONDITION_FAILED);
  ask.uri = "/files/none/a.txt";
  file_rig_expect(&rig, &ask, ACOAP_CODE_PRECONDITION_FAILED);
  file_rig_close(&rig);
}
END_TEST

START_TEST(rfc7252_5_8_2_post_names_what_it_made) {
  file_rig_t rig;
  file_answer_t answer;
  acoap_bytes_t segment;
  char uri[400] = "";
  open_rig(&rig, true);
  scratch_mkdir(&rig.scratch, "root/in");
  file_ask_t ask = {.method = ACOAP_CODE_POST, .uri = "/files/in", .body = "{}", .len = 2};
  ask.has_format = true;
  ask.format = ACOAP_FORMAT_JSON;
  file_rig_ask(&rig, &ask, &answer);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_CREATED);
  for (size_t i = 0; acoap_view_option(acoap_message_view(answer.message),
                                       ACOAP_OPTION_LOCATION_PATH, i, &segment);
       i++) {
    size_t at = strlen(uri);
    snprintf(uri + at, sizeof(uri) - at, "/%.*s", (int)segment.len, (const char *)segment.data);
  }
  file_answer_done(&answer);
  ck_assert_uint_eq(strlen(uri), strlen("/files/in/0123456789abcdef.json"));
  expect_text(&rig, uri, "{}");
  file_ask_t again = ask;
  again.uri = "/files/in/";
  file_rig_expect(&rig, &again, ACOAP_CODE_CREATED);
  ck_assert_uint_eq(scratch_count(&rig.scratch, "root/in"), 2);
  again.uri = "/files/none";
  file_rig_expect(&rig, &again, ACOAP_CODE_CONFLICT);
  file_rig_close(&rig);
}
END_TEST

/* ---- observing ------------------------------------------------------------------------------- */

typedef struct watch {
  acoap_stream_t *stream;
  unsigned items;
  uint8_t code;   /* of the last message */
  int status;     /* of the last */
  char text[200]; /* its payload */
} watch_t;

static void watched(void *user_data, int status, acoap_message_t *message) {
  watch_t *watch = user_data;
  watch->items++;
  watch->status = status;
  watch->code = message != NULL ? acoap_message_code(message) : 0;
  if (message != NULL) {
    acoap_bytes_t payload = acoap_message_payload(message);
    snprintf(watch->text, sizeof(watch->text), "%.*s", (int)payload.len,
             (const char *)payload.data);
  }
}

static void watch_path(file_rig_t *rig, const char *path, watch_t *watch) {
  char uri[200];
  acoap_remote_endpoint_t *remote = NULL;
  memset(watch, 0, sizeof(*watch));
  snprintf(uri, sizeof(uri), "%s%s", RIG_URI, path);
  ck_assert_int_eq(acoap_remote_endpoint_new(rig->client.client, uri, &remote), 0);
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_observe(desc, NULL);
  ck_assert_int_eq(acoap_send_stream(remote, desc, watched, watch, &watch->stream), 0);
  acoap_remote_endpoint_unref(remote);
  client_rig_run(&rig->client, 1000);
  ck_assert_uint_eq(watch->items, 1);
}

START_TEST(rfc7641_changes_by_clients_are_notified) {
  file_rig_t rig;
  watch_t file;
  watch_t other;
  watch_t links;
  open_rig(&rig, true);
  file_rig_write(&rig, "a b.txt", "one", 3);
  file_rig_write(&rig, "other.txt", "other", 5);
  watch_path(&rig, "/files/a%20b.txt", &file);
  watch_path(&rig, "/files/other.txt", &other);
  watch_path(&rig, "/files", &links);
  expect_put(&rig, "/files/a%20b.txt", "three", ACOAP_CODE_CHANGED);
  client_rig_run(&rig.client, 5000);
  ck_assert_uint_eq(file.items, 2);
  ck_assert_str_eq(file.text, "three");
  ck_assert_uint_eq(links.items, 2);
  ck_assert_str_eq(links.text, "</files/a%20b.txt>;ct=0;sz=5,</files/other.txt>;ct=0;sz=5");
  expect(&rig, ACOAP_CODE_DELETE, "/files/a%20b.txt", ACOAP_CODE_DELETED);
  client_rig_run(&rig.client, 5000);
  ck_assert_uint_eq(file.items, 3);
  ck_assert_uint_eq(file.code, ACOAP_CODE_NOT_FOUND);
  ck_assert_uint_eq(links.items, 3);
  ck_assert_str_eq(links.text, "</files/other.txt>;ct=0;sz=5");
  ck_assert_uint_eq(other.items, 1);
  acoap_stream_unref(file.stream);
  acoap_stream_unref(other.stream);
  acoap_stream_unref(links.stream);
  client_rig_run(&rig.client, 5000);
  file_rig_close(&rig);
}
END_TEST

START_TEST(directory_may_be_the_root_of_the_server) {
  file_rig_t rig;
  watch_t file;
  watch_t links;
  file_rig_open(&rig, 17, NULL);
  acoap_directory_options_t options = {.size = sizeof(options), .writable = true};
  ck_assert_ptr_nonnull(acoap_resource_new_directory(rig.server, "/", rig.root, &options));
  scratch_mkdir(&rig.scratch, "root/sub");
  file_rig_write(&rig, "sub/a.txt", "a", 1);
  file_rig_write(&rig, "b.txt", "b", 1);
  expect_text(&rig, "/", "</b.txt>;ct=0;sz=1,</sub/>;ct=40");
  expect_text(&rig, "/sub/a.txt", "a");
  expect_text(&rig, "/.well-known/core", "</>;ct=40;obs");
  expect_text(&rig, "/.well-known/core?href=/*&ct=40", "</>;ct=40;obs");
  watch_path(&rig, "/b.txt", &file);
  watch_path(&rig, "/", &links);
  expect_put(&rig, "/b.txt", "bb", ACOAP_CODE_CHANGED);
  client_rig_run(&rig.client, 5000);
  ck_assert_str_eq(file.text, "bb");
  ck_assert_str_eq(links.text, "</b.txt>;ct=0;sz=2,</sub/>;ct=40");
  acoap_stream_unref(file.stream);
  acoap_stream_unref(links.stream);
  client_rig_run(&rig.client, 5000);
  file_rig_close(&rig);
}
END_TEST

/* ---- preconditions --------------------------------------------------------------------------- */

START_TEST(rfc7252_5_10_8_preconditions_of_put_and_delete) {
  file_rig_t rig;
  file_answer_t got;
  open_rig(&rig, true);
  file_ask_t ask = putting("/files/a.txt", "new", 3);
  ask.if_exists = true;
  file_rig_expect(&rig, &ask, ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_uint_eq(count_of(&rig), 0);
  ask.if_exists = false;
  ask.if_none_match = true;
  file_rig_expect(&rig, &ask, ACOAP_CODE_CREATED);
  file_rig_expect(&rig, &ask, ACOAP_CODE_PRECONDITION_FAILED);
  file_ask_t get = asking(ACOAP_CODE_GET, "/files/a.txt");
  file_rig_ask(&rig, &get, &got);
  ask = putting("/files/a.txt", "newer", 5);
  ask.if_match = "xxxxxxxx";
  file_rig_expect(&rig, &ask, ACOAP_CODE_PRECONDITION_FAILED);
  file_rig_has(&rig, "a.txt", "new", 3);
  ask.if_match = got.etag;
  file_rig_expect(&rig, &ask, ACOAP_CODE_CHANGED);
  file_rig_has(&rig, "a.txt", "newer", 5);
  file_rig_expect(&rig, &ask, ACOAP_CODE_PRECONDITION_FAILED);
  ask = asking(ACOAP_CODE_DELETE, "/files/a.txt");
  ask.if_match = got.etag;
  file_rig_expect(&rig, &ask, ACOAP_CODE_PRECONDITION_FAILED);
  file_rig_has(&rig, "a.txt", "newer", 5);
  file_answer_done(&got);
  ck_assert_uint_eq(count_of(&rig), 1);
  file_rig_close(&rig);
}
END_TEST

/* Two at once: both begin when the condition holds, one ends first. */
static void race(file_rig_t *rig, file_ask_t one, file_ask_t two, uint8_t won) {
  file_answer_t first;
  file_answer_t second;
  file_rig_start(rig, &one, &first);
  file_rig_start(rig, &two, &second);
  file_rig_finish(rig, &first);
  file_rig_finish(rig, &second);
  client_rig_run(&rig->client, 1); /* what lost is being removed */
  bool first_won = first.code == won;
  ck_assert_uint_eq(first_won ? second.code : first.code, ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_uint_eq(first_won ? first.code : second.code, won);
  file_rig_has(rig, "f", first_won ? one.body : two.body, first_won ? one.len : two.len);
  ck_assert_uint_eq(count_of(rig), 1);
  file_answer_done(&first);
  file_answer_done(&second);
}

START_TEST(of_two_creators_one_wins) {
  file_rig_t rig;
  open_rig(&rig, true);
  file_ask_t one = putting("/files/f", long_body, 50000);
  file_ask_t two = putting("/files/f?other", long_body + 1, 40000);
  one.if_none_match = true;
  two.if_none_match = true;
  race(&rig, one, two, ACOAP_CODE_CREATED);
  file_rig_close(&rig);
}
END_TEST

START_TEST(of_two_that_saw_the_same_version_one_wins) {
  file_rig_t rig;
  file_answer_t got;
  open_rig(&rig, true);
  file_rig_write(&rig, "f", "old", 3);
  file_ask_t get = asking(ACOAP_CODE_GET, "/files/f");
  file_rig_ask(&rig, &get, &got);
  file_ask_t one = putting("/files/f", long_body, 50000);
  file_ask_t two = putting("/files/f?other", long_body + 1, 40000);
  one.if_match = got.etag;
  two.if_match = got.etag;
  race(&rig, one, two, ACOAP_CODE_CHANGED);
  file_answer_done(&got);
  file_rig_close(&rig);
}
END_TEST

START_TEST(two_uploads_at_once_do_not_mix) {
  file_rig_t rig;
  file_answer_t first;
  file_answer_t second;
  open_rig(&rig, true);
  file_ask_t one = putting("/files/f", long_body, 50000);
  file_ask_t two = putting("/files/f?other", long_body + 7, 50000);
  file_rig_start(&rig, &one, &first);
  file_rig_start(&rig, &two, &second);
  file_rig_finish(&rig, &first);
  file_rig_finish(&rig, &second);
  ck_assert_int_eq(first.status, 0);
  ck_assert_int_eq(second.status, 0);
  ck_assert(scratch_has(&rig.scratch, "root/f", long_body, 50000) ||
            scratch_has(&rig.scratch, "root/f", long_body + 7, 50000));
  ck_assert_uint_eq(count_of(&rig), 1);
  file_answer_done(&first);
  file_answer_done(&second);
  file_rig_close(&rig);
}
END_TEST

/* ---- half an upload -------------------------------------------------------------------------- */

/* An upload that stops after some blocks; the old file is there, and one temporary file. */
static void half_upload(file_rig_t *rig, file_answer_t *answer) {
  file_rig_write(rig, "f", "old", 3);
  file_ask_t ask = putting("/files/f", long_body, LONG);
  file_rig_start(rig, &ask, answer);
  for (int i = 0; i < 100; i++) {
    ck_assert(acoap_sim_step(rig->client.sim, ACOAP_TIME_NEVER));
  }
  ck_assert_uint_eq(answer->finals, 0);
  file_rig_has(rig, "f", "old", 3);
  ck_assert_uint_eq(count_of(rig), 2);
}

START_TEST(half_an_upload_is_forgotten_and_removed_in_time) {
  file_rig_t rig;
  file_answer_t answer;
  open_rig(&rig, true);
  half_upload(&rig, &answer);
  file_answer_done(&answer);
  expect_text(&rig, "/files/f", "old");
  client_rig_run(&rig.client, 1000u * 1000u);
  file_rig_has(&rig, "f", "old", 3);
  ck_assert_uint_eq(count_of(&rig), 1);
  file_rig_close(&rig);
}
END_TEST

START_TEST(upload_begun_anew_leaves_nothing_of_the_first) {
  file_rig_t rig;
  file_answer_t answer;
  open_rig(&rig, true);
  half_upload(&rig, &answer);
  file_answer_done(&answer);
  file_ask_t ask = putting("/files/f", long_body + 1, 30000);
  file_rig_expect(&rig, &ask, ACOAP_CODE_CHANGED);
  file_rig_has(&rig, "f", long_body + 1, 30000);
  client_rig_run(&rig.client, 1000u * 1000u);
  ck_assert_uint_eq(count_of(&rig), 1);
  file_rig_close(&rig);
}
END_TEST

/* At any step: the server is freed, the resource removed, the endpoint closed. */
START_TEST(nothing_half_written_stays_whoever_goes) {
  for (int steps = 0; steps < 60; steps++) {
    file_rig_t rig;
    file_answer_t answer;
    file_rig_open(&rig, 14, NULL);
    acoap_resource_t *resource = file_rig_serve(&rig, true);
    file_rig_fill(long_body, LONG, 9);
    file_rig_write(&rig, "f", "old", 3);
    /* The last steps are those of a body that is complete. */
    size_t len = _i < 3 ? LONG : 1500;
    file_ask_t ask = putting("/files/f", long_body, len);
    file_rig_start(&rig, &ask, &answer);
    for (int i = 0; i < steps; i++) {
      (void)acoap_sim_step(rig.client.sim, ACOAP_TIME_NEVER);
    }
    if (_i % 3 == 0) {
      acoap_server_free(rig.server);
      rig.server = NULL;
    } else if (_i % 3 == 1) {
      acoap_resource_remove(resource);
    } else {
      file_rig_close_endpoint(&rig);
    }
    file_answer_done(&answer);
    client_rig_run(&rig.client, 2000);
    ck_assert_msg(count_of(&rig) == 1, "%d steps", steps);
    ck_assert(scratch_has(&rig.scratch, "root/f", "old", 3) ||
              (len < LONG && scratch_has(&rig.scratch, "root/f", long_body, len)));
    file_rig_close(&rig);
  }
}
END_TEST

/* ---- bounds ---------------------------------------------------------------------------------- */

/* acoap_body_reader_cb */
static int endless(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  uint64_t *read = user_data;
  memset(room, 'x', cap);
  *read = offset + cap;
  return (int)cap;
}

START_TEST(body_of_unknown_length_ends_at_the_bound) {
  file_rig_t rig;
  file_answer_t answer;
  uint64_t read = 0;
  file_rig_open(&rig, 18, NULL);
  acoap_directory_options_t options = {
      .size = sizeof(options), .writable = true, .file_max_bytes = 10000};
  ck_assert_ptr_nonnull(acoap_resource_new_directory(rig.server, "/files", rig.root, &options));
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_path(desc, "files/f");
  acoap_desc_block1_reader(desc, 1024, -1, endless, &read);
  file_rig_send(&rig, desc, &answer);
  file_rig_finish(&rig, &answer);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
  ck_assert_uint_gt(read, 9 * 1024);
  ck_assert_uint_le(read, 12 * 1024);
  file_answer_done(&answer);
  client_rig_run(&rig.client, 1);
  ck_assert_uint_eq(count_of(&rig), 0);
  file_rig_close(&rig);
}
END_TEST

/* In blocks and in one message. */
START_TEST(rfc7959_2_9_3_file_beyond_the_bound_is_413_with_size1) {
  static const size_t bounds[] = {5000, 100};
  file_rig_t rig;
  file_answer_t answer;
  uint32_t most = 0;
  file_rig_open(&rig, 15, NULL);
  file_rig_fill(long_body, LONG, 9);
  acoap_directory_options_t options = {
      .size = sizeof(options), .writable = true, .file_max_bytes = bounds[_i]};
  ck_assert_ptr_nonnull(acoap_resource_new_directory(rig.server, "/files", rig.root, &options));
  file_ask_t ask = putting("/files/f", long_body, bounds[_i] + 1);
  file_rig_ask(&rig, &ask, &answer);
  ck_assert_uint_eq(answer.code, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
  ck_assert(acoap_view_uint(acoap_message_view(answer.message), ACOAP_OPTION_SIZE1, &most));
  ck_assert_uint_eq(most, bounds[_i]);
  file_answer_done(&answer);
  client_rig_run(&rig.client, 1);
  ck_assert_uint_eq(count_of(&rig), 0);
  ask.len = bounds[_i];
  file_rig_expect(&rig, &ask, ACOAP_CODE_CREATED);
  file_rig_has(&rig, "f", long_body, bounds[_i]);
  file_rig_close(&rig);
}
END_TEST

START_TEST(system_that_takes_no_more_leaves_the_old_file) {
  struct rlimit old;
  struct rlimit low;
  file_rig_t rig;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  open_rig(&rig, true);
  file_rig_write(&rig, "f", "old", 3);
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
  low = old;
  low.rlim_cur = 20000;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);
  file_ask_t ask = putting("/files/f", long_body, LONG);
  file_rig_expect(&rig, &ask, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
  client_rig_run(&rig.client, 1000);
  file_rig_has(&rig, "f", "old", 3);
  ck_assert_uint_eq(count_of(&rig), 1);
  file_rig_close(&rig);
  signal(SIGXFSZ, handler);
}
END_TEST

START_TEST(invalid_arguments_are_told_by_the_server) {
  file_rig_t rig;
  acoap_directory_options_t options = {.size = 1};
  file_rig_open(&rig, 16, NULL);
  ck_assert_ptr_null(acoap_resource_new_directory(rig.server, "/f", NULL, NULL));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_directory(rig.server, "/f", "", NULL));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_directory(rig.server, NULL, rig.root, NULL));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_directory(rig.server, "/f", rig.root, &options));
  ck_assert_int_eq(acoap_server_status(rig.server), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_resource_new_directory(NULL, "/f", rig.root, NULL));
  file_rig_close(&rig);
}
END_TEST

static Suite *directory_suite(void) {
  Suite *suite = suite_create("server/directory");
  TCase *tcase = tcase_create("reading");
  tcase_add_test(tcase, file_comes_with_the_format_of_its_extension);
  tcase_add_test(tcase, rfc7252_5_10_6_known_etag_of_a_file_is_valid);
  tcase_add_test(tcase, rfc6690_directory_is_links_in_order);
  tcase_add_test(tcase, large_directory_comes_in_blocks);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("escapes");
  tcase_add_test(tcase, nothing_outside_is_read);
  tcase_add_test(tcase, nothing_outside_is_written_or_removed);
  tcase_add_test(tcase, overlong_paths_are_refused);
  tcase_add_test(tcase, links_inside_are_followed_or_refused_but_lead_nowhere_else);
  tcase_add_test(tcase, hidden_names_are_served_where_that_was_asked_for);
  tcase_add_test(tcase, directory_that_is_not_writable_takes_nothing);
  suite_add_tcase(suite, tcase);
  tcase = tcase_create("writing");
  tcase_add_test(tcase, rfc7252_5_8_3_put_creates_then_changes);
  tcase_add_loop_test(tcase, upload_in_blocks_of_every_size, 0, 7);
  tcase_add_test(tcase, mode_of_a_replaced_file_stays);
  tcase_add_test(tcase, directories_are_neither_made_nor_replaced_nor_removed);
  tcase_add_test(tcase, rfc7252_5_8_4_delete_is_deleted_twice);
  tcase_add_test(tcase, rfc7252_5_8_2_post_names_what_it_made);
  tcase_add_test(tcase, rfc7641_changes_by_clients_are_notified);
  tcase_add_test(tcase, directory_may_be_the_root_of_the_server);
  tcase_add_test(tcase, rfc7252_5_10_8_preconditions_of_put_and_delete);
  tcase_add_test(tcase, of_two_creators_one_wins);
  tcase_add_test(tcase, of_two_that_saw_the_same_version_one_wins);
  tcase_add_test(tcase, two_uploads_at_once_do_not_mix);
  tcase_add_test(tcase, half_an_upload_is_forgotten_and_removed_in_time);
  tcase_add_test(tcase, upload_begun_anew_leaves_nothing_of_the_first);
  tcase_add_loop_test(tcase, nothing_half_written_stays_whoever_goes, 0, 6);
  tcase_add_loop_test(tcase, rfc7959_2_9_3_file_beyond_the_bound_is_413_with_size1, 0, 2);
  tcase_add_test(tcase, body_of_unknown_length_ends_at_the_bound);
  tcase_add_test(tcase, system_that_takes_no_more_leaves_the_old_file);
  tcase_add_test(tcase, invalid_arguments_are_told_by_the_server);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(directory_suite)
