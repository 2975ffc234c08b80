/*
 * Request bodies in Q-Block1 from the server's side (RFC 9177 sections 4.3, 5, 7.2 and 10.1):
 * payloads in any order, what is acknowledged, what is asked for and when, what is refused. Virtual
 * time; MAX_PAYLOADS is 10, NON_TIMEOUT 2 s, NON_RECEIVE_TIMEOUT 4 s.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "block_script.h"
#include "check_main.h"
#include "endpoint/local_endpoint.h"

typedef struct stage {
  server_rig_t rig;
  block_script_t script;
  acoap_resource_t *path;    /* "/path" */
  acoap_resource_t *written; /* "/written" */
  unsigned calls;            /* of the handler */
  uint8_t body[BLOCK_SCRIPT_BODY];
  size_t body_len;         /* of the last one */
  uint8_t code;            /* it answers */
  const char *answer;      /* with this payload; NULL: none */
  bool later;              /* it keeps the request */
  acoap_request_t *kept;   /* which */
  unsigned begun, aborted; /* bodies of the writer */
  int status;              /* of the last abort */
  uint64_t total;          /* told to the last begin */
  uint8_t stored[BLOCK_SCRIPT_BODY];
  uint64_t stored_len;
  int begin_status;       /* what begin answers */
  int write_status;       /* what write answers */
  acoap_upload_t *upload; /* of the last write */
  bool free_in_write;     /* frees the server */
  bool exists;            /* what is written to */
} stage_t;

static void keep_body(stage_t *stage, acoap_bytes_t body) {
  stage->calls++;
  ck_assert_uint_le(body.len, sizeof(stage->body));
  if (body.len > 0) {
    memcpy(stage->body, body.data, body.len);
  }
  stage->body_len = body.len;
}

static void serve(void *user_data, acoap_request_t *request) {
  stage_t *stage = user_data;
  keep_body(stage, acoap_request_body(request));
  if (stage->later) {
    stage->kept = acoap_request_ref(request);
    return;
  }
  (void)acoap_request_respond(request, stage->code, ACOAP_FORMAT_NONE, stage->answer,
                              stage->answer != NULL ? strlen(stage->answer) : 0);
}

static int upload_begin(void *user_data, acoap_upload_t *upload, acoap_request_t *first,
                        uint64_t total) {
  stage_t *stage = user_data;
  (void)upload;
  (void)first;
  stage->begun++;
  stage->total = total;
  stage->stored_len = 0;
  return stage->begin_status;
}

static int upload_write(void *user_data, acoap_upload_t *upload, uint64_t offset,
                        acoap_bytes_t bytes) {
  stage_t *stage = user_data;
  ck_assert_uint_eq(acoap_upload_len(upload), offset);
  ck_assert_uint_eq(offset, stage->stored_len);
  ck_assert_uint_le(offset + bytes.len, sizeof(stage->stored));
  stage->upload = upload;
  memcpy(stage->stored + offset, bytes.data, bytes.len);
  stage->stored_len = offset + bytes.len;
  if (stage->free_in_write) {
    acoap_server_free(stage->rig.server);
    stage->rig.server = NULL;
  }
  return stage->write_status;
}

static void upload_abort(void *user_data, acoap_upload_t *upload, int status) {
  stage_t *stage = user_data;
  (void)upload;
  stage->aborted++;
  stage->status = status;
}

static const acoap_upload_ops_t writer = {sizeof(writer), upload_begin, upload_write, upload_abort};

static void serve_written(void *user_data, acoap_request_t *request) {
  stage_t *stage = user_data;
  stage->calls++;
  ck_assert_ptr_nonnull(acoap_request_upload(request));
  (void)acoap_request_respond(request, stage->code, ACOAP_FORMAT_NONE, NULL, 0);
}

static int version(void *user_data, acoap_request_t *request, uint8_t etag[8]) {
  stage_t *stage = user_data;
  (void)request;
  (void)etag;
  return stage->exists ? 0 : ACOAP_ENOTFOUND;
}

static stage_t *stage_open(const acoap_server_options_t *options) {
  stage_t *stage = calloc(1, sizeof(*stage));
  ck_assert_ptr_nonnull(stage);
  stage->code = ACOAP_CODE_CHANGED;
  server_rig_open(&stage->rig, 7, options);
  stage->script.rig = &stage->rig;
  stage->script.tells_token = true;
  stage->path = acoap_resource_new(stage->rig.server, "/path");
  acoap_resource_on(stage->path, 0, serve, stage);
  stage->written = acoap_resource_new(stage->rig.server, "/written");
  acoap_resource_on(stage->written, 0, serve_written, stage);
  acoap_resource_on_upload(stage->written, &writer, stage);
  acoap_resource_on_version(stage->written, version, stage);
  ck_assert_int_eq(acoap_server_status(stage->rig.server), 0);
  return stage;
}

