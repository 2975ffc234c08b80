/*
 * Response bodies in blocks from the server's side (RFC 7959): the examples of section 3 as message
 * sequences, what is kept between blocks and what becomes of it, readers, bounds, and expiry.
 * Virtual time.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "block_script.h"
#include "check_main.h"

/* How the handler gives its body. */
typedef enum giving { GIVE_PAYLOAD, GIVE_COPY, GIVE_READER, GIVE_SEQUENCE } giving_t;

typedef struct stage {
  server_rig_t rig;
  block_script_t script;
  acoap_resource_t *resource; /* "/status" */
  giving_t giving;
  size_t len;         /* of the body */
  bool unknown;       /* the reader does not tell it */
  size_t lacks;       /* bytes that the reader gives less than it tells */
  int read_status;    /* what the reader answers from the second block on; 0: bytes */
  bool waits;         /* each read answers ACOAP_EAGAIN once */
  bool waited;        /* it has */
  const char *etag;   /* given with a body; NULL: none */
  uint8_t shift;      /* of the pattern: another representation */
  uint8_t code;       /* of the response */
  unsigned calls;     /* of the handler */
  unsigned reads;     /* of the reader */
  unsigned released;  /* readers */
  uint64_t furthest;  /* offset that was read last */
  bool went_back;     /* a later read had an earlier offset */
  size_t body_len;    /* of the last request's body */
  acoap_body_t *body; /* the reader's, while it waits */
} stage_t;

static int read_some(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                     size_t cap) {
  stage_t *stage = user_data;
  size_t len = stage->len - stage->lacks;
  stage->reads++;
  if (stage->waits && !stage->waited) {
    stage->waited = true;
    stage->body = body;
    return ACOAP_EAGAIN;
  }
  stage->waited = false;
  if (offset > 0 && stage->read_status != 0) {
    return stage->read_status;
  }
  stage->went_back = stage->went_back || offset < stage->furthest;
  stage->furthest = offset;
  if (offset >= len) {
    return 0;
  }
  size_t given = len - (size_t)offset < cap ? len - (size_t)offset : cap;
  block_script_fill(room, offset, given);
  return (int)given;
}

static void release(void *user_data) {
  stage_t *stage = user_data;
  stage->released++;
}

static const acoap_body_ops_t reader = {sizeof(reader), read_some, release, false};
static const acoap_body_ops_t sequence = {sizeof(sequence), read_some, release, true};

static acoap_body_t *make_body(stage_t *stage) {
  static uint8_t bytes[BLOCK_SCRIPT_BODY];
  uint64_t told = stage->unknown ? ACOAP_BODY_SIZE_UNKNOWN : stage->len;
  acoap_body_t *body;
  switch (stage->giving) {
  case GIVE_READER:
    body = acoap_body_read(&reader, told, stage);
    break;
  case GIVE_SEQUENCE:
    stage->furthest = 0;
    body = acoap_body_read(&sequence, told, stage);
    break;
  case GIVE_PAYLOAD:
  case GIVE_COPY:
  default:
    block_script_fill(bytes, stage->shift, stage->len);
    body = acoap_body_copy(bytes, stage->len);
    break;
  }
  if (stage->etag != NULL) {
    ck_assert_int_eq(acoap_body_set_etag(body, stage->etag, strlen(stage->etag)), 0);
  }
  return body;
}

static void serve(void *user_data, acoap_request_t *request) {
  static uint8_t bytes[BLOCK_SCRIPT_BODY];
  stage_t *stage = user_data;
  stage->calls++;
  stage->body_len = acoap_request_body(request).len;
  if (stage->giving == GIVE_PAYLOAD) {
    block_script_fill(bytes, stage->shift, stage->len);
    ck_assert_int_eq(
        acoap_request_respond(request, stage->code, ACOAP_FORMAT_NONE, bytes, stage->len), 0);
    return;
  }
  (void)acoap_request_respond_body(request, stage->code, ACOAP_FORMAT_NONE, make_body(stage));
}

