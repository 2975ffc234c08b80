/*
 * The way in (RFC 7252 section 5): what the library itself has to say to a request before a handler
 * sees it. The order, each step answering or going on:
 *     rate and load (4.29, 5.03, RST)                        protection
 *     the identity that the resource demands (4.01)          section 9.1
 *     critical options that nobody understands (4.02)        section 5.4.1; NON: silence
 *     Hop-Limit that is 0 or above 255 (4.00)                RFC 8768 section 3
 *     Proxy-Uri, Proxy-Scheme (5.05)                         section 5.10.2
 *     the resource (4.04) and its method (4.05)              sections 5.9.2.5, 5.8
 *     a malformed Block option (4.00)                        RFC 7959 section 2.2
 *     an Echo where freshness is asked for (4.01)            RFC 9175 section 2.3
 *     Accept (4.06), Content-Format (4.15)                   sections 5.10.4, 5.10.3
 *     a later block of a response (Block2)                   RFC 7959 section 2.4
 *     preconditions, before a body begins and before it is used (4.12, 2.03), section 5.10.8
 *     the request's body (Block1), Observe, the handlers
 * An origin server does nothing with a Hop-Limit that is good (RFC 8768); No-Response (RFC 7967) is
 * obeyed by the endpoint. Builds no answers (answer.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/qblock.h"

#include <acoap/dtls.h>
#include <string.h>

#include "base/text.h"
#include "message/option.h"
#include "message/wire.h"

#define SENTENCE_MAX 64

/* Has a body a meaning in this method (RFC 7252 section 5.8, RFC 8132)? */
static bool takes_body(uint8_t method) {
  return method != ACOAP_CODE_GET && method != ACOAP_CODE_DELETE;
}

/* ---- identity -------------------------------------------------------------------------------- */

/* What a peer has proved, as the kinds that resources accept. */
static unsigned proved(const acoap_request_t *request) {
  const acoap_identity_t *identity = acoap_request_identity(request);
  if (identity == NULL) {
    return 0;
  }
  switch (acoap_identity_kind(identity)) {
  case ACOAP_IDENTITY_PSK:
    return ACOAP_SECURE_PSK;
  case ACOAP_IDENTITY_CERTIFICATE:
    return ACOAP_SECURE_CERTIFICATE;
  case ACOAP_IDENTITY_RAW_PUBLIC_KEY:
    return ACOAP_SECURE_RAW_PUBLIC_KEY;
  case ACOAP_IDENTITY_NONE:
  case ACOAP_IDENTITY_UNCHECKED:
    break;
  }
  return ACOAP_SECURE_ANONYMOUS;
}

static bool refuses_identity(acoap__serving_t *serving) {
  const acoap_resource_t *resource = serving->resource;
  if (resource == NULL || resource->secure == 0 ||
      (resource->secure & proved(serving->request)) != 0) {
    return false;
  }
  acoap__answer_code(serving, ACOAP_CODE_UNAUTHORIZED, NULL);
  return true;
}

/* ---- options --------------------------------------------------------------------------------- */

/* acoap__understands_cb */
static bool understands(const void *user_data, uint16_t option) {
  const acoap__serving_t *serving = user_data;
  return acoap__resource_understands(serving->resource, option) ||
         acoap__qblock_understands(serving, option);
}

/* An option that is not defined for the method counts as unrecognized (section 5.4). */
static uint16_t bad_option(const acoap__serving_t *serving) {
  uint16_t bad = 0;
  if ((serving->asked.has & ACOAP__UNRECOGNISED) != 0) {
    bad = acoap__view_unrecognised(serving->view, understands, serving);
  }
  if (bad == 0 && !takes_body(serving->view->code) &&
      acoap__asked_has(&serving->asked, ACOAP_OPTION_BLOCK1) &&
      !acoap__resource_understands(serving->resource, ACOAP_OPTION_BLOCK1)) {
    bad = ACOAP_OPTION_BLOCK1;
  }
  return bad;
}

void acoap__dispatch_bad_option(acoap__serving_t *serving, uint16_t bad) {
  char chars[SENTENCE_MAX];
  acoap__text_t text;
  if (serving->view->type != ACOAP_CON) {
    acoap_request_ignore(serving->request);
    return;
  }
  acoap__text_init(&text, chars, sizeof(chars));
  acoap__text_put(&text, "critical option ");
  acoap__text_put_uint(&text, bad);
  acoap__text_put(&text, " is not understood");
  acoap__answer_code(serving, ACOAP_CODE_BAD_OPTION, chars);
}

static bool refuses_options(acoap__serving_t *serving) {
  uint16_t bad = bad_option(serving);
  if (bad != 0) {
    acoap__dispatch_bad_option(serving, bad);
  }
  return bad != 0;
}