static void stage_close(stage_t *stage) {
  server_rig_close(&stage->rig);
  free(stage);
}

static void expect_body(const stage_t *stage, size_t len) {
  ck_assert_uint_eq(stage->body_len, len);
  for (size_t i = 0; i < len; i++) {
    ck_assert_msg(stage->body[i] == block_script_byte(i), "byte %zu", i);
  }
}

static void expect_stored(const stage_t *stage, size_t len) {
  ck_assert_uint_eq(stage->stored_len, len);
  for (size_t i = 0; i < len; i++) {
    ck_assert_msg(stage->stored[i] == block_script_byte(i), "byte %zu", i);
  }
}

/* Payload num of a body of `total` bytes in payloads of 32, under a token of its own: "t00". */
static void put(stage_t *stage, const char *type, const char *path, unsigned num, unsigned total,
                const char *tag) {
  char text[160];
  unsigned last = (total - 1) / 32;
  int len = snprintf(text, sizeof(text), "%sPUT %s q1:%u/%d/32 size1=%u tag=%s token=t%02u", type,
                     path, num, num < last, total, tag, num);
  if (num == last) {
    snprintf(text + len, sizeof(text) - (size_t)len, " +%u", total - num * 32);
  }
  block_script_send(&stage->script, text);
}

static void put_range(stage_t *stage, const char *path, unsigned first, unsigned last,
                      unsigned total) {
  for (unsigned num = first; num <= last; num++) {
    put(stage, "NON ", path, num, total, "a");
  }
}

static void expect_silence(stage_t *stage) {
  sim_peer_expect_silence(&stage->rig.peer);
}

/* ---- the wire -------------------------------------------------------------------------------- */

