/*
 * What a UDP socket has to tell but found out inside a call: it waits for the loop's next turn,
 * since no event may come inside a call of the socket's own table. Notices are bounded; one that
 * finds no room is dropped and counted, and the exchange ends by its time-out.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_kinds.h"

#include <string.h>

#include "base/mem.h"

#define NOTICES_MAX 64

typedef struct udp_notice {
  acoap__list_t node; /* in news.notices */
  acoap_path_t path;  /* where to; nothing borrowed */
  int status;         /* libuv's code */
  size_t len;         /* of quote */
  uint8_t quote[];    /* the datagram */
} udp_notice_t;

/* Only those that wait now: what the callback has refused in its turn waits for the next one. */
static void tell_notices(acoap__udp_t *udp) {
  acoap__list_t now;
  acoap__list_init(&now);
  acoap__list_take(&udp->news.notices, &now);
  udp->news.notice_count = 0;
  for (acoap__list_t *node; (node = acoap__list_first(&now)) != NULL;) {
    udp_notice_t *refused = ACOAP__CONTAINER(node, udp_notice_t, node);
    acoap_peer_notice_t notice = {.event = ACOAP_PEER_ICMP,
                                  .path = refused->path,
                                  .status = refused->status,
                                  .reason = uv_strerror(refused->status),
                                  .quote = {refused->quote, refused->len}};
    acoap__list_remove(node);
    if (udp->events != NULL && udp->events->peer != NULL) {
      udp->events->peer(udp->user_data, &notice);
    }
    acoap__free(refused);
  }
}

/* Stays active while it tells: a turn of the loop that has told something does not wait. */
static void next_turn(uv_idle_t *idle) {
  acoap__udp_t *udp = idle->data;
  if (acoap__list_empty(&udp->news.notices) && !udp->news.writable) {
    uv_idle_stop(idle);
    return;
  }
  tell_notices(udp);
  if (udp->news.writable) {
    udp->news.writable = false;
    if (udp->events != NULL && udp->events->writable != NULL) {
      udp->events->writable(udp->user_data);
    }
  }
}

void acoap__udp_news_init(acoap__udp_t *udp, uv_loop_t *loop) {
  uv_idle_init(loop, &udp->news.idle);
  udp->news.idle.data = udp;
  acoap__list_init(&udp->news.notices);
}

void acoap__udp_news_refused(acoap__udp_t *udp, const acoap_path_t *path, int status,
                             acoap_bytes_t quote) {
  udp->stats.refused++;
  if (udp->events == NULL) {
    return;
  }
  udp_notice_t *refused = NULL;
  if (udp->news.notice_count < NOTICES_MAX) {
    refused = acoap__malloc(sizeof(*refused) + quote.len);
  }
  if (refused == NULL) {
    udp->stats.dropped_no_memory++;
    return;
  }
  refused->path = *path;
  refused->path.host = NULL;
  refused->path.credentials = NULL;
  refused->path.identity = NULL;
  refused->status = status;
  refused->len = quote.len;
  if (quote.len > 0) {
    memcpy(refused->quote, quote.data, quote.len);
  }
  acoap__list_append(&udp->news.notices, &refused->node);
  udp->news.notice_count++;
  uv_idle_start(&udp->news.idle, next_turn);
}

void acoap__udp_news_writable(acoap__udp_t *udp) {
  udp->news.writable = true;
  uv_idle_start(&udp->news.idle, next_turn);
}

void acoap__udp_news_drop(acoap__udp_t *udp) {
  for (acoap__list_t *node; (node = acoap__list_first(&udp->news.notices)) != NULL;) {
    acoap__list_remove(node);
    acoap__free(ACOAP__CONTAINER(node, udp_notice_t, node));
  }
  udp->news.notice_count = 0;
  udp->news.writable = false;
}
