/*
 * A request in a server's hands (RFC 7252 section 5.2): what is known of it beside the endpoint, in
 * an object that is pooled; the handlers of its method, of which the first that answers or keeps it
 * ends the group; the filter that takes their answers (answer.c); what was slow, dropped or left
 * over. The rule:
 *     slow = answered - received > slow_ms, or a handler ran longer than slow_ms
 * Decides nothing about the request (dispatch.c) and builds no answers.
 * SPDX-License-Identifier: MIT
 */
#include "server/qblock.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* Objects kept for reuse. */
#define FREE_SERVINGS_MAX 32
/* A sentence about a slow request: its path is cut. */
#define SENTENCE_MAX 200

/* ---- life ------------------------------------------------------------------------------------ */

acoap__serving_t *acoap__serving_of(const acoap_request_t *request) {
  return request != NULL ? acoap__request_filter_data(request) : NULL;
}

static acoap__serving_t *serving_alloc(acoap_server_t *server) {
  acoap__serving_t *serving = server->free_servings;
  if (serving == NULL) {
    return acoap__malloc(sizeof(acoap__serving_t));
  }
  server->free_servings = serving->next_free;
  server->free_serving_count--;
  return serving;
}

acoap__serving_t *acoap__serving_new(acoap_server_t *server, acoap_request_t *request) {
  acoap__serving_t *serving = serving_alloc(server);
  if (serving == NULL) {
    return NULL;
  }
  memset(&serving->upload, 0,
         offsetof(acoap__serving_t, asked) - offsetof(acoap__serving_t, upload));
  serving->resource = NULL;
  serving->asked.has = 0;
  serving->body_resume.call = NULL;
  serving->server = server;
  serving->request = request;
  serving->view = acoap_message_view(acoap_request_message(request));
  serving->inbound = acoap__request_inbound(request);
  serving->started = acoap__server_recent(server);
  serving->allowance = SIZE_MAX;
  acoap__list_init(&serving->body_node);
  acoap__list_append(&server->open, &serving->node);
  acoap__request_set_filter(request, &acoap__serving_filter, serving);
  return serving;
}

acoap__serving_t *acoap__serving_again(const acoap__serving_t *of, acoap_request_t *again) {
  acoap__serving_t *serving = of->server != NULL ? acoap__serving_new(of->server, again) : NULL;
  if (serving == NULL) {
    return NULL;
  }
  serving->resource = acoap__resource_ref(of->resource);
  serving->match = of->match;
  serving->verified = of->verified;
  return serving;
}

void acoap__serving_detach(acoap__serving_t *serving) {
  acoap__list_remove(&serving->node);
  serving->server = NULL;
  acoap__answer_resume(serving); /* with 5.03, when it waits for a body */
}

void acoap__serving_stop_waiting(acoap__serving_t *serving) {
  acoap_body_t *body = serving->body;
  if (body == NULL) {
    return;
  }
  acoap__block2_forget(serving);
  serving->body = NULL;
  acoap__free(serving->options);
  acoap_body_unref(body);
  acoap_request_unref(serving->request);
}

static void serving_free(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  acoap_resource_t *resource = serving->resource;
  if (serving->upload != NULL) {
    acoap__block1_forget(serving);
  }
  acoap__round_free(serving->round);
  acoap__list_remove(&serving->node);
  if (server == NULL || server->closed || server->free_serving_count >= FREE_SERVINGS_MAX) {
    acoap__free(serving);
  } else {
    serving->next_free = server->free_servings;
    server->free_servings = serving;
    server->free_serving_count++;
  }
  acoap__resource_unref(resource);
}

/* ---- slow ------------------------------------------------------------------------------------ */

static void report_slow(const acoap__serving_t *serving, acoap_time_t ms, const char *what) {
  const acoap__log_t *log = acoap__local_endpoint_log(serving->server->endpoint);
  const char *method = acoap_code_name(serving->view->code);
  char chars[SENTENCE_MAX];
  acoap__text_t text;
  if (!acoap__log_wants(log, ACOAP_LOG_WARNING)) {
    return;
  }
  acoap__text_init(&text, chars, sizeof(chars));
  acoap__text_put(&text, method != NULL ? method : "request");
  acoap__text_put(&text, " of ");
  acoap__text_put(&text, serving->resource != NULL ? serving->resource->path : "no resource");
  acoap__text_put(&text, what);
  acoap__text_put_uint(&text, (uint64_t)ms);
  acoap__text_put(&text, " ms");
  acoap__log_text(log, ACOAP_LOG_WARNING, chars);
}

