/*
 * Where request bodies go (RFC 7959 section 2.5): joined in memory that doubles up to the cap and
 * is reserved in the table of transfers, or to a writer (acoap_upload_ops_t) in constant memory,
 * which may take its time: the request is kept meanwhile. The rule: a writer whose `begin` said yes
 * hears exactly one end, the method's handler or `abort`. A body may be ended while one of its
 * writer's functions runs; it is freed when that returns. Knows nothing of blocks (block1.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/upload.h"

#include <string.h>

#include "base/mem.h"

/* Blocks that may be kept before their turn: bits 1 to 63. */
#define EARLY_MAX 63u

/* First room of a joined body, and the least it grows by. */
#define ROOM_LEAST 1024u

size_t acoap__upload_max(const acoap__serving_t *serving) {
  const acoap_resource_t *resource = serving->resource;
  if (resource != NULL && resource->body_max_bytes != 0) {
    return resource->body_max_bytes;
  }
  return serving->server->options.body_max_bytes;
}

bool acoap__upload_has_writer(const acoap__serving_t *serving) {
  return serving->resource != NULL && serving->resource->upload_ops != NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void upload_free(acoap_upload_t *upload) {
  acoap_resource_t *resource = upload->resource;
  if (upload->transfers != NULL) {
    acoap__transfers_give_back(upload->transfers, upload->cap);
  }
  acoap__list_remove(&upload->node);
  acoap__deferred_cancel(&upload->resume);
  acoap__free(upload->bytes);
  acoap__free(upload);
  acoap__resource_unref(resource);
}

/* Tell the writer that no handler will run. */
static void tell_abort(acoap_upload_t *upload, int status) {
  if (upload->begun && upload->ops->abort != NULL) {
    upload->begun = false;
    upload->calls++;
    upload->ops->abort(upload->ops_data, upload, status);
    upload->calls--;
  }
}

/* Let go of the request that waits; NULL: none. The caller gives its reference back. */
static acoap__serving_t *take_waiting(acoap_upload_t *upload) {
  acoap__serving_t *serving = upload->waiting;
  upload->waiting = NULL;
  return serving;
}

/* What the request of the last block gets when the body ends like this (see acoap__block1_fail):
 * begun anew or taken away, the client has to begin anew, too. */
static int why_of(int status) {
  return status == ACOAP_ECANCELED ? ACOAP_EINCOMPLETE : ACOAP_CODE_SERVICE_UNAVAILABLE;
}

static void answer_waiting(acoap__serving_t *serving, int status) {
  if (serving->server != NULL && !acoap__request_is_answered(serving->request)) {
    acoap__block1_fail(serving, why_of(status));
  }
  acoap_request_unref(serving->request);
}

static void resume(acoap__deferred_t *deferred);

void acoap__upload_end(acoap_upload_t *upload, int status) {
  if (upload->calls > 0) {
    upload->status = upload->ended ? upload->status : status;
    upload->ended = true;
    return;
  }
  acoap__serving_t *waiting = take_waiting(upload);
  acoap__deferred_cancel(&upload->resume);
  upload->transfer = NULL;
  tell_abort(upload, status);
  upload_free(upload);
  if (waiting != NULL) {
    answer_waiting(waiting, status);
  }
}

void acoap__upload_drop(acoap_upload_t *upload, int status) {
  acoap__transfer_t *transfer = upload->transfer;
  if (transfer != NULL) {
    acoap__transfer_end(upload->transfers->server, transfer, status);
  } else {
    acoap__upload_end(upload, status);
  }
}

void acoap__uploads_end(acoap__transfers_t *transfers, const acoap_resource_t *resource,
                        int status) {
  acoap__list_t ending;
  acoap__list_t *next;
  acoap__list_init(&ending);
  for (acoap__list_t *node = transfers->uploads.next; node != &transfers->uploads; node = next) {
    acoap_upload_t *upload = ACOAP__CONTAINER(node, acoap_upload_t, node);
    next = node->next;
    /* A complete body is its request's, and that stays answerable. */
    if ((resource == NULL || upload->resource == resource) &&
        (upload->waiting != NULL || upload->calls > 0)) {
      acoap__list_remove(node);
      acoap__list_append(&ending, node);
    }
  }
  acoap__list_t *node;
  while ((node = acoap__list_first(&ending)) != NULL) {
    acoap_upload_t *upload = ACOAP__CONTAINER(node, acoap_upload_t, node);
    acoap__list_remove(node);
    acoap__list_append(&transfers->uploads, node);
    acoap__upload_drop(upload, status);
  }
}

void acoap__uploads_orphan(acoap__transfers_t *transfers) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&transfers->uploads)) != NULL) {
    acoap_upload_t *upload = ACOAP__CONTAINER(node, acoap_upload_t, node);
    acoap__list_remove(node);
    upload->transfers = NULL;
  }
}