static stage_t *stage_open(const acoap_server_options_t *options) {
  stage_t *stage = calloc(1, sizeof(*stage));
  ck_assert_ptr_nonnull(stage);
  stage->code = ACOAP_CODE_CONTENT;
  server_rig_open(&stage->rig, 7, options);
  stage->script.rig = &stage->rig;
  stage->resource = acoap_resource_new(stage->rig.server, "/status");
  acoap_resource_on(stage->resource, 0, serve, stage);
  ck_assert_int_eq(acoap_server_status(stage->rig.server), 0);
  return stage;
}

static stage_t *stage_of_size(size_t block_size) {
  acoap_server_options_t options = {
      .size = sizeof(options), .block_size = block_size, .amplification = ACOAP_AMPLIFICATION_OFF};
  return stage_open(&options);
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

/* ---- RFC 7959 section 3.1 -------------------------------------------------------------------- */

START_TEST(rfc7959_figure_2_simple_block_wise_get) {
  stage_t *stage = stage_of_size(128);
  stage->len = 300;
  say(stage, "GET /status", "2.05 2:0/1/128 size2=300 etag [128]");
  say(stage, "GET /status 2:1/0/128", "2.05 2:1/1/128 etag [128]");
  say(stage, "GET /status 2:2/0/128", "2.05 2:2/0/128 etag [44]");
  block_script_expect_body(&stage->script, 300);
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_figure_3_early_negotiation) {
  stage_t *stage = stage_of_size(0);
  stage->len = 380;
  say(stage, "GET /status 2:0/0/64", "2.05 2:0/1/64 size2=380 etag [64]");
  for (unsigned num = 1; num <= 5; num++) {
    char request[40], answer[40];
    snprintf(request, sizeof(request), "GET /status 2:%u/0/64", num);
    snprintf(answer, sizeof(answer), "2.05 2:%u/%u/64 etag [%u]", num, num < 5, num < 5 ? 64 : 60);
    say(stage, request, answer);
  }
  block_script_expect_body(&stage->script, 380);
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_figure_4_late_negotiation) {
  stage_t *stage = stage_of_size(128);
  stage->len = 380;
  say(stage, "GET /status", "2.05 2:0/1/128 size2=380 etag [128]");
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  say(stage, "GET /status 2:3/0/64", "2.05 2:3/1/64 etag [64]");
  say(stage, "GET /status 2:4/0/64", "2.05 2:4/1/64 etag [64]");
  say(stage, "GET /status 2:5/0/64", "2.05 2:5/0/64 etag [60]");
  block_script_expect_body(&stage->script, 380);
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_figure_5_late_negotiation_with_a_lost_request) {
  stage_t *stage = stage_of_size(128);
  stage->len = 380;
  say(stage, "GET /status", "2.05 2:0/1/128 size2=380 etag [128]");
  /* The first try never came; the retransmission is the same message. */
  server_rig_run(&stage->rig, 3000);
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  say(stage, "GET /status 2:3/0/64", "2.05 2:3/1/64 etag [64]");
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_figure_6_late_negotiation_with_a_lost_ack) {
  stage_t *stage = stage_of_size(128);
  stage->len = 380;
  say(stage, "GET /status", "2.05 2:0/1/128 size2=380 etag [128]");
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  /* The same Message ID again: the stored reply again. */
  server_rig_send(&stage->rig, &stage->rig.address);
  block_script_expect(&stage->script, "2.05 2:2/1/64 etag [64]");
  stage_close(stage);
}
END_TEST

/* ---- sizes ----------------------------------------------------------------------------------- */

START_TEST(rfc7959_2_4_a_block_asked_for_in_a_larger_size_keeps_its_offset) {
  stage_t *stage = stage_of_size(64);
  stage->len = 1000;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=1000 etag [64]");
  say(stage, "GET /status 2:1/0/256", "2.05 2:4/1/64 etag [64]");
  ck_assert_mem_eq(stage->script.got + 256, (uint8_t[]){block_script_byte(256)}, 1);
  say(stage, "GET /status 2:3/0/256", "2.05 2:12/1/64 etag [64]");
  say(stage, "GET /status 2:60/0/16", "2.05 2:60/1/16 etag [16]");
  say(stage, "GET /status 2:62/0/16", "2.05 2:62/0/16 etag [8]");
  stage_close(stage);
}
END_TEST

START_TEST(every_size_from_16_to_1024_brings_the_body_through) {
  for (size_t size = 16; size <= 1024; size *= 2) {
    stage_t *stage = stage_of_size(0);
    stage->len = 5 * size + 3;
    for (size_t num = 0; num <= 5; num++) {
      char request[40];
      snprintf(request, sizeof(request), "GET /status 2:%zu/0/%zu", num, size);
      block_script_send(&stage->script, request);
      const sim_datagram_t *got = sim_peer_next(&stage->rig.peer);
      acoap_block_t block;
      ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 1);
      ck_assert_uint_eq(block.num, num);
      ck_assert_uint_eq(acoap_block_size(block.szx), size);
      ck_assert_int_eq(block.more, num < 5);
      memcpy(stage->script.got + num * size, got->view.payload.data, got->view.payload.len);
      stage->script.got_len = num * size + got->view.payload.len;
    }
    block_script_expect_body(&stage->script, stage->len);
    ck_assert_uint_eq(stage->calls, 1);
    stage_close(stage);
  }
}
END_TEST

