/*
 * The heapless endpoint: its memory, the way in, the way out, its turn (RFC 7252 section 4). The
 * second driver of the one engine, for firmware without a loop: nothing is called back, everything
 * is told by acoap_tiny_poll.
 *
 *     memory = endpoint + engine's tables + places of requests and responses
 *              + message_bytes * (requests + responses + 1)
 *
 * A datagram is lent until it is polled for, so no received byte is copied. One datagram makes one
 * event at most; what ends by time is noted in its place and told by the next calls. Answers
 * nothing itself.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tiny/tiny.h"

#include <string.h>

#include "base/small_hash.h"
#include "exchange/dedup.h"
#include "exchange/key_hash.h"

/* ---- memory ---------------------------------------------------------------------------------- */

/*
 * <acoap/tiny.h> promises that these are enough. Of a part that has grown:
 *     pointers = (size on a machine of 64 bits - size on one of 32) / 4
 *     bytes    = size on 32 bits - 4 * pointers
 */
_Static_assert(_Alignof(max_align_t) <= 2 * sizeof(void *), "tables are aligned for anything");
_Static_assert(sizeof(acoap_tiny_t) <= ACOAP_TINY_ENDPOINT_BYTES, "ACOAP_TINY_ENDPOINT_BYTES");
_Static_assert(sizeof(acoap__peer_table_t) <= ACOAP_TINY_TABLES_BYTES, "ACOAP_TINY_TABLES_BYTES");
_Static_assert(sizeof(acoap__peer_t) <= ACOAP_TINY_PEER_BYTES, "ACOAP_TINY_PEER_BYTES");
_Static_assert(sizeof(acoap__peer_queue_t) <= ACOAP_TINY_QUEUE_BYTES, "ACOAP_TINY_QUEUE_BYTES");
_Static_assert(sizeof(acoap__tokens_t) <= ACOAP_TINY_TOKENS_BYTES, "ACOAP_TINY_TOKENS_BYTES");
_Static_assert(sizeof(acoap__dedup_t) <= ACOAP_TINY_DEDUP_BYTES, "ACOAP_TINY_DEDUP_BYTES");
_Static_assert(sizeof(acoap__dedup_entry_t) <= ACOAP_TINY_ENTRY_BYTES, "ACOAP_TINY_ENTRY_BYTES");
_Static_assert(sizeof(acoap__tiny_request_t) <= ACOAP_TINY_REQUEST_BYTES,
               "ACOAP_TINY_REQUEST_BYTES");
_Static_assert(sizeof(acoap__tiny_response_t) <= ACOAP_TINY_RESPONSE_BYTES,
               "ACOAP_TINY_RESPONSE_BYTES");

enum { PLACES_MAX = 127, MESSAGE_MIN = 16 };

/* A single response has nobody to wait for. */
static bool can_wait(const acoap_tiny_config_t *config) {
  return config->requests > 0 || config->responses > 1;
}

static void engine_config(acoap__engine_config_t *engine, const acoap_tiny_config_t *config) {
  uint32_t places = (uint32_t)config->requests + config->responses;

  memset(engine, 0, sizeof(*engine));
  engine->token_max = ACOAP_TOKEN_MAX;
  engine->hash = acoap__small_hash;
  engine->key_hash = acoap__key_hash_small;
  engine->small_tables = true;
  engine->queue = can_wait(config) ? config->waiting() : NULL;
  engine->peers = config->peers;
  engine->dedup_non = (config->exchanges_in + 3u) / 4;
  engine->dedup_con = config->exchanges_in - engine->dedup_non;
  engine->reply_bytes = config->reply_bytes;
  engine->queue_per_peer = places > 0 ? places : 1;
  engine->buckets = 1;
  while (engine->buckets < places) {
    engine->buckets *= 2;
  }
  engine->no_groups = !config->groups;
  engine->no_requests = config->requests == 0;
}

static bool is_in_range(const acoap_tiny_config_t *config) {
  return config->requests <= PLACES_MAX && config->responses <= PLACES_MAX &&
         config->exchanges_in >= 2 && config->peers > 0 && config->reply_bytes > 0 &&
         config->reply_bytes <= INT32_MAX && config->message_bytes >= MESSAGE_MIN &&
         config->message_bytes <= UINT16_MAX && (config->waiting != NULL || !can_wait(config));
}

