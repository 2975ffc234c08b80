/*
 * Messages as users may keep them: a view, where it came from, and a reference to the datagram's
 * buffer. Objects are pooled per endpoint, so that the steady state allocates nothing, and one is
 * in store before the engine sees a datagram, so that taking it cannot fail. A message may outlive
 * its endpoint. Decodes nothing and copies no payload.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/dtls.h>

#include "endpoint/local_endpoint.h"

#include "base/buf.h"
#include "base/mem.h"

/* Objects kept for reuse; more than a batch of datagrams brings is rarely alive at once. */
#define FREE_MESSAGES_MAX 64
/* RFC 7252 section 5.10.5: the default of Max-Age in seconds. */
#define MAX_AGE_DEFAULT_S 60

struct acoap_message {
  uint32_t refs;                    /* holders */
  uint32_t elapsed_ms;              /* of a response: since its request was first sent */
  uint32_t retransmissions;         /* of a response: how often its request was sent again */
  acoap_view_t view;                /* into buffer, and body for the payload when there is one */
  acoap_path_t path;                /* how it came */
  acoap_buffer_t *buffer;           /* the datagram's storage, referenced */
  uint8_t *body;                    /* a payload of its own; NULL: the payload lies in buffer */
  acoap_local_endpoint_t *endpoint; /* held; NULL in the pool */
  acoap_message_t *next_free;       /* in the pool */
};

/* ---- pool ------------------------------------------------------------------------------------ */

bool acoap__message_allocate(acoap_local_endpoint_t *endpoint) {
  acoap_message_t *message = acoap__malloc(sizeof(*message));
  if (message == NULL) {
    return false;
  }
  message->next_free = NULL;
  endpoint->free_messages = message;
  endpoint->free_message_count = 1;
  return true;
}

void acoap__messages_free(acoap_local_endpoint_t *endpoint) {
  while (endpoint->free_messages != NULL) {
    acoap_message_t *message = endpoint->free_messages;
    endpoint->free_messages = message->next_free;
    acoap__free(message);
  }
  endpoint->free_message_count = 0;
}

static acoap_message_t *message_get(acoap_local_endpoint_t *endpoint) {
  if (!acoap__messages_reserve(endpoint)) {
    return NULL;
  }
  acoap_message_t *message = endpoint->free_messages;
  endpoint->free_messages = message->next_free;
  endpoint->free_message_count--;
  message->refs = 1;
  message->elapsed_ms = 0;
  message->retransmissions = 0;
  message->body = NULL;
  message->endpoint = acoap__local_endpoint_hold(endpoint);
  return message;
}

static inline void put_in_store(acoap_local_endpoint_t *endpoint, acoap_message_t *message) {
  if (endpoint->state == ACOAP__ENDPOINT_CLOSED ||
      endpoint->free_message_count >= FREE_MESSAGES_MAX) {
    acoap__free(message);
    return;
  }
  message->endpoint = NULL;
  message->next_free = endpoint->free_messages;
  endpoint->free_messages = message;
  endpoint->free_message_count++;
}

static inline void message_put(acoap_message_t *message) {
  acoap_local_endpoint_t *endpoint = message->endpoint;
  if (message->path.identity != NULL) {
    (void)acoap_identity_unref(message->path.identity);
  }
  acoap__buf_unref(message->buffer);
  if (message->body != NULL) {
    acoap__free(message->body);
  }
  /* It may be taken again while its datagram is in hand. */
  if (endpoint->current != message) {
    put_in_store(endpoint, message);
  }
  acoap__endpoint_let_go(endpoint);
}

/* ---- making ---------------------------------------------------------------------------------- */

acoap_message_t *acoap__message_pick_up(acoap_local_endpoint_t *endpoint, const acoap_path_t *path,
                                        uint16_t socket, acoap_buffer_t *buffer) {
  acoap_message_t *message = endpoint->free_messages;
  endpoint->free_messages = message->next_free;
  endpoint->free_message_count--;
  endpoint->current = message;
  message->refs = 0;
  message->buffer = buffer;
  message->path = *path;
  message->path.socket = socket;
  /* Wishes of a sender; not what was seen. */
  message->path.hop_limit = 0;
  message->path.host = NULL;
  message->path.credentials = NULL;
  return message;
}

