/*
 * Response bodies in blocks (RFC 7959 sections 2.3, 2.4, 2.7 and 4). A block is asked for by number
 * and size; what is sent lies at the same offset, in blocks that may be smaller:
 *
 *     offset = num * size asked for,  size = min(asked for, block_size, what fits),
 *     number sent = offset / size
 *
 * Who asks with Block2 hears it also of a body in one block: that it is whole, and in which size it
 * was cut.
 *
 * Every block of a body is of one version: the body is kept, with the options of its first block,
 * under the key of who asks for what, and later blocks come from there without the handler. A GET
 * of the first block begins anew. When a body was forgotten, or there is no memory to keep it, a
 * later block is cut from what the handler answers to it, and the ETag shows whether that is the
 * same; what cannot be asked again (a POST) gets 4.08 then. What is kept is in transfers.c.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/mem.h"
#include "message/builder.h"
#include "server/qblock.h"

/* Bytes of an option with a value this long, at most: head, extended delta, value. */
#define OPTION_MAX(len) (3u + (len))
#define BLOCK_MAX 3u
#define SIZE_MAX_LEN 4u

/* The cut of one block. */
typedef struct cut {
  acoap_block_t block; /* its number, size, and whether more follow */
  uint64_t offset;     /* of its first byte */
  size_t size;         /* bytes at most */
  acoap_bytes_t etag;  /* that the builder has already, and the body's; len 0: none */
  acoap__piece_t piece;
} cut_t;

/* ---- keys ------------------------------------------------------------------------------------ */

/* Of a response to this request, body and all. */
static acoap__key_t key_of(const acoap__serving_t *serving) {
  unsigned parts = ACOAP__KEY_PEER;
  if (serving->view->code == ACOAP_CODE_FETCH) {
    parts |= ACOAP__KEY_PAYLOAD;
  }
  return acoap__key_make(serving->server, serving->request, parts);
}

/* As a later request says it, which need not repeat the body nor what is said of it (section 3.3).
 */
static acoap__key_t bare_key_of(const acoap__serving_t *serving) {
  return acoap__key_make(serving->server, serving->request,
                         ACOAP__KEY_PEER | ACOAP__KEY_WITHOUT_BODY);
}

/* Does the request say all that the body was made of? */
static bool repeats_all(const acoap__serving_t *serving) {
  const acoap_view_t *view = serving->view;
  return view->code == ACOAP_CODE_GET ||
         (view->code == ACOAP_CODE_FETCH && view->payload.len > 0 && !serving->has_block1 &&
          (serving->qblock & ACOAP__QBLOCK1) == 0);
}

acoap__transfer_t *acoap__block2_find(acoap__serving_t *serving) {
  if (!serving->has_body_key) {
    serving->has_body_key = true;
    serving->body_key_is_bare = !repeats_all(serving);
    serving->body_key = serving->body_key_is_bare ? bare_key_of(serving) : key_of(serving);
  }
  return serving->body_key_is_bare
             ? acoap__transfer_find_bare(serving->server, &serving->body_key)
             : acoap__transfer_find(serving->server, ACOAP__TRANSFER_OUT, &serving->body_key);
}

/* ---- the block ------------------------------------------------------------------------------- */

static uint8_t least_szx(uint8_t a, uint8_t b) {
  return a < b ? a : b;
}

/*
 * Which block, before anything is known of the room: an error response has no later blocks of its
 * own, so it begins whatever was asked for.
 */
static void cut_init(cut_t *cut, const acoap__serving_t *serving, const acoap_builder_t *builder) {
  int own = acoap_block_szx(serving->server->options.block_size);
  uint8_t szx = own >= 0 ? (uint8_t)own : 6;
  memset(cut, 0, sizeof(*cut));
  if (serving->has_block2) {
    szx = least_szx(szx, serving->block2.szx);
    if (acoap_code_is_success(acoap__builder_code(builder))) {
      cut->offset = (uint64_t)serving->block2.num * acoap_block_size(serving->block2.szx);
    }
  }
  cut->block.szx = szx;
}

/* The whole body in this size: does its last block have a number (20 bits)? */
static bool has_number(uint64_t last_byte, uint8_t szx) {
  return last_byte >> (szx + 4) <= ACOAP_BLOCK_NUM_MAX;
}

/* Offset of the body's last byte, as far as known; at least the block's. */
static uint64_t last_byte(const acoap_body_t *body, const cut_t *cut) {
  uint64_t len = acoap__body_len(body);
  return len != ACOAP_BODY_SIZE_UNKNOWN && len > cut->offset ? len - 1 : cut->offset;
}