/* Section 10.1.1 in payloads of 16 bytes, byte by byte: RT is Request-Tag, QB1 Q-Block1. */
START_TEST(section_10_1_1_simple_example) {
  static const uint8_t first[] = {0x51, 0x03, 0x00, 0x81, 0xc0, /* NON PUT M:0x81 T:0xc0 */
                                  0xb4, 'p',  'a',  't',  'h',  /* Uri-Path */
                                  0x81, 0x08,                   /* QB1:0/1/16 */
                                  0xd1, 0x1c, 0x14,             /* Size1 20 */
                                  0xd1, 0xdb, 0x09,             /* RT 9 */
                                  0xff, '0',  '1',  '2',  '3',  '4', '5', '6', '7',
                                  '8',  '9',  'a',  'b',  'c',  'd', 'e', 'f'};
  static const uint8_t second[] = {0x51, 0x03, 0x00, 0x82, 0xc1, /* NON PUT M:0x82 T:0xc1 */
                                   0xb4, 'p',  'a',  't',  'h',  /* Uri-Path */
                                   0x81, 0x10,                   /* QB1:1/0/16 */
                                   0xd1, 0x1c, 0x14,             /* Size1 20 */
                                   0xd1, 0xdb, 0x09,             /* RT 9 */
                                   0xff, 'g',  'h',  'i',  'j'};
  stage_t *stage = stage_open(NULL);
  sim_peer_send_bytes(&stage->rig.peer, &stage->rig.address, first, sizeof(first));
  server_rig_run(&stage->rig, 1);
  expect_silence(stage);
  sim_peer_send_bytes(&stage->rig.peer, &stage->rig.address, second, sizeof(second));
  server_rig_run(&stage->rig, 1);
  const sim_datagram_t *answer = sim_peer_next(&stage->rig.peer);
  ck_assert_uint_eq(answer->len, 5); /* NON 2.04 T:0xc1, and nothing else */
  ck_assert_uint_eq(answer->bytes[0], 0x51);
  ck_assert_uint_eq(answer->bytes[1], 0x44);
  ck_assert_uint_eq(answer->bytes[4], 0xc1);
  ck_assert_uint_eq(stage->body_len, 20);
  ck_assert_mem_eq(stage->body, "0123456789abcdefghij", 20);
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* A 4.08 as section 5 has it: Content-Format 272, a CBOR sequence. */
START_TEST(section_5_list_of_missing_blocks_on_the_wire) {
  static const uint8_t list[] = {0xc2, 0x01, 0x10, 0xff, 0x01, 0x09};
  stage_t *stage = stage_open(NULL);
  for (unsigned num = 0; num <= 10; num++) {
    if (num != 1 && num != 9) {
      put(stage, "NON ", "/path", num, 600, "a");
    }
  }
  const sim_datagram_t *answer = sim_peer_next(&stage->rig.peer);
  ck_assert_uint_eq(answer->bytes[0], 0x53); /* NON, token of three bytes */
  ck_assert_uint_eq(answer->bytes[1], 0x88); /* 4.08 */
  ck_assert_uint_eq(answer->len, 4 + 3 + sizeof(list));
  ck_assert_mem_eq(answer->bytes + 4, "t10", 3);
  ck_assert_mem_eq(answer->bytes + 7, list, sizeof(list));
  stage_close(stage);
}
END_TEST

/* ---- sets ------------------------------------------------------------------------------------ */

START_TEST(section_10_1_2_a_set_is_acknowledged_by_2_31) {
  stage_t *stage = stage_open(NULL);
  put_range(stage, "/path", 0, 8, 700);
  expect_silence(stage);
  put(stage, "NON ", "/path", 9, 700, "a");
  block_script_expect(&stage->script, "2.31 q1:9/1/32 token=t09");
  put_range(stage, "/path", 10, 18, 700);
  expect_silence(stage);
  put(stage, "NON ", "/path", 19, 700, "a");
  block_script_expect(&stage->script, "2.31 q1:19/1/32 token=t19");
  put(stage, "NON ", "/path", 20, 700, "a");
  expect_silence(stage);
  ck_assert_uint_eq(stage->calls, 0);
  put(stage, "NON ", "/path", 21, 700, "a");
  block_script_expect(&stage->script, "2.04 token=t21");
  ck_assert_uint_eq(stage->calls, 1);
  expect_body(stage, 700);
  server_rig_run(&stage->rig, 300000);
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* Figure 5 and its like: 1 and 9 of the first set are lost, the next set shows it. */
START_TEST(section_7_2_a_payload_of_the_next_set_shows_what_is_missing) {
  stage_t *stage = stage_open(NULL);
  for (unsigned num = 0; num <= 12; num++) {
    if (num != 1 && num != 9) {
      put(stage, "NON ", "/path", num, 420, "a");
    }
  }
  block_script_expect(&stage->script, "4.08 missing=1,9 token=t10");
  expect_silence(stage); /* once for the set */
  put(stage, "NON ", "/path", 1, 420, "a");
  expect_silence(stage);
  put(stage, "NON ", "/path", 9, 420, "a");
  block_script_expect(&stage->script, "2.31 q1:9/1/32 token=t09");
  put(stage, "NON ", "/path", 13, 420, "a");
  block_script_expect(&stage->script, "2.04 token=t13");
  expect_body(stage, 420);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).qblock_asked, 1);
  stage_close(stage);
}
END_TEST

START_TEST(section_4_3_payloads_come_in_any_order) {
  static const unsigned order[] = {5, 3, 6, 0, 1, 4, 2};
  stage_t *stage = stage_open(NULL);
  for (size_t i = 0; i < 7; i++) {
    put(stage, "NON ", "/path", order[i], 200, "a");
    put(stage, "NON ", "/written", order[i], 200, "a");
  }
  block_script_expect(&stage->script, "2.04 token=t02");
  block_script_expect(&stage->script, "2.04 token=t02");
  expect_silence(stage);
  ck_assert_uint_eq(stage->calls, 2);
  expect_body(stage, 200);
  expect_stored(stage, 200);
  ck_assert_uint_eq(stage->begun, 1);
  ck_assert_uint_eq(stage->aborted, 0);
  stage_close(stage);
}
END_TEST

/* Section 7.2: NON_RECEIVE_TIMEOUT, twice as long each time, NON_MAX_RETRANSMIT times. */
START_TEST(section_7_2_what_is_missing_is_asked_for_after_non_receive_timeout) {
  static const acoap_time_t waits[] = {4000, 8000, 16000, 32000};
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/path", 0, 300, "a");
  put(stage, "NON ", "/path", 2, 300, "a");
  put(stage, "NON ", "/path", 9, 300, "a");
  for (size_t i = 0; i < 4; i++) {
    server_rig_run(&stage->rig, waits[i] - 10);
    expect_silence(stage);
    server_rig_run(&stage->rig, 10);
    block_script_expect(&stage->script, "4.08 missing=1,3,4,5,6,7,8 token=t09");
  }
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 1);
  server_rig_run(&stage->rig, 64000);
  expect_silence(stage);
  acoap_server_stats_t stats = server_rig_stats(&stage->rig);
  ck_assert_uint_eq(stats.transfers, 0); /* the part of the body is gone */
  ck_assert_uint_eq(stats.transfers_bytes, 0);
  ck_assert_uint_eq(stats.transfers_expired, 1);
  ck_assert_uint_eq(stats.qblock_asked, 4);
  stage_close(stage);
}
END_TEST

