/*
 * Browsing: discovering a group again and again, and telling what has appeared, changed or gone
 * (RFC 7252 section 7, RFC 7390 section 2.7).
 *
 * The rule: one discovery every interval_ms; gone after misses_max of them without an answer. A
 * discovery that could not leave is one without answers. Remembers at most responders_max
 * responders, each with its last answer.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/send.h>

#include <string.h>

#include "base/mem.h"
#include "endpoint/endpoint.h"

#define INTERVAL_MS 60000
#define MISSES_MAX 3
#define RESPONDERS_MAX 1024
#define BODY_MAX_BYTES 65536

/* One that has answered. */
typedef struct known {
  acoap__list_t node;       /* among the browse's */
  acoap_address_t address;  /* whose answer */
  acoap_message_t *message; /* the last one; a reference */
  uint32_t misses;          /* discoveries since */
  bool answered;            /* in this discovery */
} known_t;

struct acoap_browse {
  acoap_local_endpoint_t *endpoint; /* where it lives; NULL: ended */
  acoap_remote_endpoint_t *remote;  /* who is asked; a reference */
  acoap__endpoint_user_t user;      /* learns when the endpoint closes */
  acoap_browse_options_t options;   /* with the defaults filled in */
  acoap_browse_cb on_change;        /* may be NULL */
  void *user_data;                  /* handed to it */
  acoap_stream_t *stream;           /* the discovery under way, or NULL */
  acoap__timer_t timer;             /* the next discovery */
  acoap_time_t started;             /* when the last one was */
  acoap__list_t known;              /* known_t */
  size_t count;                     /* how many */
  uint32_t busy;                    /* callbacks under way */
  bool freed;                       /* acoap_browse_free was called inside one */
};

static void tell(acoap_browse_t *browse, int status, int change, const known_t *known) {
  if (browse->on_change == NULL || browse->freed) {
    return;
  }
  browse->on_change(browse->user_data, status, (acoap_browse_change_t)change,
                    known == NULL ? NULL : &known->address, known == NULL ? NULL : known->message);
}

static void forget(acoap_browse_t *browse, known_t *known) {
  acoap__list_remove(&known->node);
  browse->count--;
  acoap_message_unref(known->message);
  acoap__free(known);
}

/* Let go of the endpoint. */
static void stop(acoap_browse_t *browse) {
  acoap_local_endpoint_t *endpoint = browse->endpoint;
  if (endpoint == NULL) {
    return;
  }
  browse->endpoint = NULL;
  acoap__local_endpoint_timer_clear(endpoint, &browse->timer);
  acoap__endpoint_user_remove(endpoint, &browse->user);
  browse->stream = acoap_stream_unref(browse->stream);
  browse->remote = acoap_remote_endpoint_unref(browse->remote);
}

static void leave(acoap_browse_t *browse) {
  if (--browse->busy > 0 || !browse->freed) {
    return;
  }
  while (!acoap__list_empty(&browse->known)) {
    forget(browse, ACOAP__CONTAINER(acoap__list_first(&browse->known), known_t, node));
  }
  acoap__free(browse);
}

static void end(acoap_browse_t *browse, int status) {
  if (browse->endpoint != NULL) {
    stop(browse);
    tell(browse, status, 0, NULL);
  }
}

/* ---- answers -------------------------------------------------------------------------------- */

static known_t *find(const acoap_browse_t *browse, const acoap_address_t *address) {
  for (acoap__list_t *node = browse->known.next; node != &browse->known; node = node->next) {
    known_t *known = ACOAP__CONTAINER(node, known_t, node);
    if (acoap_address_equal(&known->address, address)) {
      return known;
    }
  }
  return NULL;
}

static bool same_answer(const acoap_message_t *a, const acoap_message_t *b) {
  acoap_bytes_t x = acoap_message_payload(a);
  acoap_bytes_t y = acoap_message_payload(b);
  return acoap_message_content_format(a) == acoap_message_content_format(b) && x.len == y.len &&
         memcmp(x.data, y.data, x.len) == 0;
}

static void appeared(acoap_browse_t *browse, acoap_message_t *message) {
  known_t *known =
      browse->count < browse->options.responders_max ? acoap__calloc(1, sizeof(*known)) : NULL;
  if (known == NULL) {
    return; /* it will answer the next discovery as well */
  }
  known->address = *acoap_message_peer(message);
  known->message = acoap_message_ref(message);
  known->answered = true;
  acoap__list_append(&browse->known, &known->node);
  browse->count++;
  tell(browse, 0, ACOAP_APPEARED, known);
}

static void answered(acoap_browse_t *browse, acoap_message_t *message) {
  known_t *known = find(browse, acoap_message_peer(message));
  if (known == NULL) {
    appeared(browse, message);
    return;
  }
  bool same = same_answer(known->message, message);
  known->answered = true;
  known->misses = 0;
  acoap_message_ref(message);
  acoap_message_unref(known->message);
  known->message = message;
  if (!same) {
    tell(browse, 0, ACOAP_CHANGED, known);
  }
}

