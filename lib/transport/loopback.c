/*
 * Two sockets in one process, back to back on a libuv loop: what one sends, wherever to, the
 * other receives in the loop's next turn, in order. They are 127.0.0.1:5683 and 127.0.0.2:5683 to
 * each other.
 *   inbox <= INBOX_MAX datagrams; beyond it ACOAP_EAGAIN, and `writable` when it was emptied
 * The loop is kept alive only while a started side has something to hear. Nothing is lost,
 * delayed or reordered here: the simulated network does that.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <string.h>

#include <uv.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"

#define INBOX_MAX 1024
#define BATCH 32
#define COAP_PORT 5683

/* A datagram in an inbox: header, links and bytes in one allocation. */
typedef struct letter {
  acoap_buffer_t buffer; /* first: what receivers may keep */
  acoap__list_t node;    /* in the inbox */
  acoap_address_t to;    /* as the sender said */
  uint32_t interface;    /* likewise */
} letter_t;

typedef struct side {
  acoap_socket_t socket;               /* first */
  struct side *other;                  /* NULL when that one is closed */
  acoap_address_t address;             /* how the other sees it */
  const acoap_socket_events_t *events; /* NULL until started and after close */
  void *user_data;                     /* for events */
  uv_idle_t idle;                      /* runs while there is something to tell */
  acoap__list_t inbox;                 /* letter_t */
  size_t inbox_count;                  /* letters */
  bool refused;                        /* a send found the other's inbox full */
  bool writable;                       /* to be told */
  bool closing;                        /* close was called */
  void (*closed)(void *user_data);     /* may be NULL */
  void *closed_data;                   /* for closed */
} side_t;

static void next_turn(uv_idle_t *idle);

static void tell_later(side_t *side) {
  if (side->events != NULL && (side->writable || !acoap__list_empty(&side->inbox))) {
    uv_idle_start(&side->idle, next_turn);
  }
}

/* Letters. */

static void release_letter(acoap_buffer_t *buffer) {
  acoap__free(buffer);
}

static letter_t *new_letter(const acoap_outgoing_datagram_t *datagram) {
  letter_t *letter = acoap__malloc(sizeof(*letter) + datagram->bytes.len);
  if (letter == NULL) {
    return NULL;
  }
  letter->buffer = (acoap_buffer_t){.bytes = (uint8_t *)(letter + 1),
                                    .cap = datagram->bytes.len,
                                    .len = datagram->bytes.len,
                                    .refs = 1,
                                    .release = release_letter};
  letter->to = datagram->path->peer;
  letter->interface = datagram->path->interface;
  acoap__list_init(&letter->node);
  if (datagram->bytes.len > 0) {
    memcpy(letter->buffer.bytes, datagram->bytes.data, datagram->bytes.len);
  }
  return letter;
}

static void drop_letters(acoap__list_t *letters) {
  for (acoap__list_t *node; (node = acoap__list_first(letters)) != NULL;) {
    letter_t *letter = ACOAP__CONTAINER(node, letter_t, node);
    acoap__list_remove(node);
    acoap__buf_unref(&letter->buffer);
  }
}

/* Up to BATCH letters in one callback. */
static void deliver(side_t *side, const acoap_address_t *from, acoap__list_t *letters) {
  acoap_incoming_datagram_t batch[BATCH];
  acoap__list_t told;
  size_t count = 0;
  acoap__list_init(&told);
  for (acoap__list_t *node; count < BATCH && (node = acoap__list_first(letters)) != NULL; count++) {
    letter_t *letter = ACOAP__CONTAINER(node, letter_t, node);
    acoap__list_remove(node);
    acoap__list_append(&told, node);
    acoap_path_t path = {.peer = *from,
                         .local = letter->to,
                         .interface = letter->interface,
                         .multicast = acoap_address_is_multicast(&letter->to)};
    batch[count] = (acoap_incoming_datagram_t){.path = path,
                                               .buffer = &letter->buffer,
                                               .bytes = {letter->buffer.bytes, letter->buffer.len}};
  }
  side->events->received(side->user_data, batch, count);
  drop_letters(&told);
}

/*
 * Only what is there now: what callbacks send meanwhile waits for the next turn. The handle stays
 * active while it tells: a turn of the loop that has told something does not wait.
 */
