/*
 * Every main flow of the server with the n-th allocation failing, for every n: calls that fail say
 * so, a request gets its answer or a 5.xx or, where the network itself lost it, nothing; nothing
 * leaks, what is released is released once, and with memory the same flow succeeds and so does the
 * next one on the same server.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "check_main.h"
#include "fail_alloc.h"
#include "server_rig.h"

#define LONG 3000
#define ATTEMPTS 3
#define WAIT_MS 5000

typedef struct play {
  server_rig_t rig;
  bool served;       /* the flow had its way */
  uint8_t token;     /* of the next request */
  unsigned opened;   /* things handed out that have to be released */
  unsigned released; /* of these */
  unsigned uploads;  /* begun */
  unsigned ends;     /* of these, complete or aborted */
  unsigned state;    /* what is observed */
  unsigned notices;  /* notifications that came */
  uint8_t notice;    /* code of the last one */
  acoap_request_t *kept;
  acoap_reply_t *reply;
  acoap_body_t *waiting; /* its reader said ACOAP_EAGAIN; NULL: none */
  acoap_resource_t *observed;
} play_t;

static uint8_t long_bytes[LONG];

/* ---- the peer -------------------------------------------------------------------------------- */

static void send_bytes(play_t *play, const void *bytes, size_t len) {
  acoap_path_t path;
  memset(&path, 0, sizeof(path));
  path.peer = play->rig.address;
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {bytes, len}};
  /* What the network has no memory for is lost. */
  (void)play->rig.peer.socket->ops->send(play->rig.peer.socket, &datagram, 1);
}

static void send_empty(play_t *play, acoap_type_t type, uint16_t message_id) {
  uint8_t bytes[4] = {(uint8_t)(0x40 | type << 4), 0, (uint8_t)(message_id >> 8),
                      (uint8_t)message_id};
  send_bytes(play, bytes, sizeof(bytes));
}

/* Take what came; the response under this token, or NULL. Others with Observe are notices. */
static const sim_datagram_t *take(play_t *play, uint8_t token) {
  const sim_datagram_t *found = NULL;
  while (play->rig.peer.taken < play->rig.peer.received) {
    const sim_datagram_t *got = sim_peer_next(&play->rig.peer);
    if (got->view.type == ACOAP_CON) {
      send_empty(play, ACOAP_ACK, got->view.message_id);
    }
    if (got->view.code == ACOAP_CODE_EMPTY || got->view.token.len != 1) {
      continue;
    }
    if (got->view.token.data[0] == token) {
      found = got;
    } else {
      play->notices++;
      play->notice = got->view.code;
    }
  }
  return found;
}

static acoap_builder_t *begin(play_t *play, uint8_t method, const char *uri) {
  acoap_builder_t *builder = &play->rig.builder;
  (void)server_rig_begin(&play->rig, ACOAP_CON, method, uri);
  acoap_view_t view;
  acoap_builder_view(builder, &view);
  uint8_t options[128];
  size_t len = view.options.len;
  ck_assert_uint_le(len, sizeof(options));
  if (len > 0) {
    memcpy(options, view.options.data, len);
  }
  view.options = (acoap_bytes_t){options, len};
  play->token++;
  acoap_builder_init(builder, play->rig.bytes, sizeof(play->rig.bytes), ACOAP_CON, method,
                     play->rig.message_id, &play->token, 1);
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, &view);
  while (acoap_option_next(&iter, &option)) {
    acoap_builder_option(builder, option.number, option.value.data, option.value.len);
  }
  return builder;
}

/* Send what was begun, again while nothing comes. NULL: no answer at all. */
static const sim_datagram_t *ask(play_t *play, uint8_t token) {
  int len = acoap_builder_finish(&play->rig.builder);
  ck_assert_int_gt(len, 0);
  uint8_t bytes[SIM_DATAGRAM_MAX];
  memcpy(bytes, play->rig.bytes, (size_t)len);
  for (int i = 0; i < ATTEMPTS; i++) {
    send_bytes(play, bytes, (size_t)len);
    for (int turns = 0; turns < 2; turns++) {
      server_rig_run(&play->rig, turns == 0 ? 10 : WAIT_MS);
      const sim_datagram_t *answer = take(play, token);
      if (answer != NULL) {
        return answer;
      }
    }
  }
  return NULL;
}

