/*
 * Order numbers of notifications (RFC 7641 section 4.4): 24 bits of the real-time clock in
 * sixteenths of a millisecond,
 *
 *     number = max(16 * clock, last + 1)   in serial arithmetic: v1 < v2 when v2 - v1 < 2^23
 *
 * so that they grow across restarts of the program and of the machine. 2^23 of them are 524 s, and
 * section 3.4 calls whatever comes 128 s later newer anyway. Each answer of a handler takes one,
 * observers share it; to give 2^23 in 128 s a handler would have to answer 65 times in each
 * millisecond. A clock that is set back is not followed until what left before has arrived or never
 * will. Without a real-time clock the endpoint's counts, which begins anew with the machine.
 * SPDX-License-Identifier: MIT
 */
#include "message/observe.h"
#include "server/observe.h"

#define NUMBER_MASK 0xffffffu
#define NUMBERS_PER_MS 16

static uint32_t clock_number(const acoap_server_t *server) {
  acoap_host_t *host = acoap__local_endpoint_host(server->endpoint);
  size_t known = offsetof(acoap_host_ops_t, real_time_ms) + sizeof(host->ops->real_time_ms);
  bool real = host->ops->size >= known && host->ops->real_time_ms != NULL;
  acoap_time_t now = real ? host->ops->real_time_ms(host) : acoap__server_now(server);
  return (uint32_t)((uint64_t)now * NUMBERS_PER_MS) & NUMBER_MASK;
}

uint32_t acoap__observe_number(acoap_server_t *server) {
  struct acoap__observers *observers = server->observers;
  acoap_time_t now = acoap__server_now(server);
  acoap_time_t lifetime = (acoap_time_t)acoap_params_exchange_lifetime_ms(
      acoap__local_endpoint_engine(server->endpoint)->config.params);
  uint32_t number = clock_number(server);
  /* What left with the last number has arrived or never will, when a message's lifetime has passed
   * since: 128 s later the clock is right whatever it says. */
  if (observers->numbered != 0 &&
      !acoap__observe_is_newer(observers->number, observers->numbered + lifetime, number, now)) {
    number = (observers->number + 1) & NUMBER_MASK;
  }
  observers->number = number;
  observers->numbered = now;
  return number;
}
