/*
 * What the files of a server's protection share: the addresses, the key of Echo values, the level
 * of load.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_PROTECTION_H
#define ACOAP_SERVER_PROTECTION_H

#include "server/address.h"
#include "server/server.h"

struct acoap__protection {
  acoap__addresses_t *addresses; /* NULL: neither rate nor standing is asked for */
  uint8_t echo_key[16];          /* of this server's life: Echo values of another are not ours */
  acoap_load_t level;            /* as it was when asked last */
  uint64_t requests_throttle;    /* open requests from which on it is throttled, */
  uint64_t observers_throttle;   /* observers, */
  uint64_t transfers_throttle;   /* and transfers that are not finished */
};

/* ---- rate.c: a token bucket per address (RFC 8516) --------------------------------------------
 */

/* May one more request come? tokens(now) = min(burst, tokens + rate * elapsed); a request is one.
 */
bool acoap__rate_take(acoap__address_t *address, acoap_time_t now, uint32_t rate_per_s,
                      uint32_t burst);

/* ---- load.c -----------------------------------------------------------------------------------
 */

/* Where a level goes: percentages of fill. */
typedef struct acoap__load_limits {
  uint32_t throttle;   /* from here on throttled */
  uint32_t shed;       /* from here on shedding */
  uint32_t hysteresis; /* a level ends that much below where it began */
} acoap__load_limits_t;
acoap_load_t acoap__load_next(acoap_load_t level, uint32_t fill_percent,
                              const acoap__load_limits_t *limits);
/* Note where levels begin. */
void acoap__load_init(acoap_server_t *server);
/* Normal, and no pool as full as where throttling begins. Of a server that is not closed. */
bool acoap__load_stays_normal(const acoap_server_t *server, uint32_t leave_out);
/* Throttled or more when the last request came: if still, a success may be kept by caches twice as
 * long (Max-Age). */
void acoap__load_double_max_age(acoap_server_t *server, acoap_builder_t *builder);
static inline void acoap__load_extend_max_age(acoap_server_t *server, acoap_builder_t *builder) {
  if (server->protection->level != ACOAP_LOAD_NORMAL) {
    acoap__load_double_max_age(server, builder);
  }
}
/* The level now; `leave_out` requests are not counted (the one that asks). */
acoap_load_t acoap__load_level(const acoap_server_t *server, uint32_t leave_out);

/* ---- echo.c: values (RFC 9175 section 2, appendix A) ------------------------------------------
 */

#define ACOAP__ECHO_LEN 12
/* The value for an address at a time. */
void acoap__echo_make(const uint8_t key[16], const acoap_address_t *address, acoap_time_t now,
                      uint8_t value[ACOAP__ECHO_LEN]);
/* How old is this value, if it was made for this address? Milliseconds; -1: it is not ours. */
int64_t acoap__echo_age_ms(const uint8_t key[16], const acoap_address_t *address, acoap_time_t now,
                           acoap_bytes_t value);

#endif
