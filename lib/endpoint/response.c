/*
 * Responses to received requests: built in the endpoint's one buffer, sent piggybacked in the ACK,
 * as a NON, separately in a message of their own (RFC 7252 section 5.2), after a leisure when the
 * request came by multicast (section 8.2), or not at all when No-Response asks for that (RFC 7967
 * section 2.1). Further responses of an observation are notifications (RFC 7641 section 4.2): one
 * is on its way at a time, and of those that come meanwhile the newest takes its place at the next
 * attempt, or follows it (section 4.5.2). Chooses no Message IDs, retransmits nothing.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/inbound.h"

#include <string.h>

#include "base/mem.h"
#include "message/option.h"

static acoap_time_t now_of(const acoap_request_t *request) {
  return request->endpoint->host->ops->now(request->endpoint->host);
}

bool acoap__request_is_on_its_way(const acoap_request_t *request) {
  return request->tx.state != ACOAP__TX_IDLE && request->tx.state != ACOAP__TX_HELD;
}

bool acoap__request_has_pending(const acoap_request_t *request) {
  return request->pending != NULL;
}

/* The way of a message of its own: an answer to a group request leaves from an address of ours. */
static acoap_path_t path_back(const acoap_request_t *request) {
  acoap_path_t path = *request->inbound.path;
  if (path.multicast || acoap_address_is_multicast(&path.local)) {
    memset(&path.local, 0, sizeof(path.local));
    path.multicast = false;
  }
  return path;
}

/* ---- messages of their own ------------------------------------------------------------------- */

/* Send bytes that are the request's: `kept` is from acoap__malloc or NULL when they are `bare`.
 * Takes kept over, also on failure. */
static int transmit_kept(acoap_request_t *request, uint8_t *kept, size_t len, acoap_type_t type) {
  acoap_path_t path = path_back(request);
  uint8_t *bytes = kept != NULL ? kept : request->bare;
  request->params = *request->endpoint->engine.config.params;
  if (request->transmissions > 0 && request->transmissions <= request->params.max_retransmit) {
    request->params.max_retransmit = request->transmissions - 1;
  }
  int status = acoap__transmission_send(&request->endpoint->engine, now_of(request), &request->tx,
                                        &path, bytes, len, type, &request->params);
  if (status != 0) {
    acoap__free(kept);
    return status;
  }
  acoap__free(request->kept);
  request->kept = kept;
  request->kept_len = len;
  if (acoap__request_is_on_its_way(request)) {
    acoap__request_hold(request, true);
  }
  acoap__endpoint_touch(request->endpoint);
  return 0;
}

static uint8_t *copy_of(const uint8_t *bytes, size_t len) {
  uint8_t *copy = acoap__malloc(len);
  if (copy != NULL) {
    memcpy(copy, bytes, len);
  }
  return copy;
}

static int transmit(acoap_request_t *request, const uint8_t *bytes, size_t len, acoap_type_t type) {
  uint8_t *kept = NULL;
  if (bytes != request->bare) {
    kept = copy_of(bytes, len);
    if (kept == NULL) {
      return ACOAP_ENOMEM;
    }
  }
  return transmit_kept(request, kept, len, type);
}

static acoap_type_t type_for(const acoap_request_t *request, acoap_reliability_t reliability) {
  switch (reliability) {
  case ACOAP_RELIABLE:
    return ACOAP_CON;
  case ACOAP_UNRELIABLE:
    return ACOAP_NON;
  case ACOAP_AS_REQUESTED:
  default:
    return request->inbound.type;
  }
}

/* What was on its way has ended. */
static void delivered(acoap_request_t *request, int status) {
  acoap_request_ref(request);
  uint8_t *pending = request->pending;
  request->pending = NULL;
  if (status != 0) {
    /* RFC 7641 section 4.5: who rejects or does not acknowledge is no observer any more. */
    request->observation = false;
    acoap__free(pending);
  } else if (pending != NULL) {
    status = transmit_kept(request, pending, request->pending_len, request->pending_type);
    /* Who does not get the newest state observes no more. */
    request->observation = request->observation && status == 0;
  }
  if (!acoap__request_is_on_its_way(request)) {
    acoap__request_hold(request, false);
  }
  acoap__request_delivered(request, status);
  acoap_request_unref(request);
}

static void left(acoap__transmission_t *tx, acoap_time_t now) {
  acoap_request_t *request = tx->owner;
  (void)now;
  /* A NON ends here as far as anybody waits for it; a RST may still find it while the request is
   * kept. */
  if (tx->type == ACOAP_NON) {
    acoap__request_hold(request, false);
  }
}

static void acknowledged(acoap__transmission_t *tx, acoap_time_t now, const acoap_path_t *from,
                         const acoap_view_t *view) {
  (void)now;
  (void)from;
  (void)view;
  delivered(tx->owner, 0);
}

