/*
 * Response bodies in Q-Block2 from the server's side (RFC 9177 sections 4.4 to 4.8, 7.2 and 10.2):
 * sets, 'Continue', what was missing, one version, what falls back to Block2. Virtual time;
 * MAX_PAYLOADS is 10, NON_TIMEOUT_RANDOM 2 to 3 s.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>

#include "block_script.h"
#include "check_main.h"

typedef enum giving { GIVE_COPY, GIVE_READER, GIVE_SEQUENCE, GIVE_UNKNOWN, GIVE_PAYLOAD } giving_t;

typedef struct stage {
  server_rig_t rig;
  block_script_t script;
  acoap_resource_t *path; /* "/path", observable */
  giving_t giving;
  size_t len;         /* of the body */
  uint8_t shift;      /* of the pattern: another representation */
  uint8_t code;       /* of the response */
  const char *etag;   /* of the body; NULL: none given */
  bool waits;         /* each read answers ACOAP_EAGAIN once */
  bool waited;        /* it has */
  int read_status;    /* what the reader answers behind the first payload; 0: bytes */
  bool free_in_read;  /* frees the server behind the first payload */
  acoap_body_t *body; /* the reader's, while it waits */
  unsigned calls;     /* of the handler */
  unsigned released;  /* readers */
  size_t body_len;    /* of the last request's */
} stage_t;

static int read_some(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                     size_t cap) {
  stage_t *stage = user_data;
  if (stage->waits && !stage->waited) {
    stage->waited = true;
    stage->body = body;
    return ACOAP_EAGAIN;
  }
  stage->waited = false;
  if (offset > 40 && stage->free_in_read) {
    stage->free_in_read = false;
    acoap_server_free(stage->rig.server);
    stage->rig.server = NULL;
  }
  if (offset > 40 && stage->read_status != 0) {
    return stage->read_status;
  }
  if (offset >= stage->len) {
    return 0;
  }
  size_t given = stage->len - (size_t)offset < cap ? stage->len - (size_t)offset : cap;
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
  acoap_body_t *body;
  switch (stage->giving) {
  case GIVE_READER:
    body = acoap_body_read(&reader, stage->len, stage);
    break;
  case GIVE_SEQUENCE:
    body = acoap_body_read(&sequence, stage->len, stage);
    break;
  case GIVE_UNKNOWN:
    body = acoap_body_read(&reader, ACOAP_BODY_SIZE_UNKNOWN, stage);
    break;
  case GIVE_COPY:
  case GIVE_PAYLOAD:
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
    (void)acoap_request_respond(request, stage->code, ACOAP_FORMAT_NONE, bytes, stage->len);
    return;
  }
  (void)acoap_request_respond_body(request, stage->code, ACOAP_FORMAT_NONE, make_body(stage));
}

static stage_t *stage_open(const acoap_server_options_t *options, size_t len) {
  acoap_observable_options_t observable = {.size = sizeof(observable),
                                           .reliability = ACOAP_UNRELIABLE};
  stage_t *stage = calloc(1, sizeof(*stage));
  ck_assert_ptr_nonnull(stage);
  stage->code = ACOAP_CODE_CONTENT;
  stage->len = len;
  server_rig_open(&stage->rig, 7, options);
  stage->script.rig = &stage->rig;
  stage->script.tells_token = true;
  stage->path = acoap_resource_new(stage->rig.server, "/path");
  acoap_resource_on(stage->path, 0, serve, stage);
  acoap_resource_observable(stage->path, &observable);
  ck_assert_int_eq(acoap_server_status(stage->rig.server), 0);
  return stage;
}

static void stage_close(stage_t *stage) {
  server_rig_close(&stage->rig);
  free(stage);
}

static void expect_silence(stage_t *stage) {
  sim_peer_expect_silence(&stage->rig.peer);
}

/* Payloads first to last of the body in payloads of 32, under this token. */
static void expect_payloads(stage_t *stage, unsigned first, unsigned last, const char *token) {
  char text[100];
  unsigned end = (unsigned)((stage->len - 1) / 32);
  for (unsigned num = first; num <= last; num++) {
    size_t len = num < end ? 32 : stage->len - (size_t)num * 32;
    snprintf(text, sizeof(text), "2.05 q2:%u/%d/32 size2=%zu etag [%zu] token=%s", num, num < end,
             stage->len, len, token);
    block_script_expect(&stage->script, text);
  }
}

/* ---- the wire -------------------------------------------------------------------------------- */