static void next_turn(uv_idle_t *idle) {
  side_t *side = idle->data;
  acoap_address_t from = side->address;
  if (!side->writable && acoap__list_empty(&side->inbox)) {
    uv_idle_stop(idle);
    return;
  }
  acoap__list_t letters;
  acoap__list_init(&letters);
  acoap__list_take(&side->inbox, &letters);
  side->inbox_count = 0;
  from.ip[3] = from.ip[3] == 1 ? 2 : 1;
  if (side->other != NULL && side->other->refused) {
    side->other->refused = false;
    side->other->writable = true;
    tell_later(side->other);
  }
  if (side->writable) {
    side->writable = false;
    if (side->events->writable != NULL) {
      side->events->writable(side->user_data);
    }
  }
  while (side->events != NULL && !acoap__list_empty(&letters)) {
    deliver(side, &from, &letters);
  }
  drop_letters(&letters);
}

/* The table. */

static int start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data) {
  side_t *side = (side_t *)socket;
  if (events == NULL || events->received == NULL || side->events != NULL || side->closing) {
    return ACOAP_EINVAL;
  }
  side->events = events;
  side->user_data = user_data;
  tell_later(side);
  return 0;
}

static int send_one(side_t *side, const acoap_outgoing_datagram_t *datagram) {
  side_t *other = side->other;
  if (side->closing) {
    return ACOAP_ECLOSED;
  }
  if (other == NULL) {
    return 0;
  }
  if (other->inbox_count == INBOX_MAX) {
    side->refused = true;
    return ACOAP_EAGAIN;
  }
  letter_t *letter = new_letter(datagram);
  if (letter == NULL) {
    return ACOAP_ENOMEM;
  }
  acoap__list_append(&other->inbox, &letter->node);
  other->inbox_count++;
  tell_later(other);
  return 0;
}

static int send_batch(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch,
                      size_t count) {
  side_t *side = (side_t *)socket;
  for (size_t i = 0; i < count; i++) {
    int status = send_one(side, &batch[i]);
    if (status != 0 && i == 0) {
      return status;
    }
    if (status != 0) {
      if (status != ACOAP_EAGAIN) {
        side->writable = true;
        tell_later(side);
      }
      return (int)i;
    }
  }
  return (int)count;
}

static int change_membership(acoap_socket_t *socket, const acoap_address_t *group,
                             uint32_t interface) {
  (void)socket;
  (void)interface;
  return group != NULL && acoap_address_is_multicast(group) ? 0 : ACOAP_EINVAL;
}

static int local_address(acoap_socket_t *socket, acoap_address_t *address) {
  *address = ((side_t *)socket)->address;
  return 0;
}

static void idle_closed(uv_handle_t *handle) {
  side_t *side = handle->data;
  void (*closed)(void *user_data) = side->closed;
  void *closed_data = side->closed_data;
  drop_letters(&side->inbox);
  acoap__free(side);
  if (closed != NULL) {
    closed(closed_data);
  }
}

static void close_socket(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  side_t *side = (side_t *)socket;
  if (side->closing) {
    return;
  }
  side->closing = true;
  side->events = NULL;
  side->closed = closed;
  side->closed_data = user_data;
  if (side->other != NULL) {
    side->other->other = NULL;
    if (side->other->refused) {
      /* Nobody will empty the inbox any more; from now on everything goes nowhere. */
      side->other->refused = false;
      side->other->writable = true;
      tell_later(side->other);
    }
  }
  uv_close((uv_handle_t *)&side->idle, idle_closed);
}

static const acoap_socket_ops_t loopback_ops = {
    .size = sizeof(acoap_socket_ops_t),
    .start = start,
    .send = send_batch,
    .join = change_membership,
    .leave = change_membership,
    .local_address = local_address,
    .close = close_socket,
};

static side_t *new_side(uint8_t number) {
  side_t *side = acoap__calloc(1, sizeof(*side));
  if (side != NULL) {
    side->socket.ops = &loopback_ops;
    side->address = (acoap_address_t){
        .family = ACOAP_FAMILY_IPV4, .port = COAP_PORT, .ip = {127, 0, 0, number}};
    acoap__list_init(&side->inbox);
    side->idle.data = side;
  }
  return side;
}

int acoap_loopback_pair_new(struct uv_loop_s *loop, acoap_socket_t **a, acoap_socket_t **b) {
  if (loop == NULL || a == NULL || b == NULL) {
    return ACOAP_EINVAL;
  }
  side_t *first = new_side(1);
  side_t *second = new_side(2);
  if (first == NULL || second == NULL) {
    acoap__free(first);
    acoap__free(second);
    return ACOAP_ENOMEM;
  }
  /* uv_idle_init cannot fail and leaves data alone. */
  uv_idle_init(loop, &first->idle);
  uv_idle_init(loop, &second->idle);
  first->other = second;
  second->other = first;
  *a = &first->socket;
  *b = &second->socket;
  return 0;
}
