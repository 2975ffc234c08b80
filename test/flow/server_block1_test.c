/*
 * Request bodies in blocks from the server's side: the examples of RFC 7959 section 3.2 and of RFC
 * 9175 section 3 as message sequences, what begins anew, what is refused, writers, bounds and
 * expiry. Virtual time.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "block_script.h"
#include "check_main.h"

typedef struct stage {
  server_rig_t rig;
  block_script_t script;
  acoap_resource_t *resource; /* "/options" */
  unsigned calls;             /* of the handler */
  uint8_t body[BLOCK_SCRIPT_BODY];
  size_t body_len; /* of the last one */
  uint8_t code;    /* it answers */

  /* the writer of "/written" */
  acoap_resource_t *written;
  unsigned begun;   /* bodies */
  unsigned aborted; /* bodies */
  int status;       /* of the last abort */
  uint64_t total;   /* told to the last begin */
  unsigned writes;
  uint8_t stored[BLOCK_SCRIPT_BODY];
  uint64_t stored_len;
  int begin_status;       /* what begin answers */
  int write_status;       /* what write answers */
  acoap_upload_t *upload; /* of the last write */
  bool remove_in_write;   /* takes its resource away */
  bool ready_in_write;    /* says acoap_upload_ready before it answers ACOAP_EAGAIN */
  bool exists;            /* what is written to */
  bool free_in_abort;     /* frees the server */
} stage_t;

static void serve(void *user_data, acoap_request_t *request) {
  stage_t *stage = user_data;
  acoap_bytes_t body = acoap_request_body(request);
  stage->calls++;
  ck_assert_uint_le(body.len, sizeof(stage->body));
  if (body.len > 0) {
    memcpy(stage->body, body.data, body.len);
  }
  stage->body_len = body.len;
  (void)acoap_request_respond(request, stage->code, ACOAP_FORMAT_NONE, NULL, 0);
}

static int upload_begin(void *user_data, acoap_upload_t *upload, acoap_request_t *first,
                        uint64_t total) {
  stage_t *stage = user_data;
  ck_assert_ptr_nonnull(acoap_request_message(first));
  ck_assert_ptr_null(acoap_upload_data(upload));
  acoap_upload_set_data(upload, stage);
  stage->begun++;
  stage->total = total;
  stage->stored_len = 0;
  return stage->begin_status;
}

static int upload_write(void *user_data, acoap_upload_t *upload, uint64_t offset,
                        acoap_bytes_t bytes) {
  stage_t *stage = user_data;
  ck_assert_ptr_eq(acoap_upload_data(upload), stage);
  ck_assert_uint_eq(acoap_upload_len(upload), offset);
  ck_assert_uint_eq(offset, stage->stored_len);
  stage->writes++;
  stage->upload = upload;
  if (offset + bytes.len <= sizeof(stage->stored)) {
    memcpy(stage->stored + offset, bytes.data, bytes.len);
  }
  stage->stored_len = offset + bytes.len;
  if (stage->remove_in_write) {
    stage->written = acoap_resource_remove(stage->written);
  }
  if (stage->ready_in_write) {
    acoap_upload_ready(upload, 0);
  }
  return stage->write_status;
}

static void upload_abort(void *user_data, acoap_upload_t *upload, int status) {
  stage_t *stage = user_data;
  ck_assert_ptr_eq(acoap_upload_data(upload), stage);
  stage->aborted++;
  stage->status = status;
  if (stage->free_in_abort) {
    acoap_server_free(stage->rig.server);
    stage->rig.server = NULL;
  }
}

static const acoap_upload_ops_t writer = {sizeof(writer), upload_begin, upload_write, upload_abort};

static int version(void *user_data, acoap_request_t *request, uint8_t etag[8]) {
  stage_t *stage = user_data;
  (void)request;
  (void)etag;
  return stage->exists ? 0 : ACOAP_ENOTFOUND;
}

static void serve_written(void *user_data, acoap_request_t *request) {
  stage_t *stage = user_data;
  stage->calls++;
  ck_assert_ptr_nonnull(acoap_request_upload(request));
  ck_assert_uint_eq(acoap_upload_len(acoap_request_upload(request)), stage->stored_len);
  (void)acoap_request_respond(request, stage->code, ACOAP_FORMAT_NONE, NULL, 0);
}

static stage_t *stage_open(const acoap_server_options_t *options) {
  stage_t *stage = calloc(1, sizeof(*stage));
  ck_assert_ptr_nonnull(stage);
  stage->code = ACOAP_CODE_CHANGED;
  server_rig_open(&stage->rig, 7, options);
  stage->script.rig = &stage->rig;
  stage->resource = acoap_resource_new(stage->rig.server, "/options");
  acoap_resource_on(stage->resource, 0, serve, stage);
  acoap_resource_on(acoap_resource_new(stage->rig.server, "/other"), 0, serve, stage);
  stage->written = acoap_resource_new(stage->rig.server, "/written");
  acoap_resource_on(stage->written, 0, serve_written, stage);
  acoap_resource_on_upload(stage->written, &writer, stage);
  acoap_resource_on_version(stage->written, version, stage);
  ck_assert_int_eq(acoap_server_status(stage->rig.server), 0);
  return stage;
}