void acoap__block1_forget(acoap__serving_t *serving) {
  acoap_upload_t *upload = serving->upload;
  if (upload == NULL) {
    return;
  }
  serving->upload = NULL;
  if (serving->next_handler == 0) {
    tell_abort(upload, ACOAP_ECANCELED);
  }
  upload_free(upload);
}

/* ---- calls of the writer --------------------------------------------------------------------- */

/*
 * What may have called the application has returned `status`. ACOAP__UPLOAD_GONE when the body was
 * ended meanwhile, or its request answered: then everything is settled here.
 */
static int after_call(acoap_upload_t *upload, acoap__serving_t *serving, int status) {
  upload->calls--;
  bool answered = acoap__request_is_answered(serving->request);
  if (!upload->ended && !answered) {
    return status;
  }
  int why = upload->ended ? upload->status : ACOAP_ECANCELED;
  acoap__upload_drop(upload, why);
  if (!answered && serving->server != NULL) {
    acoap__block1_fail(serving, why_of(why));
  }
  return ACOAP__UPLOAD_GONE;
}

static int ask_writer(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t total) {
  int status = 0;
  if (upload->ops->begin != NULL) {
    upload->calls++;
    status = upload->ops->begin(upload->ops_data, upload, serving->request, total);
    upload->begun = status == 0;
    status = after_call(upload, serving, status);
  } else {
    upload->begun = true;
  }
  return status;
}

int acoap__upload_new(acoap__serving_t *serving, uint64_t total, acoap_upload_t **made) {
  acoap__transfers_t *transfers = serving->server->transfers;
  bool writer = acoap__upload_has_writer(serving);
  if (!writer && total != ACOAP_BODY_SIZE_UNKNOWN && total > acoap__upload_max(serving)) {
    return ACOAP_ETOOBIG;
  }
  acoap_upload_t *upload = acoap__calloc(1, sizeof(*upload));
  if (upload == NULL) {
    return ACOAP_ENOMEM;
  }
  upload->transfers = transfers;
  upload->resource = acoap__resource_ref(serving->resource);
  acoap__deferred_init(&upload->resume, resume);
  acoap__list_append(&transfers->uploads, &upload->node);
  if (writer) {
    upload->ops = serving->resource->upload_ops;
    upload->ops_data = serving->resource->upload_data;
    int status = ask_writer(upload, serving, total);
    if (status != 0) {
      if (status != ACOAP__UPLOAD_GONE) {
        acoap__upload_drop(upload, status);
      }
      return status;
    }
  }
  *made = upload;
  return 0;
}

/* ---- joining --------------------------------------------------------------------------------- */

/* Room for so many bytes in all: doubled, so that each byte is moved once on average. */
static int grow(acoap_upload_t *upload, acoap__serving_t *serving, size_t need, size_t most) {
  size_t cap = upload->cap < most / 2 ? 2 * upload->cap : most;
  cap = cap < ROOM_LEAST ? ROOM_LEAST : cap;
  cap = cap < most ? cap : most;
  cap = cap < need ? need : cap;
  size_t more = cap - upload->cap;
  acoap__transfers_t *transfers = upload->transfers;
  /* What goes in its favour may be another writer's, and that may do anything. */
  upload->calls++;
  bool reserved = acoap__transfers_reserve(transfers, more, upload->transfer);
  int status = after_call(upload, serving, reserved ? 0 : ACOAP_EEXHAUSTED);
  if (status != 0) {
    if (reserved) {
      acoap__transfers_give_back(transfers, more);
    }
    return status;
  }
  uint8_t *bytes = acoap__realloc(upload->bytes, cap);
  if (bytes == NULL) {
    acoap__transfers_give_back(transfers, more);
    return ACOAP_ENOMEM;
  }
  upload->bytes = bytes;
  upload->cap = cap;
  if (upload->transfer != NULL) {
    acoap__transfer_charge(transfers, upload->transfer, cap);
  }
  return 0;
}

static int join(acoap_upload_t *upload, acoap__serving_t *serving, size_t at, acoap_bytes_t bytes) {
  size_t most = acoap__upload_max(serving);
  if (at > most || bytes.len > most - at) {
    return ACOAP_ETOOBIG;
  }
  if (at + bytes.len > upload->cap) {
    int status = grow(upload, serving, at + bytes.len, most);
    if (status != 0) {
      return status;
    }
  }
  if (bytes.len > 0) {
    memcpy(upload->bytes + at, bytes.data, bytes.len);
  }
  return 0;
}