START_TEST(rfc7959_2_2_a_whole_body_has_block2_only_for_who_asks_with_it) {
  stage_t *stage = stage_of_size(128);
  stage->len = 128;
  say(stage, "GET /status", "2.05 [128]");
  say(stage, "GET /status 2:0/0/128", "2.05 2:0/0/128 [128]");
  say(stage, "GET /status 2:0/0/1024", "2.05 2:0/0/128 [128]"); /* the server's own size */
  stage->giving = GIVE_READER;
  say(stage, "GET /status 2:0/0/128", "2.05 2:0/0/128 [128]");
  stage->unknown = true;
  say(stage, "GET /status", "2.05 [128]");
  say(stage, "GET /status 2:0/0/128", "2.05 2:0/0/128 [128]");
  stage->len = 129;
  say(stage, "GET /status", "2.05 2:0/1/128 etag [128]");
  say(stage, "GET /status 2:1/0/128", "2.05 2:1/0/128 etag [1]");
  say(stage, "GET /nothing 2:0/0/64", "4.04"); /* an error is no representation */
  stage->len = 0;
  say(stage, "GET /status", "2.05");
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_4_size2_is_told_when_asked_for) {
  stage_t *stage = stage_of_size(64);
  stage->len = 100;
  stage->giving = GIVE_READER;
  say(stage, "GET /status size2=0", "2.05 2:0/1/64 size2=100 etag [64]");
  say(stage, "GET /status 2:1/0/64 size2=0", "2.05 2:1/0/64 size2=100 etag [36]");
  stage->unknown = true;
  say(stage, "GET /status size2=0", "2.05 2:0/1/64 etag [64]");
  say(stage, "GET /status 2:1/0/64 size2=0", "2.05 2:1/0/64 size2=100 etag [36]");
  stage->len = 10;
  stage->unknown = false;
  say(stage, "GET /status size2=0", "2.05 size2=10 [10]");
  stage_close(stage);
}
END_TEST

START_TEST(a_block_behind_the_end_is_400) {
  stage_t *stage = stage_of_size(64);
  stage->len = 128;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=128 etag [64]");
  say(stage, "GET /status 2:2/0/64", "4.00");
  say(stage, "GET /status 2:1048575/0/64", "4.00");
  stage->giving = GIVE_READER;
  stage->unknown = true;
  say(stage, "GET /status", "2.05 2:0/1/64 etag [64]");
  say(stage, "GET /status 2:7/0/64", "4.00");
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/0/64 etag [64]");
  say(stage, "GET /status 2:2/0/64", "4.00");
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_2_2_a_body_needs_block_numbers_of_20_bits) {
  stage_t *stage = stage_of_size(0);
  stage->giving = GIVE_READER;
  stage->len = (size_t)16 << 20;
  say(stage, "GET /status 2:0/0/16", "2.05 2:0/1/16 size2=16777216 etag [16]");
  say(stage, "GET /status 2:1048575/0/16", "2.05 2:1048575/0/16 etag [16]");
  stage->len++;
  say(stage, "GET /status 2:0/0/16", "4.00");
  say(stage, "GET /status 2:0/0/32", "2.05 2:0/1/32 size2=16777217 etag [32]");
  /* Without a size told, the last block that has a number says so. */
  stage->unknown = true;
  say(stage, "GET /status 2:0/0/16", "2.05 2:0/1/16 etag [16]");
  say(stage, "GET /status 2:1048575/0/16", "4.00");
  stage_close(stage);
}
END_TEST