static void was_reset(acoap__transmission_t *tx, acoap_time_t now) {
  (void)now;
  delivered(tx->owner, ACOAP_ERESET);
}

static void failed(acoap__transmission_t *tx, acoap_time_t now, int status) {
  (void)now;
  delivered(tx->owner, status);
}

/* The next attempt carries the newest state, as a CON since it continues one (section 4.5.2). */
static void renew(acoap__transmission_t *tx, acoap_time_t now) {
  acoap_request_t *request = tx->owner;
  if (request->pending == NULL || !acoap__transmission_renewable(tx, now)) {
    return;
  }
  acoap__free(request->kept);
  request->kept = request->pending;
  request->kept_len = request->pending_len;
  request->pending = NULL;
  acoap__transmission_renew(tx, now, request->kept, request->kept_len);
}

const acoap__transmission_events_t acoap__response_events = {
    .sent = left,
    .acknowledged = acknowledged,
    .reset = was_reset,
    .failed = failed,
    .renew = renew,
};

/* ---- answers --------------------------------------------------------------------------------- */

static int answer_after_leisure(acoap_request_t *request, const uint8_t *bytes, size_t len) {
  acoap_local_endpoint_t *endpoint = request->endpoint;
  uint8_t *kept = copy_of(bytes, len);
  if (kept == NULL) {
    return ACOAP_ENOMEM;
  }
  request->kept = kept;
  request->kept_len = len;
  acoap__request_settle(request);
  /* It still takes room: a flood of group requests must not take more than the bound. */
  request->leisure = true;
  endpoint->requests_open++;
  acoap__request_hold(request, true);
  acoap_params_t params = *endpoint->engine.config.params;
  if (request->leisure_ms != 0) {
    params.default_leisure_ms = request->leisure_ms;
  }
  uint32_t leisure_ms = acoap__leisure_ms(&params, &endpoint->random);
  acoap__local_endpoint_timer_set(endpoint, &request->timer, now_of(request) + leisure_ms);
  return 0;
}

void acoap__request_leisure_over(acoap_request_t *request, acoap_time_t now) {
  uint8_t *kept = request->kept;
  size_t len = request->kept_len;
  request->kept = NULL;
  int status = acoap__inbound_reply(&request->endpoint->engine, now, &request->inbound, kept, len);
  if (status == ACOAP_EAGAIN) {
    /* No Message ID is free just now: the engine sends it when there is one. */
    status = transmit_kept(request, kept, len, ACOAP_NON);
  } else {
    acoap__free(kept);
  }
  if (status != 0 || !acoap__request_is_on_its_way(request)) {
    acoap__request_hold(request, false);
  }
}

static inline int answer(acoap_request_t *request, uint8_t *bytes, size_t len,
                         acoap_reliability_t reliability) {
  acoap_local_endpoint_t *endpoint = request->endpoint;
  int status = ACOAP_EAGAIN;
  if (request->inbound.path->multicast) {
    return answer_after_leisure(request, bytes, len);
  }
  if (request->inbound.type == ACOAP_CON || reliability != ACOAP_RELIABLE) {
    acoap_time_t now = acoap__local_endpoint_recent(endpoint);
    status = acoap__inbound_reply(&endpoint->engine, now, &request->inbound, bytes, len);
  }
  if (status == ACOAP_EAGAIN) {
    status = transmit(request, bytes, len, type_for(request, reliability));
    if (status == 0) {
      acoap__inbound_answered_separately(&endpoint->engine, &request->inbound);
    }
  }
  if (status == 0) {
    acoap__request_settle(request);
  }
  return status;
}

static int notify(acoap_request_t *request, const uint8_t *bytes, size_t len,
                  acoap_reliability_t reliability) {
  acoap_type_t type = type_for(request, reliability);
  if (!acoap__request_is_on_its_way(request)) {
    return transmit(request, bytes, len, type);
  }
  uint8_t *newest = copy_of(bytes, len);
  if (newest == NULL) {
    return ACOAP_ENOMEM;
  }
  /* Nobody has seen what still waits to leave: the newer one takes its place in the queue. */
  if ((request->tx.type == ACOAP_CON || type == ACOAP_NON) &&
      acoap__transmission_replace(&request->tx, newest, len)) {
    acoap__free(request->kept);
    request->kept = newest;
    request->kept_len = len;
    return 0;
  }
  acoap__free(request->pending);
  request->pending = newest;
  request->pending_len = len;
  request->pending_type = type;
  return 0;
}

bool acoap__request_non_sent(const acoap_request_t *request, uint16_t *message_id) {
  bool held = request->tx.state == ACOAP__TX_HELD && request->tx.type == ACOAP_NON;
  if (held) {
    *message_id = request->tx.message_id;
  }
  return held;
}

