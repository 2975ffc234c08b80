/*
 * Streams: many results, one end, and back-pressure while paused.
 *
 * The rule: items are given in order, from the loop; while paused a block transfer asks for no next
 * block (send.c holds it), an observation keeps only the newest notification, a group's answers
 * wait up to a bound; what is not kept is counted. The end is given once, behind all items; when
 * the endpoint closes, at once.
 * SPDX-License-Identifier: MIT
 */
#include "client/stream.h"

#include "base/mem.h"
#include "client/send.h"

/* An item that waits. */
typedef struct item {
  acoap__list_t node;       /* in the stream's list */
  acoap_message_t *message; /* a reference */
} item_t;

static acoap__send_t *send_of(acoap_stream_t *stream) {
  return ACOAP__CONTAINER(stream, acoap__send_t, stream);
}

void acoap__stream_init(acoap_stream_t *stream, acoap_response_cb on_item, void *user_data) {
  stream->on_item = on_item;
  stream->user_data = user_data;
  acoap__list_init(&stream->items);
}

/* Take the oldest item out; the caller gets its reference. */
static acoap_message_t *pop(acoap_stream_t *stream) {
  item_t *item = ACOAP__CONTAINER(acoap__list_first(&stream->items), item_t, node);
  acoap_message_t *message = item->message;
  acoap__list_remove(&item->node);
  acoap__free(item);
  stream->item_count--;
  return message;
}

void acoap__stream_discard(acoap_stream_t *stream) {
  while (stream->item_count > 0) {
    acoap_message_unref(pop(stream));
    stream->dropped++;
  }
}

void acoap__stream_done(acoap_stream_t *stream) {
  while (stream->item_count > 0) {
    acoap_message_unref(pop(stream));
  }
  stream->end_message = acoap_message_unref(stream->end_message);
}

static void give(acoap__send_t *send, int status, acoap_message_t *message) {
  acoap_stream_t *stream = &send->stream;
  acoap__send_include_address(send, message);
  if (stream->on_item != NULL) {
    stream->on_item(stream->user_data, status, message);
  }
}

static void keep(acoap_stream_t *stream, acoap_message_t *message) {
  item_t *item = acoap__malloc(sizeof(*item));
  if (item == NULL) {
    stream->dropped++;
    return;
  }
  item->message = acoap_message_ref(message);
  acoap__list_append(&stream->items, &item->node);
  stream->item_count++;
}

void acoap__stream_item(acoap__send_t *send, acoap_message_t *message, acoap__item_kind_t kind,
                        size_t queue_max) {
  acoap_stream_t *stream = &send->stream;
  if (!stream->paused && stream->item_count == 0) {
    give(send, 0, message);
    return;
  }
  if (kind == ACOAP__ITEM_NEWEST) {
    acoap__stream_discard(stream);
  }
  if (kind == ACOAP__ITEM_BOUNDED && stream->item_count >= queue_max) {
    stream->dropped++;
    return;
  }
  keep(stream, message);
}

/* Give the end; from here on the send is over. */
static void give_end(acoap__send_t *send) {
  acoap_stream_t *stream = &send->stream;
  acoap_message_t *message = stream->end_message;
  stream->end_message = NULL;
  stream->end_waits = false;
  stream->ended = true;
  send->delivered = true;
  give(send, stream->end_status, message);
  acoap_message_unref(message);
}

void acoap__stream_end(acoap__send_t *send, int status, acoap_message_t *message, bool now) {
  acoap_stream_t *stream = &send->stream;
  if (!stream->end_waits) {
    stream->end_waits = true;
    stream->end_status = status;
    stream->end_message = acoap_message_ref(message);
  }
  if (now || (!stream->paused && stream->item_count == 0)) {
    give_end(send);
  } else if (!stream->paused) {
    acoap__defer(send->endpoint, &send->resume); /* the items that still wait go first */
  }
}

void acoap__stream_drain(acoap__send_t *send) {
  acoap_stream_t *stream = &send->stream;
  while (!stream->paused && stream->item_count > 0 && !send->delivered) {
    acoap_message_t *message = pop(stream);
    give(send, 0, message);
    acoap_message_unref(message);
  }
  if (!stream->paused && stream->end_waits && stream->item_count == 0 && !send->delivered) {
    give_end(send);
  }
}

/* ---- for users ------------------------------------------------------------------------------ */

acoap_stream_t *acoap_stream_ref(acoap_stream_t *stream) {
  if (stream != NULL) {
    stream->refs++;
  }
  return stream;
}

acoap_stream_t *acoap_stream_unref(acoap_stream_t *stream) {
  if (stream != NULL && --stream->refs == 0) {
    acoap__send_cancel(send_of(stream));
  }
  return NULL;
}

void acoap_stream_pause(acoap_stream_t *stream) {
  if (stream != NULL) {
    stream->paused = true;
  }
}

void acoap_stream_resume(acoap_stream_t *stream) {
  if (stream == NULL || !stream->paused) {
    return;
  }
  acoap__send_t *send = send_of(stream);
  stream->paused = false;
  if (!send->delivered) {
    acoap__defer(send->endpoint, &send->resume);
  }
}

bool acoap_stream_paused(const acoap_stream_t *stream) {
  return stream != NULL && stream->paused;
}

uint64_t acoap_stream_dropped(const acoap_stream_t *stream) {
  return stream == NULL ? 0 : stream->dropped;
}

bool acoap_stream_ended(const acoap_stream_t *stream) {
  return stream == NULL || stream->ended;
}