/* ---- discoveries ---------------------------------------------------------------------------- */

/* A discovery is over: whoever has missed too many is gone. */
static void count_misses(acoap_browse_t *browse) {
  acoap__list_t *node = browse->known.next;
  while (node != &browse->known && !browse->freed) {
    known_t *known = ACOAP__CONTAINER(node, known_t, node);
    if (!known->answered && ++known->misses >= browse->options.misses_max) {
      /* The callback may end the browse, but only this function takes entries out. */
      tell(browse, 0, ACOAP_GONE, known);
      node = known->node.next;
      forget(browse, known);
    } else {
      known->answered = false;
      node = known->node.next;
    }
  }
}

static void schedule(acoap_browse_t *browse) {
  if (browse->endpoint != NULL) {
    acoap__local_endpoint_timer_set(browse->endpoint, &browse->timer,
                                    browse->started + browse->options.interval_ms);
  }
}

static void on_item(void *user_data, int status, acoap_message_t *message) {
  acoap_browse_t *browse = user_data;
  browse->busy++;
  if (status == 0) {
    answered(browse, message);
  } else if (status == ACOAP_ECANCELED) {
    end(browse, status);
  } else {
    browse->stream = acoap_stream_unref(browse->stream);
    if (status == ACOAP_EEND || status == ACOAP_ENONET) {
      count_misses(browse);
    }
    schedule(browse);
  }
  leave(browse);
}

static int discover(acoap_browse_t *browse) {
  const acoap_browse_options_t *options = &browse->options;
  acoap_desc_t *desc = acoap_desc_get();
  acoap_desc_multicast(desc, options->multicast.size == 0 ? NULL : &options->multicast);
  acoap_desc_block2(desc, 0);
  acoap_desc_collect(desc, options->body_max_bytes);
  browse->started = acoap__local_endpoint_now(browse->endpoint);
  return acoap_send_stream(browse->remote, desc, on_item, browse, &browse->stream);
}

static void timer_due(acoap__timer_t *timer, acoap_time_t now) {
  acoap_browse_t *browse = ACOAP__CONTAINER(timer, acoap_browse_t, timer);
  (void)now;
  browse->busy++;
  int status = discover(browse);
  if (status == ACOAP_ENONET) {
    count_misses(browse);
  }
  if (status == ACOAP_ECLOSED) {
    end(browse, ACOAP_ECANCELED);
  } else if (status < 0) {
    schedule(browse); /* the next one may have more luck */
  }
  leave(browse);
}

static void closing(acoap__endpoint_user_t *user) {
  acoap_browse_t *browse = ACOAP__CONTAINER(user, acoap_browse_t, user);
  browse->busy++;
  end(browse, ACOAP_ECANCELED);
  leave(browse);
}

/* ---- for users ------------------------------------------------------------------------------ */

static void fill_options(acoap_browse_options_t *options, const acoap_browse_options_t *given) {
  memset(options, 0, sizeof(*options));
  if (given != NULL) {
    memcpy(options, given, given->size);
  }
  options->size = sizeof(*options);
  options->interval_ms = options->interval_ms == 0 ? INTERVAL_MS : options->interval_ms;
  options->misses_max = options->misses_max == 0 ? MISSES_MAX : options->misses_max;
  options->responders_max = options->responders_max == 0 ? RESPONDERS_MAX : options->responders_max;
  options->body_max_bytes = options->body_max_bytes == 0 ? BODY_MAX_BYTES : options->body_max_bytes;
}

int acoap_browse(acoap_remote_endpoint_t *remote, const acoap_browse_options_t *options,
                 acoap_browse_cb on_change, void *user_data, acoap_browse_t **browse) {
  if (remote == NULL || browse == NULL ||
      (options != NULL && (options->size < sizeof(size_t) || options->size > sizeof(*options)))) {
    return ACOAP_EINVAL;
  }
  acoap_browse_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  acoap_local_endpoint_t *endpoint = acoap__remote_local(remote);
  made->user.closing = closing;
  acoap__timer_init(&made->timer, timer_due);
  acoap__list_init(&made->known);
  fill_options(&made->options, options);
  int status = acoap__endpoint_user_add(endpoint, &made->user, true);
  if (status < 0) {
    acoap__free(made);
    return status;
  }
  made->endpoint = endpoint;
  made->remote = acoap_remote_endpoint_ref(remote);
  made->on_change = on_change;
  made->user_data = user_data;
  status = discover(made);
  if (status == ACOAP_ENONET) {
    schedule(made); /* interfaces come and go */
  } else if (status < 0) {
    stop(made);
    acoap__free(made);
    return status;
  }
  *browse = made;
  return 0;
}

void acoap_browse_free(acoap_browse_t *browse) {
  if (browse == NULL || browse->freed) {
    return;
  }
  browse->busy++;
  stop(browse);
  browse->freed = true;
  leave(browse);
}
