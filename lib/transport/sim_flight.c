/*
 * Datagrams under way on the simulated network. Each way is decided when it begins: cut, lost,
 * delayed, doubled; who hears it is decided when it arrives.
 * Four numbers are drawn for every way whatever the conditions, so that one probability changed
 * leaves the others' chance alone.
 * SPDX-License-Identifier: MIT
 */
#include "transport/sim_net.h"

#include "base/buf.h"
#include "base/mem.h"
#include "transport/buffer_copy.h"

typedef struct sim_flight {
  acoap__timer_t timer; /* arrives */
  acoap__list_t node;   /* in sim->flights */
  acoap_sim_t *sim;     /* the network */
  uint64_t to_socket;   /* the member of a group it goes to; 0: whoever is bound to path.local */
  bool notice;       /* an ICMP error on its way back to path.local about a datagram to path.peer */
  acoap_path_t path; /* as the receiver sees it */
  acoap_buffer_t *buffer; /* the datagram */
} sim_flight_t;

static void free_flight(sim_flight_t *flight) {
  acoap__timer_clear(&flight->sim->queue, &flight->timer);
  acoap__list_remove(&flight->node);
  acoap__buf_unref(flight->buffer);
  acoap__free(flight);
}

static void arrived(acoap__timer_t *timer, acoap_time_t now);

static int begin(acoap_sim_t *sim, const acoap_path_t *seen, uint64_t to_socket,
                 acoap_bytes_t bytes, acoap_time_t delay, bool notice) {
  sim_flight_t *flight = acoap__calloc(1, sizeof(*flight));
  acoap_buffer_t *buffer = acoap__buffer_copy(bytes);
  if (flight == NULL || buffer == NULL) {
    acoap__free(flight);
    acoap__buf_unref(buffer);
    return ACOAP_ENOMEM;
  }
  flight->sim = sim;
  flight->to_socket = to_socket;
  flight->notice = notice;
  flight->path = *seen;
  flight->buffer = buffer;
  acoap__list_append(&sim->flights, &flight->node);
  acoap__timer_init(&flight->timer, arrived);
  acoap__timer_set(&sim->queue, &flight->timer, sim->now + delay);
  return 0;
}

int acoap__sim_launch(acoap_sim_t *sim, const acoap_path_t *seen, uint64_t to_socket,
                      acoap_bytes_t bytes) {
  bool lost = acoap__sim_chance(sim, sim->conditions.loss_ppm);
  bool doubled = acoap__sim_chance(sim, sim->conditions.duplicate_ppm);
  acoap_time_t delay = acoap__sim_delay(sim);
  acoap_time_t copy_delay = acoap__sim_delay(sim);
  if (lost) {
    sim->stats.lost++;
    return 0;
  }
  int status = begin(sim, seen, to_socket, bytes, delay, false);
  if (status == 0 && doubled && begin(sim, seen, to_socket, bytes, copy_delay, false) == 0) {
    sim->stats.duplicated++;
  }
  return status;
}

/* The error travels the other way round and may get lost like anything else. */
static void return_notice(const sim_flight_t *flight) {
  acoap_sim_t *sim = flight->sim;
  acoap_path_t seen = {.peer = flight->path.local, .local = flight->path.peer};
  acoap_bytes_t quote = {flight->buffer->bytes, flight->buffer->len};
  bool lost = acoap__sim_chance(sim, sim->conditions.loss_ppm);
  acoap_time_t delay = acoap__sim_delay(sim);
  if (acoap__sim_is_cut(sim, &seen.peer, &seen.local)) {
    sim->stats.cut++;
  } else if (lost || begin(sim, &seen, 0, quote, delay, true) != 0) {
    sim->stats.lost++;
  }
}

static acoap__sim_socket_t *receiver(const sim_flight_t *flight) {
  acoap__sim_socket_t *socket = NULL;
  if (flight->to_socket == 0) {
    socket = acoap__sim_socket_bound(flight->sim, &flight->path.local);
  } else {
    socket = acoap__sim_socket_by_id(flight->sim, flight->to_socket);
    if (socket != NULL &&
        !acoap__sim_socket_is_member(socket, &flight->path.local, flight->path.interface)) {
      socket = NULL;
    }
  }
  return socket != NULL && socket->events != NULL ? socket : NULL;
}

static void deliver_notice(const sim_flight_t *flight, const acoap__sim_socket_t *socket) {
  acoap_peer_notice_t notice = {.event = ACOAP_PEER_ICMP,
                                .path = flight->path,
                                .status = ACOAP_EUNREACHABLE,
                                .reason = "port unreachable",
                                .quote = {flight->buffer->bytes, flight->buffer->len}};
  flight->sim->stats.notices++;
  if (socket->events->peer != NULL) {
    socket->events->peer(socket->user_data, &notice);
  }
}

static void arrived(acoap__timer_t *timer, acoap_time_t now) {
  sim_flight_t *flight = ACOAP__CONTAINER(timer, sim_flight_t, timer);
  (void)now;
  /* Off the list first: the receiver's callback may do anything to the network but free it. */
  acoap__list_remove(&flight->node);
  acoap__sim_socket_t *socket = receiver(flight);
  if (flight->notice) {
    if (socket != NULL) {
      deliver_notice(flight, socket);
    }
  } else if (socket == NULL) {
    flight->sim->stats.unclaimed++;
    if (flight->to_socket == 0 && acoap__sim_is_unreachable(flight->sim, &flight->path.local)) {
      return_notice(flight);
    }
  } else {
    acoap_incoming_datagram_t datagram = {.path = flight->path,
                                          .buffer = flight->buffer,
                                          .bytes = {flight->buffer->bytes, flight->buffer->len}};
    flight->sim->stats.delivered++;
    socket->events->received(socket->user_data, &datagram, 1);
  }
  free_flight(flight);
}

void acoap__sim_flights_free(acoap_sim_t *sim) {
  for (acoap__list_t *node; (node = acoap__list_first(&sim->flights)) != NULL;) {
    free_flight(ACOAP__CONTAINER(node, sim_flight_t, node));
  }
}