/* Where the parts stand. */
typedef struct parts {
  acoap__engine_tables_t tables;
  acoap__tiny_request_t *requests;
  acoap__tiny_response_t *responses;
  uint8_t *messages;
} parts_t;

/* Bytes of everything; `memory` may be 0 if they are only to be counted. */
static size_t place(parts_t *parts, const acoap__engine_config_t *engine,
                    const acoap_tiny_config_t *config, uintptr_t memory) {
  uintptr_t at = memory + ACOAP_TINY_ALIGNED(sizeof(acoap_tiny_t));

  at += ACOAP_TINY_ALIGNED(acoap__engine_place(&parts->tables, engine, at));
  parts->requests = (acoap__tiny_request_t *)at;
  at += ACOAP_TINY_ALIGNED(config->requests * sizeof(acoap__tiny_request_t));
  parts->responses = (acoap__tiny_response_t *)at;
  at += ACOAP_TINY_ALIGNED(config->responses * sizeof(acoap__tiny_response_t));
  parts->messages = (uint8_t *)at;
  at += ((size_t)config->requests + config->responses + 1) * config->message_bytes;
  return at - memory;
}

size_t acoap_tiny_memory(const acoap_tiny_config_t *config) {
  acoap__engine_config_t engine;
  parts_t parts;

  if (config == NULL || !is_in_range(config)) {
    return 0;
  }
  engine_config(&engine, config);
  return place(&parts, &engine, config, 0);
}

uint8_t *acoap__tiny_message(const acoap_tiny_t *tiny, size_t place) {
  return tiny->messages + place * tiny->config->message_bytes;
}

/* ---- out ------------------------------------------------------------------------------------- */

acoap_path_t acoap__tiny_path(const acoap_address_t *peer) {
  acoap_path_t path;

  memset(&path, 0, sizeof(path));
  path.peer = *peer;
  return path;
}

static int transmit(void *user_data, const acoap_path_t *path, acoap_bytes_t bytes) {
  const acoap_tiny_t *tiny = user_data;

  return tiny->config->send(tiny->config->user_data, &path->peer, bytes);
}

static const acoap__engine_events_t engine_events = {.transmit = transmit,
                                                     .request = acoap__tiny_inbound};

int acoap_tiny_init(void *memory, size_t len, const acoap_tiny_config_t *config,
                    acoap_tiny_t **tiny) {
  acoap__engine_config_t engine;
  parts_t parts;

  if (memory == NULL || config == NULL || tiny == NULL || !is_in_range(config) ||
      config->send == NULL || config->entropy == NULL ||
      (config->serve != NULL && config->resources == NULL) ||
      (config->params != NULL && acoap_params_check(config->params) < 0)) {
    return ACOAP_EINVAL;
  }
  engine_config(&engine, config);
  size_t wanted = place(&parts, &engine, config, (uintptr_t)memory);
  if (len < wanted || (uintptr_t)memory % _Alignof(max_align_t) != 0) {
    return ACOAP_EINVAL;
  }
  memset(memory, 0, wanted);
  acoap_tiny_t *made = memory;
  made->requests = parts.requests;
  made->responses = parts.responses;
  made->messages = parts.messages;
  made->config = config;
  acoap__random_init(&made->random, config->entropy, config->user_data);
  acoap__engine_start(&made->engine, &engine,
                      config->params != NULL ? config->params : &acoap__params_default,
                      &parts.tables, &made->random, NULL, &engine_events, made);
  *tiny = made;
  return 0;
}

/* ---- in -------------------------------------------------------------------------------------- */

static int take_in(acoap_tiny_t *tiny, const acoap_address_t *peer, bool multicast,
                   const void *bytes, size_t len) {
  if (tiny == NULL || peer == NULL || (bytes == NULL && len > 0)) {
    return ACOAP_EINVAL;
  }
  if (tiny->datagram != NULL) {
    return ACOAP_EBUSY;
  }
  if (len == 0) {
    return 0;
  }
  tiny->datagram = bytes;
  tiny->datagram_len = len;
  tiny->peer = *peer;
  tiny->multicast = multicast;
  return 0;
}

