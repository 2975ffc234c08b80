/*
 * The body of a response (RFC 7959 section 1.3): one version of a representation, in memory or read
 * piece by piece. A read body has a window of one block and the byte ahead:
 *
 *     more = size known ? offset + n < size : there is a byte at offset + n
 *
 * so that the last block says so although the size is unknown, and a sequential body serves the
 * last block once more when a client asks for it again. One read is under way at a time; while it
 * has nothing yet, everybody waits, and when it has, the same is asked again. ETag: as given; of
 * bytes in memory a hash (the same bytes have the same one, whoever makes the body); of what is
 * read a serial number. Cuts no blocks and knows no requests (block2.c).
 * Reference: RFC 7959 sections 2.4 and 4, RFC 7252 section 5.10.6.
 * SPDX-License-Identifier: MIT
 */
#include "server/body.h"

#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"

#define ETAG_MAX 8u

/* What a reader is about. */
typedef enum reading {
  READING_IDLE = 0, /* nothing is outstanding */
  READING_WAITS,    /* it answered ACOAP_EAGAIN */
  READING_READY     /* and said acoap_body_ready since */
} reading_t;

struct acoap_body {
  uint32_t refs;               /* holders */
  uint32_t keepers;            /* transfers among them */
  const acoap_body_ops_t *ops; /* NULL: in memory */
  const uint8_t *bytes;        /* in memory */
  uint64_t len;                /* ACOAP_BODY_SIZE_UNKNOWN until its end was seen */
  uint8_t *copy;               /* bytes of our own, from acoap__malloc; NULL: somebody else's */
  void (*release)(void *user_data); /* of lent bytes; may be NULL */
  void *user_data;                  /* handed to release and ops */
  bool borrowed;                    /* the bytes stay only until the answer was sent */
  bool etag_given;                  /* by acoap_body_set_etag */
  uint8_t etag_len;                 /* 0: none yet */
  uint8_t etag[ETAG_MAX];           /* the version's name */
  acoap__list_t waiting;            /* servings, by body_node */

  reading_t reading;  /* the state of the reader */
  bool in_read;       /* the reader's function runs */
  bool ready_early;   /* it said acoap_body_ready before it returned */
  uint64_t asked_at;  /* the piece whose read waits: offset */
  size_t asked_size;  /* and bytes */
  uint64_t passed;    /* greatest offset that the reader was asked for */
  uint64_t window_at; /* offset of the window's first byte */
  size_t window_len;  /* bytes in the window */
  uint8_t window[];   /* ACOAP__BODY_PIECE_MAX + 1 bytes of what is read */
};

/* ---- life ------------------------------------------------------------------------------------ */

static acoap_body_t *body_new(size_t window) {
  acoap_body_t *body = acoap__calloc(1, sizeof(*body) + window);
  if (body != NULL) {
    body->refs = 1;
    acoap__list_init(&body->waiting);
  }
  return body;
}

acoap_body_t *acoap_body_copy(const void *bytes, size_t len) {
  if (bytes == NULL && len > 0) {
    return NULL;
  }
  acoap_body_t *body = acoap__body_borrow(bytes, len);
  if (body != NULL && acoap__body_own(body) != 0) {
    return acoap_body_unref(body);
  }
  return body;
}

acoap_body_t *acoap_body_lend(const void *bytes, size_t len, void (*release)(void *user_data),
                              void *user_data) {
  acoap_body_t *body = bytes != NULL || len == 0 ? body_new(0) : NULL;
  if (body == NULL) {
    if (release != NULL) {
      release(user_data);
    }
    return NULL;
  }
  body->bytes = bytes;
  body->len = len;
  body->release = release;
  body->user_data = user_data;
  return body;
}