/* Section 10.2.1 in payloads of 16 bytes, byte by byte: ET is ETag, QB2 Q-Block2. */
START_TEST(section_10_2_1_simple_example) {
  static const uint8_t request[] = {0x51, 0x01, 0x00, 0x01, 0xf0,      /* NON GET M:0x01 T:0xf0 */
                                    0xb4, 'p',  'a',  't',  'h',       /* Uri-Path */
                                    0xd1, 0x07, 0x08};                 /* QB2:0/1/16 */
  static const uint8_t first[] = {0xf0, 0x41, 0x13,                    /* T:0xf0, ETag 0x13 */
                                  0xd1, 0x0b, 0x14,                    /* Size2 20 */
                                  0x31, 0x08, 0xff};                   /* QB2:0/1/16 */
  static const uint8_t second[] = {0xf0, 0x41, 0x13, 0xd1, 0x0b, 0x14, /* likewise */
                                   0x31, 0x10, 0xff};                  /* QB2:1/0/16 */
  stage_t *stage = stage_open(NULL, 20);
  stage->etag = "\x13";
  sim_peer_send_bytes(&stage->rig.peer, &stage->rig.address, request, sizeof(request));
  server_rig_run(&stage->rig, 1);
  const sim_datagram_t *answer = sim_peer_next(&stage->rig.peer);
  ck_assert_uint_eq(answer->bytes[0], 0x51);
  ck_assert_uint_eq(answer->bytes[1], 0x45);
  ck_assert_uint_eq(answer->len, 4 + sizeof(first) + 16);
  ck_assert_mem_eq(answer->bytes + 4, first, sizeof(first));
  answer = sim_peer_next(&stage->rig.peer);
  ck_assert_uint_eq(answer->bytes[0], 0x51);
  ck_assert_uint_eq(answer->len, 4 + sizeof(second) + 4);
  ck_assert_mem_eq(answer->bytes + 4, second, sizeof(second));
  ck_assert_uint_eq(answer->bytes[answer->len - 1], block_script_byte(19));
  server_rig_run(&stage->rig, 300000);
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* ---- sets ------------------------------------------------------------------------------------ */

START_TEST(section_7_2_sets_are_paced_by_non_timeout_random) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  expect_silence(stage);
  server_rig_run(&stage->rig, 1990);
  expect_silence(stage);
  server_rig_run(&stage->rig, 1010);
  expect_payloads(stage, 10, 19, "a");
  acoap_time_t between = stage->rig.peer.kept[10].at - stage->rig.peer.kept[0].at;
  ck_assert(between >= 2000 && between <= 3000);
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 20, 24, "a");
  /* The same delay between all sets of a body. */
  ck_assert_int_eq(stage->rig.peer.kept[20].at - stage->rig.peer.kept[10].at, between);
  server_rig_run(&stage->rig, 300000);
  expect_silence(stage);
  block_script_expect_body(&stage->script, 800);
  ck_assert_uint_eq(stage->calls, 1);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).qblock_sets, 3);
  stage_close(stage);
}
END_TEST

START_TEST(section_4_4_continue_brings_the_next_set_at_once) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  block_script_send(&stage->script, "NON GET /path q2:10/1/32 token=b");
  expect_payloads(stage, 10, 19, "b");
  expect_silence(stage);
  block_script_send(&stage->script, "NON GET /path q2:20/1/32 token=c");
  expect_payloads(stage, 20, 24, "c");
  block_script_expect_body(&stage->script, 800);
  ck_assert_uint_eq(stage->calls, 1);
  server_rig_run(&stage->rig, 60000);
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* A 'Continue' that comes after the wait was over is for a set that has left. */
START_TEST(a_continue_that_crossed_with_its_set_is_not_answered_twice) {
  stage_t *stage = stage_open(NULL, 1000);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 10, 19, "a");
  block_script_send(&stage->script, "NON GET /path q2:10/1/32 token=b");
  expect_silence(stage);
  block_script_send(&stage->script, "NON GET /path q2:20/1/32 token=c");
  expect_payloads(stage, 20, 29, "c");
  stage_close(stage);
}
END_TEST

/* It has lost what came meanwhile, and would be passed by for ever. */
START_TEST(a_continue_of_who_has_fallen_behind_goes_back) {
  stage_t *stage = stage_open(NULL, 1600);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 10, 19, "a");
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 20, 29, "a");
  block_script_send(&stage->script, "NON GET /path q2:10/1/32 token=b");
  expect_payloads(stage, 10, 19, "b");
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 20, 29, "b");
  stage_close(stage);
}
END_TEST

/* ---- what was missing ------------------------------------------------------------------------ */