void acoap__request_stop(acoap_request_t *request) {
  request->observation = false;
  if (request->closed) {
    return;
  }
  acoap__free(request->pending);
  request->pending = NULL;
  acoap__transmission_cancel(&request->endpoint->engine, now_of(request), &request->tx);
  acoap__request_hold(request, false);
}

/* A response without options and payload in the request's own few bytes; 0 when the token is too
 * long for them. */
static size_t build_bare(acoap_request_t *request, uint8_t code) {
  acoap_builder_t builder;
  const acoap_view_t *view = acoap_message_view(request->message);
  if (acoap__request_is_on_its_way(request)) {
    return 0;
  }
  acoap_builder_init(&builder, request->bare, sizeof(request->bare), ACOAP_CON, code, 0,
                     view->token.data, view->token.len);
  int len = acoap_builder_finish(&builder);
  return len > 0 ? (size_t)len : 0;
}

/* Is this response not to be sent (RFC 7967 section 2.1; RFC 7252 section 8.2 for errors after
 * multicast, or as a server says)? */
static inline bool unwanted(const acoap_request_t *request, uint8_t code) {
  uint32_t not_interested = 0;
  uint8_t class = ACOAP_CODE_CLASS(code);
  if (class == 0) {
    return false; /* no response at all: the engine says so */
  }
  const acoap_view_t *view = acoap_message_view(request->message);
  if (acoap__view_may_have(view, ACOAP_OPTION_NO_RESPONSE) &&
      acoap_view_uint(view, ACOAP_OPTION_NO_RESPONSE, &not_interested) &&
      (not_interested & ACOAP__NOT_INTERESTED(class)) != 0) {
    return true;
  }
  return (request->suppressed & ACOAP__NOT_INTERESTED(class)) != 0;
}

void acoap__request_answer_code(acoap_request_t *request, uint8_t code) {
  request->observation = false;
  if (request->again) {
    acoap__request_settle(request);
    acoap__request_ended(request);
    return;
  }
  if (unwanted(request, code)) {
    acoap_request_ignore(request);
    return;
  }
  size_t len = build_bare(request, code);
  if (len > 0) {
    (void)answer(request, request->bare, len, ACOAP_AS_REQUESTED);
  }
  acoap__request_settle(request);
}