/* RFC 8974: the token of the newest request, however long it may be here. */
START_TEST(what_is_missing_is_asked_for_under_an_extended_token) {
  stage_t *stage = stage_open(NULL);
  acoap__local_endpoint_engine(stage->rig.endpoint)->config.token_max = 64;
  block_script_send(
      &stage->script,
      "NON PUT /path q1:0/1/32 size1=300 tag=a token=0123456789012345678901234567890");
  server_rig_run(&stage->rig, 4000);
  block_script_expect(&stage->script, "4.08 missing=1,2,3,4,5,6,7,8,9 "
                                      "token=0123456789012345678901234567890");
  stage_close(stage);
}
END_TEST

START_TEST(section_7_2_a_gain_begins_the_waits_anew) {
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/path", 0, 96, "a");
  server_rig_run(&stage->rig, 4000);
  block_script_expect(&stage->script, "4.08 missing=1,2 token=t00");
  server_rig_run(&stage->rig, 8000);
  block_script_expect(&stage->script, "4.08 missing=1,2 token=t00");
  put(stage, "NON ", "/path", 1, 96, "a");
  server_rig_run(&stage->rig, 4000);
  block_script_expect(&stage->script, "4.08 missing=2 token=t01");
  put(stage, "NON ", "/path", 2, 96, "a");
  block_script_expect(&stage->script, "2.04 token=t02");
  expect_body(stage, 96);
  stage_close(stage);
}
END_TEST

/* Section 7.2: after a 2.31 and silence the set that follows it is missing. */
START_TEST(section_7_2_silence_after_2_31_asks_for_the_next_set) {
  stage_t *stage = stage_open(NULL);
  put_range(stage, "/path", 0, 9, 400);
  block_script_expect(&stage->script, "2.31 q1:9/1/32 token=t09");
  server_rig_run(&stage->rig, 4000);
  block_script_expect(&stage->script, "4.08 missing=10,11,12 token=t09");
  put_range(stage, "/path", 10, 12, 400);
  block_script_expect(&stage->script, "2.04 token=t12");
  expect_body(stage, 400);
  stage_close(stage);
}
END_TEST

/* Section 7.2: NON_PARTIAL_TIMEOUT. */
START_TEST(section_7_2_a_part_is_kept_for_non_partial_timeout) {
  acoap_qblock_params_t params;
  acoap_qblock_params_init(&params, NULL);
  params.non_partial_timeout_ms = 10000;
  acoap_server_options_t options = {
      .size = sizeof(options), .amplification = ACOAP_AMPLIFICATION_OFF, .qblock_params = &params};
  stage_t *stage = stage_open(&options);
  put(stage, "NON ", "/written", 0, 96, "a");
  server_rig_run(&stage->rig, 9990);
  block_script_expect(&stage->script, "4.08 missing=1,2 token=t00");
  ck_assert_uint_eq(stage->aborted, 0);
  server_rig_run(&stage->rig, 20);
  ck_assert_uint_eq(stage->aborted, 1);
  ck_assert_int_eq(stage->status, ACOAP_ETIMEDOUT);
  stage_close(stage);
}
END_TEST

START_TEST(section_7_2_max_payloads_of_another_size) {
  acoap_qblock_params_t params;
  acoap_qblock_params_init(&params, NULL);
  params.max_payloads = 2;
  acoap_server_options_t options = {
      .size = sizeof(options), .amplification = ACOAP_AMPLIFICATION_OFF, .qblock_params = &params};
  stage_t *stage = stage_open(&options);
  put(stage, "NON ", "/path", 0, 150, "a");
  expect_silence(stage);
  put(stage, "NON ", "/path", 1, 150, "a");
  block_script_expect(&stage->script, "2.31 q1:1/1/32 token=t01");
  put(stage, "NON ", "/path", 4, 150, "a");
  block_script_expect(&stage->script, "4.08 missing=2,3 token=t04");
  put(stage, "NON ", "/path", 2, 150, "a");
  put(stage, "NON ", "/path", 3, 150, "a");
  block_script_expect(&stage->script, "2.04 token=t03");
  expect_body(stage, 150);
  stage_close(stage);
}
END_TEST