/* Count and tell, once for a request. */
static void check_slow(acoap__serving_t *serving, acoap_time_t ms, const char *what) {
  acoap_server_t *server = serving->server;
  if (ms <= server->slow_after || serving->slow) {
    return;
  }
  serving->slow = true;
  server->stats.slow++;
  report_slow(serving, ms, what);
}

/* The handlers are done with it, one way or another. */
static void settle(acoap__serving_t *serving) {
  if (serving->settled || serving->server == NULL) {
    return;
  }
  serving->settled = true;
  if (serving->next_handler > 0) {
    /* How long the handler that runs now has run is judged when it returns. */
    check_slow(serving, acoap__server_recent(serving->server) - serving->started,
               " was answered after ");
  }
}

/* ---- handlers -------------------------------------------------------------------------------- */

/* Has its method a handler of its own? */
static bool has_own(const acoap_resource_t *resource, uint8_t method) {
  return (resource->methods & UINT32_C(1) << method) != 0;
}

bool acoap__serving_has_handler(const acoap__serving_t *serving) {
  const acoap_resource_t *resource = serving->resource;
  if (resource == NULL) {
    return serving->server->fallback.call != NULL;
  }
  return has_own(resource, serving->inbound->code) || has_own(resource, 0);
}

/* The next handler of the group; NULL at its end. A copy, since handlers may add others. */
static bool handler_next(acoap__serving_t *serving, acoap__handler_t *handler) {
  const acoap_resource_t *resource = serving->resource;
  if (resource == NULL) {
    *handler = serving->server->fallback;
    return serving->next_handler++ == 0 && handler->call != NULL;
  }
  uint8_t method = serving->inbound->code;
  uint8_t wanted = has_own(resource, method) ? method : 0;
  while (serving->next_handler < resource->handler_count) {
    *handler = resource->handlers[serving->next_handler++];
    if (handler->method == wanted) {
      return true;
    }
  }
  return false;
}

/* Was it dealt with by a handler that found `holders` of it? */
static bool is_taken(const acoap__serving_t *serving, uint32_t holders) {
  return serving->settled || acoap__request_is_answered(serving->request) ||
         acoap__request_holders(serving->request) > holders;
}

static void run_handlers(acoap__serving_t *serving, uint32_t holders) {
  acoap_request_t *request = serving->request;
  acoap__handler_t handler;
  /* A handler may free the server; then the group ends. */
  for (const acoap_server_t *server = serving->server;
       server != NULL && !is_taken(serving, holders) && handler_next(serving, &handler);) {
    acoap_time_t began = acoap__server_recent(server);
    handler.call(handler.user_data, request);
    server = serving->server;
    if (server != NULL) {
      check_slow(serving, acoap__server_now(server) - began, " kept its handler for ");
    }
  }
}

static bool acknowledges_at_once(const acoap__serving_t *serving) {
  return serving->resource != NULL ? serving->resource->acknowledge_at_once
                                   : serving->server->options.acknowledge_at_once;
}

void acoap__serving_run_held(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  acoap_request_t *request = serving->request;
  if (acoap__dispatch_judge(serving)) {
    return;
  }
  server->stats.handled += serving->round == NULL ? 1 : 0;
  uint32_t holders = acoap__request_holders(request);
  run_handlers(serving, holders);
  bool kept = !acoap__request_is_answered(request) && acoap__request_holders(request) > holders;
  if (kept && serving->server != NULL && serving->round == NULL && acknowledges_at_once(serving)) {
    (void)acoap_request_acknowledge(request);
  }
}

