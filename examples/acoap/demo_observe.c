/*
 * Observers of the demonstration server (RFC 7641 section 4): at most 64, known by (endpoint,
 * token). Every fourth notification is a CON, so that a client that went away is noticed
 * (section 4.5); who rejects one or does not acknowledge it is forgotten.
 * SPDX-License-Identifier: MIT
 */
#include "demo.h"

#include <string.h>

/* A notification in so many is confirmable. */
#define CONFIRMABLE_EVERY 4

static void forget(demo_observer_t *observer) {
  acoap_request_t *request = observer->request;
  observer->request = NULL;
  acoap_request_on_delivery(request, NULL, NULL);
  acoap_request_unref(request);
}

static void on_delivery(void *user_data, acoap_request_t *request, int status) {
  demo_observer_t *observer = user_data;
  if (status < 0 && observer->request == request) {
    forget(observer);
  }
}

void demo_observe_register(const demo_call_t *call, const demo_resource_t *resource) {
  for (size_t i = 0; i < DEMO_OBSERVERS_MAX; i++) {
    demo_observer_t *observer = &call->demo->observers[i];
    if (observer->request == NULL) {
      observer->request = acoap_request_ref(call->request);
      observer->resource = resource;
      observer->sent = 0;
      acoap_request_on_delivery(call->request, on_delivery, observer);
      return;
    }
  }
}

void demo_observe_remove(demo_t *demo, const acoap_message_t *message) {
  acoap_bytes_t token = acoap_message_view(message)->token;
  for (size_t i = 0; i < DEMO_OBSERVERS_MAX; i++) {
    demo_observer_t *observer = &demo->observers[i];
    if (observer->request == NULL) {
      continue;
    }
    const acoap_message_t *its = acoap_request_message(observer->request);
    acoap_bytes_t its_token = acoap_message_view(its)->token;
    if (acoap_address_equal(acoap_message_peer(its), acoap_message_peer(message)) &&
        its_token.len == token.len &&
        (token.len == 0 || memcmp(its_token.data, token.data, token.len) == 0)) {
      forget(observer);
    }
  }
}

bool demo_observe_has(const demo_t *demo, const acoap_request_t *request) {
  for (size_t i = 0; i < DEMO_OBSERVERS_MAX; i++) {
    if (demo->observers[i].request == request) {
      return true;
    }
  }
  return false;
}

static void notify(demo_t *demo, demo_observer_t *observer) {
  const acoap_message_t *message = acoap_request_message(observer->request);
  demo_call_t call = {.demo = demo,
                      .request = observer->request,
                      .view = acoap_message_view(message),
                      .method = acoap_message_code(message)};
  demo_body_t body = {.content_format = ACOAP_FORMAT_NONE, .max_age_s = 60};
  int format = demo_choose_format(observer->resource, call.view);
  if (format < ACOAP_FORMAT_NONE || observer->resource->get(demo, format, &body) != 0) {
    return;
  }
  observer->sent++;
  demo_represent(&call, &body, (int64_t)demo->sequence,
                 observer->sent % CONFIRMABLE_EVERY == 0 ? ACOAP_RELIABLE : ACOAP_UNRELIABLE);
}

void demo_observe_notify(demo_t *demo) {
  for (size_t i = 0; i < DEMO_OBSERVERS_MAX; i++) {
    if (demo->observers[i].request != NULL) {
      notify(demo, &demo->observers[i]);
    }
  }
}

void demo_observe_close(demo_t *demo) {
  for (size_t i = 0; i < DEMO_OBSERVERS_MAX; i++) {
    if (demo->observers[i].request != NULL) {
      forget(&demo->observers[i]);
    }
  }
}
