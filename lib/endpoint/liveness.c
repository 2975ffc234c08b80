/*
 * Peer liveness: an Empty CON (the CoAP ping of RFC 7252 section 4.3) every interval while nothing
 * else is heard; a RST says alive, silence through all retransmissions says lost. next ping =
 * max(last heard, last ping's end) + interval. One ping is under way at a time.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/remote.h"

#include <string.h>

#include "base/mem.h"

#define EMPTY_MESSAGE_LEN 4

struct acoap_liveness {
  acoap__endpoint_user_t user;      /* told when the endpoint closes */
  acoap_remote_endpoint_t *remote;  /* referenced */
  uint32_t interval_ms;             /* between pings */
  acoap_liveness_cb changed;        /* told at the first result and at each change */
  void *user_data;                  /* handed to it */
  acoap__timer_t timer;             /* the next look */
  acoap__resolution_t resolution;   /* while the name is looked up */
  acoap__transmission_t tx;         /* the ping */
  acoap_path_t way;                 /* where that goes */
  uint8_t bytes[EMPTY_MESSAGE_LEN]; /* lent to it */
  acoap_path_t path;                /* where it goes */
  bool has_path;                    /* path is one */
  bool told;                        /* `alive` was told */
  bool alive;                       /* the last result */
  bool closed;                      /* the endpoint closes or has closed */
};

static acoap_local_endpoint_t *local_of(const acoap_liveness_t *liveness) {
  return liveness->remote->authority->endpoint;
}

/* A result: look again an interval after `since`, and tell when it is news. The callback may free
 * the object, so it comes last. */
static void conclude(acoap_liveness_t *liveness, acoap_time_t since, bool alive, int status) {
  bool news = !liveness->told || liveness->alive != alive;
  liveness->told = true;
  liveness->alive = alive;
  acoap__local_endpoint_timer_set(local_of(liveness), &liveness->timer,
                                  since + liveness->interval_ms);
  if (alive && liveness->has_path) {
    acoap__remote_address_good(liveness->remote, &liveness->path.peer);
  }
  if (!alive && liveness->has_path) {
    acoap__remote_address_bad(liveness->remote, &liveness->path.peer);
    liveness->has_path = false;
  }
  if (news) {
    liveness->changed(liveness->user_data, alive, status);
  }
}

static void ping(acoap_liveness_t *liveness, acoap_time_t now) {
  acoap_local_endpoint_t *local = local_of(liveness);
  acoap__peer_info_t info;
  int status = 0;
  if (!liveness->has_path) {
    size_t count = 0;
    const acoap_address_t *addresses = acoap__remote_addresses(liveness->remote, &count);
    acoap_address_t first = addresses[0];
    status = acoap__remote_path(liveness->remote, &first, &liveness->path);
    liveness->has_path = status == 0;
  }
  if (status == 0 && acoap__engine_peer_info(&local->engine, &liveness->path, &info) &&
      info.heard != 0 && now - info.heard < liveness->interval_ms) {
    conclude(liveness, info.heard, true, 0);
    return;
  }
  if (status == 0) {
    acoap_builder_t builder;
    acoap_builder_init(&builder, liveness->bytes, sizeof(liveness->bytes), ACOAP_CON,
                       ACOAP_CODE_EMPTY, 0, NULL, 0);
    status = acoap__transmission_send(&local->engine, now, &liveness->tx, &liveness->path,
                                      liveness->bytes, sizeof(liveness->bytes), ACOAP_CON,
                                      acoap__remote_params(liveness->remote));
  }
  if (status != 0) {
    conclude(liveness, now, false, status);
  }
}

/* acoap__timer_cb: look whether the peer was heard, and ping it if not. */
static void look(acoap__timer_t *timer, acoap_time_t now) {
  acoap_liveness_t *liveness = ACOAP__CONTAINER(timer, acoap_liveness_t, timer);
  int status = 1;
  if (!liveness->has_path) {
    status = acoap__remote_resolve_addresses(liveness->remote, &liveness->resolution);
  }
  if (status > 0) {
    ping(liveness, now);
  } else if (status < 0) {
    conclude(liveness, now, false, status);
  }
}

static void resolved(acoap__resolution_t *resolution, int status) {
  acoap_liveness_t *liveness = ACOAP__CONTAINER(resolution, acoap_liveness_t, resolution);
  acoap_time_t now = acoap__local_endpoint_now(local_of(liveness));
  if (status == 0) {
    ping(liveness, now);
  } else if (!liveness->closed) {
    conclude(liveness, now, false, status);
  }
}

static void acknowledged(acoap__transmission_t *tx, acoap_time_t now, const acoap_path_t *from,
                         const acoap_view_t *view) {
  (void)from;
  (void)view;
  /* Not what section 4.3 asks for, but a sign of life. */
  conclude(tx->owner, now, true, 0);
}

static void was_reset(acoap__transmission_t *tx, acoap_time_t now) {
  conclude(tx->owner, now, true, 0);
}

static void failed(acoap__transmission_t *tx, acoap_time_t now, int status) {
  conclude(tx->owner, now, false, status);
}

static const acoap__transmission_events_t ping_events = {
    .acknowledged = acknowledged,
    .reset = was_reset,
    .failed = failed,
};

static void stop(acoap_liveness_t *liveness) {
  acoap_local_endpoint_t *local = local_of(liveness);
  acoap__local_endpoint_timer_clear(local, &liveness->timer);
  acoap__resolution_cancel(&liveness->resolution);
  acoap__transmission_cancel(&local->engine, acoap__local_endpoint_now(local), &liveness->tx);
  acoap__endpoint_user_remove(local, &liveness->user);
  liveness->closed = true;
}

static void closing(acoap__endpoint_user_t *user) {
  stop(ACOAP__CONTAINER(user, acoap_liveness_t, user));
}

int acoap_liveness_new(acoap_remote_endpoint_t *remote, uint32_t interval_ms,
                       acoap_liveness_cb changed, void *user_data, acoap_liveness_t **liveness) {
  if (remote == NULL || interval_ms == 0 || changed == NULL || liveness == NULL ||
      acoap__remote_is_group(remote)) {
    return ACOAP_EINVAL;
  }
  acoap_local_endpoint_t *local = remote->authority->endpoint;
  acoap_liveness_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->user.closing = closing;
  int status = acoap__endpoint_user_add(local, &made->user, false);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  made->remote = acoap_remote_endpoint_ref(remote);
  made->interval_ms = interval_ms;
  made->changed = changed;
  made->user_data = user_data;
  acoap__resolution_init(&made->resolution, resolved);
  acoap__transmission_init(&made->tx, &made->way, &ping_events, made);
  acoap__timer_init(&made->timer, look);
  acoap__local_endpoint_timer_set(local, &made->timer, acoap__local_endpoint_now(local));
  *liveness = made;
  return 0;
}

void acoap_liveness_free(acoap_liveness_t *liveness) {
  if (liveness == NULL) {
    return;
  }
  if (!liveness->closed) {
    stop(liveness);
  }
  acoap_remote_endpoint_unref(liveness->remote);
  acoap__free(liveness);
}