void acoap__request_drop(acoap_request_t *request) {
  if (request->filter != NULL && request->filter->send != NULL) {
    acoap_builder_t *builder = acoap_request_begin(request, ACOAP_CODE_INTERNAL_SERVER_ERROR);
    if (builder != NULL) {
      request->refs++;
      request->dropped = true;
      (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
      request->dropped = false;
      request->refs--;
    }
  }
  if (!request->answered && request->refs == 1) {
    acoap__request_answer_code(request, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  }
}

void acoap__request_abandon(acoap_request_t *request) {
  acoap_local_endpoint_t *endpoint = request->endpoint;
  if (!request->answered) {
    acoap__request_answer_code(request, ACOAP_CODE_SERVICE_UNAVAILABLE);
    if (!request->again) {
      acoap__request_ended(request);
    }
  }
  acoap__request_end_leisure(request);
  acoap__local_endpoint_timer_clear(endpoint, &request->timer);
  acoap__transmission_cancel(&endpoint->engine, now_of(request), &request->tx);
}

/* ---- for the handler ------------------------------------------------------------------------- */

/* Is what was begun still lent? */
static inline bool is_lent(const acoap_request_t *request) {
  return request->begun && request->begun_turn == request->endpoint->turn;
}

acoap_builder_t *acoap__request_begun(acoap_request_t *request) {
  return request != NULL && !request->closed && is_lent(request) ? &request->builder : NULL;
}

/* The endpoint's buffer, unless another response is being built or sent in it. */
static inline bool may_share(const acoap_request_t *request) {
  const acoap_local_endpoint_t *endpoint = request->endpoint;
  const acoap_request_t *lender = endpoint->reply_lender;
  return !endpoint->reply_sending && (lender == NULL || lender == request || !is_lent(lender));
}

acoap_builder_t *acoap_request_begin(acoap_request_t *request, uint8_t code) {
  if (request == NULL || request->closed || (request->answered && !request->observation)) {
    return NULL;
  }
  acoap_local_endpoint_t *endpoint = request->endpoint;
  const acoap_view_t *view = acoap_message_view(request->message);
  size_t cap = acoap__local_endpoint_message_max(endpoint, request->inbound.path);
  uint8_t *bytes = endpoint->reply_bytes;
  request->begun = false;
  if (may_share(request)) {
    endpoint->reply_lender = request;
  } else {
    if (request->own_bytes == NULL) {
      request->own_bytes = acoap__malloc(endpoint->message_max);
      if (request->own_bytes == NULL) {
        return NULL;
      }
    }
    bytes = request->own_bytes;
  }
  acoap_builder_init(&request->builder, bytes, cap, ACOAP_CON, code, 0, view->token.data,
                     view->token.len);
  request->begun = true;
  request->begun_turn = endpoint->turn;
  return &request->builder;
}

static inline int send_begun(acoap_request_t *request, acoap_reliability_t reliability) {
  uint8_t *bytes = request->builder.bytes;
  int len = acoap_builder_finish(&request->builder);
  int status = len;
  if (len > 0) {
    uint8_t code = bytes[1];
    if (unwanted(request, code)) {
      acoap_request_ignore(request);
      return 0;
    }
    if (request->answered) {
      status = notify(request, bytes, (size_t)len, reliability);
    } else {
      status = answer(request, bytes, (size_t)len, reliability);
    }
    if (status == 0 && !acoap_code_is_success(code)) {
      request->observation = false; /* RFC 7641 section 4.2: an error is the last notification */
    }
  }
  if (status < 0 && !request->answered) {
    acoap__request_answer_code(request, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  }
  return status < 0 ? status : 0;
}

int acoap__request_transmit(acoap_request_t *request, acoap_reliability_t reliability) {
  if (request->closed) {
    return ACOAP_ECLOSED;
  }
  if (!is_lent(request) || request->again) {
    return ACOAP_EINVAL;
  }
  acoap_local_endpoint_t *endpoint = request->endpoint;
  request->refs++; /* and it holds the endpoint */
  bool shared = request->builder.bytes == endpoint->reply_bytes;
  bool outer = endpoint->reply_sending;
  request->begun = false;
  endpoint->reply_sending = outer || shared;
  int status = send_begun(request, reliability);
  endpoint->reply_sending = outer;
  acoap__request_let_go(request);
  return status;
}

int acoap__request_send_further(acoap_request_t *request, uint8_t *bytes, size_t len,
                                acoap_type_t type) {
  if (request->closed) {
    return ACOAP_ECLOSED;
  }
  if (!request->answered || request->again || request->inbound.path->multicast || len < 2) {
    return ACOAP_EINVAL;
  }
  if (unwanted(request, bytes[1])) {
    return 0;
  }
  if (type == ACOAP_NON) {
    acoap_local_endpoint_t *endpoint = request->endpoint;
    return acoap__inbound_reply_further(&endpoint->engine, acoap__local_endpoint_recent(endpoint),
                                        &request->inbound, bytes, len);
  }
  return acoap__request_is_on_its_way(request) ? ACOAP_EBUSY
                                               : transmit(request, bytes, len, ACOAP_CON);
}

/* The handler's answer goes through the server's hands. */
static inline int filtered_send(acoap_request_t *request, acoap_reliability_t reliability) {
  int status = acoap_builder_finish(&request->builder);
  request->refs++;
  if (status >= 0) {
    status = request->filter->send(request, &request->builder, reliability);
  }
  if (status < 0 && !request->answered) {
    acoap__request_answer_code(request, ACOAP_CODE_INTERNAL_SERVER_ERROR);
  }
  acoap__request_let_go(request);
  return status;
}

int acoap_request_send(acoap_request_t *request, acoap_reliability_t reliability) {
  if (request == NULL) {
    return ACOAP_EINVAL;
  }
  if (request->filter == NULL || request->filter->send == NULL) {
    return acoap__request_transmit(request, reliability);
  }
  if (request->closed) {
    return ACOAP_ECLOSED;
  }
  return is_lent(request) ? filtered_send(request, reliability) : ACOAP_EINVAL;
}

static int respond(acoap_request_t *request, uint8_t code, int content_format,
                   acoap_bytes_t payload) {
  acoap_builder_t *builder = acoap_request_begin(request, code);
  if (builder == NULL) {
    return ACOAP_ENOMEM;
  }
  if (content_format >= 0) {
    acoap_builder_uint(builder, ACOAP_OPTION_CONTENT_FORMAT, (uint32_t)content_format);
  }
  acoap_builder_payload(builder, payload.data, payload.len);
  return acoap_request_send(request, ACOAP_AS_REQUESTED);
}

int acoap_request_respond(acoap_request_t *request, uint8_t code, int content_format,
                          const void *payload, size_t len) {
  if (request == NULL || (payload == NULL && len > 0) || content_format > UINT16_MAX) {
    return ACOAP_EINVAL;
  }
  if (request->closed) {
    return ACOAP_ECLOSED;
  }
  if (request->answered && !request->observation) {
    return ACOAP_EINVAL;
  }
  bool filtered = request->filter != NULL && request->filter->respond != NULL;
  return (filtered ? request->filter->respond : respond)(request, code, content_format,
                                                         (acoap_bytes_t){payload, len});
}