/* Its code; 0: none came. */
static uint8_t ask_code(play_t *play) {
  const sim_datagram_t *answer = ask(play, play->token);
  return answer != NULL ? answer->view.code : 0;
}

/* ---- handlers -------------------------------------------------------------------------------- */

static void release(void *user_data) {
  play_t *play = user_data;
  play->released++;
}

static void get(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "hello", 5);
}

static void get_long(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_OCTET_STREAM, long_bytes, LONG);
}

static int read_long(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                     size_t cap) {
  (void)user_data;
  (void)body;
  size_t len = offset < LONG ? LONG - (size_t)offset : 0;
  len = len < cap ? len : cap;
  memcpy(room, long_bytes + (offset < LONG ? offset : 0), len);
  return (int)len;
}

static const acoap_body_ops_t reader = {
    .size = sizeof(reader), .read = read_long, .release = release};

static void get_read(void *user_data, acoap_request_t *request) {
  play_t *play = user_data;
  play->opened++;
  acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_OCTET_STREAM,
                             acoap_body_read(&reader, LONG, play));
}

static void put(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_bytes_t body = acoap_request_body(request);
  bool whole = body.len == 64 && memcmp(body.data, long_bytes, 64) == 0;
  acoap_request_respond(request, whole ? ACOAP_CODE_CHANGED : ACOAP_CODE_BAD_REQUEST,
                        ACOAP_FORMAT_NONE, NULL, 0);
}

/* Not at once: the first time nothing is there yet. */
static int read_later(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                      size_t cap) {
  play_t *play = user_data;
  play->waiting = offset == 0 && play->waiting == NULL ? body : NULL;
  return play->waiting != NULL ? ACOAP_EAGAIN : read_long(user_data, body, offset, room, cap);
}

static const acoap_body_ops_t late_reader = {
    .size = sizeof(late_reader), .read = read_later, .release = release};

static void get_late(void *user_data, acoap_request_t *request) {
  play_t *play = user_data;
  play->opened++;
  play->waiting = NULL;
  acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_OCTET_STREAM,
                             acoap_body_read(&late_reader, LONG, play));
}

static void fetch(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_bytes_t body = acoap_request_body(request);
  bool whole = body.len == 64 && memcmp(body.data, long_bytes, 64) == 0;
  acoap_request_respond(request, whole ? ACOAP_CODE_CONTENT : ACOAP_CODE_BAD_REQUEST,
                        ACOAP_FORMAT_NONE, long_bytes, LONG);
}

static int upload_begin(void *user_data, acoap_upload_t *upload, acoap_request_t *first,
                        uint64_t total) {
  play_t *play = user_data;
  (void)first;
  (void)total;
  acoap_upload_set_data(upload, play);
  play->uploads++;
  return 0;
}

static int upload_write(void *user_data, acoap_upload_t *upload, uint64_t offset,
                        acoap_bytes_t bytes) {
  ck_assert_ptr_eq(acoap_upload_data(upload), user_data);
  ck_assert_uint_le(offset + bytes.len, 64);
  return 0;
}

static void upload_abort(void *user_data, acoap_upload_t *upload, int status) {
  play_t *play = user_data;
  (void)upload;
  (void)status;
  play->ends++;
}

static const acoap_upload_ops_t writer = {
    .size = sizeof(writer), .begin = upload_begin, .write = upload_write, .abort = upload_abort};