static acoap_server_options_t with_block_size(size_t block_size) {
  return (acoap_server_options_t){.size = sizeof(acoap_server_options_t),
                                  .block_size = block_size,
                                  .amplification = ACOAP_AMPLIFICATION_OFF};
}

static void stage_close(stage_t *stage) {
  server_rig_close(&stage->rig);
  free(stage);
}

static void say(stage_t *stage, const char *request, const char *answer) {
  block_script_say(&stage->script, request, answer);
}

static acoap_server_stats_t stats_of(const stage_t *stage) {
  return server_rig_stats(&stage->rig);
}

static void expect_pattern(const uint8_t *bytes, uint64_t len, uint64_t wanted) {
  ck_assert_uint_eq(len, wanted);
  for (uint64_t i = 0; i < len; i++) {
    ck_assert_msg(bytes[i] == block_script_byte(i), "byte %llu", (unsigned long long)i);
  }
}

/* The handler ran once, with so much of the pattern; nothing is left. */
static void expect_joined(const stage_t *stage, size_t len) {
  ck_assert_uint_eq(stage->calls, 1);
  expect_pattern(stage->body, stage->body_len, len);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 0);
}

/* ---- RFC 7959 section 3.2 -------------------------------------------------------------------- */

START_TEST(rfc7959_figure_7_simple_atomic_block_wise_put) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/128", "2.31 1:0/1/128");
  say(stage, "PUT /options 1:1/1/128", "2.31 1:1/1/128");
  ck_assert_uint_eq(stage->calls, 0);
  ck_assert_uint_eq(stats_of(stage).transfers, 1);
  say(stage, "PUT /options 1:2/0/128 +80", "2.04 1:2/0/128");
  expect_joined(stage, 336);
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_figure_9_block_wise_put_with_negotiation) {
  acoap_server_options_t options = with_block_size(32);
  stage_t *stage = stage_open(&options);
  say(stage, "PUT /options 1:0/1/128", "2.31 1:0/1/32");
  say(stage, "PUT /options 1:4/1/32", "2.31 1:4/1/32");
  say(stage, "PUT /options 1:5/1/32", "2.31 1:5/1/32");
  say(stage, "PUT /options 1:6/0/32 +20", "2.04 1:6/0/32");
  expect_joined(stage, 212);
  stage_close(stage);
}
END_TEST

START_TEST(a_client_may_stay_with_its_size_or_take_a_smaller_one) {
  acoap_server_options_t options = with_block_size(32);
  stage_t *stage = stage_open(&options);
  say(stage, "PUT /options 1:0/1/128", "2.31 1:0/1/32");
  say(stage, "PUT /options 1:1/1/128", "2.31 1:1/1/32");
  say(stage, "PUT /options 1:16/1/16", "2.31 1:16/1/16");
  say(stage, "PUT /options 1:17/0/16 +1", "2.04 1:17/0/16");
  expect_joined(stage, 273);
  stage_close(stage);
}
END_TEST

START_TEST(a_body_in_one_message_or_one_block_is_the_payload) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options +50", "2.04");
  expect_joined(stage, 50);
  stage->calls = 0;
  say(stage, "PUT /options 1:0/0/64 +50", "2.04 1:0/0/64");
  expect_joined(stage, 50);
  stage->calls = 0;
  say(stage, "PUT /options", "2.04");
  expect_joined(stage, 0);
  stage_close(stage);
}
END_TEST

START_TEST(an_error_in_the_end_is_final) {
  stage_t *stage = stage_open(NULL);
  stage->code = ACOAP_CODE_FORBIDDEN;
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/0/64 +3", "4.03 1:1/0/64");
  expect_joined(stage, 67);
  stage_close(stage);
}
END_TEST

/* ---- which body a block belongs to ----------------------------------------------------------- */

START_TEST(tokens_kept_and_tokens_changed_both_get_through) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64 token=a", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/1/64 token=b", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:2/0/64 +4 token=c", "2.04 1:2/0/64");
  expect_joined(stage, 132);
  stage_close(stage);
}
END_TEST