/* RFC 8768 section 3: a loop that has run out of hops ends here, too. As read by its value: one
 * that is empty says 0, one that is longer than a byte may say more than 255. */
static bool refuses_hop_limit(acoap__serving_t *serving) {
  acoap_bytes_t value = {NULL, 0};
  uint32_t hops;
  (void)acoap_view_option(serving->view, ACOAP_OPTION_HOP_LIMIT, 0, &value);
  if ((acoap_uint_decode(value, &hops) && hops > 0 && hops <= UINT8_MAX) ||
      acoap__resource_understands(serving->resource, ACOAP_OPTION_HOP_LIMIT)) {
    return false;
  }
  acoap__answer_code(serving, ACOAP_CODE_BAD_REQUEST, "Hop-Limit is 1 to 255");
  return true;
}

/* Section 5.10.2: who is no proxy says so. */
static bool refuses_proxying(acoap__serving_t *serving) {
  static const uint16_t numbers[] = {ACOAP_OPTION_PROXY_URI, ACOAP_OPTION_PROXY_SCHEME};
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    if (acoap__asked_has(&serving->asked, numbers[i]) &&
        !acoap__resource_understands(serving->resource, numbers[i])) {
      acoap__answer_code(serving, ACOAP_CODE_PROXYING_NOT_SUPPORTED, NULL);
      return true;
    }
  }
  return false;
}

/* ---- resource and method --------------------------------------------------------------------- */

static bool refuses_method(acoap__serving_t *serving) {
  if (serving->resource == NULL) {
    acoap__answer_code(serving, ACOAP_CODE_NOT_FOUND, NULL);
  } else {
    acoap__answer_code(serving, ACOAP_CODE_METHOD_NOT_ALLOWED, NULL);
  }
  return true;
}

/* ---- blocks, freshness, formats -------------------------------------------------------------- */

static bool refuses_blocks(acoap__serving_t *serving) {
  const acoap__asked_t *asked = &serving->asked;
  if ((asked->has & ACOAP__BAD_BLOCK) != 0) {
    acoap__answer_code(serving, ACOAP_CODE_BAD_REQUEST, "block size 7 is reserved");
    return true;
  }
  serving->has_block1 = acoap__asked_has(asked, ACOAP_OPTION_BLOCK1);
  serving->has_block2 = acoap__asked_has(asked, ACOAP_OPTION_BLOCK2);
  serving->block1 = asked->block1;
  serving->block2 = asked->block2;
  return false;
}

/* RFC 9177. */
static bool refuses_sets(acoap__serving_t *serving) {
  const uint64_t both =
      acoap__present_bit(ACOAP_OPTION_Q_BLOCK1) | acoap__present_bit(ACOAP_OPTION_Q_BLOCK2);
  uint64_t present = serving->view->present; /* 0: not known */
  return (present == 0 || (present & both) != 0) && acoap__qblock_refuses(serving);
}

bool acoap__dispatch_is_stale(acoap__serving_t *serving) {
  const acoap_resource_t *resource = serving->resource;
  if (resource == NULL || resource->fresh_ms == 0 || acoap__is_safe(serving->view->code) ||
      acoap__echo_fresh(serving, resource->fresh_ms)) {
    return false;
  }
  acoap__answer_challenge(serving);
  return true;
}

/* The blocks between the first and the last do nothing by themselves; which one of Q-Block1 they
 * are is seen when it is taken (qblock1.c). */
static bool refuses_stale(acoap__serving_t *serving) {
  bool middle = serving->has_block1 && serving->block1.more && serving->block1.num > 0;
  return !middle && (serving->qblock & ACOAP__QBLOCK1) == 0 && acoap__dispatch_is_stale(serving);
}

static bool is_listed(const uint16_t *list, size_t count, uint32_t number) {
  for (size_t i = 0; i < count; i++) {
    if (list[i] == number) {
      return true;
    }
  }
  return false;
}

static bool refuses_accept(acoap__serving_t *serving) {
  const acoap_resource_t *resource = serving->resource;
  if (resource == NULL || resource->gives_count == 0 || !acoap__is_safe(serving->view->code) ||
      is_listed(resource->gives, resource->gives_count, serving->asked.accept)) {
    return false;
  }
  acoap__answer_code(serving, ACOAP_CODE_NOT_ACCEPTABLE, NULL);
  return true;
}

/* A body whose format is not said is in none of those that are taken (section 5.10.3). */
static bool refuses_content_format(acoap__serving_t *serving) {
  const acoap_resource_t *resource = serving->resource;
  const acoap__asked_t *asked = &serving->asked;
  if (!takes_body(serving->view->code) ||
      (serving->view->payload.len == 0 && !serving->has_block1)) {
    return false;
  }
  if (acoap__asked_has(asked, ACOAP_OPTION_CONTENT_FORMAT) &&
      is_listed(resource->takes, resource->takes_count, asked->content_format)) {
    return false;
  }
  acoap__answer_code(serving, ACOAP_CODE_UNSUPPORTED_CONTENT_FORMAT, NULL);
  return true;
}