static void put_upload(void *user_data, acoap_request_t *request) {
  play_t *play = user_data;
  acoap_upload_t *upload = acoap_request_upload(request);
  ck_assert_ptr_nonnull(upload);
  play->ends++;
  acoap_request_respond(
      request, acoap_upload_len(upload) == 64 ? ACOAP_CODE_CHANGED : ACOAP_CODE_BAD_REQUEST,
      ACOAP_FORMAT_NONE, NULL, 0);
}

static void get_state(void *user_data, acoap_request_t *request) {
  play_t *play = user_data;
  uint8_t digit = (uint8_t)('0' + play->state % 10);
  if (play->state == 7) {
    acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, long_bytes, LONG);
    return;
  }
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, &digit, 1);
}

static void keep(void *user_data, acoap_request_t *request) {
  play_t *play = user_data;
  acoap_request_unref(play->kept);
  play->kept = acoap_request_ref(request);
}

static void reply_later(void *user_data, acoap_request_t *request) {
  play_t *play = user_data;
  acoap_reply_drop(play->reply);
  play->reply = acoap_request_reply(request);
  if (play->reply == NULL) {
    acoap_request_respond(request, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_FORMAT_NONE, NULL, 0);
  }
}

static int version(void *user_data, acoap_request_t *request, uint8_t etag[8]) {
  (void)user_data;
  (void)request;
  memcpy(etag, "v1", 2);
  return 2;
}

/* ---- the flows ------------------------------------------------------------------------------- */

/* Uploads of `/put` or `/upload` in four blocks. */
static void upload(play_t *play, const char *uri) {
  uint8_t code = 0;
  for (uint32_t num = 0; num < 4; num++) {
    acoap_block_t block = {num, num < 3, 0};
    acoap_builder_t *builder = begin(play, ACOAP_CODE_PUT, uri);
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
    acoap_builder_payload(builder, long_bytes + (size_t)num * 16, 16);
    code = ask_code(play);
  }
  play->served = code == ACOAP_CODE_CHANGED;
}

static void flow_put(play_t *play) {
  upload(play, "/put");
}

static void flow_upload(play_t *play) {
  upload(play, "/upload");
}

/* One that is begun and left. */
static void flow_half_upload(play_t *play) {
  for (int i = 0; i < 2; i++) {
    acoap_block_t block = {0, true, 0};
    acoap_builder_t *builder = begin(play, ACOAP_CODE_PUT, i == 0 ? "/put" : "/upload");
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK1, &block);
    acoap_builder_payload(builder, long_bytes, 16);
    play->served = ask_code(play) == ACOAP_CODE_CONTINUE;
  }
  server_rig_run(&play->rig, 300000); /* longer than a transfer is kept */
}

static void download(play_t *play, const char *uri) {
  bool more = true;
  size_t len = 0;
  for (uint32_t num = 0; more && num < 4; num++) {
    acoap_builder_t *builder = begin(play, ACOAP_CODE_GET, uri);
    acoap_block_t block = {num, false, 6};
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &block);
    const sim_datagram_t *answer = ask(play, play->token);
    if (answer == NULL || answer->view.code != ACOAP_CODE_CONTENT ||
        acoap_view_block(&answer->view, ACOAP_OPTION_BLOCK2, &block) != 1) {
      return;
    }
    ck_assert_uint_eq(block.num, num);
    ck_assert_uint_eq(len, (size_t)num * 1024);
    ck_assert_uint_le(len + answer->view.payload.len, LONG);
    ck_assert_int_eq(memcmp(answer->view.payload.data, long_bytes + len, answer->view.payload.len),
                     0);
    len += answer->view.payload.len;
    more = block.more;
  }
  play->served = len == LONG;
}