START_TEST(several_bodies_of_one_endpoint_to_several_resources) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /other 1:0/1/32", "2.31 1:0/1/32");
  say(stage, "POST /options 1:0/1/128", "2.31 1:0/1/128");
  say(stage, "PUT /other?x 1:0/1/16", "2.31 1:0/1/16");
  ck_assert_uint_eq(stats_of(stage).transfers, 4);
  say(stage, "PUT /options 1:1/0/64 +1", "2.04 1:1/0/64");
  expect_pattern(stage->body, stage->body_len, 65);
  say(stage, "POST /options 1:1/0/128 +1", "2.04 1:1/0/128");
  expect_pattern(stage->body, stage->body_len, 129);
  say(stage, "PUT /other?x 1:1/0/16 +1", "2.04 1:1/0/16");
  expect_pattern(stage->body, stage->body_len, 17);
  say(stage, "PUT /other 1:1/0/32 +1", "2.04 1:1/0/32");
  expect_pattern(stage->body, stage->body_len, 33);
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 0);
  stage_close(stage);
}
END_TEST

START_TEST(rfc9175_3_5_request_tags_keep_two_concurrent_bodies_apart) {
  stage_t *stage = stage_open(NULL);
  say(stage, "POST /options 1:0/1/64 tag=a", "2.31 1:0/1/64");
  say(stage, "POST /options 1:0/1/32 tag=b", "2.31 1:0/1/32");
  say(stage, "POST /options 1:1/1/64 tag=a", "2.31 1:1/1/64");
  say(stage, "POST /options 1:1/0/32 tag=b +7", "2.04 1:1/0/32");
  expect_pattern(stage->body, stage->body_len, 39);
  say(stage, "POST /options 1:2/0/64 tag=a +9", "2.04 1:2/0/64");
  expect_pattern(stage->body, stage->body_len, 137);
  ck_assert_uint_eq(stage->calls, 2);
  stage_close(stage);
}
END_TEST

/*
 * RFC 9175 sections 3.4.1 and 3.5.1: the last block of an earlier body, withheld and sent later,
 * does not become the end of another one: its Request-Tag is another.
 */
START_TEST(rfc9175_3_5_1_a_withheld_block_of_another_body_is_408) {
  stage_t *stage = stage_open(NULL);
  say(stage, "POST /options 1:0/1/64 tag=1", "2.31 1:0/1/64");
  /* The attacker keeps "1:1/0/64 tag=1"; the client gives up and sends another body. */
  say(stage, "POST /options 1:0/1/64 tag=2", "2.31 1:0/1/64");
  say(stage, "POST /options 1:1/0/64 tag=2 +10", "2.04 1:1/0/64");
  ck_assert_uint_eq(stage->calls, 1);
  say(stage, "POST /options 1:0/1/64 tag=3", "2.31 1:0/1/64");
  say(stage, "POST /options 1:1/0/64 tag=4 +5", "4.08");
  /* A tag is not the same as none. */
  say(stage, "POST /options 1:1/0/64 +5", "4.08");
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(rfc9175_3_4_a_body_that_begins_again_with_a_new_tag) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64 tag=x", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/1/64 tag=x", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:0/1/32 tag=y", "2.31 1:0/1/32");
  say(stage, "PUT /options 1:1/0/32 tag=y +2", "2.04 1:1/0/32");
  ck_assert_uint_eq(stage->calls, 1);
  expect_pattern(stage->body, stage->body_len, 34);
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_2_5_block_0_begins_anew) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/0/64 +6", "2.04 1:1/0/64");
  expect_joined(stage, 70);
  stage_close(stage);
}
END_TEST

START_TEST(a_change_of_content_format_is_another_body) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64 format=0", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/0/64 +6 format=50", "4.08");
  stage_close(stage);
}
END_TEST

/* ---- order ----------------------------------------------------------------------------------- */

START_TEST(rfc7959_2_9_2_a_gap_is_408_and_the_body_can_go_on) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:1/1/64", "4.08");
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:2/1/64", "4.08");
  say(stage, "PUT /options 1:2/0/64 +3", "4.08");
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:2/0/64 +3", "2.04 1:2/0/64");
  expect_joined(stage, 131);
  /* The body is used up: its last block alone is none. */
  say(stage, "PUT /options 1:2/0/64 +3", "4.08");
  stage_close(stage);
}
END_TEST

START_TEST(rfc9175_3_blocks_with_a_tag_may_overtake_each_other) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64 tag=w", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:3/1/64 tag=w", "2.31 1:3/1/64");
  say(stage, "PUT /options 1:2/1/64 tag=w", "2.31 1:2/1/64");
  say(stage, "PUT /options 1:3/1/64 tag=w", "2.31 1:3/1/64"); /* again */
  say(stage, "PUT /options 1:4/0/64 tag=w +3", "4.08");       /* 1 is missing */
  say(stage, "PUT /options 1:1/1/64 tag=w", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:0/1/64 tag=v", "2.31 1:0/1/64"); /* another body */
  say(stage, "PUT /options 1:2/1/64 tag=w", "2.31 1:2/1/64"); /* taken long ago */
  say(stage, "PUT /options 1:1/0/64 tag=v +2", "2.04 1:1/0/64");
  ck_assert_uint_eq(stage->calls, 1);
  expect_pattern(stage->body, stage->body_len, 66);
  stage->calls = 0;
  say(stage, "PUT /options 1:5/1/64 tag=w", "2.31 1:5/1/64");
  say(stage, "PUT /options 1:4/1/64 tag=w", "2.31 1:4/1/64");
  say(stage, "PUT /options 1:6/0/64 tag=w +9", "2.04 1:6/0/64");
  expect_joined(stage, 6 * 64 + 9);
  stage_close(stage);
}
END_TEST