int acoap__upload_write_early(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset,
                              acoap_bytes_t bytes) {
  if (upload->ops != NULL || bytes.len == 0 || offset <= upload->len ||
      (upload->early != 0 && upload->early_len != bytes.len)) {
    return ACOAP_EINCOMPLETE;
  }
  uint64_t ahead = offset - upload->len;
  if (ahead % bytes.len != 0 || ahead / bytes.len > EARLY_MAX) {
    return ACOAP_EINCOMPLETE;
  }
  int status = join(upload, serving, (size_t)offset, bytes);
  if (status == 0) {
    upload->early_len = bytes.len;
    upload->early |= UINT64_C(1) << (ahead / bytes.len);
  }
  return status;
}

int acoap__upload_place(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset,
                        acoap_bytes_t bytes) {
  return offset <= SIZE_MAX ? join(upload, serving, (size_t)offset, bytes) : ACOAP_ETOOBIG;
}

/* `len` bytes were joined in their turn: those that came early and follow them are, too. */
static void take_over_early(acoap_upload_t *upload, size_t len) {
  if (len != upload->early_len) {
    upload->early = 0; /* another size of blocks: they are sent once more, or the body is */
  }
  for (upload->early >>= 1; (upload->early & 1) != 0; upload->early >>= 1) {
    upload->len += upload->early_len;
  }
}

/* ---- writing --------------------------------------------------------------------------------- */

static int hand_over(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset,
                     acoap_bytes_t bytes) {
  if (bytes.len == 0) {
    return 0;
  }
  if (upload->ops->write == NULL) {
    return ACOAP_EINVAL;
  }
  upload->ready_early = false;
  upload->calls++;
  int status = upload->ops->write(upload->ops_data, upload, offset, bytes);
  status = after_call(upload, serving, status);
  if (status == ACOAP_EAGAIN && upload->ready_early) {
    status = upload->ready_status;
  }
  return status;
}

int acoap__upload_write(acoap_upload_t *upload, acoap__serving_t *serving, uint64_t offset,
                        acoap_bytes_t bytes) {
  int status = upload->ops == NULL ? join(upload, serving, (size_t)upload->len, bytes)
                                   : hand_over(upload, serving, offset, bytes);
  if (status != 0 && status != ACOAP_EAGAIN) {
    return status;
  }
  upload->last_at = offset;
  upload->last_len = bytes.len;
  upload->len = offset + bytes.len;
  take_over_early(upload, bytes.len);
  if (status == ACOAP_EAGAIN) {
    upload->asked_later = true;
    acoap__upload_wait(upload, serving);
  }
  return status;
}

/* ---- waiting for the writer ------------------------------------------------------------------ */

void acoap__upload_wait(acoap_upload_t *upload, acoap__serving_t *serving) {
  acoap__serving_t *before = upload->waiting;
  upload->waiting = serving;
  acoap_request_ref(serving->request);
  if (before != NULL) {
    acoap_request_ignore(before->request);
    acoap_request_unref(before->request);
  }
}

static void resume(acoap__deferred_t *deferred) {
  acoap_upload_t *upload = ACOAP__CONTAINER(deferred, acoap_upload_t, resume);
  acoap__serving_t *serving = take_waiting(upload);
  if (serving == NULL || upload->transfers == NULL || serving->server == NULL) {
    return;
  }
  acoap_server_t *server = serving->server;
  acoap_request_t *request = serving->request;
  int status = upload->ready_status;
  upload->asked_later = false;
  acoap__server_hold(server);
  if (status == 0) {
    acoap__block1_written(upload, serving);
  } else {
    acoap__upload_drop(upload, status);
    acoap__block1_fail(serving, status);
  }
  acoap__server_release(server);
  acoap_request_unref(request);
}

void acoap_upload_ready(acoap_upload_t *upload, int status) {
  if (upload == NULL) {
    return;
  }
  if (!upload->asked_later) {
    upload->ready_early = upload->calls > 0;
    upload->ready_status = status;
    return;
  }
  if (upload->waiting != NULL) {
    upload->ready_status = status;
    acoap__defer(acoap_request_endpoint(upload->waiting->request), &upload->resume);
  }
}

/* ---- for writers and handlers ---------------------------------------------------------------- */

void acoap_upload_set_data(acoap_upload_t *upload, void *data) {
  if (upload != NULL) {
    upload->data = data;
  }
}

void *acoap_upload_data(const acoap_upload_t *upload) {
  return upload != NULL ? upload->data : NULL;
}

uint64_t acoap_upload_len(const acoap_upload_t *upload) {
  return upload != NULL ? upload->len : 0;
}

acoap_upload_t *acoap_request_upload(const acoap_request_t *request) {
  const acoap__serving_t *serving = acoap__serving_of(request);
  bool written = serving != NULL && serving->upload != NULL && serving->upload->ops != NULL;
  return written ? serving->upload : NULL;
}