/* RFC 9177: a set out of order, and what was lost is asked for. */
static void upload_in_sets(play_t *play, const char *uri) {
  static const uint32_t order[] = {2, 0, 3, 1, 0, 1, 2, 3};
  uint8_t code = 0;
  for (size_t i = 0; i < 8 && code == 0; i++) {
    acoap_block_t block = {order[i], order[i] < 3, 0};
    acoap_builder_t *builder = begin(play, ACOAP_CODE_PUT, uri);
    acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK1, &block);
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE1, 64);
    acoap_builder_option(builder, ACOAP_OPTION_REQUEST_TAG, "t", 1);
    acoap_builder_payload(builder, long_bytes + (size_t)order[i] * 16, 16);
    int len = acoap_builder_finish(builder);
    ck_assert_int_gt(len, 0);
    send_bytes(play, play->rig.bytes, (size_t)len);
    server_rig_run(&play->rig, 10);
    const sim_datagram_t *answer = take(play, play->token);
    code = answer != NULL ? answer->view.code : 0;
    code = code == ACOAP_CODE_EMPTY || code == ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE ? 0 : code;
  }
  play->served = code == ACOAP_CODE_CHANGED;
}

static void flow_put_in_sets(play_t *play) {
  upload_in_sets(play, "/put");
}

static void flow_upload_in_sets(play_t *play) {
  upload_in_sets(play, "/upload");
}

static void download_in_sets(play_t *play, const char *uri) {
  acoap_block_t block = {0, true, 2};
  size_t len = 0;
  acoap_builder_t *builder = begin(play, ACOAP_CODE_GET, uri);
  acoap_builder_block(builder, ACOAP_OPTION_Q_BLOCK2, &block);
  int size = acoap_builder_finish(builder);
  ck_assert_int_gt(size, 0);
  acoap_message_set_header(play->rig.bytes, ACOAP_NON, play->rig.message_id);
  send_bytes(play, play->rig.bytes, (size_t)size);
  server_rig_run(&play->rig, 30000);
  while (play->rig.peer.taken < play->rig.peer.received) {
    const sim_datagram_t *got = sim_peer_next(&play->rig.peer);
    if (acoap_view_block(&got->view, ACOAP_OPTION_Q_BLOCK2, &block) == 1) {
      size_t at = (size_t)block.num * 64;
      ck_assert_uint_le(at + got->view.payload.len, LONG);
      ck_assert_mem_eq(got->view.payload.data, long_bytes + at, got->view.payload.len);
      len += got->view.payload.len;
    }
  }
  play->served = len == LONG;
}

static void flow_sets(play_t *play) {
  download_in_sets(play, "/long");
}

static void flow_read_in_sets(play_t *play) {
  download_in_sets(play, "/read");
}

static void flow_get(play_t *play) {
  acoap_builder_option(begin(play, ACOAP_CODE_GET, "/get?a=b"), ACOAP_OPTION_ETAG, "v0", 2);
  uint8_t first = ask_code(play);
  acoap_builder_option(begin(play, ACOAP_CODE_GET, "/get?a=b"), ACOAP_OPTION_ETAG, "v1", 2);
  uint8_t second = ask_code(play);
  begin(play, ACOAP_CODE_POST, "/none");
  uint8_t third = ask_code(play);
  play->served =
      first == ACOAP_CODE_CONTENT && second == ACOAP_CODE_VALID && third == ACOAP_CODE_NOT_FOUND;
}

static void flow_block2(play_t *play) {
  download(play, "/long");
}

static void flow_read(play_t *play) {
  download(play, "/read");
}

/* The reader of the first block has nothing at first. */
static void flow_late(play_t *play) {
  begin(play, ACOAP_CODE_GET, "/late");
  int len = acoap_builder_finish(&play->rig.builder);
  send_bytes(play, play->rig.bytes, (size_t)len);
  server_rig_run(&play->rig, 10);
  if (play->released < play->opened) {
    acoap_body_ready(play->waiting);
  }
  server_rig_run(&play->rig, 10);
  const sim_datagram_t *answer = take(play, play->token);
  play->served =
      answer != NULL && answer->view.code == ACOAP_CODE_CONTENT && answer->view.payload.len == 1024;
}