START_TEST(section_10_2_3_missing_payloads_are_asked_for_by_their_numbers) {
  stage_t *stage = stage_open(NULL, 320);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  block_script_send(&stage->script, "NON GET /path q2:1/0/32 q2:9/0/32 token=b");
  expect_payloads(stage, 1, 1, "b");
  expect_payloads(stage, 9, 9, "b");
  expect_silence(stage);
  block_script_send(&stage->script, "NON GET /path q2:0/0/32 token=c");
  expect_payloads(stage, 0, 0, "c");
  expect_silence(stage);
  ck_assert_uint_eq(stage->calls, 1);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).qblock_repeated, 1);
  stage_close(stage);
}
END_TEST

/* Section 4.4: M, where the number is no multiple of MAX_PAYLOADS: to the end of its set. */
START_TEST(section_10_2_4_the_m_bit_asks_for_the_rest_of_the_set) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  block_script_send(&stage->script, "NON GET /path q2:6/1/32 token=b");
  expect_payloads(stage, 6, 9, "b");
  expect_silence(stage);
  /* What is under way goes on after its wait. */
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 10, 19, "a");
  block_script_send(&stage->script, "NON GET /path q2:3/0/32 q2:15/1/32 token=c");
  expect_payloads(stage, 3, 3, "c");
  expect_payloads(stage, 15, 19, "c");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* Section 4.4: one instance of each, however often it is asked for. */
START_TEST(section_4_4_payloads_that_overlap_are_sent_once) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  block_script_send(&stage->script,
                    "NON GET /path q2:5/1/32 q2:6/0/32 q2:7/1/32 q2:9/0/32 token=b");
  expect_payloads(stage, 5, 9, "b");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* No more than a set for one request. */
START_TEST(section_4_4_a_request_makes_no_more_than_max_payloads_leave) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  block_script_send(&stage->script, "NON GET /path q2:1/1/32 q2:11/1/32 q2:21/1/32 token=b");
  expect_payloads(stage, 1, 9, "b");
  expect_payloads(stage, 11, 11, "b");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

START_TEST(section_4_4_numbers_that_do_not_ascend_are_4_00) {
  static const char *const requests[] = {
      "NON GET /path q2:3/0/32 q2:1/0/32 token=b", /* back */
      "NON GET /path q2:3/0/32 q2:3/0/32 token=b", /* twice */
      "NON GET /path q2:1/0/32 q2:3/0/16 token=b", /* another size */
      "NON GET /path q2:1/0/64 token=b",           /* another size than it was sent in */
      "NON GET /path q2:10/0/32 token=b",          /* behind the end */
      "NON GET /path q2:0/1/32 2:0/0/32 token=b",  /* mixed with Block2 */
      "NON GET /path q2:1/0/32 2:1/0/32 token=b",  /* likewise */
  };
  stage_t *stage = stage_open(NULL, 320);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
    block_script_send(&stage->script, requests[i]);
    const sim_datagram_t *answer = sim_peer_next(&stage->rig.peer);
    ck_assert_msg(answer->view.code == ACOAP_CODE_BAD_REQUEST, "%s", requests[i]);
    expect_silence(stage);
  }
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

/* ---- one version ----------------------------------------------------------------------------- */

START_TEST(section_4_4_missing_payloads_are_of_the_version_that_was_sent) {
  uint8_t etag[8];
  stage_t *stage = stage_open(NULL, 320);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  memcpy(etag, stage->script.etag, 8);
  stage->shift = 100;
  stage->len = 640;
  block_script_say(&stage->script, "NON GET /path q2:4/0/32 token=b",
                   "2.05 q2:4/1/32 size2=320 etag [32] token=b");
  ck_assert_mem_eq(stage->script.etag, etag, 8);
  ck_assert_uint_eq(stage->script.got[4 * 32], block_script_byte(4 * 32));
  /* A body that is asked for as a whole is the newest. */
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=c");
  expect_payloads(stage, 0, 9, "c");
  ck_assert_mem_ne(stage->script.etag, etag, 8);
  ck_assert_uint_eq(stage->calls, 2);
  stage_close(stage);
}
END_TEST