/* ---- again ----------------------------------------------------------------------------------- */

START_TEST(section_4_3_a_duplicate_payload_is_ignored_and_answered_alike) {
  stage_t *stage = stage_open(NULL);
  put_range(stage, "/written", 0, 9, 400);
  block_script_expect(&stage->script, "2.31 q1:9/1/32 token=t09");
  put(stage, "NON ", "/written", 4, 400, "a");
  expect_silence(stage);
  put(stage, "NON ", "/written", 9, 400, "a");
  block_script_expect(&stage->script, "2.31 q1:9/1/32 token=t09");
  put_range(stage, "/written", 10, 12, 400);
  block_script_expect(&stage->script, "2.04 token=t12");
  expect_stored(stage, 400);
  stage_close(stage);
}
END_TEST

/* Section 4.3: who did not hear the final answer sends a payload again. */
START_TEST(section_4_3_the_final_answer_is_given_again) {
  stage_t *stage = stage_open(NULL);
  stage->answer = "done";
  put_range(stage, "/path", 0, 2, 96);
  block_script_expect(&stage->script, "2.04 [4] token=t02");
  put(stage, "NON ", "/path", 1, 96, "a");
  block_script_expect(&stage->script, "2.04 [4] token=t01");
  ck_assert_uint_eq(stage->calls, 1);
  /* Until it is forgotten, MAX_TRANSMIT_WAIT later: then it begins a body. */
  server_rig_run(&stage->rig, 94000);
  put(stage, "NON ", "/path", 1, 96, "a");
  expect_silence(stage);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 1);
  stage_close(stage);
}
END_TEST

START_TEST(payloads_that_come_while_the_handler_thinks_get_nothing) {
  stage_t *stage = stage_open(NULL);
  stage->later = true;
  put_range(stage, "/path", 0, 2, 96);
  put(stage, "NON ", "/path", 1, 96, "a");
  expect_silence(stage);
  ck_assert_uint_eq(stage->calls, 1);
  (void)acoap_request_respond(stage->kept, ACOAP_CODE_CREATED, ACOAP_FORMAT_NONE, NULL, 0);
  stage->kept = acoap_request_unref(stage->kept);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "2.01 token=t02");
  put(stage, "NON ", "/path", 0, 96, "a");
  block_script_expect(&stage->script, "2.01 token=t00");
  stage_close(stage);
}
END_TEST

/* Section 4.3: a new body for the same resource ends what is left of the older one. */
START_TEST(section_4_3_another_request_tag_ends_the_part_before) {
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/written", 0, 96, "a");
  ck_assert_uint_eq(stage->begun, 1);
  put(stage, "NON ", "/written", 0, 96, "b");
  ck_assert_uint_eq(stage->begun, 2);
  ck_assert_uint_eq(stage->aborted, 1);
  ck_assert_int_eq(stage->status, ACOAP_ECANCELED);
  put(stage, "NON ", "/written", 1, 96, "b");
  put(stage, "NON ", "/written", 2, 96, "b");
  block_script_expect(&stage->script, "2.04 token=t02");
  /* Another resource's is another body. */
  put(stage, "NON ", "/path", 0, 96, "c");
  put(stage, "NON ", "/written", 0, 96, "d");
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 2);
  stage_close(stage);
}
END_TEST

/* ---- CON ------------------------------------------------------------------------------------- */

/* Section 4.3: no 2.31 for CON; each is acknowledged. */
START_TEST(section_7_1_confirmable_payloads_are_acknowledged_one_by_one) {
  stage_t *stage = stage_open(NULL);
  for (unsigned num = 0; num < 12; num++) {
    put(stage, "", "/path", num, 400, "a");
    const sim_datagram_t *answer = sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
    ck_assert_uint_eq(answer->view.message_id, stage->rig.message_id);
  }
  put(stage, "", "/path", 12, 400, "a");
  const sim_datagram_t *answer = sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_CHANGED);
  ck_assert_uint_eq(answer->view.message_id, stage->rig.message_id);
  expect_body(stage, 400);
  stage_close(stage);
}
END_TEST

/* ---- refusals -------------------------------------------------------------------------------- */