/* Blocks both ways (RFC 7959 section 3.3, RFC 8132 section 2.2). */
static void flow_fetch(play_t *play) {
  uint8_t code = 0;
  for (uint32_t num = 0; num < 6; num++) {
    acoap_block_t block = {num < 4 ? num : num - 3, num < 3, num < 4 ? 0 : 6};
    acoap_builder_t *builder = begin(play, ACOAP_CODE_FETCH, "/fetch");
    acoap_builder_block(builder, num < 4 ? ACOAP_OPTION_BLOCK1 : ACOAP_OPTION_BLOCK2, &block);
    if (num < 4) {
      acoap_builder_payload(builder, long_bytes + (size_t)num * 16, 16);
    }
    code = ask_code(play);
  }
  play->served = code == ACOAP_CODE_CONTENT;
}

/* To a group: the answer comes after a leisure. */
static void flow_multicast(play_t *play) {
  begin(play, ACOAP_CODE_GET, "/.well-known/core");
  int len = acoap_builder_finish(&play->rig.builder);
  acoap_message_set_header(play->rig.bytes, ACOAP_NON, play->rig.message_id);
  acoap_address_t server = play->rig.address;
  play->rig.address = play->rig.group;
  send_bytes(play, play->rig.bytes, (size_t)len);
  play->rig.address = server;
  server_rig_run(&play->rig, 6000);
  const sim_datagram_t *answer = take(play, play->token);
  play->served = answer != NULL && answer->view.code == ACOAP_CODE_CONTENT;
}

static void flow_well_known(play_t *play) {
  begin(play, ACOAP_CODE_GET, "/.well-known/core?rt=a*");
  play->served = ask_code(play) == ACOAP_CODE_CONTENT;
}

static void flow_observe(play_t *play) {
  acoap_builder_uint(begin(play, ACOAP_CODE_GET, "/state"), ACOAP_OPTION_OBSERVE, 0);
  acoap_bytes_t value;
  const sim_datagram_t *answer = ask(play, play->token);
  bool registered = answer != NULL && answer->view.code == ACOAP_CODE_CONTENT &&
                    acoap_view_option(&answer->view, ACOAP_OPTION_OBSERVE, 0, &value);
  play->token++; /* what comes under the old one are notifications */
  for (play->state = 5; play->state < 9; play->state++) {
    (void)acoap_resource_notify(play->observed);
    server_rig_run(&play->rig, 100);
    (void)take(play, play->token);
  }
  server_rig_run(&play->rig, 300000);
  (void)take(play, play->token);
  unsigned before = play->notices;
  acoap_resource_remove(play->observed); /* a 4.04 follows */
  server_rig_run(&play->rig, 100);
  (void)take(play, play->token);
  server_rig_run(&play->rig, 300000);
  (void)take(play, play->token);
  play->served =
      registered && before == 4 && play->notices == 5 && play->notice == ACOAP_CODE_NOT_FOUND;
}

static void flow_separate(play_t *play) {
  begin(play, ACOAP_CODE_GET, "/kept");
  int len = acoap_builder_finish(&play->rig.builder);
  send_bytes(play, play->rig.bytes, (size_t)len);
  server_rig_run(&play->rig, 3000);
  (void)take(play, play->token);
  if (play->kept != NULL) {
    acoap_request_respond(play->kept, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, long_bytes, LONG);
    play->kept = acoap_request_unref(play->kept);
  }
  server_rig_run(&play->rig, 10);
  const sim_datagram_t *answer = take(play, play->token);
  play->served = answer != NULL && answer->view.code == ACOAP_CODE_CONTENT;
}

static void flow_reply(play_t *play) {
  begin(play, ACOAP_CODE_GET, "/reply");
  int len = acoap_builder_finish(&play->rig.builder);
  send_bytes(play, play->rig.bytes, (size_t)len);
  server_rig_run(&play->rig, 10);
  if (play->reply != NULL) {
    int status = acoap_reply_send(play->reply, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "late", 4);
    ck_assert(status == 0 || status == ACOAP_ENOMEM);
    play->reply = NULL;
  }
  server_rig_run(&play->rig, 10);
  const sim_datagram_t *answer = take(play, play->token);
  play->served = answer != NULL && answer->view.code == ACOAP_CODE_CONTENT;
}