acoap_view_t *acoap__message_room(acoap_message_t *message) {
  return &message->view;
}

void acoap__message_put_down(acoap_local_endpoint_t *endpoint, acoap_message_t *message,
                             acoap_message_t *outer) {
  endpoint->current = outer;
  if (message->refs == 0) {
    put_in_store(endpoint, message);
  }
}

acoap_message_t *acoap__message_take(acoap_local_endpoint_t *endpoint, const acoap_path_t *from,
                                     const acoap_view_t *view) {
  acoap_message_t *message = endpoint->current;
  (void)from; /* it says already how it came */
  /* Who takes a second one of the same datagram shares the first. */
  if (message == NULL || message->refs++ > 0) {
    return message;
  }
  message->elapsed_ms = 0;
  message->retransmissions = 0;
  message->body = NULL;
  message->endpoint = acoap__local_endpoint_hold(endpoint);
  if (view != &message->view) {
    message->view = *view;
  }
  if (message->path.identity != NULL) {
    (void)acoap_identity_ref(message->path.identity);
  }
  (void)acoap__buf_ref(message->buffer);
  return message;
}

void acoap__message_set_timing(acoap_message_t *message, uint32_t elapsed_ms,
                               uint32_t retransmissions) {
  if (message != NULL) {
    message->elapsed_ms = elapsed_ms;
    message->retransmissions = retransmissions;
  }
}

acoap_message_t *acoap__message_with_payload(const acoap_message_t *of, uint8_t *payload,
                                             size_t len) {
  acoap_message_t *message = message_get(of->endpoint);
  if (message == NULL) {
    acoap__free(payload);
    return NULL;
  }
  message->view = of->view;
  message->view.payload.data = payload;
  message->view.payload.len = len;
  message->path = of->path;
  (void)acoap_identity_ref(message->path.identity);
  message->elapsed_ms = of->elapsed_ms;
  message->retransmissions = of->retransmissions;
  message->buffer = acoap__buf_ref(of->buffer);
  message->body = payload;
  return message;
}

acoap_message_t *acoap_message_ref(acoap_message_t *message) {
  if (message != NULL) {
    message->refs++;
  }
  return message;
}

acoap_message_t *acoap_message_unref(acoap_message_t *message) {
  if (message != NULL && --message->refs == 0) {
    message_put(message);
  }
  return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

const acoap_view_t *acoap_message_view(const acoap_message_t *message) {
  return message != NULL ? &message->view : NULL;
}

uint8_t acoap_message_code(const acoap_message_t *message) {
  return message != NULL ? message->view.code : 0;
}

acoap_bytes_t acoap_message_payload(const acoap_message_t *message) {
  static const uint8_t nothing[1] = {0};
  acoap_bytes_t payload = {nothing, 0};
  if (message != NULL && message->view.payload.len > 0) {
    payload = message->view.payload;
  }
  return payload;
}

int acoap_message_content_format(const acoap_message_t *message) {
  uint32_t format = 0;
  if (message == NULL || !acoap_view_uint(&message->view, ACOAP_OPTION_CONTENT_FORMAT, &format)) {
    return ACOAP_FORMAT_NONE;
  }
  return (int)format;
}

uint32_t acoap_message_max_age_s(const acoap_message_t *message) {
  uint32_t max_age_s = 0;
  if (message == NULL || !acoap_view_uint(&message->view, ACOAP_OPTION_MAX_AGE, &max_age_s)) {
    return MAX_AGE_DEFAULT_S;
  }
  return max_age_s;
}

const acoap_identity_t *acoap_message_identity(const acoap_message_t *message) {
  return message != NULL ? message->path.identity : NULL;
}

const acoap_path_t *acoap_message_path(const acoap_message_t *message) {
  return message != NULL ? &message->path : NULL;
}

const acoap_address_t *acoap_message_peer(const acoap_message_t *message) {
  return message != NULL ? &message->path.peer : NULL;
}

uint32_t acoap_message_elapsed_ms(const acoap_message_t *message) {
  return message != NULL ? message->elapsed_ms : 0;
}

uint32_t acoap_message_retransmissions(const acoap_message_t *message) {
  return message != NULL ? message->retransmissions : 0;
}