START_TEST(how_far_a_block_may_be_ahead_is_bounded) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64 tag=w", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:65/1/64 tag=w", "4.08");
  say(stage, "PUT /options 1:64/1/64 tag=w", "2.31 1:64/1/64");
  say(stage, "PUT /options 1:4/1/32 tag=w", "4.08"); /* of another size */
  /* In a size of its own the next block is welcome; what came early is void then. */
  say(stage, "PUT /options 1:2/1/32 tag=w", "2.31 1:2/1/32");
  say(stage, "PUT /options 1:3/0/32 tag=w +1", "2.04 1:3/0/32");
  expect_joined(stage, 97);
  /* Not those of a writer. */
  say(stage, "PUT /written 1:0/1/64 tag=w", "2.31 1:0/1/64");
  say(stage, "PUT /written 1:2/1/64 tag=w", "4.08");
  stage_close(stage);
}
END_TEST

START_TEST(the_last_block_again_is_answered_again_and_not_written_twice) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:2/0/64 +64", "2.04 1:2/0/64");
  expect_joined(stage, 192);
  stage_close(stage);
}
END_TEST

START_TEST(a_payload_that_is_no_block_is_400) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64 +63", "4.00 [29]");
  say(stage, "PUT /options 1:0/1/64 +65", "4.00 [29]");
  say(stage, "PUT /options 1:0/0/64 +65", "4.00 [29]");
  ck_assert_uint_eq(stage->calls, 0);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  stage_close(stage);
}
END_TEST

/* ---- too large ------------------------------------------------------------------------------- */

START_TEST(rfc7959_2_9_3_too_large_is_413_with_size1) {
  acoap_server_options_t options = with_block_size(64);
  options.body_max_bytes = 200;
  stage_t *stage = stage_open(&options);
  /* As soon as it is announced; a smaller block is asked for where the server wants one. */
  say(stage, "PUT /options 1:0/1/64 size1=201", "4.13 size1=200");
  say(stage, "PUT /options 1:0/1/128 size1=300", "4.13 1:0/0/64 size1=200");
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  /* Or when it is there. */
  say(stage, "PUT /options 1:0/1/64 size1=100", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:2/1/64", "2.31 1:2/1/64");
  say(stage, "PUT /options 1:3/0/64 +9", "4.13 size1=200");
  say(stage, "PUT /options 1:3/0/64 +8", "4.08");
  /* In one message. */
  say(stage, "PUT /options +201", "4.13 size1=200");
  say(stage, "PUT /options +200", "2.04");
  ck_assert_uint_eq(stage->calls, 1);
  ck_assert_uint_eq(stats_of(stage).transfers_refused, 4);
  acoap_resource_body_max(stage->resource, 64);
  say(stage, "PUT /options +65", "4.13 size1=64");
  stage_close(stage);
}
END_TEST

START_TEST(exactly_the_cap_is_taken) {
  acoap_server_options_t options = with_block_size(64);
  options.body_max_bytes = 200;
  stage_t *stage = stage_open(&options);
  say(stage, "PUT /options 1:0/1/64 size1=200", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options 1:2/1/64", "2.31 1:2/1/64");
  ck_assert_uint_le(stats_of(stage).transfers_bytes, 200);
  say(stage, "PUT /options 1:3/0/64 +8", "2.04 1:3/0/64");
  expect_joined(stage, 200);
  stage_close(stage);
}
END_TEST

START_TEST(the_memory_of_all_bodies_has_a_bound) {
  acoap_server_options_t options = with_block_size(1024);
  options.bodies_max_bytes = 4096;
  stage_t *stage = stage_open(&options);
  say(stage, "PUT /options?a 1:0/1/1024", "2.31 1:0/1/1024");
  say(stage, "PUT /options?a 1:1/1/1024", "2.31 1:1/1/1024");
  say(stage, "PUT /options?a 1:2/1/1024", "2.31 1:2/1/1024");
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 4096);
  /* That one is in use: the newcomer has to wait ... */
  say(stage, "PUT /options?b 1:0/1/1024", "4.13");
  ck_assert_uint_eq(stats_of(stage).transfers_refused, 1);
  /* ... but not for ever. */
  server_rig_run(&stage->rig, 3100);
  say(stage, "PUT /options?b 1:0/1/1024", "2.31 1:0/1/1024");
  ck_assert_uint_eq(stats_of(stage).transfers_evicted, 1);
  say(stage, "PUT /options?a 1:3/1/1024", "4.08");
  stage_close(stage);
}
END_TEST

/* ---- time ------------------------------------------------------------------------------------ */

START_TEST(a_body_that_does_not_go_on_is_forgotten) {
  acoap_server_options_t options = with_block_size(64);
  options.transfer_timeout_ms = 10000;
  stage_t *stage = stage_open(&options);
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  server_rig_run(&stage->rig, 6000);
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  server_rig_run(&stage->rig, 6000);
  say(stage, "PUT /options 1:2/1/64", "2.31 1:2/1/64");
  ck_assert_uint_eq(stats_of(stage).transfers, 1);
  server_rig_run(&stage->rig, 10001);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 0);
  ck_assert_uint_eq(stats_of(stage).transfers_expired, 1);
  say(stage, "PUT /options 1:3/1/64", "4.08");
  stage_close(stage);
}
END_TEST

