/*
 * A network in one process under virtual time: seeded loss, delay, duplication, reordering and
 * partition. An endpoint on it runs the very same code as on UDP, so an application's tests need
 * neither sockets nor sleeping, and a failure replays from its seed.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SIM_H
#define ACOAP_SIM_H

#include <acoap/host.h>
#include <acoap/socket.h>

ACOAP_BEGIN_DECLS

/** A simulated network. One owner: acoap_sim_free. */
typedef struct acoap_sim acoap_sim_t;

/** What the network does to datagrams. Probabilities are in units of 1/1000000. */
typedef struct acoap_sim_conditions {
  size_t size;            /* sizeof(acoap_sim_conditions_t) */
  uint32_t loss_ppm;      /* a datagram vanishes */
  uint32_t duplicate_ppm; /* it arrives twice, the copy with a delay of its own */
  uint32_t delay_min_ms;  /* one-way delay, uniform between min and max; differing delays reorder */
  uint32_t delay_max_ms;  /* at least delay_min_ms */
} acoap_sim_conditions_t;

/** What happened so far. */
typedef struct acoap_sim_stats {
  uint64_t sent;       /* datagrams handed in */
  uint64_t delivered;  /* datagrams handed out, copies counted */
  uint64_t lost;       /* by chance or by the filter */
  uint64_t cut;        /* by a partition */
  uint64_t duplicated; /* copies made */
  uint64_t unclaimed;  /* nobody at the destination, or a socket not started */
  uint64_t notices;    /* ICMP errors handed out */
} acoap_sim_stats_t;

/**
 * Make a network at virtual time `start`.
 *
 * Errors:     ACOAP_EINVAL, ACOAP_ENOMEM.
 * Ownership:  the caller's; acoap_sim_free when all its sockets and endpoints are closed. Their
 *             pending close callbacks run inside it, what is under way is dropped.
 * Since:      0.1
 */
ACOAP_API int acoap_sim_new(uint64_t seed, acoap_time_t start, acoap_sim_t **sim);
/** Free the network and what is under way on it; NULL is fine. */
ACOAP_API void acoap_sim_free(acoap_sim_t *sim);

/** Conditions for all datagrams from now on; NULL: perfect, no delay. */
ACOAP_API int acoap_sim_set_conditions(acoap_sim_t *sim, const acoap_sim_conditions_t *conditions);

/**
 * Cut or heal the way between two addresses' hosts (ports do not count), both directions; NULL
 * stands for everybody, and a cut is healed by the same pair. What is under way already arrives. A
 * group is reached member by member: a cut towards one member leaves the others.
 */
ACOAP_API int acoap_sim_partition(acoap_sim_t *sim, const acoap_address_t *a,
                                  const acoap_address_t *b, bool cut);

/**
 * An address that answers with ICMP port unreachable instead of silence when nobody is bound there
 * (default: silence). Port 0: every port of it. The notice travels back under the same conditions
 * as datagrams do.
 */
ACOAP_API int acoap_sim_set_unreachable(acoap_sim_t *sim, const acoap_address_t *address,
                                        bool unreachable);

/**
 * Give a name addresses for the sim host's lookup; count 0 removes it. Answers come after
 * delay_ms; an unknown name is ACOAP_ENOTFOUND in the next step.
 */
ACOAP_API int acoap_sim_set_name(acoap_sim_t *sim, const char *name,
                                 const acoap_address_t *addresses, size_t count, uint32_t delay_ms);

/**
 * The interfaces that every endpoint on the network sees: replaces the list and tells watchers in
 * the next step. Default: one, "sim0", index 1, with 192.0.2.1 and 2001:db8::1. A socket bound to
 * 0.0.0.0 or :: hears every address of the list. Sending to a group on an interface that is not in
 * the list, or only without `multicast`, is ACOAP_EUNREACHABLE.
 */
ACOAP_API int acoap_sim_set_interfaces(acoap_sim_t *sim, const acoap_interface_t *list,
                                       size_t count);

/**
 * A datagram socket bound to an address on the network; port 0 takes a free one. Joined groups are
 * heard by everybody but the sender. Membership counts per (group, interface); interface 0, in a
 * membership or on the way out, is the first of the list that can send to such groups. A socket on
 * 0.0.0.0 or :: sends from the address wished for, else from the interface's first.
 *
 * Errors:     ACOAP_EINVAL, ACOAP_ENOMEM, ACOAP_EADDRESS a group or an address in use.
 * Ownership:  the caller's until an endpoint takes it or acoap_socket_close.
 * Since:      0.1
 */
ACOAP_API int acoap_sim_socket_new(acoap_sim_t *sim, const acoap_address_t *local,
                                   acoap_socket_t **socket);

/** Hear our own multicasts as well, where joined (default: no). */
ACOAP_API int acoap_sim_socket_set_multicast_loop(acoap_socket_t *socket, bool loop);

/** The next `count` sends are refused with ACOAP_EAGAIN; each is followed by `writable`. */
ACOAP_API int acoap_sim_socket_refuse(acoap_socket_t *socket, uint32_t count);

/**
 * The network's clock, timers and names as a host; hand it to acoap_local_endpoint_new. It lives
 * as long as the network; its entropy is seeded.
 */
ACOAP_API acoap_host_t *acoap_sim_host(acoap_sim_t *sim);

/** Set the real-time clock of the network's host (default: the virtual time); it goes on from
 * there. */
ACOAP_API int acoap_sim_set_real_time(acoap_sim_t *sim, acoap_time_t real_time_ms);

/** The virtual time. */
ACOAP_API acoap_time_t acoap_sim_now(const acoap_sim_t *sim);

/**
 * Do the next thing that is due at or before `until`; false when there is none (the time is then
 * `until`). ACOAP_TIME_NEVER: time stays at the last event.
 */
ACOAP_API bool acoap_sim_step(acoap_sim_t *sim, acoap_time_t until);

/** Step until `until`. */
ACOAP_API void acoap_sim_run_until(acoap_sim_t *sim, acoap_time_t until);

/** Step until nothing is left to do, at most until `until`; true when nothing is left. */
ACOAP_API bool acoap_sim_run_idle(acoap_sim_t *sim, acoap_time_t until);

/** Copy the counters. */
ACOAP_API void acoap_sim_get_stats(const acoap_sim_t *sim, acoap_sim_stats_t *stats);

/**
 * See each datagram as it is handed in, before chance and partitions; once for a whole group.
 * Return false from the filter to lose it. NULL: none.
 */
typedef bool (*acoap_sim_filter_cb)(void *user_data, acoap_time_t now, const acoap_path_t *path,
                                    const acoap_address_t *from, acoap_bytes_t bytes);
/** Whom to show the datagrams; NULL: nobody. */
ACOAP_API void acoap_sim_set_filter(acoap_sim_t *sim, acoap_sim_filter_cb filter, void *user_data);

/**
 * Two sockets in one process joined back to back on a libuv loop: what one sends, the other
 * receives in the next turn.
 */
ACOAP_API int acoap_loopback_pair_new(struct uv_loop_s *loop, acoap_socket_t **a,
                                      acoap_socket_t **b);

ACOAP_END_DECLS

#endif