/* Section 4.4: who asks for a payload of a body that is forgotten gets it of the latest one. */
START_TEST(section_4_4_a_forgotten_body_is_the_latest_one) {
  stage_t *stage = stage_open(NULL, 320);
  block_script_say(&stage->script, "NON GET /path q2:4/0/32 token=b",
                   "2.05 q2:4/1/32 size2=320 etag [32] token=b");
  expect_silence(stage);
  ck_assert_uint_eq(stage->calls, 1);
  block_script_say(&stage->script, "NON GET /path q2:20/0/32 token=b", "4.00 [24] token=b");
  /* What is not safe is not done again. */
  block_script_say(&stage->script, "NON POST /path q2:4/0/32 token=b", "4.08 token=b");
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

/* Who begins anew wishes for a size; what is under way may be in a smaller one. */
START_TEST(block_0_alone_in_another_size_is_of_the_latest_version) {
  acoap_server_options_t options = {
      .size = sizeof(options), .amplification = ACOAP_AMPLIFICATION_OFF, .block_size = 32};
  stage_t *stage = stage_open(&options, 320);
  for (unsigned i = 1; i <= 2; i++) {
    block_script_say(&stage->script, "GET /path q2:0/0/1024 token=a",
                     "2.05 q2:0/1/32 size2=320 etag [32] token=a");
    expect_silence(stage);
    ck_assert_uint_eq(stage->calls, i);
  }
  /* Of the same size it is of the version that was begun. */
  block_script_say(&stage->script, "GET /path q2:0/0/32 token=a",
                   "2.05 q2:0/1/32 size2=320 etag [32] token=a");
  ck_assert_uint_eq(stage->calls, 2);
  stage_close(stage);
}
END_TEST

START_TEST(section_5_10_6_2_of_7252_a_version_that_is_known_is_2_03) {
  stage_t *stage = stage_open(NULL, 320);
  stage->etag = "v1";
  block_script_say(&stage->script, "NON GET /path q2:0/1/32 etag=v1 token=a", "2.03 etag token=a");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* ---- CON ------------------------------------------------------------------------------------- */

/* CON payloads first to last, each acknowledged and only then followed by the next. */
static void expect_confirmable(stage_t *stage, unsigned first, unsigned last) {
  for (unsigned num = first; num <= last; num++) {
    const sim_datagram_t *got = sim_peer_expect(&stage->rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT);
    acoap_block_t block;
    ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_Q_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.num, num);
    expect_silence(stage);
    sim_peer_send(&stage->rig.peer, &stage->rig.address, ACOAP_ACK, ACOAP_CODE_EMPTY,
                  got->view.message_id, NULL, NULL);
    server_rig_run(&stage->rig, 1);
  }
}

/* Section 4.4: the first in the ACK, the others as CON, each when the one before was acknowledged.
 */
START_TEST(section_4_4_to_a_con_the_payloads_are_confirmable) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "GET /path q2:0/1/32 token=a");
  block_script_expect(&stage->script, "2.05 q2:0/1/32 size2=800 etag [32] token=a");
  expect_confirmable(stage, 1, 9);
  expect_silence(stage);
  server_rig_run(&stage->rig, 3000);
  expect_confirmable(stage, 10, 19);
  server_rig_run(&stage->rig, 3000);
  expect_confirmable(stage, 20, 24);
  server_rig_run(&stage->rig, 60000);
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* Who asks for the next set with a NON gets it as NON. */
START_TEST(section_4_4_a_continue_chooses_the_kind_of_message) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "GET /path q2:0/1/32 token=a");
  block_script_expect(&stage->script, "2.05 q2:0/1/32 size2=800 etag [32] token=a");
  expect_confirmable(stage, 1, 9);
  block_script_send(&stage->script, "NON GET /path q2:10/1/32 token=b");
  expect_payloads(stage, 10, 19, "b");
  block_script_send(&stage->script, "NON GET /path q2:20/1/32 token=c");
  expect_payloads(stage, 20, 24, "c");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* Section 4.4: who does not acknowledge gets no more of the body. */
START_TEST(section_4_4_a_payload_that_is_not_acknowledged_ends_the_body) {
  stage_t *stage = stage_open(NULL, 400);
  block_script_send(&stage->script, "GET /path q2:0/1/32 token=a");
  block_script_expect(&stage->script, "2.05 q2:0/1/32 size2=400 etag [32] token=a");
  const sim_datagram_t *got = sim_peer_expect(&stage->rig.peer, ACOAP_CON, ACOAP_CODE_CONTENT);
  sim_peer_send(&stage->rig.peer, &stage->rig.address, ACOAP_RST, ACOAP_CODE_EMPTY,
                got->view.message_id, NULL, NULL);
  server_rig_run(&stage->rig, 300000);
  expect_silence(stage);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
  stage_close(stage);
}
END_TEST

/* ---- readers --------------------------------------------------------------------------------- */

START_TEST(a_reader_is_asked_piece_by_piece) {
  stage_t *stage = stage_open(NULL, 700);
  stage->giving = GIVE_READER;
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  block_script_send(&stage->script, "NON GET /path q2:2/0/32 token=b");
  expect_payloads(stage, 2, 2, "b");
  block_script_send(&stage->script, "NON GET /path q2:10/1/32 token=c");
  expect_payloads(stage, 10, 19, "c");
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 20, 21, "c");
  block_script_expect_body(&stage->script, 700);
  ck_assert_uint_lt(server_rig_stats(&stage->rig).transfers_bytes, 3000);
  server_rig_run(&stage->rig, 300000);
  ck_assert_uint_eq(stage->released, 1);
  stage_close(stage);
}
END_TEST