/* ---- later blocks ---------------------------------------------------------------------------- */

/*
 * What is not a GET cannot be asked again for a body that nobody has any more, when this request
 * does not carry its own: the handler would do something else, or do it twice.
 */
static bool answers_later_block(acoap__serving_t *serving) {
  const acoap_view_t *view = serving->view;
  if ((serving->qblock & (ACOAP__QBLOCK2_LATER | ACOAP__QBLOCK1)) == ACOAP__QBLOCK2_LATER) {
    return acoap__qblock2_continue(serving);
  }
  if (!serving->has_block2 || serving->block2.num == 0) {
    return false;
  }
  if (acoap__block2_continue(serving)) {
    return true;
  }
  if (view->code == ACOAP_CODE_GET || view->payload.len > 0 || serving->has_block1) {
    return false;
  }
  acoap__answer_code(serving, ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE, NULL);
  return true;
}

/* ---- preconditions --------------------------------------------------------------------------- */

static bool leaves_conditions(const acoap_resource_t *resource) {
  return acoap__resource_understands(resource, ACOAP_OPTION_IF_MATCH) ||
         acoap__resource_understands(resource, ACOAP_OPTION_IF_NONE_MATCH);
}

/* The options that ask for what a version answers. */
#define CONDITIONS                                                                                 \
  (acoap__option_bit(ACOAP_OPTION_IF_MATCH) | acoap__option_bit(ACOAP_OPTION_IF_NONE_MATCH) |      \
   acoap__option_bit(ACOAP_OPTION_ETAG))

static void answer_valid(acoap__serving_t *serving, acoap_bytes_t etag) {
  acoap_builder_t *builder = acoap_request_begin(serving->request, ACOAP_CODE_VALID);
  if (builder != NULL) {
    acoap_builder_option(builder, ACOAP_OPTION_ETAG, etag.data, etag.len);
    (void)acoap_request_send(serving->request, ACOAP_AS_REQUESTED);
  }
}

/* True: answered. */
static bool judge_preconditions(acoap__serving_t *serving) {
  const acoap_resource_t *resource = serving->resource;
  const acoap_view_t *view = serving->view;
  uint8_t etag[8];
  int version = 0;
  if (resource == NULL || (serving->asked.has & CONDITIONS) == 0) {
    return false;
  }
  if (resource->version != NULL) {
    version = resource->version(resource->version_data, serving->request, etag);
  }
  if ((version < 0 && version != ACOAP_ENOTFOUND) || version > (int)sizeof(etag)) {
    acoap__answer_code(serving, ACOAP_CODE_INTERNAL_SERVER_ERROR, NULL);
    return true;
  }
  acoap_bytes_t name = {etag, version > 0 ? (size_t)version : 0};
  int code = acoap__precondition(view, version >= 0, name.data, name.len);
  if (code == ACOAP_CODE_PRECONDITION_FAILED && leaves_conditions(resource)) {
    code = name.len > 0 && acoap__etag_known(view, name) ? ACOAP_CODE_VALID : 0;
  }
  if (code == ACOAP_CODE_VALID) {
    answer_valid(serving, name);
  } else if (code != 0) {
    acoap__answer_code(serving, (uint8_t)code, NULL);
  }
  return code != 0;
}

/* Is nothing of its body taken yet, so that a condition can still keep it from being taken? */
static bool begins_body(const acoap__serving_t *serving) {
  return serving->has_block1 ? serving->block1.num == 0
                             : serving->resource != NULL && serving->resource->upload_ops != NULL;
}

bool acoap__dispatch_judge(acoap__serving_t *serving) {
  if ((serving->asked.has & (CONDITIONS | acoap__option_bit(ACOAP_OPTION_OBSERVE))) == 0) {
    return false; /* a round, too: each observer's ETags are compared with its answer (notify.c) */
  }
  if (acoap__asked_has(&serving->asked, ACOAP_OPTION_OBSERVE)) {
    if (serving->resource != NULL && acoap__is_safe(serving->view->code) &&
        !acoap__serving_asks_later(serving) && !serving->inbound->path->multicast) {
      acoap__observe_request(serving);
    }
    if (!serving->observe) {
      acoap__request_end_observation(serving->request);
    }
  }
  return judge_preconditions(serving);
}

/* ---- the way --------------------------------------------------------------------------------- */

/* Answers with true. */
typedef bool (*step_t)(acoap__serving_t *serving);