START_TEST(without_an_option_the_time_is_exchange_lifetime) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  server_rig_run(&stage->rig, 246000);
  ck_assert_uint_eq(stats_of(stage).transfers, 1);
  server_rig_run(&stage->rig, 2000);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  stage_close(stage);
}
END_TEST

/* ---- writers --------------------------------------------------------------------------------- */

START_TEST(a_writer_takes_the_body_block_by_block) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /written 1:0/1/64 size1=150", "2.31 1:0/1/64");
  ck_assert_uint_eq(stage->total, 150);
  say(stage, "PUT /written 1:1/1/64", "2.31 1:1/1/64");
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 0);
  say(stage, "PUT /written 1:2/0/64 +22", "2.04 1:2/0/64");
  expect_pattern(stage->stored, stage->stored_len, 150);
  ck_assert_uint_eq(stage->calls, 1);
  ck_assert_uint_eq(stage->aborted, 0);
  /* In one message. */
  say(stage, "PUT /written +30", "2.04");
  ck_assert_uint_eq(stage->total, 30);
  expect_pattern(stage->stored, stage->stored_len, 30);
  /* Empty. */
  say(stage, "PUT /written", "2.04");
  ck_assert_uint_eq(stage->stored_len, 0);
  ck_assert_uint_eq(stage->calls, 3);
  ck_assert_uint_eq(stage->begun, 3);
  ck_assert_uint_eq(stage->aborted, 0);
  stage_close(stage);
}
END_TEST

START_TEST(a_writer_has_no_cap) {
  acoap_server_options_t options = with_block_size(1024);
  options.body_max_bytes = 100;
  options.bodies_max_bytes = 100;
  stage_t *stage = stage_open(&options);
  char request[60], answer[60];
  for (unsigned num = 0; num < 100; num++) {
    snprintf(request, sizeof(request), "PUT /written 1:%u/1/1024", num);
    snprintf(answer, sizeof(answer), "2.31 1:%u/1/1024", num);
    say(stage, request, answer);
  }
  say(stage, "PUT /written 1:100/0/1024 +5", "2.04 1:100/0/1024");
  expect_pattern(stage->stored, stage->stored_len, 102405);
  stage_close(stage);
}
END_TEST

START_TEST(a_writer_refuses_with_a_code_and_hears_no_more) {
  stage_t *stage = stage_open(NULL);
  stage->begin_status = ACOAP_CODE_FORBIDDEN;
  say(stage, "PUT /written 1:0/1/64", "4.03");
  stage->begin_status = ACOAP_ENOMEM;
  say(stage, "PUT /written +4", "5.00");
  ck_assert_uint_eq(stage->writes, 0);
  ck_assert_uint_eq(stage->aborted, 0);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  stage_close(stage);
}
END_TEST

START_TEST(a_write_that_fails_ends_the_body) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  stage->write_status = ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE;
  say(stage, "PUT /written 1:1/1/64", "4.13");
  ck_assert_uint_eq(stage->aborted, 1);
  ck_assert_int_eq(stage->status, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE);
  stage->write_status = ACOAP_ESECURITY;
  say(stage, "PUT /written +5", "5.00");
  ck_assert_uint_eq(stage->aborted, 2);
  ck_assert_uint_eq(stage->calls, 0);
  stage_close(stage);
}
END_TEST

START_TEST(a_writer_may_take_its_time) {
  stage_t *stage = stage_open(NULL);
  stage->write_status = ACOAP_EAGAIN;
  block_script_send(&stage->script, "PUT /written 1:0/1/64");
  sim_peer_expect_silence(&stage->rig.peer);
  acoap_upload_ready(stage->upload, 0);
  sim_peer_expect_silence(&stage->rig.peer);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "2.31 1:0/1/64");
  /* Said before the function returns. */
  stage->ready_in_write = true;
  say(stage, "PUT /written 1:1/1/64", "2.31 1:1/1/64");
  stage->ready_in_write = false;
  /* Longer than PROCESSING_DELAY: the empty ACK first. */
  block_script_send(&stage->script, "PUT /written 1:2/0/64 +3");
  server_rig_run(&stage->rig, 2500);
  sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  ck_assert_uint_eq(stage->calls, 0);
  acoap_upload_ready(stage->upload, 0);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "CON 2.04 1:2/0/64");
  ck_assert_uint_eq(stage->calls, 1);
  expect_pattern(stage->stored, stage->stored_len, 131);
  ck_assert_uint_eq(stage->aborted, 0);
  stage_close(stage);
}
END_TEST