/*
 * The largest size with room for block and options in `limit` bytes. 0; ACOAP_ENOSPACE; 4.00: the
 * client's size is too small for a body this long (section 2.2).
 */
static int choose_size(cut_t *cut, const acoap_builder_t *builder, const acoap_body_t *body,
                       size_t limit) {
  size_t options = OPTION_MAX(BLOCK_MAX) + OPTION_MAX(SIZE_MAX_LEN) + 1;
  options += cut->etag.len > 0 ? 0 : OPTION_MAX(8);
  size_t used = builder->len + options;
  uint64_t last = last_byte(body, cut);
  uint64_t len = acoap__body_len(body);
  if (!has_number(last, cut->block.szx)) {
    return ACOAP_CODE_BAD_REQUEST;
  }
  /* What is left of the body may be shorter than a block. */
  uint64_t left = len == ACOAP_BODY_SIZE_UNKNOWN ? UINT64_MAX
                  : len > cut->offset            ? len - cut->offset
                                                 : 0;
  for (;; cut->block.szx--) {
    size_t size = acoap_block_size(cut->block.szx);
    size_t need = left < size ? (size_t)left : size;
    if (used <= limit && need <= limit - used) {
      break;
    }
    if (cut->block.szx == 0 || !has_number(last, (uint8_t)(cut->block.szx - 1))) {
      return ACOAP_ENOSPACE;
    }
  }
  cut->size = acoap_block_size(cut->block.szx);
  cut->block.num = (uint32_t)(cut->offset >> (cut->block.szx + 4));
  return 0;
}

static int cut_block(cut_t *cut, acoap_body_t *body) {
  int status = acoap__body_piece(body, cut->offset, cut->size, &cut->piece);
  if (status == 0) {
    cut->block.more = cut->piece.more;
    if (cut->block.more && cut->block.num == ACOAP_BLOCK_NUM_MAX) {
      return ACOAP_CODE_BAD_REQUEST; /* of unknown size, and too long for this size */
    }
  }
  return status;
}

/* ---- what goes with it ----------------------------------------------------------------------- */

/* The builder's own ETag names the body: every block has it. Returns it; len 0: it has none. */
static acoap_bytes_t adopt_etag(const acoap_builder_t *builder, acoap_body_t *body) {
  acoap_bytes_t etag = {NULL, 0};
  if (acoap__builder_get(builder, ACOAP_OPTION_ETAG, &etag) &&
      acoap_body_set_etag(body, etag.data, etag.len) != 0) {
    etag.len = 0;
  }
  return etag;
}

/* Section 2.4: the client tells by it whether blocks belong together. */
static void write_etag(const acoap__serving_t *serving, acoap_builder_t *builder,
                       acoap_body_t *body, const cut_t *cut) {
  bool in_blocks = cut->block.more || cut->offset > 0;
  if (!acoap__body_etag_given(body)) {
    if (!in_blocks || acoap__builder_code(builder) != ACOAP_CODE_CONTENT) {
      acoap_builder_remove(builder, ACOAP_OPTION_ETAG); /* one that cannot be a body's */
      return;
    }
    acoap__transfers_t *transfers = serving->server->transfers;
    acoap__body_number(body, transfers->serial++);
  }
  acoap_bytes_t etag = acoap__body_etag(body);
  if (cut->etag.len > 0 && cut->etag.len == etag.len &&
      memcmp(cut->etag.data, etag.data, etag.len) == 0) {
    return; /* it stands there already; what was read from may have named the body anew */
  }
  acoap_builder_remove(builder, ACOAP_OPTION_ETAG);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, etag.data, etag.len);
}

void acoap__block2_write_etag(const acoap__serving_t *serving, acoap_builder_t *builder,
                              acoap_body_t *body) {
  (void)adopt_etag(builder, body);
  acoap__body_number(body, serving->server->transfers->serial++);
  acoap_bytes_t etag = acoap__body_etag(body);
  acoap_builder_remove(builder, ACOAP_OPTION_ETAG);
  acoap_builder_option(builder, ACOAP_OPTION_ETAG, etag.data, etag.len);
}

/* Section 4: when asked for, and with the first block of several. */
static void write_size(const acoap__serving_t *serving, acoap_builder_t *builder,
                       const acoap_body_t *body, const cut_t *cut) {
  uint64_t len = acoap__body_len(body);
  bool wanted = acoap__asked_has(&serving->asked, ACOAP_OPTION_SIZE2) ||
                (cut->offset == 0 && cut->block.more);
  acoap_builder_remove(builder, ACOAP_OPTION_SIZE2);
  if (wanted && len <= UINT32_MAX) {
    acoap_builder_uint(builder, ACOAP_OPTION_SIZE2, (uint32_t)len);
  }
}

