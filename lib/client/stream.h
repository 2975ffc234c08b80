/*
 * A stream's inside: the items that wait while it is paused, and the end. It is a part of the
 * send's object.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_STREAM_H
#define ACOAP_CLIENT_STREAM_H

#include <acoap/send.h>

#include "base/list.h"

struct acoap_stream {
  uint32_t refs;             /* holders; 0 in a send that handed none out */
  bool paused;               /* no items are given */
  bool end_waits;            /* the end is known but not given yet, being behind items or a pause */
  bool ended;                /* the end was given */
  acoap_response_cb on_item; /* may be NULL */
  void *user_data;           /* handed to it */
  acoap__list_t items;       /* acoap__item_t, oldest first */
  size_t item_count;         /* how many */
  uint64_t dropped;          /* never given */
  int end_status;            /* while end_waits */
  acoap_message_t *end_message; /* likewise; a reference, or NULL */
};

/* What a new item does to those that still wait. */
typedef enum acoap__item_kind {
  ACOAP__ITEM_NEXT = 0, /* it belongs behind them */
  ACOAP__ITEM_NEWEST,   /* it makes them stale (a notification) */
  ACOAP__ITEM_BOUNDED   /* it waits if there is room (an answer of a group) */
} acoap__item_kind_t;

struct acoap__send;

void acoap__stream_init(acoap_stream_t *stream, acoap_response_cb on_item, void *user_data);
/* An item has come: give it, or let it wait. */
void acoap__stream_item(struct acoap__send *send, acoap_message_t *message, acoap__item_kind_t kind,
                        size_t queue_max);
/* The end is known: give it behind the items, after a pause. `now`: at once, the items are void. */
void acoap__stream_end(struct acoap__send *send, int status, acoap_message_t *message, bool now);
/* Give what may be given; from the loop. */
void acoap__stream_drain(struct acoap__send *send);
/* A newer notification has come: what waits is stale. */
void acoap__stream_discard(acoap_stream_t *stream);
/* Drop what waits, uncounted. */
void acoap__stream_done(acoap_stream_t *stream);

#endif
