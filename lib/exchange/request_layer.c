/*
 * The request layer (RFC 7252 section 5.2 and 5.3): an interaction is a token that waits for
 * responses.
 *
 *     a response matches by (endpoint, token)               section 5.3.2
 *     to a group, or with any_source, by the token alone    section 8.2
 *     of a body by any of its family's tokens               RFC 9177 section 6
 *
 * Piggybacked in the ACK, or separate, in a CON or NON of its own, before or after the ACK: one
 * that overtakes the ACK counts as the ACK as well (section 5.2.2). The end of waiting is counted
 * from the first sending, not from the time in the queue.
 *
 * A CON response is acknowledged when it is accepted, otherwise reset; the first request installs
 * this layer in the engine. Knows no methods.
 *
 * SPDX-License-Identifier: MIT
 */
#include "exchange/request_layer.h"

#include <string.h>

#include "base/siphash.h"
#include "exchange/dedup.h"
#include "exchange/internal.h"
#include "exchange/message_layer.h"
#include "exchange/token_family.h"
#include "exchange/transmission.h"
#include "message/option.h"
#include "message/wire.h"

static acoap__interaction_t *interaction_of(acoap__transmission_t *tx) {
  return ACOAP__CONTAINER(tx, acoap__interaction_t, tx);
}

static bool accepts(const acoap__interaction_t *interaction, const acoap_view_t *view);
static void rejected(acoap__engine_t *engine, acoap_time_t now, acoap__interaction_t *interaction);
static void response(acoap__engine_t *engine, acoap_time_t now, acoap__interaction_t *interaction,
                     const acoap_path_t *from, const acoap_view_t *view, bool piggybacked);

/* ---- tokens ---------------------------------------------------------------------------------- */

bool acoap__token_of(const uint8_t *bytes, size_t len, acoap_bytes_t *token) {
  const uint8_t *at = bytes + ACOAP__HEADER_LEN;
  const uint8_t *end = bytes + len;

  if (len < ACOAP__HEADER_LEN) {
    return false;
  }
  uint32_t token_len = bytes[0] & 15u;
  if (token_len >= 13 && (at = acoap__extension_read(at, end, &token_len)) == NULL) {
    return false;
  }
  if ((size_t)(end - at) < token_len) {
    return false;
  }
  token->data = at;
  token->len = token_len;
  return true;
}