/* ---- one version ----------------------------------------------------------------------------- */

START_TEST(one_version_is_served_while_the_representation_changes) {
  uint8_t etag[8];
  stage_t *stage = stage_of_size(64);
  stage->len = 200;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=200 etag [64]");
  memcpy(etag, stage->script.etag, sizeof(etag));
  stage->shift = 99;
  stage->len = 150;
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/1/64 etag [64]");
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  say(stage, "GET /status 2:3/0/64", "2.05 2:3/0/64 etag [8]");
  ck_assert_mem_eq(stage->script.etag, etag, sizeof(etag));
  block_script_expect_body(&stage->script, 200);
  ck_assert_uint_eq(stage->calls, 1);
  /* The first block begins anew, and shows that it is another version. */
  say(stage, "GET /status", "2.05 2:0/1/64 size2=150 etag [64]");
  ck_assert_mem_ne(stage->script.etag, etag, sizeof(etag));
  stage_close(stage);
}
END_TEST

START_TEST(random_access_asks_the_handler_once) {
  stage_t *stage = stage_of_size(64);
  stage->len = 640;
  say(stage, "GET /status 2:7/0/64", "2.05 2:7/1/64 etag [64]");
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  say(stage, "GET /status 2:9/0/64", "2.05 2:9/0/64 etag [64]");
  ck_assert_uint_eq(stage->calls, 1);
  ck_assert_uint_eq(stage->script.got[64 * 2 + 5], block_script_byte(64 * 2 + 5));
  stage_close(stage);
}
END_TEST

START_TEST(the_same_bytes_have_the_same_etag_when_they_are_made_anew) {
  uint8_t etag[8];
  stage_t *stage = stage_of_size(64);
  stage->len = 200;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=200 etag [64]");
  memcpy(etag, stage->script.etag, sizeof(etag));
  /* Forgotten meanwhile: the next block is cut from what the handler says now. */
  server_rig_run(&stage->rig, 300000);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  ck_assert_uint_eq(stats_of(stage).transfers_expired, 1);
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 0);
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/1/64 etag [64]");
  ck_assert_uint_eq(stage->calls, 2);
  ck_assert_mem_eq(stage->script.etag, etag, sizeof(etag));
  server_rig_run(&stage->rig, 300000);
  stage->shift = 1;
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  ck_assert_mem_ne(stage->script.etag, etag, sizeof(etag));
  stage_close(stage);
}
END_TEST

START_TEST(a_read_body_has_a_serial_number_as_its_etag) {
  uint8_t etag[8];
  stage_t *stage = stage_of_size(64);
  stage->len = 100;
  stage->giving = GIVE_READER;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=100 etag [64]");
  memcpy(etag, stage->script.etag, sizeof(etag));
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/0/64 etag [36]");
  ck_assert_mem_eq(stage->script.etag, etag, sizeof(etag));
  say(stage, "GET /status", "2.05 2:0/1/64 size2=100 etag [64]");
  ck_assert_mem_ne(stage->script.etag, etag, sizeof(etag));
  stage_close(stage);
}
END_TEST

