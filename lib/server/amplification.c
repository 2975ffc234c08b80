/*
 * What an address gets that has not shown that it is there (RFC 9175 sections 2.4 item 3 and 2.6):
 * somebody may have written it into the request to have the answers sent to a victim.
 *
 *     sum of all answers to a request <= max(amplification_factor * bytes of the request, 136)
 *
 * Answers are whatever leaves because of it: empty ACK, response, retransmissions, notifications,
 * the answer to a multicast request; CON and NON alike. (A duplicate is a request of its own: what
 * it gets once more it has paid for once more.) `serving->allowance` is what is left of the sum.
 *
 * What does not fit is offered in smaller blocks first: the body is cut with the allowance as its
 * limit (answer.c, block2.c), and each further block is a request with an allowance of its own. If
 * not even the smallest block fits:
 *
 *     GET, FETCH, nothing sent yet   4.01 with Echo, piggybacked or as the NON that answers a NON
 *     after the empty ACK            the code alone, without options and payload; a challenge is
 *                                    never a separate response
 *     POST, PUT, PATCH, DELETE ...   the same: the handler has run. A challenge would have the
 *                                    client send the request again and the handler do it again;
 *                                    so it hears that it was done, and gets the rest not
 *     multicast, notifications       nothing
 *
 * A resource for which a repeated request has to do nothing asks for an Echo before the handler
 * runs (acoap_resource_fresh).
 *
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#define AMPLIFICATION_LEAST 136u
#define EMPTY_MESSAGE 4u

static acoap_time_t now_of(const acoap__serving_t *serving) {
  return acoap__server_recent(serving->server);
}

/* ---- who and how much ------------------------------------------------------------------------ */

/*
 * Verified is an address that returned its Echo, that answered a request of ours under an
 * unpredictable token, or that speaks through a security protocol.
 */

static size_t request_bytes(const acoap_request_t *request) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  size_t payload = view->payload.len > 0 ? 1 + view->payload.len : 0;
  return EMPTY_MESSAGE + view->token.len + view->options.len + payload;
}

static bool same_host(const acoap_address_t *a, const acoap_address_t *b) {
  acoap_address_t one = acoap__address_whole(a);
  acoap_address_t other = acoap__address_whole(b);
  return acoap_address_equal(&one, &other);
}

/* Is anything limited on this way at all? */
static bool is_limited(const acoap_server_t *server, const acoap_path_t *path) {
  switch (server->options.amplification) {
  case ACOAP_AMPLIFICATION_OFF:
    return false;
  case ACOAP_AMPLIFICATION_ON:
    return true;
  case ACOAP_AMPLIFICATION_AUTO:
  default:
    return !acoap__local_endpoint_is_own_address(server->endpoint, &path->peer) &&
           !same_host(&path->peer, &path->local);
  }
}

static size_t full_allowance(const acoap__serving_t *serving) {
  uint64_t allowance =
      (uint64_t)serving->server->options.amplification_factor * request_bytes(serving->request);
  allowance = allowance < AMPLIFICATION_LEAST ? AMPLIFICATION_LEAST : allowance;
  return allowance < SIZE_MAX ? (size_t)allowance : SIZE_MAX - 1;
}

void acoap__protect_note(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  const acoap_path_t *path = serving->inbound->path;
  acoap__addresses_t *addresses = server->protection->addresses;
  serving->verified = true;
  if (addresses == NULL || path->identity != NULL) {
    return;
  }
  if (acoap__asked_has(&serving->asked, ACOAP_OPTION_ECHO) &&
      acoap__echo_fresh(serving, ACOAP__STANDING_MS)) {
    if (acoap__addresses_verify(addresses, now_of(serving), &path->peer)) {
      server->stats.echo_verified++;
    }
    return;
  }
  if (is_limited(server, path) &&
      !acoap__addresses_is_verified(addresses, now_of(serving), &path->peer)) {
    serving->verified = false;
    serving->verifications = addresses->verifications;
    serving->allowance = full_allowance(serving);
  }
}

/* An address that was none is looked for again only when one has been verified since. */
static bool is_verified_meanwhile(acoap__serving_t *serving) {
  acoap__addresses_t *addresses = serving->server->protection->addresses;
  if (serving->verifications == addresses->verifications) {
    return false;
  }
  serving->verifications = addresses->verifications;
  return acoap__addresses_is_verified(addresses, now_of(serving), &serving->inbound->path->peer);
}

size_t acoap__protect_left(acoap__serving_t *serving) {
  const acoap__inbound_t *inbound = acoap__request_inbound(serving->request);
  const acoap_server_t *server = serving->server; /* NULL: it was freed, the request is answered */
  if (serving->allowance == SIZE_MAX) {
    return SIZE_MAX;
  }
  if (server != NULL && !server->closed && is_verified_meanwhile(serving)) {
    serving->verified = true;
    serving->allowance = SIZE_MAX;
    return SIZE_MAX;
  }
  /* The empty ACK left without anybody here hearing of it. */
  bool acknowledged = inbound->type == ACOAP_CON && inbound->acknowledged &&
                      !acoap__request_is_answered(serving->request);
  size_t spent = acknowledged ? EMPTY_MESSAGE : 0;
  return serving->allowance > spent ? serving->allowance - spent : 0;
}

/* ---- what leaves ----------------------------------------------------------------------------- */

/*
 * A CON of its own (a separate response, a notification) is sent as often as fits, counted with its
 * retransmissions, and as a NON only when it is asked for. A CON that was acknowledged renews the
 * allowance of its request: the observer is there and goes on getting notifications (RFC 7641
 * section 7). That does not make its address a verified one: the token was the client's and a
 * Message ID has 16 bits, so the next notification that is to be confirmed asks again.
 */