bool acoap__token_equal(acoap_bytes_t a, acoap_bytes_t b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static uint64_t token_hash(const acoap__engine_t *engine, acoap_bytes_t token) {
  return engine->config.hash(engine->hash_key, token.data, token.len);
}

static acoap__interaction_t *next_with_token(acoap__map_node_t *node, acoap_bytes_t token) {
  for (; node != NULL; node = acoap__map_find_next(node)) {
    acoap__interaction_t *interaction = ACOAP__CONTAINER(node, acoap__interaction_t, token_node);
    if (acoap__token_equal(interaction->token, token)) {
      return interaction;
    }
  }
  return NULL;
}

static acoap__interaction_t *first_with_token(const acoap__engine_t *engine, acoap_bytes_t token) {
  return next_with_token(acoap__map_find(&engine->tokens->open, token_hash(engine, token)), token);
}

static acoap__interaction_t *another_with_token(acoap__interaction_t *interaction) {
  return next_with_token(acoap__map_find_next(&interaction->token_node), interaction->token);
}

void acoap__engine_new_token(acoap__engine_t *engine, uint8_t token[8]) {
  acoap_bytes_t bytes = {token, 8};

  do {
    uint64_t count = engine->tokens->made++;
    uint64_t word = acoap__siphash(engine->tokens->key, &count, sizeof(count));
    memcpy(token, &word, sizeof(word));
  } while (first_with_token(engine, bytes) != NULL);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void close_interaction(acoap__engine_t *engine, acoap__interaction_t *interaction,
                              acoap_time_t now, bool answered) {
  acoap__transmission_detach(engine, &interaction->tx, now, answered);
  acoap__timer_clear(&engine->timers, &interaction->response_timer);
  acoap__map_remove(&engine->tokens->open, &interaction->token_node);
  interaction->open = false;
}

static void fail_interaction(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  close_interaction(interaction->tx.engine, interaction, now, false);
  interaction->events->failed(interaction, now, status);
}

static void response_due(acoap__timer_t *timer, acoap_time_t now) {
  acoap__interaction_t *interaction = ACOAP__CONTAINER(timer, acoap__interaction_t, response_timer);

  interaction->tx.engine->stats.timeouts++;
  fail_interaction(interaction, now, ACOAP_ETIMEDOUT);
}

/* Begin to wait, unless that has begun or there is nothing to wait for. */
static void await_response(acoap__interaction_t *interaction, acoap_time_t sent) {
  const acoap__transmission_t *tx = &interaction->tx;
  uint32_t wait_ms = tx->params->response_timeout_ms;

  if (interaction->multicast || interaction->answered || interaction->untimed ||
      interaction->response_timer.queued) {
    return;
  }
  if (wait_ms == 0) {
    wait_ms = tx->type == ACOAP_CON ? acoap_params_exchange_lifetime_ms(tx->params)
                                    : acoap_params_non_lifetime_ms(tx->params);
  }
  acoap__engine_set_timer(tx->engine, &interaction->response_timer, sent + (acoap_time_t)wait_ms);
}

/* ---- what its message reports ---------------------------------------------------------------- */

static void request_sent(acoap__transmission_t *tx, acoap_time_t now) {
  await_response(interaction_of(tx), now);
}

static void request_acknowledged(acoap__transmission_t *tx, acoap_time_t now,
                                 const acoap_path_t *from, const acoap_view_t *view) {
  acoap__interaction_t *interaction = interaction_of(tx);

  if (view->code != ACOAP_CODE_EMPTY) {
    if (accepts(interaction, view)) {
      response(tx->engine, now, interaction, from, view, true);
    } else {
      rejected(tx->engine, now, interaction);
    }
    return;
  }
  /* The ACK may come while the socket still sends the request out of the queue: then nobody has
   * begun to wait yet. */
  await_response(interaction, tx->first_sent);
  if (interaction->events->acknowledged != NULL) {
    interaction->events->acknowledged(interaction, now);
  }
}

static void request_reset(acoap__transmission_t *tx, acoap_time_t now) {
  /* One member of a group does not speak for the others. */
  if (!interaction_of(tx)->multicast) {
    fail_interaction(interaction_of(tx), now, ACOAP_ERESET);
  }
}

static void request_failed(acoap__transmission_t *tx, acoap_time_t now, int status) {
  fail_interaction(interaction_of(tx), now, status);
}

static const acoap__transmission_events_t request_events = {.sent = request_sent,
                                                            .acknowledged = request_acknowledged,
                                                            .reset = request_reset,
                                                            .failed = request_failed};

/* ---- responses ------------------------------------------------------------------------------- */

/* The first that is registered under the token, or under what it has in common with others. */
static acoap__interaction_t *first_with_token_or_family(const acoap__engine_t *engine,
                                                        acoap_bytes_t token) {
  acoap__interaction_t *interaction = first_with_token(engine, token);

  if (interaction == NULL && token.len == ACOAP__FAMILY_TOKEN) {
    token.len = ACOAP__FAMILY_COMMON;
    interaction = first_with_token(engine, token);
  }
  return interaction;
}

static bool waits_for(const acoap__interaction_t *interaction, acoap_bytes_t token) {
  return interaction->family ? interaction->events->has_token(interaction, token)
                             : interaction->token.len == token.len;
}

static acoap__interaction_t *match(acoap__engine_t *engine, const acoap_path_t *from,
                                   const acoap_view_t *view) {
  acoap__interaction_t *interaction = first_with_token_or_family(engine, view->token);
  acoap__interaction_t *by_token_alone = NULL;

  if (interaction == NULL) {
    engine->stats.unmatched_responses++;
    return NULL;
  }
  for (; interaction != NULL; interaction = another_with_token(interaction)) {
    if (!waits_for(interaction, view->token)) {
      continue;
    }
    if (acoap__transmission_is_to(&interaction->tx, from)) {
      return interaction;
    }
    if (interaction->multicast || interaction->any_source) {
      by_token_alone = interaction;
    }
  }
  if (by_token_alone == NULL) {
    engine->stats.wrong_source++;
  }
  return by_token_alone;
}

/* Did the request carry this option? Then whoever wrote it knows what it means; servers repeat the
 * option that they refuse in their 4.02. */
static bool was_asked_with(const acoap__transmission_t *tx, uint16_t number) {
  acoap_view_t request;
  acoap_bytes_t value;

  return acoap_decode(&request, tx->bytes, tx->len, ACOAP_TOKEN_EXTENDED_MAX, NULL) == 0 &&
         acoap_view_option(&request, number, 0, &value);
}

static bool understands(const void *user_data, uint16_t number) {
  const acoap__interaction_t *interaction = user_data;

  return (interaction->events->understands != NULL &&
          interaction->events->understands(interaction, number)) ||
         was_asked_with(&interaction->tx, number);
}

static bool accepts(const acoap__interaction_t *interaction, const acoap_view_t *view) {
  return acoap__view_unrecognised(view, understands, interaction) == 0;
}

static void rejected(acoap__engine_t *engine, acoap_time_t now, acoap__interaction_t *interaction) {
  engine->stats.bad_option++;
  if (!interaction->multicast) {
    fail_interaction(interaction, now, ACOAP_EBADOPTION);
  }
}

/*
 * A notification that was sent before the server heard of a renewed registration looks like its
 * separate response. Whoever took it for that would not wait for the ACK, which may bring the newer
 * state (RFC 7641 section 3.3.1); the server sends that ACK in any case. So it is with the blocks
 * of a body in sets: the first comes in the ACK (RFC 9177 section 4.4), and an answer to an older
 * request of the family is none to one that has not left yet.
 */
static bool crosses(const acoap__interaction_t *interaction, const acoap_view_t *view,
                    bool piggybacked) {
  acoap_bytes_t value;
  if (interaction->tx.state == ACOAP__TX_QUEUED) {
    return interaction->family;
  }
  return !piggybacked && interaction->tx.state == ACOAP__TX_AWAITING_ACK &&
         (interaction->family ||
          (interaction->renews && acoap_view_option(view, ACOAP_OPTION_OBSERVE, 0, &value)));
}

static void response(acoap__engine_t *engine, acoap_time_t now, acoap__interaction_t *interaction,
                     const acoap_path_t *from, const acoap_view_t *view, bool piggybacked) {
  engine->stats.responses_received++;
  interaction->answered = true;
  acoap__timer_clear(&engine->timers, &interaction->response_timer);
  if (!interaction->multicast && !crosses(interaction, view, piggybacked)) {
    acoap__transmission_detach(engine, &interaction->tx, now, true);
  }
  if (!interaction->keep) {
    close_interaction(engine, interaction, now, true);
  }
  interaction->events->response(interaction, now, from, view, piggybacked);
}

static void receive(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path,
                    const acoap_view_t *view) {
  acoap__dedup_entry_t *entry;

  if (!acoap__message_layer_is_new(engine, now, path, view, &entry)) {
    return;
  }
  acoap__interaction_t *interaction = match(engine, path, view);
  bool accepted = interaction != NULL && accepts(interaction, view);
  if (view->type == ACOAP_CON && accepted) {
    entry->reply = ACOAP__REPLY_ACK;
    /* The socket may call back while it takes the ACK, and the interaction may be over when it
     * returns. */
    acoap__engine_transmit_empty(engine, path, ACOAP_ACK, view->message_id);
    interaction = match(engine, path, view);
  } else if (view->type == ACOAP_CON) {
    entry->reply = ACOAP__REPLY_RST;
    acoap__engine_transmit_empty(engine, path, ACOAP_RST, view->message_id);
    interaction = interaction != NULL ? match(engine, path, view) : NULL;
  } else if (interaction == NULL) {
    acoap__message_layer_unwanted(engine, path, view);
  }
  if (interaction == NULL) {
    return;
  }
  if (accepted) {
    response(engine, now, interaction, path, view, false);
  } else {
    rejected(engine, now, interaction);
  }
}

static const acoap__request_layer_t request_layer = {.receive = receive};

/* ---- the calls ------------------------------------------------------------------------------- */

void acoap__interaction_init(acoap__interaction_t *interaction, acoap_path_t *way,
                             const acoap__interaction_events_t *events, void *owner) {
  *interaction = (acoap__interaction_t){.events = events, .owner = owner};
  acoap__transmission_init(&interaction->tx, way, &request_events, interaction);
  acoap__timer_init(&interaction->response_timer, response_due);
}

/* Is the token open towards this peer, in another interaction? */
static bool token_is_open(const acoap__engine_t *engine, const acoap__interaction_t *interaction,
                          acoap_bytes_t token, const acoap_path_t *path) {
  for (acoap__interaction_t *other = first_with_token(engine, token); other != NULL;
       other = another_with_token(other)) {
    if (other != interaction && acoap__transmission_is_to(&other->tx, path)) {
      return true;
    }
  }
  return false;
}

int acoap__interaction_send(acoap__engine_t *engine, acoap_time_t now,
                            acoap__interaction_t *interaction, const acoap_path_t *path,
                            uint8_t *bytes, size_t len, acoap_type_t type,
                            const acoap__request_options_t *options) {
  static const acoap__request_options_t no_options = {0};
  const acoap__request_options_t *how = options != NULL ? options : &no_options;
  acoap__order_t order = {.path = path,
                          .bytes = bytes,
                          .len = len,
                          .type = type,
                          .params = how->params,
                          .is_request = true,
                          .no_wait = how->no_response_expected};
  acoap__peer_t *peer;
  acoap_bytes_t token;

  int status = acoap__transmission_admit(engine, now, &interaction->tx, &order, &peer);
  if (status < 0) {
    return status;
  }
  if (!acoap_code_is_request(bytes[1]) || !acoap__token_of(bytes, len, &token)) {
    return ACOAP_EINVAL;
  }
  if (token_is_open(engine, interaction, token, path)) {
    return ACOAP_EBUSY;
  }
  close_interaction(engine, interaction, now, false);
  engine->request_layer = &request_layer;
  interaction->token = token;
  interaction->family = how->family;
  if (how->family) {
    interaction->token.len = ACOAP__FAMILY_COMMON;
  }
  interaction->untimed = how->untimed;
  interaction->keep = how->keep;
  interaction->any_source = how->any_source;
  interaction->multicast = acoap_address_is_multicast(&path->peer);
  interaction->answered = false;
  interaction->renews = how->renews;
  interaction->open = true;
  acoap__map_insert(&engine->tokens->open, &interaction->token_node,
                    token_hash(engine, interaction->token));
  acoap__transmission_prepare(engine, &interaction->tx, &order);
  /* Waiting begins before the socket is called: afterwards the interaction may be over and its
   * memory gone. */
  await_response(interaction, now);
  if (acoap__transmission_start(engine, now, &interaction->tx, peer) == ACOAP__QUEUED) {
    acoap__timer_clear(&engine->timers, &interaction->response_timer);
  }
  acoap__engine_leave(engine);
  return 0;
}

static bool same_way(const acoap_path_t *a, const acoap_path_t *b) {
  return acoap__path_same_peer(a, b) && acoap_address_equal(&a->local, &b->local) &&
         a->interface == b->interface;
}

/* The same message once more, through the queue if it must be. */
static int repeat_from_the_start(acoap__engine_t *engine, acoap_time_t now,
                                 acoap__interaction_t *interaction, const acoap_path_t *path) {
  acoap__transmission_t *tx = &interaction->tx;
  acoap__order_t order = {.path = path,
                          .bytes = tx->bytes,
                          .len = tx->len,
                          .type = tx->type,
                          .params = tx->params,
                          .is_request = true,
                          .no_wait = tx->no_wait};
  acoap__peer_t *peer;

  int status = acoap__transmission_admit(engine, now, tx, &order, &peer);
  if (status < 0) {
    return status;
  }
  acoap__transmission_detach(engine, tx, now, false);
  acoap__transmission_prepare(engine, tx, &order);
  return acoap__transmission_start(engine, now, tx, peer);
}

int acoap__interaction_repeat(acoap__engine_t *engine, acoap_time_t now,
                              acoap__interaction_t *interaction, const acoap_path_t *path) {
  acoap__transmission_t *tx = &interaction->tx;
  const acoap_path_t before = acoap__transmission_path(tx);
  const acoap_path_t way = path != NULL ? *path : before;
  bool went_out = tx->state != ACOAP__TX_REFUSED;
  int status = ACOAP__QUEUED;

  if (!interaction->open || tx->type != ACOAP_NON) {
    return ACOAP_EINVAL;
  }
  if (interaction->multicast ? !acoap_address_is_multicast(&way.peer)
                             : !acoap__path_same_peer(&way, &before)) {
    return ACOAP_EINVAL;
  }
  if (tx->state == ACOAP__TX_QUEUED) {
    return same_way(&way, &before) ? 0 : ACOAP_EAGAIN;
  }
  /* It may stand inside its first sending out of the queue, or have been refused there: then nobody
   * has begun to wait yet. */
  await_response(interaction, now);
  if (tx->holds_place) {
    status = acoap__transmission_again(engine, now, tx, &way);
  }
  if (status == ACOAP__QUEUED) {
    status = repeat_from_the_start(engine, now, interaction, &way);
  }
  if (status < 0 && went_out && tx->state == ACOAP__TX_REFUSED) {
    /* An earlier copy is on its way: the caller hears of the refusal now, and nobody later. */
    acoap__transmission_detach(engine, tx, now, false);
  }
  acoap__engine_leave(engine);
  return status < 0 ? status : 0;
}

void acoap__interaction_close(acoap__engine_t *engine, acoap_time_t now,
                              acoap__interaction_t *interaction) {
  close_interaction(engine, interaction, now, false);
  acoap__engine_leave(engine);
}
