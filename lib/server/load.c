/*
 * How loaded a server is, and what it does then.
 *
 *     fill    = the fullest pool's, in percent
 *     normal -> throttled   fill >= throttle_percent     back below throttle_percent - hysteresis
 *     any    -> shedding    fill >= shed_percent         back below shed_percent - hysteresis
 *
 * Throttled: no new observers, and what caches may keep (Max-Age, RFC 7252 section 5.10.5) they may
 * keep twice as long. Shedding: new requests are refused as well (protection.c); requests that
 * handlers keep can still be answered, and the engine repeats stored replies for duplicates before
 * anybody here hears of them.
 *
 * What counts as a pool is what refuses when it is full. Received requests that are not answered
 * yet decide about all three levels. Observers, block-wise transfers that are not finished, and
 * peers (when messages are on their way to every one that can be remembered) can throttle but not
 * shed: refusing requests would empty none of them, and anybody who fills them would silence the
 * server. Rings and tables in which the oldest goes (deduplication, stored replies, idle peers,
 * finished transfers, addresses) are always full once warm and say nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#include "exchange/peer.h"
#include "server/observe.h"
#include "server/transfers.h"

#define FULL 100u
/* RFC 7252 section 5.10.5: without the option. */
#define MAX_AGE_DEFAULT_S 60

acoap_load_t acoap__load_next(acoap_load_t level, uint32_t fill_percent,
                              const acoap__load_limits_t *limits) {
  uint32_t down = limits->hysteresis;
  uint32_t shed_ends = limits->shed > down ? limits->shed - down : 0;
  uint32_t throttle_ends = limits->throttle > down ? limits->throttle - down : 0;
  if (fill_percent >= limits->shed || (level == ACOAP_LOAD_SHEDDING && fill_percent >= shed_ends)) {
    return ACOAP_LOAD_SHEDDING;
  }
  if (fill_percent >= limits->throttle ||
      (level != ACOAP_LOAD_NORMAL && fill_percent >= throttle_ends)) {
    return ACOAP_LOAD_THROTTLED;
  }
  return ACOAP_LOAD_NORMAL;
}

static uint32_t percent(uint64_t used, uint64_t most) {
  if (most == 0 || used >= most) {
    return most == 0 ? 0 : FULL;
  }
  return (uint32_t)(used * FULL / most);
}

static uint32_t greater(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

/* Of the pools whose end is the end of answering. */
static uint32_t fill_of_requests(const acoap_server_t *server, uint32_t leave_out) {
  uint32_t open = 0;
  uint32_t most = 0;
  acoap__local_endpoint_requests_open(server->endpoint, &open, &most);
  return percent(open > leave_out ? open - leave_out : 0, most);
}

/* Of those that hold what lasts. */
static uint32_t fill_of_what_lasts(const acoap_server_t *server) {
  acoap_server_stats_t stats = {.size = sizeof(stats)};
  const acoap__engine_t *engine = acoap__local_endpoint_engine(server->endpoint);
  acoap__observers_fill(server, &stats);
  const acoap__transfers_t *transfers = server->transfers;
  uint32_t peers = acoap__list_empty(&engine->peers->idle) ? FULL : 0;
  uint32_t under_way =
      percent(transfers->count - transfers->finished_count, server->options.transfers_max);
  return greater(greater(percent(stats.observers, server->options.observers_max), peers),
                 under_way);
}

/* From how many on is a pool that full, as percent() rounds? */
static uint64_t first_of(uint64_t most, uint32_t limit_percent) {
  return most == 0 ? UINT64_MAX : (limit_percent * most + FULL - 1) / FULL;
}

void acoap__load_init(acoap_server_t *server) {
  struct acoap__protection *protection = server->protection;
  const acoap_server_options_t *options = &server->options;
  uint32_t open = 0;
  uint32_t most = 0;
  acoap__local_endpoint_requests_open(server->endpoint, &open, &most);
  protection->requests_throttle = first_of(most, options->throttle_percent);
  protection->observers_throttle = first_of(options->observers_max, options->throttle_percent);
  protection->transfers_throttle = first_of(options->transfers_max, options->throttle_percent);
}

bool acoap__load_stays_normal(const acoap_server_t *server, uint32_t leave_out) {
  const struct acoap__protection *protection = server->protection;
  const acoap__transfers_t *transfers = server->transfers;
  uint32_t open = 0;
  uint32_t most = 0;
  acoap__local_endpoint_requests_open(server->endpoint, &open, &most);
  return protection->level == ACOAP_LOAD_NORMAL &&
         (open <= leave_out || open - leave_out < protection->requests_throttle) &&
         server->observers->count < protection->observers_throttle &&
         transfers->count - transfers->finished_count < protection->transfers_throttle &&
         !acoap__list_empty(&acoap__local_endpoint_engine(server->endpoint)->peers->idle);
}

acoap_load_t acoap__load_level(const acoap_server_t *server, uint32_t leave_out) {
  struct acoap__protection *protection = server->protection;
  const acoap_server_options_t *options = &server->options;
  acoap__load_limits_t limits = {options->throttle_percent, options->shed_percent,
                                 options->hysteresis_percent};
  if (server->closed || server->endpoint == NULL) {
    return ACOAP_LOAD_NORMAL;
  }
  if (acoap__load_stays_normal(server, leave_out)) {
    return ACOAP_LOAD_NORMAL;
  }
  uint32_t refusing = fill_of_requests(server, leave_out);
  acoap_load_t level = acoap__load_next(protection->level, refusing, &limits);
  if (level == ACOAP_LOAD_NORMAL) {
    /* These can throttle: whatever they say ends below the next level. */
    acoap_load_t before =
        protection->level == ACOAP_LOAD_SHEDDING ? ACOAP_LOAD_THROTTLED : protection->level;
    level = acoap__load_next(before, fill_of_what_lasts(server), &limits);
    level = level == ACOAP_LOAD_SHEDDING ? ACOAP_LOAD_THROTTLED : level;
  }
  protection->level = level;
  return level;
}

bool acoap__load_normal(acoap_server_t *server) {
  return acoap__load_level(server, 1) == ACOAP_LOAD_NORMAL;
}

void acoap__load_double_max_age(acoap_server_t *server, acoap_builder_t *builder) {
  acoap_view_t view;
  uint32_t max_age_s = MAX_AGE_DEFAULT_S;
  if (builder->error != 0 ||
      (builder->bytes[1] != ACOAP_CODE_CONTENT && builder->bytes[1] != ACOAP_CODE_VALID) ||
      acoap__load_normal(server)) {
    return;
  }
  acoap_builder_view(builder, &view);
  (void)acoap_view_uint(&view, ACOAP_OPTION_MAX_AGE, &max_age_s);
  if (max_age_s == 0) {
    return; /* not to be kept at all (section 5.10.5) */
  }
  max_age_s = max_age_s > UINT32_MAX / 2 ? UINT32_MAX : 2 * max_age_s;
  acoap_builder_remove(builder, ACOAP_OPTION_MAX_AGE);
  acoap_builder_uint(builder, ACOAP_OPTION_MAX_AGE, max_age_s);
}