START_TEST(a_given_etag_names_every_block_and_validates) {
  stage_t *stage = stage_of_size(64);
  stage->giving = GIVE_COPY;
  stage->etag = "v1";
  stage->len = 100;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=100 etag [64]");
  ck_assert_uint_eq(stage->script.etag_len, 2);
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/0/64 etag [36]");
  ck_assert_mem_eq(stage->script.etag, "v1", 2);
  say(stage, "GET /status etag=v1", "2.03 etag");
  stage->len = 10;
  say(stage, "GET /status", "2.05 etag [10]");
  stage_close(stage);
}
END_TEST

START_TEST(a_token_of_its_own_for_each_block_is_fine) {
  stage_t *stage = stage_of_size(64);
  stage->len = 150;
  say(stage, "GET /status token=a", "2.05 2:0/1/64 size2=150 etag [64]");
  say(stage, "GET /status 2:1/0/64 token=bb", "2.05 2:1/1/64 etag [64]");
  say(stage, "GET /status 2:2/0/64 token=ccc", "2.05 2:2/0/64 etag [22]");
  block_script_expect_body(&stage->script, 150);
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(other_queries_are_other_bodies) {
  stage_t *stage = stage_of_size(64);
  stage->len = 150;
  say(stage, "GET /status?a", "2.05 2:0/1/64 size2=150 etag [64]");
  stage->len = 100;
  say(stage, "GET /status?b", "2.05 2:0/1/64 size2=100 etag [64]");
  say(stage, "GET /status?a 2:2/0/64", "2.05 2:2/0/64 etag [22]");
  say(stage, "GET /status?b 2:1/0/64", "2.05 2:1/0/64 etag [36]");
  ck_assert_uint_eq(stage->calls, 2);
  stage_close(stage);
}
END_TEST

/* ---- other methods --------------------------------------------------------------------------- */

START_TEST(rfc7959_figure_10_post_with_a_block_wise_response) {
  stage_t *stage = stage_of_size(128);
  stage->code = ACOAP_CODE_CHANGED;
  stage->len = 300;
  stage->giving = GIVE_COPY;
  say(stage, "POST /status 1:0/1/128 format=0", "2.31 1:0/1/128");
  say(stage, "POST /status 1:1/1/128 format=0", "2.31 1:1/1/128");
  say(stage, "POST /status 1:2/0/128 format=0 +44", "2.04 1:2/0/128 2:0/1/128 size2=300 [128]");
  ck_assert_uint_eq(stage->body_len, 300);
  /* No payload and nothing that speaks of one in the requests for the rest (section 3.3). */
  say(stage, "POST /status 2:1/0/128", "2.04 2:1/1/128 [128]");
  say(stage, "POST /status 2:2/0/128", "2.04 2:2/0/128 [44]");
  block_script_expect_body(&stage->script, 300);
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(rfc7959_figure_11_post_with_early_negotiation_of_the_response) {
  stage_t *stage = stage_of_size(128);
  stage->code = ACOAP_CODE_CHANGED;
  stage->len = 250;
  say(stage, "POST /status 1:0/1/128", "2.31 1:0/1/128");
  say(stage, "POST /status 1:1/0/128 2:0/0/64 +100", "2.04 1:1/0/128 2:0/1/64 size2=250 [64]");
  say(stage, "POST /status 2:1/0/64", "2.04 2:1/1/64 [64]");
  say(stage, "POST /status 2:2/0/64", "2.04 2:2/1/64 [64]");
  say(stage, "POST /status 2:3/0/64", "2.04 2:3/0/64 [58]");
  block_script_expect_body(&stage->script, 250);
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(a_forgotten_response_to_a_post_is_408_and_not_run_again) {
  stage_t *stage = stage_of_size(64);
  stage->code = ACOAP_CODE_CHANGED;
  stage->len = 200;
  say(stage, "POST /status +10", "2.04 2:0/1/64 size2=200 [64]");
  server_rig_run(&stage->rig, 300000);
  say(stage, "POST /status 2:1/0/64", "4.08");
  say(stage, "POST /status 2:1/0/64 +10", "4.08");
  say(stage, "DELETE /status 2:4/0/64", "4.08");
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(rfc8132_fetch_may_repeat_its_body_or_not) {
  stage_t *stage = stage_of_size(64);
  stage->len = 200;
  stage->script.payload = "query";
  say(stage, "FETCH /status format=0", "2.05 2:0/1/64 size2=200 etag [64]");
  stage->script.payload = "query";
  say(stage, "FETCH /status format=0 2:1/0/64", "2.05 2:1/1/64 etag [64]");
  say(stage, "FETCH /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  ck_assert_uint_eq(stage->calls, 1);
  /* Another body asks for something else. */
  stage->len = 100;
  stage->script.payload = "other";
  say(stage, "FETCH /status format=0 2:1/0/64", "2.05 2:1/0/64 etag [36]");
  ck_assert_uint_eq(stage->calls, 2);
  stage->script.payload = "query";
  say(stage, "FETCH /status format=0 2:3/0/64", "2.05 2:3/0/64 etag [8]");
  ck_assert_uint_eq(stage->calls, 2);
  stage_close(stage);
}
END_TEST

START_TEST(an_error_is_not_cut_at_the_block_asked_for) {
  stage_t *stage = stage_of_size(64);
  stage->code = ACOAP_CODE_NOT_FOUND;
  stage->len = 20;
  say(stage, "GET /status 2:3/0/64", "4.04 [20]");
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  stage_close(stage);
}
END_TEST

/* ---- readers --------------------------------------------------------------------------------- */

START_TEST(a_reader_that_gives_less_than_it_told_fails_the_transfer) {
  stage_t *stage = stage_of_size(64);
  stage->giving = GIVE_READER;
  stage->len = 200;
  stage->lacks = 100;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=200 etag [64]");
  say(stage, "GET /status 2:1/0/64", "5.00");
  stage_close(stage);
}
END_TEST

START_TEST(a_reader_that_fails_is_500) {
  stage_t *stage = stage_of_size(64);
  stage->giving = GIVE_READER;
  stage->len = 200;
  stage->read_status = ACOAP_ESECURITY;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=200 etag [64]");
  say(stage, "GET /status 2:1/0/64", "5.00");
  stage_close(stage);
}
END_TEST

START_TEST(a_reader_may_take_its_time) {
  stage_t *stage = stage_of_size(64);
  stage->giving = GIVE_READER;
  stage->unknown = true;
  stage->len = 100;
  stage->waits = true;
  block_script_send(&stage->script, "GET /status");
  sim_peer_expect_silence(&stage->rig.peer);
  acoap_body_ready(stage->body);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "2.05 2:0/1/64 etag [64]");
  block_script_send(&stage->script, "GET /status 2:1/0/64");
  sim_peer_expect_silence(&stage->rig.peer);
  server_rig_run(&stage->rig, 3000);
  sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_EMPTY);
  acoap_body_ready(stage->body);
  server_rig_run(&stage->rig, 1);
  block_script_expect(&stage->script, "CON 2.05 2:1/0/64 etag [36]");
  block_script_expect_body(&stage->script, 100);
  /* The bare peer acknowledges nothing: closing settles that. */
  stage_close(stage);
}
END_TEST

START_TEST(what_waits_for_a_reader_ends_with_the_server) {
  stage_t *stage = stage_of_size(64);
  stage->giving = GIVE_READER;
  stage->len = 100;
  stage->waits = true;
  block_script_send(&stage->script, "GET /status");
  sim_peer_expect_silence(&stage->rig.peer);
  server_rig_close(&stage->rig);
  ck_assert_uint_eq(stage->released, 1);
  free(stage);
}
END_TEST

START_TEST(a_sequential_body_repeats_its_last_block_and_nothing_earlier) {
  stage_t *stage = stage_of_size(64);
  stage->giving = GIVE_SEQUENCE;
  stage->unknown = true;
  stage->len = 300;
  say(stage, "GET /status", "2.05 2:0/1/64 etag [64]");
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/1/64 etag [64]");
  unsigned reads = stage->reads;
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/1/64 etag [64]");
  ck_assert_uint_eq(stage->reads, reads);
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  say(stage, "GET /status 2:0/0/64 etag=x", "2.05 2:0/1/64 etag [64]"); /* begins anew */
  ck_assert_uint_eq(stage->calls, 2);
  say(stage, "GET /status 2:2/0/64", "4.00"); /* nothing is left out */
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/1/64 etag [64]");
  say(stage, "GET /status 2:2/0/64", "2.05 2:2/1/64 etag [64]");
  say(stage, "GET /status 2:1/0/64", "4.00");
  say(stage, "GET /status 2:3/0/64", "2.05 2:3/1/64 etag [64]");
  say(stage, "GET /status 2:4/0/64", "2.05 2:4/0/64 etag [44]");
  ck_assert(!stage->went_back);
  stage_close(stage);
}
END_TEST

START_TEST(a_hundred_mebibytes_take_the_memory_of_a_block) {
  stage_t *stage = stage_of_size(0);
  stage->giving = GIVE_READER;
  stage->len = (size_t)100 << 20;
  uint64_t offset = 0;
  for (uint32_t num = 0; offset < stage->len; num++, offset += 1024) {
    acoap_block_t block = {num, false, 6};
    acoap_builder_t *builder = server_rig_begin(&stage->rig, ACOAP_NON, ACOAP_CODE_GET, "/status");
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    /* NON, a lifetime apart for each Message ID. */
    const sim_datagram_t *got = server_rig_answer(&stage->rig);
    ck_assert_uint_eq(got->view.code, ACOAP_CODE_CONTENT);
    ck_assert_uint_eq(got->view.payload.len, 1024);
    ck_assert_uint_eq(got->view.payload.data[num % 1024], block_script_byte(offset + num % 1024));
    ck_assert_uint_le(stats_of(stage).transfers_bytes, 2048);
    if (num % 30000 == 29999) {
      server_rig_run(&stage->rig, 150000); /* Message IDs are free again */
    }
  }
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

/* ---- bounds ---------------------------------------------------------------------------------- */

START_TEST(without_memory_a_get_is_asked_for_each_block_and_a_post_refused) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .block_size = 64,
                                    .bodies_max_bytes = 2000,
                                    .amplification = ACOAP_AMPLIFICATION_OFF};
  stage_t *stage = stage_open(&options);
  stage->giving = GIVE_COPY;
  stage->len = 3000;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=3000 etag [64]");
  say(stage, "GET /status 2:1/0/64", "2.05 2:1/1/64 etag [64]");
  say(stage, "GET /status 2:46/0/64", "2.05 2:46/0/64 etag [56]");
  ck_assert_uint_eq(stage->calls, 3);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 0);
  ck_assert_uint_eq(stats_of(stage).transfers_refused, 0);
  stage->code = ACOAP_CODE_CHANGED;
  say(stage, "POST /status", "5.03");
  ck_assert_uint_eq(stats_of(stage).transfers_refused, 1);
  /* A reader takes little of it. */
  stage->giving = GIVE_READER;
  say(stage, "POST /status", "2.04 2:0/1/64 size2=3000 [64]");
  say(stage, "POST /status 2:46/0/64", "2.04 2:46/0/64 [56]");
  stage_close(stage);
}
END_TEST

START_TEST(a_finished_body_goes_first_and_after_max_transmit_wait) {
  stage_t *stage = stage_of_size(64);
  stage->len = 100;
  say(stage, "GET /status?a", "2.05 2:0/1/64 size2=100 etag [64]");
  say(stage, "GET /status?a 2:1/0/64", "2.05 2:1/0/64 etag [36]");
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  ck_assert_uint_gt(stats_of(stage).transfers_bytes, 0);
  say(stage, "GET /status?a 2:1/0/64", "2.05 2:1/0/64 etag [36]");
  ck_assert_uint_eq(stage->calls, 1);
  server_rig_run(&stage->rig, 94000);
  ck_assert_uint_eq(stats_of(stage).transfers_bytes, 0);
  ck_assert_uint_eq(stats_of(stage).transfers_expired, 0);
  stage_close(stage);
}
END_TEST

START_TEST(a_removed_resource_takes_its_bodies_along) {
  stage_t *stage = stage_of_size(64);
  stage->giving = GIVE_READER;
  stage->len = 100;
  say(stage, "GET /status", "2.05 2:0/1/64 size2=100 etag [64]");
  acoap_resource_remove(stage->resource);
  ck_assert_uint_eq(stage->released, 1);
  ck_assert_uint_eq(stats_of(stage).transfers, 0);
  say(stage, "GET /status 2:1/0/64", "4.04");
  stage_close(stage);
}
END_TEST

static Suite *server_block2_suite(void) {
  Suite *suite = suite_create("server_block2");
  TCase *figures = tcase_create("figures");
  tcase_add_test(figures, rfc7959_figure_2_simple_block_wise_get);
  tcase_add_test(figures, rfc7959_figure_3_early_negotiation);
  tcase_add_test(figures, rfc7959_figure_4_late_negotiation);
  tcase_add_test(figures, rfc7959_figure_5_late_negotiation_with_a_lost_request);
  tcase_add_test(figures, rfc7959_figure_6_late_negotiation_with_a_lost_ack);
  tcase_add_test(figures, rfc7959_figure_10_post_with_a_block_wise_response);
  tcase_add_test(figures, rfc7959_figure_11_post_with_early_negotiation_of_the_response);
  suite_add_tcase(suite, figures);
  TCase *sizes = tcase_create("sizes");
  tcase_add_test(sizes, rfc7959_2_4_a_block_asked_for_in_a_larger_size_keeps_its_offset);
  tcase_add_test(sizes, every_size_from_16_to_1024_brings_the_body_through);
  tcase_add_test(sizes, rfc7959_2_2_a_whole_body_has_block2_only_for_who_asks_with_it);
  tcase_add_test(sizes, rfc7959_4_size2_is_told_when_asked_for);
  tcase_add_test(sizes, a_block_behind_the_end_is_400);
  tcase_add_test(sizes, rfc7959_2_2_a_body_needs_block_numbers_of_20_bits);
  suite_add_tcase(suite, sizes);
  TCase *versions = tcase_create("versions");
  tcase_add_test(versions, one_version_is_served_while_the_representation_changes);
  tcase_add_test(versions, random_access_asks_the_handler_once);
  tcase_add_test(versions, the_same_bytes_have_the_same_etag_when_they_are_made_anew);
  tcase_add_test(versions, a_read_body_has_a_serial_number_as_its_etag);
  tcase_add_test(versions, a_given_etag_names_every_block_and_validates);
  tcase_add_test(versions, a_token_of_its_own_for_each_block_is_fine);
  tcase_add_test(versions, other_queries_are_other_bodies);
  suite_add_tcase(suite, versions);
  TCase *methods = tcase_create("methods");
  tcase_add_test(methods, a_forgotten_response_to_a_post_is_408_and_not_run_again);
  tcase_add_test(methods, rfc8132_fetch_may_repeat_its_body_or_not);
  tcase_add_test(methods, an_error_is_not_cut_at_the_block_asked_for);
  suite_add_tcase(suite, methods);
  TCase *readers = tcase_create("readers");
  tcase_add_test(readers, a_reader_that_gives_less_than_it_told_fails_the_transfer);
  tcase_add_test(readers, a_reader_that_fails_is_500);
  tcase_add_test(readers, a_reader_may_take_its_time);
  tcase_add_test(readers, what_waits_for_a_reader_ends_with_the_server);
  tcase_add_test(readers, a_sequential_body_repeats_its_last_block_and_nothing_earlier);
  tcase_add_test(readers, a_hundred_mebibytes_take_the_memory_of_a_block);
  suite_add_tcase(suite, readers);
  TCase *bounds = tcase_create("bounds");
  tcase_add_test(bounds, without_memory_a_get_is_asked_for_each_block_and_a_post_refused);
  tcase_add_test(bounds, a_finished_body_goes_first_and_after_max_transmit_wait);
  tcase_add_test(bounds, a_removed_resource_takes_its_bodies_along);
  suite_add_tcase(suite, bounds);
  return suite;
}

ACOAP_TEST_MAIN(server_block2_suite)