int acoap_tiny_receive(acoap_tiny_t *tiny, acoap_time_t now, const acoap_address_t *peer,
                       const void *bytes, size_t len) {
  (void)now;
  return take_in(tiny, peer, false, bytes, len);
}

int acoap_tiny_receive_multicast(acoap_tiny_t *tiny, acoap_time_t now, const acoap_address_t *peer,
                                 const void *bytes, size_t len) {
  (void)now;
  return take_in(tiny, peer, true, bytes, len);
}

acoap_tiny_event_t *acoap__tiny_tell(acoap_tiny_t *tiny, acoap_tiny_event_kind_t kind,
                                     const acoap_address_t *peer) {
  acoap_tiny_event_t *event = tiny->event;

  if (event == NULL || event->kind != ACOAP_TINY_NOTHING) {
    return NULL;
  }
  event->kind = kind;
  event->peer = *peer;
  return event;
}

static void look_at_datagram(acoap_tiny_t *tiny, acoap_time_t now) {
  acoap_path_t path = acoap__tiny_path(&tiny->peer);
  acoap_view_t view;
  uint_fast32_t pings = tiny->engine.stats.pings_received;
  const uint8_t *datagram = tiny->datagram;

  path.multicast = tiny->multicast;
  tiny->datagram = NULL;
  int status =
      acoap__engine_receive(&tiny->engine, now, &path, datagram, tiny->datagram_len, &view);
  if (status < 0) {
    acoap_tiny_event_t *event = acoap__tiny_tell(tiny, ACOAP_TINY_MALFORMED, &path.peer);
    if (event != NULL) {
      event->status = status;
    }
  } else if (tiny->engine.stats.pings_received != pings) {
    acoap__tiny_tell(tiny, ACOAP_TINY_PING, &path.peer);
  }
}

/* ---- the turn -------------------------------------------------------------------------------- */

/* Tell the end of a response or ping. */
static void tell_response_end(acoap_tiny_t *tiny) {
  for (unsigned i = 0; i < tiny->config->responses; i++) {
    acoap__tiny_response_t *response = &tiny->responses[i];
    if (response->state != ACOAP__TINY_ENDED) {
      continue;
    }
    acoap_tiny_event_t *event = acoap__tiny_tell(
        tiny, response->status == 0 ? ACOAP_TINY_PONG : ACOAP_TINY_FAILED, &response->tx.address);
    if (event != NULL) {
      event->status = response->status;
      response->state = ACOAP__TINY_FREE;
      tiny->ended--;
    }
    return;
  }
}

bool acoap_tiny_poll(acoap_tiny_t *tiny, acoap_time_t now, acoap_tiny_event_t *event) {
  if (tiny == NULL || event == NULL || tiny->event != NULL) {
    return false;
  }
  memset(event, 0, sizeof(*event));
  tiny->event = event;
  if (tiny->datagram != NULL) {
    look_at_datagram(tiny, now);
  }
  if (event->kind == ACOAP_TINY_NOTHING) {
    acoap__engine_run(&tiny->engine, now);
    if (tiny->stale) {
      tiny->notify(tiny, now);
    }
    if (tiny->ended > 0 && tiny->tell_request_end != NULL) {
      tiny->tell_request_end(tiny);
    }
    if (tiny->ended > 0) {
      tell_response_end(tiny);
    }
  }
  tiny->event = NULL;
  return event->kind != ACOAP_TINY_NOTHING;
}

acoap_time_t acoap_tiny_next_wake(const acoap_tiny_t *tiny) {
  if (tiny == NULL) {
    return ACOAP_TIME_NEVER;
  }
  if (tiny->datagram != NULL || tiny->stale || tiny->ended > 0) {
    return 0;
  }
  return acoap__engine_next_wake(&tiny->engine);
}

uint32_t acoap_tiny_leisure_ms(acoap_tiny_t *tiny) {
  return tiny != NULL ? acoap__leisure_ms(tiny->engine.config.params, &tiny->random) : 0;
}

const acoap_stats_t *acoap_tiny_stats(const acoap_tiny_t *tiny) {
  return tiny != NULL ? &tiny->engine.stats : NULL;
}