START_TEST(section_4_3_what_is_malformed_is_4_00) {
  static const char *const requests[] = {
      "NON PUT /path q1:0/1/32 size1=96",                /* no Request-Tag */
      "NON PUT /path q1:0/1/32 tag=a",                   /* no Size1 */
      "NON PUT /path q1:0/1/32 1:0/1/32 size1=96 tag=a", /* section 4.1: with Block1 */
      "NON PUT /path q1:0/1/32 2:0/0/32 size1=96 tag=a", /* with Block2 */
      "NON PUT /path q1:0/1/32 size1=96 tag=a +31",      /* shorter than its size */
      "NON PUT /path q1:0/1/32 size1=32 tag=a",          /* Size1 says that it is all */
      "NON PUT /path q1:0/1/32 size1=0 tag=a",           /* or less */
      "NON PUT /path q1:3/1/32 size1=96 tag=a",          /* behind the end */
      "NON PUT /path q1:2/0/32 size1=96 tag=a +31",      /* the last is not that long */
      "NON PUT /path q1:1/0/32 size1=96 tag=a +32",      /* it is not the last */
      "NON PUT /path q1:0/0/32 size1=20 tag=a +21",      /* in one message, likewise */
      "NON PUT /path q1:0/1/16 size1=33554432 tag=a",    /* too many for 20 bits */
  };
  stage_t *stage = stage_open(NULL);
  stage->script.tells_token = false;
  for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
    block_script_send(&stage->script, requests[i]);
    const sim_datagram_t *answer = sim_peer_next(&stage->rig.peer);
    ck_assert_msg(answer->view.code == ACOAP_CODE_BAD_REQUEST, "%s", requests[i]);
    ck_assert_int_eq(answer->view.type, ACOAP_NON);
  }
  ck_assert_uint_eq(stage->calls, 0);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
  stage_close(stage);
}
END_TEST

START_TEST(payloads_of_a_body_are_of_one_size_and_size1) {
  stage_t *stage = stage_open(NULL);
  stage->script.tells_token = false;
  put(stage, "NON ", "/path", 0, 96, "a");
  block_script_say(&stage->script, "NON PUT /path q1:2/1/16 size1=96 tag=a", "4.00 [36]");
  put(stage, "NON ", "/path", 0, 95, "a");
  block_script_expect(&stage->script, "4.00 [36]");
  put_range(stage, "/path", 1, 2, 96);
  block_script_expect(&stage->script, "2.04");
  expect_body(stage, 96);
  stage_close(stage);
}
END_TEST

START_TEST(out_of_its_place_the_option_is_not_understood) {
  acoap_server_options_t off = {
      .size = sizeof(off), .amplification = ACOAP_AMPLIFICATION_OFF, .qblock = ACOAP_QBLOCK_OFF};
  static const char *const requests[] = {
      "GET /path q1:0/1/32 size1=96 tag=a",
      "DELETE /path q1:0/1/32 size1=96 tag=a",
      "PUT /path q1:0/1/32 q1:1/1/32 size1=96 tag=a",
  };
  stage_t *stage = stage_open(NULL);
  for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
    block_script_send(&stage->script, requests[i]);
    sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_BAD_OPTION);
  }
  acoap_builder_t *builder = server_rig_begin(&stage->rig, ACOAP_CON, ACOAP_CODE_PUT, "/path");
  acoap_builder_option(builder, ACOAP_OPTION_Q_BLOCK1, "\x00\x00\x00\x08", 4);
  ck_assert_uint_eq(server_rig_answer(&stage->rig)->view.code, ACOAP_CODE_BAD_OPTION);
  stage_close(stage);
  stage = stage_open(&off);
  put(stage, "", "/path", 0, 96, "a");
  sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_BAD_OPTION);
  put(stage, "NON ", "/path", 0, 96, "a");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

START_TEST(a_body_beyond_the_bound_is_4_13_with_size1) {
  stage_t *stage = stage_open(NULL);
  acoap_resource_body_max(stage->path, 100);
  put(stage, "NON ", "/path", 0, 200, "a");
  block_script_expect(&stage->script, "4.13 size1=100 token=t00");
  put(stage, "NON ", "/path", 3, 200, "a");
  block_script_expect(&stage->script, "4.13 size1=100 token=t03");
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
  stage->begin_status = ACOAP_CODE_FORBIDDEN;
  put(stage, "NON ", "/written", 0, 200, "a");
  block_script_expect(&stage->script, "4.03 token=t00");
  stage_close(stage);
}
END_TEST

/* A datagram reserves no more than the window before it, whatever it says of the body. */
START_TEST(memory_grows_with_what_comes) {
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/path", 0, 100000, "a");
  ck_assert_uint_le(server_rig_stats(&stage->rig).transfers_bytes, 1024);
  put(stage, "NON ", "/path", 63, 100000, "a");
  ck_assert_uint_le(server_rig_stats(&stage->rig).transfers_bytes, 4096);
  /* Beyond the window it is not taken, and asked for later. */
  put(stage, "NON ", "/path", 1000, 100000, "a");
  ck_assert_uint_le(server_rig_stats(&stage->rig).transfers_bytes, 4096);
  stage_close(stage);
}
END_TEST