/* Resources are made and removed, one of each kind. */
static void flow_resources(play_t *play) {
  acoap_server_t *server = play->rig.server;
  acoap_resource_t *resource = acoap_resource_new(server, "/new/:id/...");
  play->opened++;
  (void)acoap_resource_on_destroy(resource, release, play);
  acoap_resource_on(resource, ACOAP_CODE_GET, get, play);
  acoap_resource_attribute(resource, "rt", "one");
  acoap_resource_attribute(resource, "rt", "two");
  acoap_resource_gives(resource, ACOAP_FORMAT_JSON);
  acoap_resource_takes(resource, ACOAP_FORMAT_JSON);
  acoap_resource_understands(resource, 65001);
  acoap_resource_observable(resource, NULL);
  acoap_resource_t *ready[] = {
      acoap_resource_new_static(server, "/static", ACOAP_FORMAT_TEXT_PLAIN, "x", 1),
      acoap_resource_new_counter(server, "/counter", 7),
      acoap_resource_new_group(server, "/new"),
      acoap_resource_new_stats(server, "/stats"),
  };
  int status = acoap_server_status(server);
  ck_assert(status == 0 || status == ACOAP_ENOMEM);
  play->served = status == 0;
  for (size_t i = 0; i < sizeof(ready) / sizeof(ready[0]); i++) {
    play->served = play->served && ready[i] != NULL;
    acoap_resource_remove(ready[i]);
  }
  acoap_resource_remove(resource);
}

/* A server is made. */
static void flow_server(play_t *play) {
  acoap_server_t *server = NULL;
  acoap_server_options_t options = {.size = sizeof(options),
                                    .amplification = ACOAP_AMPLIFICATION_ON};
  acoap_server_free(play->rig.server);
  play->rig.server = NULL;
  int status = acoap_server_new(play->rig.endpoint, &options, &server);
  ck_assert(status == 0 || status == ACOAP_ENOMEM);
  ck_assert_int_eq(status == 0, server != NULL);
  play->served = status == 0;
  acoap_server_free(server);
}

/* ---- the loop over n ------------------------------------------------------------------------- */

static void play_open(play_t *play) {
  memset(play, 0, sizeof(*play));
  for (size_t i = 0; i < sizeof(long_bytes); i++) {
    long_bytes[i] = (uint8_t)(i * 7 + i / 256);
  }
  server_rig_open(&play->rig, 6, NULL);
  server_rig_join(&play->rig);
  acoap_server_t *server = play->rig.server;
  acoap_resource_t *resource = acoap_resource_new(server, "/get");
  acoap_resource_on(resource, ACOAP_CODE_GET, get, play);
  acoap_resource_on_version(resource, version, play);
  acoap_resource_attribute(resource, "rt", "able");
  acoap_resource_on(acoap_resource_new(server, "/long"), ACOAP_CODE_GET, get_long, play);
  acoap_resource_on(acoap_resource_new(server, "/read"), ACOAP_CODE_GET, get_read, play);
  acoap_resource_on(acoap_resource_new(server, "/late"), ACOAP_CODE_GET, get_late, play);
  acoap_resource_on(acoap_resource_new(server, "/fetch"), ACOAP_CODE_FETCH, fetch, play);
  acoap_resource_on(acoap_resource_new(server, "/put"), ACOAP_CODE_PUT, put, play);
  resource = acoap_resource_new(server, "/upload");
  acoap_resource_on_upload(resource, &writer, play);
  acoap_resource_on(resource, ACOAP_CODE_PUT, put_upload, play);
  play->observed = acoap_resource_new(server, "/state");
  acoap_resource_on(play->observed, ACOAP_CODE_GET, get_state, play);
  acoap_resource_observable(play->observed, NULL);
  acoap_resource_on(acoap_resource_new(server, "/kept"), ACOAP_CODE_GET, keep, play);
  acoap_resource_on(acoap_resource_new(server, "/reply"), ACOAP_CODE_GET, reply_later, play);
  ck_assert_int_eq(acoap_server_status(server), 0);
}