bool acoap__dispatch_begins(acoap__serving_t *serving) {
  return acoap__dispatch_is_stale(serving) || judge_preconditions(serving) ||
         serving->server == NULL;
}

/* Take the request's body. True: answered or kept. */
static bool receives_body(acoap__serving_t *serving) {
  if ((serving->qblock & ACOAP__QBLOCK1) != 0) {
    return acoap__qblock1_receive(serving);
  }
  return (begins_body(serving) && judge_preconditions(serving)) || serving->server == NULL ||
         acoap__block1_receive(serving);
}

#define BIT(name) (UINT64_C(1) << ACOAP__OPTION_PLACE(ACOAP_OPTION_##name))

/* Each step, and what of a request and its resource gives it something to judge. Q-Block1 and
 * Q-Block2 are among what the library does not recognise everywhere. */
static const struct {
  uint64_t matters;
  step_t step;
} steps[] = {
    {ACOAP__WANTS_IDENTITY, refuses_identity},
    {ACOAP__UNRECOGNISED | BIT(BLOCK1), refuses_options},
    {BIT(HOP_LIMIT), refuses_hop_limit},
    {BIT(PROXY_URI) | BIT(PROXY_SCHEME), refuses_proxying},
    {ACOAP__NO_HANDLER, refuses_method},
    {BIT(BLOCK1) | BIT(BLOCK2), refuses_blocks},
    {ACOAP__UNRECOGNISED, refuses_sets},
    {ACOAP__WANTS_FRESHNESS, refuses_stale},
    {BIT(ACCEPT), refuses_accept},
    {ACOAP__WANTS_FORMATS, refuses_content_format},
    {BIT(BLOCK2) | ACOAP__UNRECOGNISED, answers_later_block},
};

/* All of the above: without any of them a request goes straight on. */
#define MATTERS                                                                                    \
  (ACOAP__WANTS_IDENTITY | ACOAP__WANTS_FRESHNESS | ACOAP__WANTS_FORMATS | ACOAP__UNRECOGNISED |   \
   ACOAP__NO_HANDLER | BIT(BLOCK1) | BIT(BLOCK2) | BIT(HOP_LIMIT) | BIT(PROXY_URI) |               \
   BIT(PROXY_SCHEME) | BIT(ACCEPT))

static bool is_refused(acoap__serving_t *serving, uint64_t matters) {
  for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
    if ((steps[i].matters & matters) != 0 && steps[i].step(serving)) {
      return true;
    }
  }
  return false;
}

/* Find the resource. Returns what matters of it and of the request. */
static uint64_t find(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  acoap__asked_path_t path;
  acoap__asked_read(serving->view, &serving->asked, &path);
  acoap__tree_find(server, &path, &serving->match);
  acoap_resource_t *resource = acoap__resource_ref(serving->match.resource);
  serving->resource = resource;
  server->stats.not_found += resource == NULL ? 1 : 0;
  uint64_t handler = acoap__serving_has_handler(serving) ? 0 : ACOAP__NO_HANDLER;
  return serving->asked.has | handler | (resource != NULL ? resource->wants : 0);
}

static void serve(acoap__serving_t *serving) {
  uint64_t matters = find(serving);
  acoap__protect_note(serving);
  if (serving->inbound->path->multicast) {
    acoap__multicast_admit(serving);
  }
  if ((matters & MATTERS) != 0 && is_refused(serving, matters)) {
    return;
  }
  if (takes_body(serving->view->code) && receives_body(serving)) {
    return;
  }
  acoap__serving_run_held(serving);
}

/* Before anything is allocated for it: 4.29 or 5.03 with Max-Age, RST, or silence. */
static void refuse(const acoap_server_t *server, acoap_request_t *request, int verdict) {
  acoap_builder_t *builder = NULL;
  if (verdict == ACOAP_ERESET) {
    (void)acoap_request_reset(request);
    return;
  }
  if (verdict > 0) {
    builder = acoap_request_begin(request, (uint8_t)verdict);
  }
  if (builder == NULL) {
    acoap_request_ignore(request);
    return;
  }
  acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, server->options.retry_s);
  (void)acoap_request_send(request, ACOAP_AS_REQUESTED);
}

void acoap__dispatch(void *user_data, acoap_request_t *request) {
  acoap_server_t *server = user_data;
  server->stats.requests++;
  int verdict = acoap__protect_admit(server, request);
  if (verdict != 0) {
    refuse(server, request, verdict);
    return;
  }
  acoap__serving_t *serving = acoap__serving_new(server, request);
  if (serving == NULL) {
    return; /* the endpoint's 5.00 */
  }
  acoap__server_hold(server);
  serve(serving);
  acoap__server_release(server);
}