START_TEST(a_body_in_one_payload_is_taken_as_it_is) {
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/path", 0, 20, "a");
  block_script_expect(&stage->script, "2.04 token=t00");
  expect_body(stage, 20);
  put(stage, "NON ", "/written", 0, 20, "a");
  block_script_expect(&stage->script, "2.04 token=t00");
  expect_stored(stage, 20);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
  stage_close(stage);
}
END_TEST

/* ---- writers --------------------------------------------------------------------------------- */

START_TEST(a_writer_may_take_its_time) {
  stage_t *stage = stage_open(NULL);
  stage->write_status = ACOAP_EAGAIN;
  put_range(stage, "/written", 0, 3, 128);
  expect_silence(stage);
  ck_assert_uint_eq(stage->stored_len, 32);
  /* Those that wait go in one piece. */
  acoap_upload_ready(stage->upload, 0);
  server_rig_run(&stage->rig, 1);
  ck_assert_uint_eq(stage->stored_len, 128);
  expect_silence(stage);
  acoap_upload_ready(stage->upload, 0);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "2.04 token=t00");
  expect_stored(stage, 128);
  ck_assert_uint_eq(stage->aborted, 0);
  stage_close(stage);
}
END_TEST

START_TEST(a_writer_that_fails_ends_the_body) {
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/written", 0, 128, "a");
  put(stage, "NON ", "/written", 2, 128, "a");
  stage->write_status = ACOAP_CODE_FORBIDDEN;
  put(stage, "NON ", "/written", 1, 128, "a");
  block_script_expect(&stage->script, "4.03 token=t01");
  ck_assert_uint_eq(stage->aborted, 1);
  acoap_server_stats_t stats = server_rig_stats(&stage->rig);
  ck_assert_uint_eq(stats.transfers, 0);
  ck_assert_uint_eq(stats.transfers_bytes, 0);
  stage_close(stage);
}
END_TEST

START_TEST(the_server_is_freed_in_the_middle) {
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/path", 0, 128, "a");
  put(stage, "NON ", "/written", 2, 128, "a");
  stage->free_in_write = true;
  put(stage, "NON ", "/written", 0, 128, "a");
  ck_assert_uint_eq(stage->aborted, 1);
  server_rig_run(&stage->rig, 300000);
  stage_close(stage);
}
END_TEST

START_TEST(a_resource_that_goes_takes_its_bodies_with_it) {
  stage_t *stage = stage_open(NULL);
  put(stage, "NON ", "/written", 0, 128, "a");
  put(stage, "NON ", "/path", 0, 128, "a");
  (void)acoap_resource_remove(stage->written);
  ck_assert_uint_eq(stage->aborted, 1);
  (void)acoap_resource_remove(stage->path);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
  put(stage, "NON ", "/path", 1, 128, "a");
  block_script_expect(&stage->script, "4.04 token=t01");
  stage_close(stage);
}
END_TEST

/* ---- what else the server has ---------------------------------------------------------------- */

START_TEST(preconditions_keep_a_body_from_being_taken) {
  stage_t *stage = stage_open(NULL);
  stage->exists = true;
  acoap_block_t block = {.num = 0, .more = true, .szx = 0};
  acoap_builder_t *builder = server_rig_begin(&stage->rig, ACOAP_NON, ACOAP_CODE_PUT, "/written");
  acoap_builder_option(builder, ACOAP_OPTION_IF_NONE_MATCH, NULL, 0);
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK1, &block);
  acoap_builder_uint(builder, ACOAP_OPTION_SIZE1, 40);
  acoap_builder_option(builder, ACOAP_OPTION_REQUEST_TAG, "a", 1);
  acoap_builder_payload(builder, "0123456789abcdef", 16);
  ck_assert_uint_eq(server_rig_answer(&stage->rig)->view.code, ACOAP_CODE_PRECONDITION_FAILED);
  ck_assert_uint_eq(stage->begun, 0);
  stage_close(stage);
}
END_TEST

/* RFC 9175 section 2.3: the first and the completing payload have to be fresh. */
START_TEST(freshness_is_asked_for_when_a_body_begins) {
  stage_t *stage = stage_open(NULL);
  acoap_resource_fresh(stage->written, 60000);
  put(stage, "NON ", "/written", 0, 96, "a");
  ck_assert_uint_eq(sim_peer_next(&stage->rig.peer)->view.code, ACOAP_CODE_UNAUTHORIZED);
  ck_assert_uint_eq(stage->begun, 0);
  stage_close(stage);
}
END_TEST