START_TEST(a_reader_may_take_its_time) {
  stage_t *stage = stage_open(NULL, 150);
  stage->giving = GIVE_READER;
  stage->waits = true;
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  for (unsigned i = 0; i < 5; i++) {
    expect_silence(stage);
    acoap_body_ready(stage->body);
    server_rig_run(&stage->rig, 1);
    expect_payloads(stage, i, i, "a");
  }
  expect_silence(stage);
  block_script_expect_body(&stage->script, 150);
  stage_close(stage);
}
END_TEST

/* The body goes with the transfer, so what waits for it goes before. */
START_TEST(a_transfer_ends_while_its_reader_is_waited_for) {
  stage_t *stage = stage_open(NULL, 150);
  stage->giving = GIVE_READER;
  stage->waits = true;
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  acoap_body_ready(stage->body);
  server_rig_run(&stage->rig, 1);
  expect_payloads(stage, 0, 0, "a");
  ck_assert_uint_eq(stage->released, 0);
  (void)acoap_resource_remove(stage->path);
  ck_assert_uint_eq(stage->released, 1);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
  server_rig_run(&stage->rig, 300000);
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

START_TEST(a_reader_that_fails_ends_the_set) {
  stage_t *stage = stage_open(NULL, 700);
  stage->giving = GIVE_READER;
  stage->read_status = ACOAP_EINVAL;
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 0, "a");
  server_rig_run(&stage->rig, 10000);
  while (stage->rig.peer.taken < stage->rig.peer.received) {
    ck_assert_uint_eq(sim_peer_next(&stage->rig.peer)->view.code, ACOAP_CODE_CONTENT);
  }
  stage_close(stage);
}
END_TEST

START_TEST(the_server_is_freed_by_a_reader) {
  stage_t *stage = stage_open(NULL, 700);
  stage->giving = GIVE_READER;
  stage->free_in_read = true;
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  server_rig_run(&stage->rig, 10000);
  ck_assert_ptr_null(stage->rig.server);
  ck_assert_uint_eq(stage->released, 1);
  stage_close(stage);
}
END_TEST

START_TEST(a_resource_that_goes_ends_what_is_under_way) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  (void)acoap_resource_remove(stage->path);
  server_rig_run(&stage->rig, 300000);
  expect_silence(stage);
  ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
  stage_close(stage);
}
END_TEST

/* ---- RST ------------------------------------------------------------------------------------- */

static void send_reset(stage_t *stage, uint16_t message_id) {
  const uint8_t bytes[] = {0x70, 0, (uint8_t)(message_id >> 8), (uint8_t)message_id};
  sim_peer_send_bytes(&stage->rig.peer, &stage->rig.address, bytes, sizeof(bytes));
  server_rig_run(&stage->rig, 1);
}

/* RFC 7252 section 4.2: whichever payload it is to, the first and those of the set before too. */
START_TEST(a_reset_to_any_payload_ends_the_body) {
  static const unsigned rejected[] = {0, 1, 9, 10, 19};
  for (size_t i = 0; i < sizeof(rejected) / sizeof(rejected[0]); i++) {
    stage_t *stage = stage_open(NULL, 1000);
    block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
    expect_payloads(stage, 0, 9, "a");
    server_rig_run(&stage->rig, 3000);
    expect_payloads(stage, 10, 19, "a");
    ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 1);
    send_reset(stage, stage->rig.peer.kept[rejected[i]].view.message_id);
    ck_assert_uint_eq(server_rig_stats(&stage->rig).transfers, 0);
    server_rig_run(&stage->rig, 300000);
    expect_silence(stage);
    stage_close(stage);
  }
}
END_TEST

START_TEST(a_reset_to_something_else_ends_no_body) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 9, "a");
  send_reset(stage, (uint16_t)(stage->rig.peer.kept[9].view.message_id + 1));
  send_reset(stage, (uint16_t)(stage->rig.peer.kept[0].view.message_id - 1));
  server_rig_run(&stage->rig, 3000);
  expect_payloads(stage, 10, 19, "a");
  stage_close(stage);
}
END_TEST