static void write_block(const acoap__serving_t *serving, acoap_builder_t *builder,
                        acoap_body_t *body, const cut_t *cut) {
  bool in_blocks = cut->block.more || cut->offset > 0;
  write_etag(serving, builder, body, cut);
  write_size(serving, builder, body, cut);
  acoap_builder_remove(builder, ACOAP_OPTION_BLOCK2);
  if (in_blocks || (serving->has_block2 && acoap_code_is_success(acoap__builder_code(builder)))) {
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &cut->block);
  }
  acoap_builder_payload(builder, cut->piece.bytes.data, cut->piece.bytes.len);
}

void acoap__block2_whole(const acoap__serving_t *serving, acoap_builder_t *builder) {
  acoap_view_t view;
  acoap_bytes_t value;
  cut_t cut;
  acoap_builder_view(builder, &view);
  if (serving->has_block2 && acoap_code_is_success(view.code) && view.payload.len > 0 &&
      !acoap_view_option(&view, ACOAP_OPTION_BLOCK2, 0, &value)) {
    cut_init(&cut, serving, builder);
    acoap_builder_block(builder, ACOAP_OPTION_BLOCK2, &cut.block);
  }
}

/* ---- keeping --------------------------------------------------------------------------------- */

/* Options of one block alone, or of one request alone. */
static bool is_kept(uint16_t number) {
  return number != ACOAP_OPTION_BLOCK1 && number != ACOAP_OPTION_BLOCK2 &&
         number != ACOAP_OPTION_Q_BLOCK1 && number != ACOAP_OPTION_Q_BLOCK2 &&
         number != ACOAP_OPTION_SIZE2 && number != ACOAP_OPTION_OBSERVE &&
         number != ACOAP_OPTION_ECHO;
}

static void copy_options(acoap_builder_t *to, const acoap_view_t *from) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, from);
  while (acoap_option_next(&iter, &option)) {
    if (is_kept(option.number)) {
      acoap_builder_option(to, option.number, option.value.data, option.value.len);
    }
  }
}

/* Keep code and options of the block that was built. */
static int keep_options(acoap__transfer_t *transfer, const acoap_builder_t *builder) {
  acoap_view_t view;
  acoap_builder_t kept;
  acoap_builder_view(builder, &view);
  size_t cap = 4 + view.options.len;
  uint8_t *bytes = acoap__malloc(cap);
  if (bytes == NULL) {
    return ACOAP_ENOMEM;
  }
  acoap_builder_init(&kept, bytes, cap, ACOAP_CON, view.code, 0, NULL, 0);
  copy_options(&kept, &view);
  int len = acoap_builder_finish(&kept);
  if (len < 0) {
    acoap__free(bytes);
    return len;
  }
  transfer->options = bytes;
  transfer->options_len = (size_t)len;
  return 0;
}

/* A place in the table for what was built, in the place of one with the same key. */
static acoap__transfer_t *place(const acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  uint8_t method = serving->view->code;
  acoap__key_t bare = method == ACOAP_CODE_GET ? key_of(serving) : bare_key_of(serving);
  acoap__key_t key = method == ACOAP_CODE_FETCH ? key_of(serving) : bare;
  acoap__transfer_end(server, acoap__transfer_find(server, ACOAP__TRANSFER_OUT, &key),
                      ACOAP_ECANCELED);
  return acoap__transfer_new(serving, ACOAP__TRANSFER_OUT, &key,
                             method == ACOAP_CODE_GET ? NULL : &bare);
}

/* Memory first: what goes in favour of this may be a writer's, and that may do anything. */
static int keep(const acoap__serving_t *serving, const acoap_builder_t *builder, acoap_body_t *body,
                acoap__transfer_t **kept) {
  acoap_server_t *server = serving->server;
  acoap__transfers_t *transfers = server->transfers;
  size_t cost = acoap__body_cost(body);
  if (acoap__body_keep(body) && !acoap__transfers_reserve(transfers, cost, NULL)) {
    (void)acoap__body_unkeep(body);
    return ACOAP_EEXHAUSTED;
  }
  acoap__transfer_t *transfer = place(serving);
  if (transfer == NULL) {
    if (acoap__body_unkeep(body)) {
      acoap__transfers_give_back(transfers, cost);
    }
    return ACOAP_EEXHAUSTED;
  }
  transfer->body = body;
  acoap__transfer_charge(transfers, transfer, cost);
  int status = keep_options(transfer, builder);
  if (status == 0) {
    status = acoap__body_own(body);
  }
  if (status != 0) {
    acoap__transfer_end(server, transfer, status);
  } else {
    *kept = transfer;
  }
  return status;
}