START_TEST(section_4_8_by_multicast_it_is_ignored) {
  stage_t *stage = stage_open(NULL);
  server_rig_join(&stage->rig);
  acoap_multicast_policy_t policy = {
      .size = sizeof(policy), .errors = true, .empty = true, .leisure_ms = 1};
  acoap_resource_multicast(stage->path, &policy);
  acoap_block_t block = {.num = 0, .more = true, .szx = 0};
  acoap_builder_t *builder = server_rig_begin(&stage->rig, ACOAP_NON, ACOAP_CODE_GET, "/path");
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
  server_rig_send(&stage->rig, &stage->rig.group);
  server_rig_run(&stage->rig, 10000);
  expect_silence(stage);
  ck_assert_uint_eq(stage->calls, 0);
  stage_close(stage);
}
END_TEST

/* Section 9.2 and RFC 9175 section 2.4: answers to an address that may not be there are bounded. */
START_TEST(an_unverified_address_is_asked_no_more_than_its_allowance) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_ON};
  stage_t *stage = stage_open(&options);
  put(stage, "NON ", "/path", 0, 600, "a");
  size_t sent = 0;
  server_rig_run(&stage->rig, 300000);
  while (stage->rig.peer.taken < stage->rig.peer.received) {
    sent += sim_peer_next(&stage->rig.peer)->len;
  }
  ck_assert_uint_gt(sent, 0);
  ck_assert_uint_le(sent, 200); /* three times the request */
  stage_close(stage);
}
END_TEST

static Suite *server_qblock1_suite(void) {
  Suite *suite = suite_create("server_qblock1");
  TCase *tcase = tcase_create("qblock1");
  tcase_add_test(tcase, section_10_1_1_simple_example);
  tcase_add_test(tcase, section_5_list_of_missing_blocks_on_the_wire);
  tcase_add_test(tcase, section_10_1_2_a_set_is_acknowledged_by_2_31);
  tcase_add_test(tcase, section_7_2_a_payload_of_the_next_set_shows_what_is_missing);
  tcase_add_test(tcase, section_4_3_payloads_come_in_any_order);
  tcase_add_test(tcase, section_7_2_what_is_missing_is_asked_for_after_non_receive_timeout);
  tcase_add_test(tcase, what_is_missing_is_asked_for_under_an_extended_token);
  tcase_add_test(tcase, section_7_2_a_gain_begins_the_waits_anew);
  tcase_add_test(tcase, section_7_2_silence_after_2_31_asks_for_the_next_set);
  tcase_add_test(tcase, section_7_2_a_part_is_kept_for_non_partial_timeout);
  tcase_add_test(tcase, section_7_2_max_payloads_of_another_size);
  tcase_add_test(tcase, section_4_3_a_duplicate_payload_is_ignored_and_answered_alike);
  tcase_add_test(tcase, section_4_3_the_final_answer_is_given_again);
  tcase_add_test(tcase, payloads_that_come_while_the_handler_thinks_get_nothing);
  tcase_add_test(tcase, section_4_3_another_request_tag_ends_the_part_before);
  tcase_add_test(tcase, section_7_1_confirmable_payloads_are_acknowledged_one_by_one);
  tcase_add_test(tcase, section_4_3_what_is_malformed_is_4_00);
  tcase_add_test(tcase, payloads_of_a_body_are_of_one_size_and_size1);
  tcase_add_test(tcase, out_of_its_place_the_option_is_not_understood);
  tcase_add_test(tcase, a_body_beyond_the_bound_is_4_13_with_size1);
  tcase_add_test(tcase, memory_grows_with_what_comes);
  tcase_add_test(tcase, a_body_in_one_payload_is_taken_as_it_is);
  tcase_add_test(tcase, a_writer_may_take_its_time);
  tcase_add_test(tcase, a_writer_that_fails_ends_the_body);
  tcase_add_test(tcase, the_server_is_freed_in_the_middle);
  tcase_add_test(tcase, a_resource_that_goes_takes_its_bodies_with_it);
  tcase_add_test(tcase, preconditions_keep_a_body_from_being_taken);
  tcase_add_test(tcase, freshness_is_asked_for_when_a_body_begins);
  tcase_add_test(tcase, section_4_8_by_multicast_it_is_ignored);
  tcase_add_test(tcase, an_unverified_address_is_asked_no_more_than_its_allowance);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(server_qblock1_suite)