acoap_body_t *acoap_body_read(const acoap_body_ops_t *ops, uint64_t len, void *user_data) {
  if (ops == NULL) {
    return NULL;
  }
  bool sound = ops->size >= sizeof(*ops) && ops->read != NULL;
  acoap_body_t *body = sound ? body_new(ACOAP__BODY_PIECE_MAX + 1) : NULL;
  if (body == NULL) {
    if (ops->size >= sizeof(*ops) && ops->release != NULL) {
      ops->release(user_data);
    }
    return NULL;
  }
  body->ops = ops;
  body->len = len;
  body->release = ops->release;
  body->user_data = user_data;
  return body;
}

acoap_body_t *acoap_body_ref(acoap_body_t *body) {
  if (body != NULL) {
    body->refs++;
  }
  return body;
}

acoap_body_t *acoap_body_unref(acoap_body_t *body) {
  if (body != NULL && --body->refs == 0) {
    if (body->release != NULL) {
      body->release(body->user_data);
    }
    acoap__free(body->copy);
    acoap__free(body);
  }
  return NULL;
}

acoap_body_t *acoap__body_borrow(const void *bytes, size_t len) {
  acoap_body_t *body = body_new(0);
  if (body != NULL) {
    body->bytes = bytes;
    body->len = len;
    body->borrowed = true;
  }
  return body;
}

int acoap__body_own(acoap_body_t *body) {
  if (!body->borrowed) {
    return 0;
  }
  size_t len = (size_t)body->len;
  uint8_t *copy = acoap__malloc(len > 0 ? len : 1);
  if (copy == NULL) {
    return ACOAP_ENOMEM;
  }
  if (len > 0) {
    memcpy(copy, body->bytes, len);
  }
  body->copy = copy;
  body->bytes = copy;
  body->borrowed = false;
  return 0;
}

void acoap__body_return(acoap_body_t *body) {
  if (body != NULL && body->borrowed) {
    body->bytes = NULL;
    body->len = 0;
  }
  acoap_body_unref(body);
}

/* ---- what it is ------------------------------------------------------------------------------ */

uint64_t acoap__body_len(const acoap_body_t *body) {
  return body->len;
}

bool acoap__body_is_sequential(const acoap_body_t *body) {
  return body->ops != NULL && body->ops->sequential;
}

size_t acoap__body_cost(const acoap_body_t *body) {
  if (body->ops != NULL) {
    return sizeof(*body) + ACOAP__BODY_PIECE_MAX + 1;
  }
  bool ours = body->copy != NULL || body->borrowed || body->release != NULL;
  return sizeof(*body) + (ours ? (size_t)body->len : 0);
}

bool acoap__body_keep(acoap_body_t *body) {
  acoap_body_ref(body);
  return body->keepers++ == 0;
}

bool acoap__body_unkeep(acoap_body_t *body) {
  bool last = --body->keepers == 0;
  acoap_body_unref(body);
  return last;
}

/* ---- ETag ------------------------------------------------------------------------------------ */

int acoap_body_set_etag(acoap_body_t *body, const void *etag, size_t len) {
  if (body == NULL || etag == NULL || len == 0 || len > ETAG_MAX) {
    return ACOAP_EINVAL;
  }
  memcpy(body->etag, etag, len);
  body->etag_len = (uint8_t)len;
  body->etag_given = true;
  return 0;
}

static void put_etag(acoap_body_t *body, uint64_t number) {
  for (size_t i = 0; i < ETAG_MAX; i++) {
    body->etag[i] = (uint8_t)(number >> (8 * i));
  }
  body->etag_len = ETAG_MAX;
}

acoap_bytes_t acoap__body_etag(const acoap_body_t *body) {
  /* No secret: whoever serves the same bytes, also after a restart, gives them the same name. */
  static const uint8_t key[16] = {0};
  if (body->etag_len == 0 && body->ops == NULL) {
    /* Made when it is first asked for; what the body says of itself does not change by that. */
    put_etag((acoap_body_t *)(uintptr_t)body,
             acoap__siphash(key, body->len > 0 ? body->bytes : key, (size_t)body->len));
  }
  return (acoap_bytes_t){body->etag, body->etag_len};
}