/* RFC 7641 section 4.5: a payload of a notification is a notification. */
START_TEST(a_reset_to_a_payload_of_a_notification_ends_the_observation) {
  for (unsigned rejected = 0; rejected < 10; rejected += 3) {
    stage_t *stage = stage_open(NULL, 800);
    block_script_send(&stage->script, "NON GET /path q2:0/1/32 observe=0 token=a");
    server_rig_run(&stage->rig, 10000);
    ck_assert_int_eq(acoap_resource_notify(stage->path), 0);
    size_t before = stage->rig.peer.received;
    server_rig_run(&stage->rig, 1);
    ck_assert_uint_eq(stage->rig.peer.received, before + 10);
    ck_assert_uint_eq(acoap_resource_observers(stage->path), 1);
    send_reset(stage, stage->rig.peer.kept[before + rejected].view.message_id);
    ck_assert_uint_eq(acoap_resource_observers(stage->path), 0);
    server_rig_run(&stage->rig, 300000);
    ck_assert_uint_eq(stage->rig.peer.received, before + 10);
    stage_close(stage);
  }
}
END_TEST

/* ---- falling back ---------------------------------------------------------------------------- */

START_TEST(what_fits_one_message_leaves_as_it_is) {
  stage_t *stage = stage_open(NULL, 32);
  block_script_say(&stage->script, "NON GET /path q2:0/1/32 token=a", "2.05 [32] token=a");
  stage->giving = GIVE_PAYLOAD;
  block_script_say(&stage->script, "NON GET /path q2:0/1/32 token=a", "2.05 [32] token=a");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

START_TEST(a_payload_longer_than_a_block_goes_in_sets_too) {
  stage_t *stage = stage_open(NULL, 33);
  stage->giving = GIVE_PAYLOAD;
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_payloads(stage, 0, 1, "a");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* Section 4.6: Size2 is exact. What has none, or can be read once only, goes in Block2. */
START_TEST(a_body_of_unknown_size_or_in_sequence_goes_in_block2) {
  stage_t *stage = stage_open(NULL, 2000);
  stage->giving = GIVE_UNKNOWN;
  block_script_say(&stage->script, "NON GET /path q2:0/1/1024 token=a",
                   "2.05 2:0/1/1024 etag [1024] token=a");
  block_script_say(&stage->script, "NON GET /path 2:1/0/1024 token=b",
                   "2.05 2:1/0/1024 etag [976] token=b");
  stage->giving = GIVE_SEQUENCE;
  block_script_say(&stage->script, "NON GET /path q2:0/1/1024 token=a",
                   "2.05 2:0/1/1024 size2=2000 etag [1024] token=a");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

START_TEST(switched_off_the_option_is_not_understood) {
  acoap_server_options_t off = {
      .size = sizeof(off), .amplification = ACOAP_AMPLIFICATION_OFF, .qblock = ACOAP_QBLOCK_OFF};
  stage_t *stage = stage_open(&off, 2000);
  block_script_send(&stage->script, "GET /path q2:0/1/32 token=a");
  sim_peer_expect(&stage->rig.peer, ACOAP_ACK, ACOAP_CODE_BAD_OPTION);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

/* ---- requests with bodies -------------------------------------------------------------------- */

/* Sections 4.1 and 4.7: Q-Block1 says that Q-Block2 is understood, too. */
START_TEST(section_4_7_both_options_in_one_exchange) {
  stage_t *stage = stage_open(NULL, 100);
  stage->code = ACOAP_CODE_CONTENT;
  block_script_send(&stage->script, "NON FETCH /path q1:0/1/32 size1=50 tag=x token=a");
  expect_silence(stage);
  block_script_send(&stage->script, "NON FETCH /path q1:1/0/32 size1=50 tag=x +18 token=b");
  expect_payloads(stage, 0, 3, "b");
  ck_assert_uint_eq(stage->body_len, 50);
  expect_silence(stage);
  stage_close(stage);
}
END_TEST

START_TEST(a_post_is_answered_in_sets_and_not_done_twice) {
  stage_t *stage = stage_open(NULL, 100);
  stage->code = ACOAP_CODE_CHANGED;
  block_script_send(&stage->script, "NON POST /path q2:0/1/32 token=a +5");
  for (unsigned num = 0; num < 4; num++) {
    sim_peer_expect(&stage->rig.peer, ACOAP_NON, ACOAP_CODE_CHANGED);
  }
  block_script_say(&stage->script, "NON POST /path q2:2/0/32 token=b",
                   "2.04 q2:2/1/32 size2=100 etag [32] token=b");
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

/* ---- observers ------------------------------------------------------------------------------- */

static int32_t observe_of(const sim_datagram_t *datagram) {
  uint32_t number;
  return acoap_view_uint(&datagram->view, ACOAP_OPTION_OBSERVE, &number) ? (int32_t)number : -1;
}

/* Payloads with this Observe (-1: none, -2: any, the same one). Returns it. */
static int32_t expect_observed(stage_t *stage, unsigned first, unsigned last, const char *token,
                               int32_t number) {
  for (unsigned num = first; num <= last; num++) {
    const sim_datagram_t *got = sim_peer_next(&stage->rig.peer);
    acoap_block_t block;
    ck_assert_uint_eq(got->view.code, ACOAP_CODE_CONTENT);
    ck_assert_mem_eq(got->view.token.data, token, got->view.token.len);
    ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_Q_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.num, num);
    number = number == -2 ? observe_of(got) : number;
    ck_assert_int_eq(observe_of(got), number);
  }
  return number;
}

/* Section 4.5: one value of Observe for all payloads, none for those that were missing. */
START_TEST(section_4_5_notifications_in_sets) {
  stage_t *stage = stage_open(NULL, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 observe=0 token=a");
  int32_t first = expect_observed(stage, 0, 9, "a", -2);
  ck_assert_int_ge(first, 0);
  block_script_send(&stage->script, "NON GET /path q2:10/1/32 token=b");
  expect_observed(stage, 10, 19, "b", first);
  block_script_send(&stage->script, "NON GET /path q2:3/0/32 token=c");
  expect_observed(stage, 3, 3, "c", -1);
  block_script_send(&stage->script, "NON GET /path q2:20/1/32 token=d");
  expect_observed(stage, 20, 24, "d", first);
  ck_assert_uint_eq(acoap_resource_observers(stage->path), 1);
  stage->shift = 50;
  ck_assert_int_eq(acoap_resource_notify(stage->path), 0);
  server_rig_run(&stage->rig, 1);
  int32_t second = expect_observed(stage, 0, 9, "a", -2);
  ck_assert_int_gt(second, first);
  server_rig_run(&stage->rig, 3000);
  expect_observed(stage, 10, 19, "a", second);
  /* A newer state ends what has not left of the older one (section 4.4). */
  stage->shift = 60;
  ck_assert_int_eq(acoap_resource_notify(stage->path), 0);
  server_rig_run(&stage->rig, 1);
  int32_t third = expect_observed(stage, 0, 9, "a", -2);
  ck_assert_int_gt(third, second);
  block_script_send(&stage->script, "NON GET /path q2:10/1/32 token=e");
  expect_observed(stage, 10, 19, "e", third);
  server_rig_run(&stage->rig, 3000);
  expect_observed(stage, 20, 24, "e", third);
  server_rig_run(&stage->rig, 10000);
  expect_silence(stage);
  ck_assert_uint_eq(acoap_resource_observers(stage->path), 1);
  stage_close(stage);
}
END_TEST

/* ---- protection ------------------------------------------------------------------------------ */

/* RFC 9175 section 2.4, RFC 9177 section 9: many answers only to one who is there. */
START_TEST(an_unverified_address_is_challenged_before_a_set) {
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_ON};
  acoap_bytes_t echo;
  uint8_t value[40];
  stage_t *stage = stage_open(&options, 800);
  block_script_send(&stage->script, "NON GET /path q2:0/1/32 token=a");
  const sim_datagram_t *got = sim_peer_expect(&stage->rig.peer, ACOAP_NON, ACOAP_CODE_UNAUTHORIZED);
  ck_assert(acoap_view_option(&got->view, ACOAP_OPTION_ECHO, 0, &echo));
  memcpy(value, echo.data, echo.len);
  expect_silence(stage);
  acoap_block_t block = {.num = 0, .more = true, .szx = 1};
  acoap_builder_t *builder = server_rig_begin(&stage->rig, ACOAP_NON, ACOAP_CODE_GET, "/path");
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
  acoap_builder_option(builder, ACOAP_OPTION_ECHO, value, echo.len);
  server_rig_send(&stage->rig, &stage->rig.address);
  expect_payloads(stage, 0, 9, "tk");
  stage_close(stage);
  /* What cannot be asked again goes in Block2, as small as it has to be. */
  stage = stage_open(&options, 800);
  block_script_send(&stage->script, "NON POST /path q2:0/1/32 token=a +5");
  got = sim_peer_next(&stage->rig.peer);
  ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_BLOCK2, &block), 1);
  expect_silence(stage);
  ck_assert_uint_eq(stage->calls, 1);
  stage_close(stage);
}
END_TEST

START_TEST(discovery_goes_in_sets_too) {
  stage_t *stage = stage_open(NULL, 800);
  char path[40];
  for (unsigned i = 0; i < 20; i++) {
    snprintf(path, sizeof(path), "/resource-%02u", i);
    ck_assert_ptr_nonnull(acoap_resource_new(stage->rig.server, path));
  }
  block_script_send(&stage->script, "NON GET /.well-known/core q2:0/1/64 token=a");
  size_t len = 0;
  for (unsigned num = 0; stage->rig.peer.taken < stage->rig.peer.received; num++) {
    const sim_datagram_t *got = sim_peer_expect(&stage->rig.peer, ACOAP_NON, ACOAP_CODE_CONTENT);
    acoap_block_t block;
    ck_assert_int_eq(acoap_view_block(&got->view, ACOAP_OPTION_Q_BLOCK2, &block), 1);
    ck_assert_uint_eq(block.num, num);
    len += got->view.payload.len;
  }
  ck_assert_uint_gt(len, 300);
  stage_close(stage);
}
END_TEST

START_TEST(transfers_stay_within_their_bounds) {
  acoap_server_options_t options = {
      .size = sizeof(options), .amplification = ACOAP_AMPLIFICATION_OFF, .transfers_per_peer = 4};
  char text[80];
  stage_t *stage = stage_open(&options, 800);
  for (unsigned i = 0; i < 50; i++) {
    snprintf(text, sizeof(text), "NON GET /path?%u q2:0/1/32 token=a", i);
    block_script_send(&stage->script, text);
    server_rig_run(&stage->rig, 1);
    ck_assert_uint_le(server_rig_stats(&stage->rig).transfers, 4);
    stage->rig.peer.taken = stage->rig.peer.received;
  }
  stage_close(stage);
}
END_TEST

static Suite *server_qblock2_suite(void) {
  Suite *suite = suite_create("server_qblock2");
  TCase *tcase = tcase_create("qblock2");
  tcase_add_test(tcase, section_10_2_1_simple_example);
  tcase_add_test(tcase, section_7_2_sets_are_paced_by_non_timeout_random);
  tcase_add_test(tcase, section_4_4_continue_brings_the_next_set_at_once);
  tcase_add_test(tcase, a_continue_that_crossed_with_its_set_is_not_answered_twice);
  tcase_add_test(tcase, a_continue_of_who_has_fallen_behind_goes_back);
  tcase_add_test(tcase, section_10_2_3_missing_payloads_are_asked_for_by_their_numbers);
  tcase_add_test(tcase, section_10_2_4_the_m_bit_asks_for_the_rest_of_the_set);
  tcase_add_test(tcase, section_4_4_payloads_that_overlap_are_sent_once);
  tcase_add_test(tcase, section_4_4_a_request_makes_no_more_than_max_payloads_leave);
  tcase_add_test(tcase, section_4_4_numbers_that_do_not_ascend_are_4_00);
  tcase_add_test(tcase, section_4_4_missing_payloads_are_of_the_version_that_was_sent);
  tcase_add_test(tcase, section_4_4_a_forgotten_body_is_the_latest_one);
  tcase_add_test(tcase, block_0_alone_in_another_size_is_of_the_latest_version);
  tcase_add_test(tcase, section_5_10_6_2_of_7252_a_version_that_is_known_is_2_03);
  tcase_add_test(tcase, section_4_4_to_a_con_the_payloads_are_confirmable);
  tcase_add_test(tcase, section_4_4_a_continue_chooses_the_kind_of_message);
  tcase_add_test(tcase, section_4_4_a_payload_that_is_not_acknowledged_ends_the_body);
  tcase_add_test(tcase, a_reader_is_asked_piece_by_piece);
  tcase_add_test(tcase, a_reader_may_take_its_time);
  tcase_add_test(tcase, a_transfer_ends_while_its_reader_is_waited_for);
  tcase_add_test(tcase, a_reader_that_fails_ends_the_set);
  tcase_add_test(tcase, the_server_is_freed_by_a_reader);
  tcase_add_test(tcase, a_resource_that_goes_ends_what_is_under_way);
  tcase_add_test(tcase, a_reset_to_any_payload_ends_the_body);
  tcase_add_test(tcase, a_reset_to_something_else_ends_no_body);
  tcase_add_test(tcase, a_reset_to_a_payload_of_a_notification_ends_the_observation);
  tcase_add_test(tcase, what_fits_one_message_leaves_as_it_is);
  tcase_add_test(tcase, a_payload_longer_than_a_block_goes_in_sets_too);
  tcase_add_test(tcase, a_body_of_unknown_size_or_in_sequence_goes_in_block2);
  tcase_add_test(tcase, switched_off_the_option_is_not_understood);
  tcase_add_test(tcase, section_4_7_both_options_in_one_exchange);
  tcase_add_test(tcase, a_post_is_answered_in_sets_and_not_done_twice);
  tcase_add_test(tcase, section_4_5_notifications_in_sets);
  tcase_add_test(tcase, an_unverified_address_is_challenged_before_a_set);
  tcase_add_test(tcase, discovery_goes_in_sets_too);
  tcase_add_test(tcase, transfers_stay_within_their_bounds);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(server_qblock2_suite)