/* Will it be a message with retransmissions of its own? */
static bool leaves_as_con(const acoap_request_t *request, acoap_reliability_t reliability) {
  const acoap__inbound_t *inbound = acoap__request_inbound(request);
  bool wanted = reliability == ACOAP_RELIABLE ||
                (reliability == ACOAP_AS_REQUESTED && inbound->type == ACOAP_CON);
  bool piggybacked =
      inbound->type == ACOAP_CON && !inbound->acknowledged && !acoap__request_is_answered(request);
  return wanted && !piggybacked && !inbound->path->multicast;
}

static size_t transmissions_of(const acoap_server_t *server) {
  return 1 + (size_t)acoap__local_endpoint_engine(server->endpoint)->config.params->max_retransmit;
}

/*
 * Bytes of the message in all its transmissions, as many as fit `left`; tells the request so. One
 * that takes the place of another under way is sent in its place as often as that would have been,
 * which is then all or nothing: more than `left` means that it has to wait.
 */
static size_t reserve(acoap__serving_t *serving, size_t len, size_t left,
                      acoap_reliability_t reliability) {
  size_t most = serving->server != NULL ? transmissions_of(serving->server) : 1;
  size_t fitting = left / len;
  if (acoap__request_is_on_its_way(serving->request)) {
    return fitting >= most ? most * len : SIZE_MAX;
  }
  if (!leaves_as_con(serving->request, reliability)) {
    return len;
  }
  fitting = fitting < most ? fitting : most;
  acoap__request_set_transmissions(serving->request, (uint32_t)fitting);
  return fitting * len;
}

/* A smaller block than would have been sent otherwise. */
static void count_smaller_block(const acoap__serving_t *serving, const acoap_builder_t *builder) {
  acoap_view_t view;
  acoap_bytes_t value;
  acoap_block_t block;
  acoap_builder_view(builder, &view);
  if (!acoap_view_option(&view, ACOAP_OPTION_BLOCK2, 0, &value) ||
      acoap_block_decode(value, &block) != 0) {
    return;
  }
  size_t wanted = serving->server->options.block_size;
  if (serving->has_block2 && acoap_block_size(serving->block2.szx) < wanted) {
    wanted = acoap_block_size(serving->block2.szx);
  }
  if (acoap_block_size(block.szx) < wanted) {
    serving->server->stats.amplification_limited++;
  }
}

static int send_counted(acoap__serving_t *serving, const acoap_builder_t *builder, size_t len,
                        acoap_reliability_t reliability) {
  size_t left = acoap__protect_left(serving);
  size_t bytes = reserve(serving, len, left, reliability);
  if (bytes > left) {
    return ACOAP_ENOSPACE;
  }
  if (serving->server != NULL) {
    count_smaller_block(serving, builder);
  }
  serving->allowance = left - bytes;
  return acoap__request_transmit(serving->request, reliability);
}

/* ---- what does not fit ----------------------------------------------------------------------- */

/* Begin anew with a code, and no more than an Echo; 0 or a negative error. */
static int send_instead(acoap__serving_t *serving, uint8_t code, bool echo,
                        acoap_reliability_t reliability) {
  acoap_builder_t *builder = acoap_request_begin(serving->request, code);
  if (builder == NULL) {
    return ACOAP_ENOMEM;
  }
  if (echo) {
    acoap__echo_write(serving, builder);
  }
  int len = acoap_builder_finish(builder);
  if (len < 0 || (size_t)len > acoap__protect_left(serving)) {
    acoap_request_ignore(serving->request);
    return len < 0 ? len : 0;
  }
  return send_counted(serving, builder, (size_t)len, reliability);
}

int acoap__protect_instead(acoap__serving_t *serving, uint8_t code,
                           acoap_reliability_t reliability) {
  acoap_request_t *request = serving->request;
  const acoap__inbound_t *inbound = acoap__request_inbound(request);
  if (acoap__request_is_answered(request)) {
    return ACOAP_ENOSPACE; /* a notification: nobody has asked just now */
  }
  if (inbound->path->multicast) {
    acoap_request_ignore(request);
    return 0;
  }
  bool separate = inbound->type == ACOAP_CON && inbound->acknowledged;
  if (acoap__is_safe(inbound->code) && !separate && serving->server != NULL) {
    return send_instead(serving, ACOAP_CODE_UNAUTHORIZED, true, ACOAP_AS_REQUESTED);
  }
  return send_instead(serving, code, false, reliability);
}

int acoap__protect_send_limited(acoap__serving_t *serving, acoap_builder_t *builder,
                                acoap_reliability_t reliability) {
  int len = acoap_builder_finish(builder);
  size_t left = acoap__protect_left(serving);
  if (len < 0 || left == SIZE_MAX) {
    return acoap__protect_send_unlimited(serving, reliability);
  }
  if ((size_t)len > left) {
    return acoap__protect_instead(serving, builder->bytes[1], reliability);
  }
  return send_counted(serving, builder, (size_t)len, reliability);
}

void acoap__protect_delivered(acoap__serving_t *serving, int status) {
  /* Not while the next one is under way already: that one was taken off what is to be renewed. */
  if (status == 0 && serving->allowance != SIZE_MAX && serving->server != NULL &&
      !acoap__request_is_on_its_way(serving->request)) {
    serving->allowance = full_allowance(serving);
  }
}