bool acoap__body_etag_given(const acoap_body_t *body) {
  return body->etag_given;
}

bool acoap__body_etag_lasts(const acoap_body_t *body) {
  return body->etag_given || body->ops == NULL;
}

void acoap__body_number(acoap_body_t *body, uint64_t serial) {
  if (body->etag_len == 0 && body->ops != NULL) {
    put_etag(body, serial);
  }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* How many bytes the window should have from `offset` on: the piece and the byte ahead, or as far
 * as the body goes. */
static size_t wanted(const acoap_body_t *body, uint64_t offset, size_t size) {
  uint64_t want = (uint64_t)size + 1;
  if (body->len != ACOAP_BODY_SIZE_UNKNOWN && want > body->len - offset) {
    want = body->len - offset;
  }
  return (size_t)want;
}

/* Bytes of the window from `offset` on; 0 also when it is not in it. */
static size_t window_tail(const acoap_body_t *body, uint64_t offset) {
  if (offset < body->window_at || offset - body->window_at > body->window_len) {
    return 0;
  }
  return body->window_len - (size_t)(offset - body->window_at);
}

static bool behind_end(const acoap_body_t *body, uint64_t offset) {
  return body->len != ACOAP_BODY_SIZE_UNKNOWN && offset >= body->len && offset > 0;
}

/* Call the reader. Returns the bytes it gave, or a negative error. */
static int call_reader(acoap_body_t *body, uint64_t at, uint8_t *room, size_t cap) {
  body->in_read = true;
  body->ready_early = false;
  int given = body->ops->read(body->user_data, body, at, room, cap);
  body->in_read = false;
  return given >= 0 && (size_t)given > cap ? ACOAP_EINVAL : given;
}

/* The reader gave `given` of `cap` bytes at `at`: what that says of the size. */
static int note_end(acoap_body_t *body, uint64_t at, size_t given, size_t cap) {
  if (given == cap) {
    return 0;
  }
  if (body->len != ACOAP_BODY_SIZE_UNKNOWN) {
    return ACOAP_EINCOMPLETE;
  }
  if (given == 0 && at > 0 && at != body->window_at + body->window_len) {
    return ACOAP_CODE_BAD_REQUEST; /* at or behind the end, wherever that is */
  }
  body->len = at + given;
  return 0;
}

/* Read what the window lacks for a piece. The window stays as it is unless that succeeds. */
static int fill(acoap_body_t *body, uint64_t offset, size_t size) {
  uint8_t fresh[ACOAP__BODY_PIECE_MAX + 1];
  size_t want = wanted(body, offset, size);
  size_t tail = window_tail(body, offset);
  size_t cap = want - tail;
  uint64_t at = offset + tail;
  /* Somebody has skipped ahead, perhaps behind the end: what was passed cannot be read any more. */
  if (body->ops->sequential && at < body->passed) {
    return ACOAP_CODE_BAD_REQUEST;
  }
  body->passed = at;
  int given = call_reader(body, at, fresh, cap);
  if (given == ACOAP_EAGAIN) {
    body->reading = body->ready_early ? READING_READY : READING_WAITS;
    body->asked_at = offset;
    body->asked_size = size;
    return ACOAP_EAGAIN;
  }
  int status = given < 0 ? given : note_end(body, at, (size_t)given, cap);
  if (status != 0) {
    return status;
  }
  if (tail > 0) {
    memmove(body->window, body->window + (body->window_len - tail), tail);
  }
  memcpy(body->window + tail, fresh, (size_t)given);
  body->window_at = offset;
  body->window_len = tail + (size_t)given;
  return 0;
}

/* Is the piece in the window, with the byte ahead or the end? */
static bool in_window(const acoap_body_t *body, uint64_t offset, size_t size) {
  return offset >= body->window_at && offset - body->window_at <= body->window_len &&
         window_tail(body, offset) >= wanted(body, offset, size);
}

/*
 * Behind the window, or ahead of what follows it: a client with several requests in flight would
 * otherwise pass what it has asked for too, and what the network has put out of order. A body that
 * nobody has read from may be begun anywhere.
 */
static bool is_out_of_order(const acoap_body_t *body, uint64_t offset) {
  return offset < body->window_at ||
         (body->window_len > 0 && offset > body->window_at + body->window_len);
}

/* Bring the piece into the window. */
static int read_piece(acoap_body_t *body, uint64_t offset, size_t size) {
  if (body->in_read) {
    return ACOAP_EBUSY;
  }
  if (in_window(body, offset, size)) {
    return 0;
  }
  if (body->reading == READING_WAITS) {
    return ACOAP_EAGAIN;
  }
  if (body->reading == READING_READY) {
    bool same = body->asked_at == offset && body->asked_size == size;
    body->reading = READING_IDLE;
    int status = fill(body, body->asked_at, body->asked_size);
    if (status == ACOAP_EAGAIN || (status != 0 && same)) {
      return status;
    }
    if (behind_end(body, offset)) {
      return ACOAP_CODE_BAD_REQUEST;
    }
    if (in_window(body, offset, size)) {
      return 0;
    }
  }
  if (body->ops->sequential && is_out_of_order(body, offset)) {
    return ACOAP_CODE_BAD_REQUEST;
  }
  return fill(body, offset, size);
}

int acoap__body_piece(acoap_body_t *body, uint64_t offset, size_t size, acoap__piece_t *piece) {
  const uint8_t *from = body->bytes;
  if (behind_end(body, offset)) {
    return ACOAP_CODE_BAD_REQUEST;
  }
  if (body->ops != NULL) {
    acoap_body_ref(body);
    int status = read_piece(body, offset, size);
    bool alone = body->refs == 1;
    acoap_body_unref(body);
    if (status != 0 || alone) {
      return status != 0 ? status : ACOAP_ECANCELED;
    }
    if (behind_end(body, offset)) {
      return ACOAP_CODE_BAD_REQUEST;
    }
    from = body->window + (size_t)(offset - body->window_at);
  } else if (offset > 0) {
    from += (size_t)offset;
  }
  uint64_t left = body->ops != NULL ? window_tail(body, offset) : body->len - offset;
  piece->bytes.data = from;
  piece->bytes.len = left < size ? (size_t)left : size;
  piece->more = left > size;
  return 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void resume(acoap__deferred_t *deferred) {
  acoap__serving_t *serving = ACOAP__CONTAINER(deferred, acoap__serving_t, body_resume);
  acoap__list_remove(&serving->body_node);
  acoap__answer_resume(serving);
}

static void wake(acoap__serving_t *serving) {
  acoap__defer(acoap_request_endpoint(serving->request), &serving->body_resume);
}

void acoap__body_wait(acoap_body_t *body, acoap__serving_t *serving) {
  acoap__block2_forget(serving);
  acoap__deferred_init(&serving->body_resume, resume);
  acoap__list_append(&body->waiting, &serving->body_node);
  if (body->reading != READING_WAITS) {
    wake(serving);
  }
}

void acoap_body_ready(acoap_body_t *body) {
  if (body == NULL) {
    return;
  }
  if (body->in_read) {
    body->ready_early = true;
    return;
  }
  if (body->reading == READING_WAITS) {
    body->reading = READING_READY;
    for (acoap__list_t *node = body->waiting.next; node != &body->waiting; node = node->next) {
      wake(ACOAP__CONTAINER(node, acoap__serving_t, body_node));
    }
  }
}

void acoap__block2_forget(acoap__serving_t *serving) {
  acoap__list_remove(&serving->body_node);
  if (serving->body_resume.call != NULL) {
    acoap__deferred_cancel(&serving->body_resume);
  }
}
