/*
 * What an endpoint needs of its surroundings besides sockets: a clock that goes on through suspend,
 * one timer, a wake-up from other threads, names, and the list of network interfaces. acoap brings
 * a host for libuv loops and one for the simulated network; few users write their own.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_HOST_H
#define ACOAP_HOST_H

#include <acoap/address.h>
#include <acoap/error.h>

ACOAP_BEGIN_DECLS

struct uv_loop_s;

/** One address of a network interface. */
typedef struct acoap_interface {
  char name[48];           /* "eth0" */
  uint32_t index;          /* as in if_nametoindex */
  acoap_address_t address; /* one of its addresses; with several it is listed several times */
  bool loopback;           /* an internal interface */
  bool multicast;          /* can send to groups */
} acoap_interface_t;

/** The surroundings of an endpoint; see acoap_host_ops_t. */
typedef struct acoap_host acoap_host_t;
/** One endpoint's timer and its signal from other threads. */
typedef struct acoap_waker acoap_waker_t;
/** A lookup under way. */
typedef struct acoap_lookup acoap_lookup_t;

/** Called on the loop's thread when the time set has come, and after wake_from_thread. */
typedef void (*acoap_wake_cb)(void *user_data);

/**
 * The result of a lookup: status 0 and at least one address, or a negative error. Called exactly
 * once unless cancelled.
 */
typedef void (*acoap_lookup_cb)(void *user_data, int status, const acoap_address_t *addresses,
                                size_t count);

/** Interfaces or their addresses have changed; ask `interfaces` again. */
typedef void (*acoap_interfaces_cb)(void *user_data);

/**
 * What a host does. Each function may be called on the loop's thread only, but wake_from_thread.
 */
typedef struct acoap_host_ops {
  size_t size; /* sizeof(acoap_host_ops_t) */
  /** Monotonic milliseconds; goes on through suspend where the system can (CLOCK_BOOTTIME). */
  acoap_time_t (*now)(acoap_host_t *host);
  /**
   * Make a waker for an endpoint: one timer and one thread-safe signal. It keeps the loop alive
   * only as set_ref says (at first: no).
   */
  int (*waker_new)(acoap_host_t *host, acoap_wake_cb wake, void *user_data, acoap_waker_t **waker);
  /**
   * Wake at or after `at` (ACOAP_TIME_NEVER: not at all); a later call replaces it. A time in the
   * past wakes in the next turn, never inside the call.
   */
  void (*wake_at)(acoap_waker_t *waker, acoap_time_t at);
  /** From any thread: wake soon. */
  void (*wake_from_thread)(acoap_waker_t *waker);
  /** Whether a set timer keeps the loop alive. */
  void (*set_ref)(acoap_waker_t *waker, bool ref);
  /** Free the waker; `closed` is called later from the loop. No wake comes after this call. */
  void (*waker_close)(acoap_waker_t *waker, void (*closed)(void *user_data), void *user_data);
  /** Look a name or a literal up; never blocks, never calls back inside the call. */
  int (*lookup)(acoap_host_t *host, const char *name, uint16_t port, acoap_lookup_cb done,
                void *user_data, acoap_lookup_t **lookup);
  /** No callback comes after this. Not for a lookup that has called back already. */
  void (*lookup_cancel)(acoap_lookup_t *lookup);
  /** List addresses of interfaces that are up: how many there are (at most `max` are written). */
  int (*interfaces)(acoap_host_t *host, acoap_interface_t *list, size_t max);
  /** The index of an interface's name; 0 when there is none. */
  uint32_t (*interface_index)(acoap_host_t *host, const char *name);
  /** Watch for changes for as long as the waker lives; NULL changed stops. Optional. */
  int (*watch_interfaces)(acoap_waker_t *waker, acoap_interfaces_cb changed, void *user_data);
  /** Unpredictable bytes (or seeded ones, in a simulation). */
  void (*entropy)(acoap_host_t *host, uint8_t *bytes, size_t len);
  /** Run the loop until something happens; 0, ACOAP_EEND when nothing is left to wait for. */
  int (*run_once)(acoap_host_t *host);
  /** Give up the host (reference count or static: the host's business). */
  void (*unref)(acoap_host_t *host);
  /**
   * Run blocking `work` beside the loop, then `done` on the loop's thread; never inside the call,
   * and it is not cancelled: on 0 both run, once, even after the endpoint has closed and given the
   * host up (the host outlasts its work). Inside `done` this may be called again. Optional: without
   * it files are not served.
   */
  int (*work)(acoap_host_t *host, void (*work)(void *user_data), void (*done)(void *user_data),
              void *user_data);
  /**
   * Milliseconds of the real-time clock, since any fixed day: the order of notifications goes on
   * from it after a restart (RFC 7641 section 4.4). It may be set back and forth. Optional: without
   * it the order begins anew with the machine.
   */
  acoap_time_t (*real_time_ms)(acoap_host_t *host);
} acoap_host_ops_t;

/** The part of a host that everybody sees; an implementation's own struct begins with it. */
struct acoap_host {
  const acoap_host_ops_t *ops; /* never NULL */
};

/**
 * Make the host of a libuv loop.
 *
 * Errors:     ACOAP_EINVAL, ACOAP_ENOMEM.
 * Ownership:  the endpoint that takes it gives it up; nobody took it: host->ops->unref.
 * Since:      0.1
 */
ACOAP_API int acoap_uv_host_new(struct uv_loop_s *loop, acoap_host_t **host);

ACOAP_END_DECLS

#endif