void acoap__serving_run(acoap__serving_t *serving) {
  acoap_server_t *server = serving->server;
  acoap_request_t *request = serving->request;
  if (server != NULL) {
    acoap_request_ref(request);
    acoap__server_hold(server);
    acoap__serving_run_held(serving);
    acoap__server_release(server);
    acoap_request_unref(request);
  }
}

/* ---- the filter ------------------------------------------------------------------------------ */

static int send(acoap_request_t *request, acoap_builder_t *builder,
                acoap_reliability_t reliability) {
  acoap__serving_t *serving = acoap__serving_of(request);
  bool dropped = acoap__request_is_dropped(request);
  if (acoap__serving_answers(serving, dropped) != 0) {
    return ACOAP_EINVAL;
  }
  return acoap__answer(serving, builder, NULL, reliability);
}

int acoap__serving_answers(acoap__serving_t *serving, bool dropped) {
  if (serving->answered && !dropped) {
    return ACOAP_EINVAL;
  }
  serving->answered = true;
  if (serving->server != NULL && dropped && !serving->settled) {
    serving->server->stats.dropped++;
  }
  settle(serving);
  return 0;
}

static void delivered(acoap_request_t *request, int status) {
  acoap__serving_t *serving = acoap__serving_of(request);
  acoap__protect_delivered(serving, status);
  if (serving->qjob != NULL && serving->server != NULL) {
    acoap__qblock2_delivered(serving, status);
  }
  if (serving->server != NULL) {
    acoap__observe_delivered(request, status);
  }
}

static void ended(acoap_request_t *request) {
  acoap__serving_t *serving = acoap__serving_of(request);
  settle(serving);
  if (serving->round != NULL) {
    acoap__notify_none(serving);
  }
  acoap__serving_stop_waiting(serving);
}

static void freed(acoap_request_t *request) {
  serving_free(acoap__serving_of(request));
}

const acoap__request_filter_t acoap__serving_filter = {
    .send = send,
    .respond = acoap__answer_respond,
    .delivered = delivered,
    .ended = ended,
    .freed = freed,
};

/* ---- for handlers ---------------------------------------------------------------------------- */

acoap_resource_t *acoap_request_resource(const acoap_request_t *request) {
  const acoap__serving_t *serving = acoap__serving_of(request);
  if (serving == NULL || serving->resource == NULL || serving->resource->server == NULL) {
    return NULL;
  }
  return serving->resource;
}

size_t acoap_request_depth(const acoap_request_t *request) {
  const acoap__serving_t *serving = acoap__serving_of(request);
  return serving != NULL ? serving->match.depth : 0;
}

bool acoap_request_query(const acoap_request_t *request, const char *name, acoap_bytes_t *value) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  if (request == NULL || name == NULL || value == NULL) {
    return false;
  }
  size_t len = strlen(name);
  acoap_option_iter_init(&iter, acoap_message_view(acoap_request_message(request)));
  while (acoap_option_next(&iter, &option) && option.number <= ACOAP_OPTION_URI_QUERY) {
    acoap_bytes_t query = option.value;
    if (option.number != ACOAP_OPTION_URI_QUERY || query.len < len ||
        memcmp(query.data, name, len) != 0 || (query.len > len && query.data[len] != '=')) {
      continue;
    }
    size_t skip = query.len > len ? len + 1 : len;
    *value = (acoap_bytes_t){query.data + skip, query.len - skip};
    return true;
  }
  return false;
}

acoap_bytes_t acoap_request_body(const acoap_request_t *request) {
  const acoap__serving_t *serving = acoap__serving_of(request);
  if (serving != NULL) {
    return acoap__block1_body(serving);
  }
  return acoap_message_payload(acoap_request_message(request));
}

bool acoap_request_is_notification(const acoap_request_t *request) {
  const acoap__serving_t *serving = acoap__serving_of(request);
  return serving != NULL && serving->round != NULL;
}

int acoap_request_precondition(const acoap_request_t *request, bool exists, const void *etag,
                               size_t etag_len) {
  if (request == NULL || (etag == NULL && etag_len > 0)) {
    return ACOAP_EINVAL;
  }
  return acoap__precondition(acoap_message_view(acoap_request_message(request)), exists, etag,
                             etag_len);
}
