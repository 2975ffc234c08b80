/*
 * The inside of the simulated network, shared by sim.c (conditions, time), sim_flight.c
 * (datagrams under way), sim_socket.c and sim_host.c. Everything that will happen is a timer in
 * one queue, ordered by (time, order set): the same calls from the same seed give the same run.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_SIM_NET_H
#define ACOAP_TRANSPORT_SIM_NET_H

#include <acoap/sim.h>

#include <stdatomic.h>

#include "base/list.h"
#include "base/random.h"
#include "base/timer_queue.h"

struct acoap_sim {
  acoap_host_t host;           /* first: acoap_sim_host lends it */
  acoap__timer_queue_t queue;  /* all that will happen */
  acoap_time_t now;            /* virtual milliseconds */
  acoap_time_t real_offset_ms; /* real-time clock - now */
  acoap__seeded_t chance;      /* decides what happens to datagrams */
  acoap__seeded_t
      entropy; /* what endpoints draw; apart, so that they do not move the network's chance */
  acoap_sim_conditions_t conditions; /* of every datagram from now on */
  acoap_sim_stats_t stats;           /* so far */
  acoap_sim_filter_cb filter;        /* sees what is handed in; NULL: none */
  void *filter_data;                 /* for filter */
  acoap__list_t sockets;             /* acoap__sim_socket_t, oldest first, the closing ones too */
  acoap__list_t flights;             /* acoap__sim_flight_t under way */
  acoap__list_t wakers;              /* acoap__sim_waker_t */
  acoap__list_t lookups;             /* acoap__sim_lookup_t that wait */
  acoap__list_t works;               /* work beside the loop that waits */
  acoap__list_t cuts;                /* acoap__sim_cut_t */
  acoap__list_t unreachables;        /* acoap__sim_unreachable_t */
  acoap__list_t names;               /* acoap__sim_name_t */
  acoap_interface_t *interfaces;     /* what endpoints see as theirs */
  size_t interface_count;            /* entries */
  uint64_t last_socket_id;           /* ids begin at 1 and are never used again */
  uint16_t next_port;                /* where the search for a free port begins */
  atomic_bool signalled;             /* some waker was woken from a thread */
};

/* Two hosts that cannot reach each other; family NONE: everybody. */
typedef struct acoap__sim_cut {
  acoap__list_t node;
  acoap_address_t a;
  acoap_address_t b;
} acoap__sim_cut_t;

typedef struct acoap__sim_unreachable {
  acoap__list_t node;
  acoap_address_t address; /* port 0: each */
} acoap__sim_unreachable_t;

typedef struct acoap__sim_membership {
  acoap__list_t node;
  acoap_address_t group; /* port and scope 0 */
  uint32_t interface;    /* as given; 0: the first that can */
} acoap__sim_membership_t;

typedef struct acoap__sim_socket {
  acoap_socket_t socket;               /* first */
  acoap__list_t node;                  /* in sim->sockets */
  acoap_sim_t *sim;                    /* the network */
  uint64_t id;                         /* names it to what is under way */
  acoap_address_t local;               /* bound; port never 0 */
  const acoap_socket_events_t *events; /* NULL until started and after close */
  void *user_data;                     /* for events */
  acoap__list_t memberships;           /* acoap__sim_membership_t */
  bool multicast_loop;                 /* hears its own multicasts */
  uint32_t refusals;                   /* sends to refuse */
  acoap__timer_t writable;             /* tells that a refused send may be tried again */
  acoap__timer_t close;                /* calls closed and frees */
  bool closing;                        /* close was called */
  void (*closed)(void *user_data);     /* may be NULL */
  void *closed_data;                   /* for closed */
} acoap__sim_socket_t;

typedef struct acoap__sim_waker {
  acoap__list_t node;              /* in sim->wakers */
  acoap_sim_t *sim;                /* the network */
  acoap__timer_t timer;            /* wake_at, and close once closing */
  acoap__timer_t change;           /* tells that interfaces changed */
  acoap_wake_cb wake;              /* never NULL */
  void *user_data;                 /* for wake */
  acoap_interfaces_cb changed;     /* NULL: does not watch */
  void *changed_data;              /* for changed */
  atomic_bool signalled;           /* wake_from_thread was called */
  bool closing;                    /* waker_close was called */
  void (*closed)(void *user_data); /* may be NULL */
  void *closed_data;               /* for closed */
} acoap__sim_waker_t;

/* sim.c */

/* The same host: ports and zones do not count. */
bool acoap__sim_same_host(const acoap_address_t *a, const acoap_address_t *b);
bool acoap__sim_is_cut(const acoap_sim_t *sim, const acoap_address_t *a, const acoap_address_t *b);
bool acoap__sim_is_unreachable(const acoap_sim_t *sim, const acoap_address_t *address);
/* True ppm times in a million. */
bool acoap__sim_chance(acoap_sim_t *sim, uint32_t ppm);
/* One way's delay under the conditions. */
acoap_time_t acoap__sim_delay(acoap_sim_t *sim);
/* The interface a group of this family goes out on: `wished`, or the first when 0; 0 when none can.
 */
uint32_t acoap__sim_group_interface(const acoap_sim_t *sim, uint8_t family, uint32_t wished);
/* The interface that has this address, else the first, else 0. */
uint32_t acoap__sim_interface_of(const acoap_sim_t *sim, const acoap_address_t *address);
bool acoap__sim_is_interface_address(const acoap_sim_t *sim, const acoap_address_t *address);

/* sim_flight.c */

/* Hand a datagram to the network: the whole of loss, delay and duplication. 0 or ACOAP_ENOMEM. */
int acoap__sim_launch(acoap_sim_t *sim, const acoap_path_t *seen, uint64_t to_socket,
                      acoap_bytes_t bytes);
void acoap__sim_flights_free(acoap_sim_t *sim);

/* sim_socket.c */

acoap__sim_socket_t *acoap__sim_socket_by_id(const acoap_sim_t *sim, uint64_t id);
/* The one that hears a unicast address: bound to it, else bound to the any-address. NULL when none.
 */
acoap__sim_socket_t *acoap__sim_socket_bound(const acoap_sim_t *sim,
                                             const acoap_address_t *address);
bool acoap__sim_socket_is_member(const acoap__sim_socket_t *socket, const acoap_address_t *group,
                                 uint32_t interface);
/* Call what closing sockets still owe; true when there was one. */
bool acoap__sim_sockets_finish(acoap_sim_t *sim);
void acoap__sim_sockets_free(acoap_sim_t *sim);

/* sim_host.c */

extern const acoap_host_ops_t acoap__sim_host_ops;
/* Wake those that were woken from a thread; true when there was one. */
bool acoap__sim_wake_signalled(acoap_sim_t *sim);
void acoap__sim_tell_watchers(acoap_sim_t *sim);
bool acoap__sim_wakers_finish(acoap_sim_t *sim);
void acoap__sim_host_free(acoap_sim_t *sim);
/* Names for the lookup: 0, ACOAP_EINVAL, ACOAP_ENOMEM. */
int acoap__sim_name_set(acoap_sim_t *sim, const char *name, const acoap_address_t *addresses,
                        size_t count, uint32_t delay_ms);

#endif