acoap__transfer_t *acoap__block2_keep(const acoap__serving_t *serving,
                                      const acoap_builder_t *builder, acoap_body_t *body) {
  acoap_server_t *server = serving->server;
  acoap__transfer_t *transfer = NULL;
  acoap__server_hold(server);
  (void)keep(serving, builder, body, &transfer);
  bool freed = serving->server == NULL;
  acoap__server_release(server);
  return freed ? NULL : transfer;
}

/* Do without: can the handler be asked for the next block, and will it be known as the same? */
static bool can_do_without(const acoap__serving_t *serving, const acoap_body_t *body) {
  return acoap__is_safe(serving->view->code) && acoap__body_etag_lasts(body);
}

/* The first block that the table has not seen goes: keep what is needed for the others. */
static int keep_or_refuse(const acoap__serving_t *serving, acoap_builder_t *builder,
                          acoap_body_t *body) {
  acoap_server_t *server = serving->server;
  acoap__transfer_t *transfer;
  acoap__server_hold(server);
  int status = keep(serving, builder, body, &transfer);
  acoap__server_release(server);
  if (serving->server == NULL) {
    return ACOAP_ECANCELED;
  }
  if (status == 0 || can_do_without(serving, body)) {
    return 0;
  }
  server->stats.transfers_refused++;
  return ACOAP_CODE_SERVICE_UNAVAILABLE;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Is it the body that later blocks come from already? */
static acoap__transfer_t *transfer_of(acoap__serving_t *serving, const acoap_body_t *body) {
  if (!serving->has_block2 || serving->block2.num == 0) {
    return NULL;
  }
  acoap__transfer_t *transfer = acoap__block2_find(serving);
  return transfer != NULL && transfer->body == body ? transfer : NULL;
}

static int note_block(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                      const cut_t *cut) {
  acoap__transfer_t *transfer = transfer_of(serving, body);
  if (transfer == NULL) {
    return cut->block.more ? keep_or_refuse(serving, builder, body) : 0;
  }
  if (cut->block.more) {
    acoap__transfer_follow(transfer, serving);
  } else {
    acoap__transfer_finish(serving->server, transfer);
  }
  return 0;
}

int acoap__block2_answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                         size_t limit) {
  cut_t cut;
  cut_init(&cut, serving, builder);
  cut.etag = adopt_etag(builder, body);
  int status = choose_size(&cut, builder, body, limit);
  if (status == 0) {
    status = cut_block(&cut, body);
  }
  if (status == ACOAP_EAGAIN) {
    acoap__body_wait(body, serving);
    return status;
  }
  if (status != 0 || serving->server == NULL) {
    return status != 0 ? status : ACOAP_ECANCELED;
  }
  write_block(serving, builder, body, &cut);
  int len = acoap_builder_finish(builder);
  return len < 0 ? len : note_block(serving, builder, body, &cut);
}

/* ---- a later block --------------------------------------------------------------------------- */

/* Code and options of the first block once more. NULL: no memory. */
acoap_builder_t *acoap__block2_begin_again(const acoap__serving_t *serving,
                                           const acoap__transfer_t *transfer) {
  acoap_view_t kept;
  if (acoap_decode(&kept, transfer->options, transfer->options_len, 0, NULL) != 0) {
    return NULL;
  }
  acoap_builder_t *builder = acoap_request_begin(serving->request, kept.code);
  if (builder != NULL) {
    copy_options(builder, &kept);
  }
  return builder;
}

bool acoap__block2_continue(acoap__serving_t *serving) {
  if (!serving->has_block2 || serving->block2.num == 0) {
    return false;
  }
  acoap__transfer_t *transfer = acoap__block2_find(serving);
  if (transfer == NULL) {
    if (acoap__is_safe(serving->view->code)) {
      return false;
    }
    /* Not twice: the client begins anew where it has to (section 2.9.2). */
    serving->has_block1 = false;
    acoap__answer_code(serving, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE, NULL);
    return true;
  }
  acoap_body_t *body = acoap_body_ref(transfer->body);
  acoap_builder_t *builder = acoap__block2_begin_again(serving, transfer);
  serving->settled = true;
  serving->answered = true;
  if (builder != NULL) {
    (void)acoap__answer_or_fail(serving, builder, body, ACOAP_AS_REQUESTED);
  }
  acoap_body_unref(body);
  return true;
}