START_TEST(a_block_again_while_the_writer_is_busy_waits_in_its_place) {
  stage_t *stage = stage_open(NULL);
  stage->write_status = ACOAP_EAGAIN;
  block_script_send(&stage->script, "PUT /written 1:0/1/64");
  /* Block 0 begins anew, even now. */
  block_script_send(&stage->script, "PUT /written 1:0/1/64");
  block_script_expect(&stage->script, "4.08");
  ck_assert_uint_eq(stage->aborted, 1);
  acoap_upload_ready(stage->upload, 0);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "2.31 1:0/1/64");
  block_script_send(&stage->script, "PUT /written 1:1/1/64");
  block_script_send(&stage->script, "PUT /written 1:1/1/64");
  sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  say(stage, "PUT /written 1:2/1/64", "4.08");
  acoap_upload_ready(stage->upload, 0);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "2.31 1:1/1/64");
  ck_assert_uint_eq(stage->writes, 3);
  stage_close(stage);
}
END_TEST

START_TEST(a_write_may_fail_later) {
  stage_t *stage = stage_open(NULL);
  stage->write_status = ACOAP_EAGAIN;
  block_script_send(&stage->script, "PUT /written 1:0/1/64");
  acoap_upload_ready(stage->upload, ACOAP_CODE_FORBIDDEN);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "4.03");
  ck_assert_uint_eq(stage->aborted, 1);
  block_script_send(&stage->script, "PUT /written +8");
  acoap_upload_ready(stage->upload, ACOAP_ESECURITY);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "5.00");
  ck_assert_uint_eq(stage->aborted, 2);
  stage_close(stage);
}
END_TEST

START_TEST(every_way_that_a_body_ends_is_told_once) {
  acoap_server_options_t options = with_block_size(64);
  options.transfers_per_peer = 1;
  stage_t *stage = stage_open(&options);
  /* begun anew */
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  ck_assert_uint_eq(stage->aborted, 1);
  ck_assert_int_eq(stage->status, ACOAP_ECANCELED);
  /* too long */
  server_rig_run(&stage->rig, 250000);
  ck_assert_uint_eq(stage->aborted, 2);
  ck_assert_int_eq(stage->status, ACOAP_ETIMEDOUT);
  /* in favour of another */
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /other 1:0/1/64", "2.31 1:0/1/64");
  ck_assert_uint_eq(stage->aborted, 3);
  ck_assert_int_eq(stage->status, ACOAP_EEXHAUSTED);
  ck_assert_uint_eq(stats_of(stage).transfers_evicted, 1);
  /* with the resource */
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  stage->written = acoap_resource_remove(stage->written);
  ck_assert_uint_eq(stage->aborted, 4);
  ck_assert_int_eq(stage->status, ACOAP_ECANCELED);
  say(stage, "PUT /written 1:1/1/64", "4.04");
  stage_close(stage);
}
END_TEST

START_TEST(a_body_ends_with_the_server_and_with_the_endpoint) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  stage->write_status = ACOAP_EAGAIN;
  block_script_send(&stage->script, "PUT /written?b 1:0/1/64");
  block_script_send(&stage->script, "PUT /written?c +9");
  acoap_server_free(stage->rig.server);
  stage->rig.server = NULL;
  ck_assert_uint_eq(stage->aborted, 3);
  stage_close(stage);

  stage = stage_open(NULL);
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  stage->write_status = ACOAP_EAGAIN;
  block_script_send(&stage->script, "PUT /written?b 1:0/1/64");
  block_script_send(&stage->script, "PUT /written?c +9");
  acoap_local_endpoint_close(stage->rig.endpoint, NULL, NULL);
  stage->rig.endpoint = NULL;
  server_rig_run(&stage->rig, 1000);
  ck_assert_uint_eq(stage->aborted, 3);
  stage_close(stage);
}
END_TEST

START_TEST(a_writer_may_take_its_resource_away) {
  for (unsigned i = 0; i < 3; i++) {
    stage_t *stage = stage_open(NULL);
    stage->remove_in_write = true;
    stage->write_status = i == 1 ? ACOAP_EAGAIN : 0;
    say(stage, i == 2 ? "PUT /written +7" : "PUT /written 1:0/1/64", "4.08");
    ck_assert_uint_eq(stage->aborted, 1);
    ck_assert_uint_eq(stage->calls, 0);
    ck_assert_uint_eq(stats_of(stage).transfers, 0);
    stage_close(stage);
  }
}
END_TEST