static void play_close(play_t *play) {
  play->kept = acoap_request_unref(play->kept);
  acoap_reply_drop(play->reply);
  server_rig_close(&play->rig);
}

typedef struct flow {
  const char *name;
  void (*run)(play_t *play);
  bool ends_server; /* nothing can be asked afterwards */
} flow_t;

static const flow_t flows[] = {
    {"get", flow_get, false},
    {"put", flow_put, false},
    {"upload", flow_upload, false},
    {"half upload", flow_half_upload, false},
    {"block2", flow_block2, false},
    {"read", flow_read, false},
    {"put in sets", flow_put_in_sets, false},
    {"upload in sets", flow_upload_in_sets, false},
    {"sets", flow_sets, false},
    {"read in sets", flow_read_in_sets, false},
    {"late", flow_late, false},
    {"fetch", flow_fetch, false},
    {"multicast", flow_multicast, false},
    {"well-known", flow_well_known, false},
    {"observe", flow_observe, false},
    {"separate", flow_separate, false},
    {"reply", flow_reply, false},
    {"resources", flow_resources, false},
    {"server", flow_server, true},
};

/* One run; did the failure happen? `from`: everything fails from the n-th allocation on, until the
 * flow is over. */
static bool run_flow(const flow_t *flow, size_t n, bool from) {
  play_t *play = malloc(sizeof(*play));
  ck_assert_ptr_nonnull(play);
  size_t before = fail_alloc_live();
  play_open(play);
  if (from) {
    fail_alloc_from(n);
  } else {
    fail_alloc_at(n);
  }
  flow->run(play);
  bool failed = fail_alloc_happened();
  fail_alloc_at(0);
  ck_assert_msg(failed || play->served, "%s fails with memory", flow->name);
  if (!flow->ends_server) {
    server_rig_run(&play->rig, 300000); /* what is left over times out */
    (void)take(play, 0);
    begin(play, ACOAP_CODE_GET, "/get");
    ck_assert_msg(ask_code(play) == ACOAP_CODE_CONTENT, "%s, n %u: serves no more", flow->name,
                  (unsigned)n);
  }
  play_close(play);
  ck_assert_msg(play->opened == play->released, "%s, n %u: %u opened, %u released", flow->name,
                (unsigned)n, play->opened, play->released);
  ck_assert_msg(play->uploads == play->ends, "%s, n %u: %u uploads, %u ends", flow->name,
                (unsigned)n, play->uploads, play->ends);
  ck_assert_msg(fail_alloc_live() == before, "%s, n %u: %d blocks leaked", flow->name, (unsigned)n,
                (int)(fail_alloc_live() - before));
  free(play);
  return failed;
}

START_TEST(every_flow_survives_the_failure_of_every_allocation) {
  size_t n;
  fail_alloc_install();
  for (n = 1; run_flow(&flows[_i], n, false); n++) {
  }
  ck_assert_uint_gt(n, 1);
  fail_alloc_restore();
}
END_TEST

START_TEST(every_flow_survives_the_end_of_memory) {
  size_t n;
  fail_alloc_install();
  for (n = 1; run_flow(&flows[_i], n, true); n++) {
  }
  ck_assert_uint_gt(n, 1);
  fail_alloc_restore();
}
END_TEST

static Suite *alloc_suite(void) {
  Suite *suite = suite_create("torture/server_alloc");
  TCase *tcase = tcase_create("flows");
  int count = (int)(sizeof(flows) / sizeof(flows[0]));
  tcase_add_loop_test(tcase, every_flow_survives_the_failure_of_every_allocation, 0, count);
  tcase_add_loop_test(tcase, every_flow_survives_the_end_of_memory, 0, count);
  tcase_set_timeout(tcase, 100);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(alloc_suite)