START_TEST(an_abort_may_free_the_server) {
  stage_t *stage = stage_open(NULL);
  say(stage, "PUT /written 1:0/1/64", "2.31 1:0/1/64");
  stage->free_in_abort = true;
  server_rig_run(&stage->rig, 250000);
  ck_assert_uint_eq(stage->aborted, 1);
  ck_assert_ptr_null(stage->rig.server);
  stage_close(stage);
}
END_TEST

/* A block of "/written" that shall not be there yet. */
static uint8_t write_new(stage_t *stage, uint32_t num, bool more) {
  uint8_t payload[64];
  acoap_block_t block = {num, more, 2};
  acoap_builder_t *builder = server_rig_begin(&stage->rig, ACOAP_CON, ACOAP_CODE_PUT, "/written");
  block_script_fill(payload, num * sizeof(payload), sizeof(payload));
  acoap_builder_option(builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
  acoap_builder_payload(builder, payload, sizeof(payload));
  return server_rig_answer(&stage->rig)->view.code;
}

START_TEST(a_condition_is_judged_before_the_body_begins_and_before_it_is_used) {
  stage_t *stage = stage_open(NULL);
  stage->exists = true;
  ck_assert_uint_eq(write_new(stage, 0, true), ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_uint_eq(stage->begun, 0);
  stage->exists = false;
  ck_assert_uint_eq(write_new(stage, 0, true), ACOAP_CODE_CONTINUE);
  ck_assert_uint_eq(write_new(stage, 1, true), ACOAP_CODE_CONTINUE);
  /* Somebody else has made it meanwhile. */
  stage->exists = true;
  ck_assert_uint_eq(write_new(stage, 2, false), ACOAP_CODE_PRECONDITION_FAILED);
  server_rig_run(&stage->rig, 1000);
  ck_assert_uint_eq(stage->calls, 0);
  ck_assert_uint_eq(stage->aborted, 1);
  stage_close(stage);
}
END_TEST

/* ---- bounds ---------------------------------------------------------------------------------- */

START_TEST(an_address_has_so_many_bodies_and_its_oldest_goes) {
  acoap_server_options_t options = with_block_size(64);
  options.transfers_per_peer = 4;
  stage_t *stage = stage_open(&options);
  char request[60];
  for (unsigned i = 0; i < 6; i++) {
    snprintf(request, sizeof(request), "PUT /options?%u 1:0/1/64", i);
    say(stage, request, "2.31 1:0/1/64");
    ck_assert_uint_le(stats_of(stage).transfers, 4);
  }
  ck_assert_uint_eq(stats_of(stage).transfers_evicted, 2);
  say(stage, "PUT /options?1 1:1/1/64", "4.08");
  say(stage, "PUT /options?2 1:1/1/64", "2.31 1:1/1/64");
  stage_close(stage);
}
END_TEST

START_TEST(bodies_that_go_on_are_not_given_up_for_new_ones) {
  acoap_server_options_t options = with_block_size(64);
  options.transfers_per_peer = 2;
  stage_t *stage = stage_open(&options);
  options.retry_s = 5;
  say(stage, "PUT /options?a 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options?a 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options?b 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options?b 1:1/1/64", "2.31 1:1/1/64");
  say(stage, "PUT /options?c 1:0/1/64", "5.03 age=5");
  ck_assert_uint_eq(stats_of(stage).transfers_refused, 1);
  say(stage, "PUT /options?a 1:2/0/64 +1", "2.04 1:2/0/64");
  say(stage, "PUT /options?c 1:0/1/64", "2.31 1:0/1/64");
  stage_close(stage);
}
END_TEST

START_TEST(a_flood_of_half_open_bodies_does_not_starve_an_honest_one) {
  acoap_server_options_t options = with_block_size(64);
  options.transfers_max = 32;
  stage_t *stage = stage_open(&options);
  char request[60], answer[60], address[40];
  sim_peer_t flood;
  unsigned host = 1;
  say(stage, "PUT /options 1:0/1/64", "2.31 1:0/1/64");
  say(stage, "PUT /options 1:1/1/64", "2.31 1:1/1/64");
  for (unsigned num = 2; num < 20; num++) {
    for (unsigned i = 0; i < 40; i++, host++) {
      snprintf(address, sizeof(address), "198.51.%u.%u:5683", host / 250, 1 + host % 250);
      sim_peer_open(&flood, stage->rig.sim, address);
      acoap_block_t block = {0, true, 2};
      uint8_t payload[64] = {0};
      acoap_builder_t *builder =
          server_rig_begin(&stage->rig, ACOAP_CON, ACOAP_CODE_PUT, "/options");
      acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
      acoap_builder_payload(builder, payload, sizeof(payload));
      sim_peer_send_bytes(&flood, &stage->rig.address, stage->rig.bytes,
                          (size_t)acoap_builder_finish(builder));
      server_rig_run(&stage->rig, 1);
      sim_peer_close(&flood);
      ck_assert_uint_le(stats_of(stage).transfers, 32);
    }
    snprintf(request, sizeof(request), "PUT /options 1:%u/1/64", num);
    snprintf(answer, sizeof(answer), "2.31 1:%u/1/64", num);
    say(stage, request, answer);
  }
  say(stage, "PUT /options 1:20/0/64 +4", "2.04 1:20/0/64");
  ck_assert_uint_eq(stage->calls, 1);
  expect_pattern(stage->body, stage->body_len, 1284);
  ck_assert_uint_gt(stats_of(stage).transfers_evicted, 600);
  stage_close(stage);
}
END_TEST

static Suite *server_block1_suite(void) {
  Suite *suite = suite_create("server_block1");
  TCase *figures = tcase_create("figures");
  tcase_add_test(figures, rfc7959_figure_7_simple_atomic_block_wise_put);
  tcase_add_test(figures, rfc7959_figure_9_block_wise_put_with_negotiation);
  tcase_add_test(figures, a_client_may_stay_with_its_size_or_take_a_smaller_one);
  tcase_add_test(figures, a_body_in_one_message_or_one_block_is_the_payload);
  tcase_add_test(figures, an_error_in_the_end_is_final);
  suite_add_tcase(suite, figures);
  TCase *keys = tcase_create("keys");
  tcase_add_test(keys, tokens_kept_and_tokens_changed_both_get_through);
  tcase_add_test(keys, several_bodies_of_one_endpoint_to_several_resources);
  tcase_add_test(keys, rfc9175_3_5_request_tags_keep_two_concurrent_bodies_apart);
  tcase_add_test(keys, rfc9175_3_5_1_a_withheld_block_of_another_body_is_408);
  tcase_add_test(keys, rfc9175_3_4_a_body_that_begins_again_with_a_new_tag);
  tcase_add_test(keys, rfc7959_2_5_block_0_begins_anew);
  tcase_add_test(keys, a_change_of_content_format_is_another_body);
  suite_add_tcase(suite, keys);
  TCase *order = tcase_create("order");
  tcase_add_test(order, rfc7959_2_9_2_a_gap_is_408_and_the_body_can_go_on);
  tcase_add_test(order, rfc9175_3_blocks_with_a_tag_may_overtake_each_other);
  tcase_add_test(order, how_far_a_block_may_be_ahead_is_bounded);
  tcase_add_test(order, the_last_block_again_is_answered_again_and_not_written_twice);
  tcase_add_test(order, a_payload_that_is_no_block_is_400);
  suite_add_tcase(suite, order);
  TCase *large = tcase_create("large");
  tcase_add_test(large, rfc7959_2_9_3_too_large_is_413_with_size1);
  tcase_add_test(large, exactly_the_cap_is_taken);
  tcase_add_test(large, the_memory_of_all_bodies_has_a_bound);
  suite_add_tcase(suite, large);
  TCase *times = tcase_create("times");
  tcase_add_test(times, a_body_that_does_not_go_on_is_forgotten);
  tcase_add_test(times, without_an_option_the_time_is_exchange_lifetime);
  suite_add_tcase(suite, times);
  TCase *writers = tcase_create("writers");
  tcase_add_test(writers, a_writer_takes_the_body_block_by_block);
  tcase_add_test(writers, a_writer_has_no_cap);
  tcase_add_test(writers, a_writer_refuses_with_a_code_and_hears_no_more);
  tcase_add_test(writers, a_write_that_fails_ends_the_body);
  tcase_add_test(writers, a_writer_may_take_its_time);
  tcase_add_test(writers, a_block_again_while_the_writer_is_busy_waits_in_its_place);
  tcase_add_test(writers, a_write_may_fail_later);
  tcase_add_test(writers, every_way_that_a_body_ends_is_told_once);
  tcase_add_test(writers, a_body_ends_with_the_server_and_with_the_endpoint);
  tcase_add_test(writers, a_writer_may_take_its_resource_away);
  tcase_add_test(writers, an_abort_may_free_the_server);
  tcase_add_test(writers, a_condition_is_judged_before_the_body_begins_and_before_it_is_used);
  suite_add_tcase(suite, writers);
  TCase *bounds = tcase_create("bounds");
  tcase_add_test(bounds, an_address_has_so_many_bodies_and_its_oldest_goes);
  tcase_add_test(bounds, bodies_that_go_on_are_not_given_up_for_new_ones);
  tcase_add_test(bounds, a_flood_of_half_open_bodies_does_not_starve_an_honest_one);
  suite_add_tcase(suite, bounds);
  return suite;
}

ACOAP_TEST_MAIN(server_block1_suite)
