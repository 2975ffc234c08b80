/*
 * Two clients and a server, three engines, on a network that loses, doubles, delays, reorders and
 * cuts, under virtual time. Random requests meet random answers; a seed decides everything and
 * replays it.
 *
 *     ACOAP_SIM_SEEDS=n   run n seeds (500 by default)
 *     ACOAP_SIM_SEED=n    run this one and print every datagram
 *
 * What has to hold:
 *  - every request ends exactly once: answered, failed, or closed by us; nothing comes after;
 *  - an answer belongs to the request that gets it;
 *  - the server's handler sees a request at most once;
 *  - a driver that knows only wake_changed and next_wake misses nothing: what is pending has a
 *    timer;
 *  - when all is over no timer is set and no table holds a node.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdarg.h>
#include <stdlib.h>

#include "exchange/peer.h"
#include "support/check_main.h"
#include "support/tiny_network.h"

#define SERVER 0
#define CLIENTS 2
#define HOSTS (1 + CLIENTS)
#define REQUESTS_MAX 40
#define ANSWERS_MAX 64

typedef struct sim sim_t;

typedef struct host {
  sim_t *sim;
  unsigned number;
  acoap__engine_t engine;
  acoap__random_t random;
  acoap__seeded_t seed;
  void *memory;
  acoap_time_t armed; /* when the driver's one timer is set for */
} host_t;

typedef enum stage { UNSENT, PENDING, ENDED } stage_t;

/* A request of a client. Its number stands in its payload, and in the answer's. */
typedef struct request {
  acoap__interaction_t *interaction; /* in memory of its own, freed at its end */
  uint8_t *bytes;                    /* so are its bytes */
  acoap_path_t way;
  host_t *host;
  stage_t stage;
  bool keep;             /* several answers are expected */
  unsigned answers;      /* so far */
  unsigned handled;      /* how often the server's handler saw it */
  acoap_time_t close_at; /* when the client gives it up; NEVER: not */
  acoap_time_t send_at;
  acoap_params_t params;
} request_t;

/* What the server owes: a reply or a response later. */
typedef struct answer {
  sim_t *sim;
  bool used;
  bool separate;     /* a message of its own, otherwise piggybacked */
  acoap_type_t type; /* of a separate one */
  acoap_time_t at;   /* when; NEVER: it has been sent */
  unsigned again;    /* that many notifications follow */
  unsigned request;
  acoap__inbound_t inbound;
  acoap_path_t path; /* how the request came */
  acoap__transmission_t tx;
  acoap_path_t way;
  uint8_t bytes[64];
  uint8_t token[8];
  bool waiting; /* for the end of its transmission */
} answer_t;

struct sim {
  uint64_t seed;
  uint64_t random;
  acoap_time_t now;
  tiny_network_t network;
  host_t hosts[HOSTS];
  request_t requests[REQUESTS_MAX];
  unsigned count; /* requests */
  answer_t answers[ANSWERS_MAX];
  acoap_time_t cut_until;
  uint32_t refuse_permille; /* sendings that the socket refuses */
  bool icmp;                /* who is cut off hears of it */
  bool direct;              /* the network delivers inside transmit */
  unsigned depth;           /* of direct deliveries */
  bool trace;
  uint64_t *totals; /* over all seeds */
};

enum {
  TOTAL_ANSWERED,
  TOTAL_FAILED,
  TOTAL_CLOSED,
  TOTAL_HANDLED,
  TOTAL_RETRANSMITTED,
  TOTAL_DUPLICATES,
  TOTALS
};

static void broken(const sim_t *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

static void broken(const sim_t *sim, const char *format, ...) {
  char text[200];
  va_list args;

  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  ck_abort_msg("ACOAP_SIM_SEED=%llu at %lld ms: %s", (unsigned long long)sim->seed,
               (long long)sim->now, text);
}

static uint32_t dice(sim_t *sim, uint32_t sides) {
  return tiny_dice(&sim->random, sides);
}

static acoap_path_t path_to(unsigned number) {
  acoap_path_t path;

  memset(&path, 0, sizeof(path));
  path.peer.family = ACOAP_FAMILY_IPV4;
  path.peer.port = 5683;
  path.peer.ip[0] = 10;
  path.peer.ip[3] = (uint8_t)(number + 1);
  return path;
}

/* ---- the driver ------------------------------------------------------------------------------ */

static void wake_changed(void *user_data) {
  host_t *host = user_data;
  acoap_time_t next = acoap__engine_next_wake(&host->engine);

  host->armed = next < host->armed ? next : host->armed;
}

static void trace(const sim_t *sim, unsigned from, unsigned to, acoap_bytes_t bytes,
                  const char *what) {
  char text[160];
  acoap_view_t view;

  if (!sim->trace || acoap_decode(&view, bytes.data, bytes.len, 8, NULL) < 0) {
    return;
  }
  acoap_view_format(&view, text, sizeof(text));
  printf("%8lld ms  %u -> %u  %-8s %s\n", (long long)sim->now, from, to, what, text);
}

static void deliver(sim_t *sim, const tiny_datagram_t *datagram) {
  acoap_path_t from = path_to(datagram->from);
  acoap_bytes_t bytes = {datagram->bytes, datagram->len};
  acoap_view_t view;

  trace(sim, datagram->from, datagram->to, bytes, "arrives");
  acoap__engine_receive(&sim->hosts[datagram->to].engine, sim->now, &from, datagram->bytes,
                        datagram->len, &view);
}

static void tell_unreachable(sim_t *sim, host_t *host, const acoap_path_t *path,
                             acoap_bytes_t bytes) {
  acoap__engine_unreachable(&host->engine, sim->now, path, ACOAP_EUNREACHABLE, bytes);
}

static int transmit(void *user_data, const acoap_path_t *path, acoap_bytes_t bytes) {
  host_t *host = user_data;
  sim_t *sim = host->sim;
  unsigned to = path->peer.ip[3] - 1u;

  if (dice(sim, 1000) < sim->refuse_permille) {
    trace(sim, host->number, to, bytes, "refused");
    return -105;
  }
  if (sim->direct && sim->depth < 4 && !sim->network.cut[host->number][to]) {
    tiny_datagram_t datagram = {.from = host->number, .to = to, .len = bytes.len};
    memcpy(datagram.bytes, bytes.data, bytes.len);
    sim->depth++;
    deliver(sim, &datagram);
    sim->depth--;
    return 0;
  }
  bool cut = sim->network.cut[host->number][to];
  bool sent = tiny_network_send(&sim->network, sim->now, host->number, to, bytes);
  trace(sim, host->number, to, bytes, sent ? "" : cut ? "cut" : "lost");
  if (cut && sim->icmp && dice(sim, 2) == 0) {
    /* The quote is a copy, as it is on a wire. */
    uint8_t copy[TINY_DATAGRAM_MAX];
    memcpy(copy, bytes.data, bytes.len);
    acoap_bytes_t quote = {copy, bytes.len};
    tell_unreachable(sim, host, path, quote);
  }
  return 0;
}

/* ---- clients --------------------------------------------------------------------------------- */

static void end_request(request_t *request) {
  if (request->stage != PENDING) {
    broken(request->host->sim, "a request ended twice");
  }
  request->stage = ENDED;
  /* Whoever touches them after the end is found by a sanitizer. */
  free(request->interaction);
  free(request->bytes);
  request->interaction = NULL;
  request->bytes = NULL;
}

static unsigned number_in(const sim_t *sim, const acoap_view_t *view) {
  if (view->payload.len != 1 || view->payload.data[0] >= sim->count) {
    broken(sim, "a payload of %zu bytes from nowhere", view->payload.len);
  }
  return view->payload.data[0];
}

static void on_response(acoap__interaction_t *interaction, acoap_time_t now,
                        const acoap_path_t *from, const acoap_view_t *view, bool piggybacked) {
  request_t *request = interaction->owner;
  sim_t *sim = request->host->sim;

  (void)piggybacked;
  if (now != sim->now || from->peer.ip[3] != SERVER + 1) {
    broken(sim, "an answer out of time or place");
  }
  if (&sim->requests[number_in(sim, view)] != request) {
    broken(sim, "an answer went to another request");
  }
  if (request->stage != PENDING) {
    broken(sim, "an answer after the end");
  }
  request->answers++;
  sim->totals[TOTAL_ANSWERED]++;
  if (!request->keep) {
    end_request(request);
  }
}

static void on_failed(acoap__interaction_t *interaction, acoap_time_t now, int status) {
  request_t *request = interaction->owner;

  (void)now;
  if (status >= 0) {
    broken(request->host->sim, "failed with %d", status);
  }
  request->host->sim->totals[TOTAL_FAILED]++;
  end_request(request);
}

static const acoap__interaction_events_t interaction_events = {.response = on_response,
                                                               .failed = on_failed};

static void send_request(sim_t *sim, request_t *request) {
  host_t *host = request->host;
  acoap_path_t path = path_to(SERVER);
  acoap__request_options_t options = {.params = &request->params, .keep = request->keep};
  acoap_builder_t builder;
  uint8_t token[8];
  uint8_t number = (uint8_t)(request - sim->requests);

  request->bytes = malloc(64);
  request->interaction = malloc(sizeof(*request->interaction));
  acoap__engine_new_token(&host->engine, token);
  acoap_builder_init(&builder, request->bytes, 64, ACOAP_CON, ACOAP_CODE_POST, 0, token, 8);
  acoap_builder_payload(&builder, &number, 1);
  acoap__interaction_init(request->interaction, &request->way, &interaction_events, request);
  request->stage = PENDING;
  request->send_at = ACOAP_TIME_NEVER;
  int status = acoap__interaction_send(&host->engine, sim->now, request->interaction, &path,
                                       request->bytes, (size_t)acoap_builder_finish(&builder),
                                       dice(sim, 3) == 0 ? ACOAP_NON : ACOAP_CON, &options);
  if (status < 0) {
    if (status != ACOAP_EEXHAUSTED) {
      broken(sim, "sending failed with %d", status);
    }
    end_request(request);
  }
}

static void close_request(sim_t *sim, request_t *request) {
  request->close_at = ACOAP_TIME_NEVER;
  if (request->stage == PENDING) {
    acoap__interaction_close(&request->host->engine, sim->now, request->interaction);
    sim->totals[TOTAL_CLOSED]++;
    end_request(request);
  }
}

/* ---- the server ------------------------------------------------------------------------------ */

static void answer_over(acoap__transmission_t *tx) {
  answer_t *answer = tx->owner;

  if (!answer->waiting) {
    broken(answer->sim, "an end of a response that was not under way");
  }
  answer->waiting = false;
}

static void on_acknowledged(acoap__transmission_t *tx, acoap_time_t now, const acoap_path_t *from,
                            const acoap_view_t *view) {
  (void)now;
  (void)from;
  (void)view;
  answer_over(tx);
}

static void on_reset(acoap__transmission_t *tx, acoap_time_t now) {
  (void)now;
  ((answer_t *)tx->owner)->again = 0;
  answer_over(tx);
}

static void on_tx_failed(acoap__transmission_t *tx, acoap_time_t now, int status) {
  (void)now;
  (void)status;
  answer_over(tx);
}

static const acoap__transmission_events_t transmission_events = {
    .acknowledged = on_acknowledged, .reset = on_reset, .failed = on_tx_failed};

static size_t compose(answer_t *answer) {
  acoap_builder_t builder;
  uint8_t number = (uint8_t)answer->request;

  acoap_builder_init(&builder, answer->bytes, sizeof(answer->bytes), ACOAP_NON, ACOAP_CODE_CONTENT,
                     0, answer->token, 8);
  acoap_builder_payload(&builder, &number, 1);
  return (size_t)acoap_builder_finish(&builder);
}

static void send_answer(sim_t *sim, answer_t *answer) {
  acoap__engine_t *engine = &sim->hosts[SERVER].engine;
  size_t len = compose(answer);

  answer->at = ACOAP_TIME_NEVER;
  if (!answer->separate) {
    int status = acoap__inbound_reply(engine, sim->now, &answer->inbound, answer->bytes, len);
    if (status == 0) {
      return;
    }
    if (status != ACOAP_EAGAIN) {
      broken(sim, "a reply failed with %d", status);
    }
    answer->separate = true;
  }
  if (answer->waiting) {
    acoap__transmission_cancel(engine, sim->now, &answer->tx);
  }
  answer->waiting = true;
  if (answer->again > 0) {
    answer->again--;
    answer->at = sim->now + 1 + dice(sim, 20000);
  }
  acoap__inbound_answered_separately(engine, &answer->inbound);
  if (acoap__transmission_send(engine, sim->now, &answer->tx, &answer->path, answer->bytes, len,
                               answer->type, NULL) < 0) {
    answer->waiting = false;
  }
}

static answer_t *new_answer(sim_t *sim) {
  for (unsigned i = 0; i < ANSWERS_MAX; i++) {
    if (!sim->answers[i].used) {
      return &sim->answers[i];
    }
  }
  broken(sim, "more answers than requests");
}

static void on_request(void *user_data, acoap_time_t now, const acoap__inbound_t *inbound,
                       const acoap_view_t *view) {
  host_t *host = user_data;
  sim_t *sim = host->sim;
  unsigned number = number_in(sim, view);
  acoap__inbound_t copy = *inbound;

  if (now != sim->now || view->token.len != 8) {
    broken(sim, "a request out of time or without its token");
  }
  if (++sim->requests[number].handled > 1) {
    broken(sim, "request %u was handled twice", number);
  }
  sim->totals[TOTAL_HANDLED]++;
  uint32_t how = dice(sim, 8);
  if (how == 0) {
    return; /* never anything */
  }
  if (how == 1 && dice(sim, 4) == 0) {
    acoap__inbound_reset(&host->engine, now, &copy);
    return;
  }
  answer_t *answer = new_answer(sim);
  answer->used = true;
  answer->sim = sim;
  answer->request = number;
  answer->separate = how >= 5;
  answer->type = how % 2 == 0 ? ACOAP_CON : ACOAP_NON;
  answer->again = sim->requests[number].keep ? dice(sim, 6) : 0;
  answer->path = *inbound->path;
  answer->inbound = copy;
  answer->inbound.path = &answer->path;
  memcpy(answer->token, view->token.data, 8);
  acoap__transmission_init(&answer->tx, &answer->way, &transmission_events, answer);
  if (how == 4 || how == 5) {
    acoap__inbound_acknowledge(&host->engine, now, &answer->inbound);
  }
  answer->at = how < 3 ? now : now + dice(sim, 30000);
  if (answer->at == now) {
    send_answer(sim, answer);
  }
}

static const acoap__engine_events_t engine_events = {
    .transmit = transmit, .request = on_request, .wake_changed = wake_changed};

/* ---- a run ----------------------------------------------------------------------------------- */

static void make_host(sim_t *sim, unsigned number) {
  host_t *host = &sim->hosts[number];
  acoap__engine_config_t config = {.peers = 4,
                                   .dedup_con = 512,
                                   .dedup_non = 512,
                                   .reply_bytes = 8192,
                                   .queue_per_peer = 1 + dice(sim, 40),
                                   .buckets = 64,
                                   .strict_message_id = dice(sim, 2) == 0};

  acoap_params_init(&config.params);
  config.params.nstart = 1 + dice(sim, 3) * dice(sim, 2);
  host->sim = sim;
  host->number = number;
  host->seed.state = sim->seed * HOSTS + number;
  host->armed = ACOAP_TIME_NEVER;
  acoap__random_init(&host->random, acoap__seeded_fill, &host->seed);
  size_t size = acoap__engine_memory(&config);
  host->memory = malloc(size);
  if (acoap__engine_init(&host->engine, &config, host->memory, size, &host->random, NULL,
                         &engine_events, host) < 0) {
    broken(sim, "no engine");
  }
}

static void make_requests(sim_t *sim) {
  sim->count = 1 + dice(sim, REQUESTS_MAX);
  acoap_time_t span = dice(sim, 2) == 0 ? 1000 : 300000;
  for (unsigned i = 0; i < sim->count; i++) {
    request_t *request = &sim->requests[i];
    request->host = &sim->hosts[1 + dice(sim, CLIENTS)];
    request->send_at = sim->now + dice(sim, (uint32_t)span);
    request->keep = dice(sim, 6) == 0;
    request->close_at = request->keep || dice(sim, 5) == 0
                            ? request->send_at + dice(sim, dice(sim, 2) ? 100 : 200000)
                            : ACOAP_TIME_NEVER;
    request->params = *request->host->engine.config.params;
    if (dice(sim, 6) == 0) {
      request->params.response_timeout_ms = 1 + dice(sim, 60000);
    }
    if (dice(sim, 6) == 0) {
      request->params.ack_timeout_ms = 100 + dice(sim, 3000);
      request->params.max_retransmit = dice(sim, 5);
    }
    if (dice(sim, 3) == 0) {
      request->params.probing_rate_bytes_per_s = 1000;
    }
  }
}

static void make_weather(sim_t *sim) {
  static const uint32_t losses[] = {0, 0, 20, 100, 300, 600};

  sim->network.random = sim->seed ^ 0x6e6574776f726bu;
  sim->network.loss_permille = losses[dice(sim, 6)];
  sim->network.duplicate_permille = dice(sim, 2) * dice(sim, 300);
  sim->network.delay_min_ms = dice(sim, 2) * dice(sim, 200);
  sim->network.delay_max_ms =
      sim->network.delay_min_ms + dice(sim, dice(sim, 3) == 0 ? 40000 : 300);
  sim->refuse_permille = dice(sim, 8) == 0 ? 30 : 0;
  sim->icmp = dice(sim, 4) == 0;
  sim->direct = dice(sim, 10) == 0;
}

static void change_weather(sim_t *sim) {
  unsigned client = 1 + dice(sim, CLIENTS);
  bool cut = dice(sim, 3) == 0;

  sim->network.cut[SERVER][client] = cut && dice(sim, 3) != 0;
  sim->network.cut[client][SERVER] = cut;
  sim->cut_until = sim->now + 1000 + dice(sim, 60000);
}

static acoap_time_t earlier(acoap_time_t a, acoap_time_t b) {
  return a < b ? a : b;
}

/* When something happens next, of the network's, the driver's or the script's. */
static acoap_time_t next_event(const sim_t *sim) {
  acoap_time_t next = tiny_network_next(&sim->network);
  bool busy = next != ACOAP_TIME_NEVER;

  for (unsigned i = 0; i < HOSTS; i++) {
    next = earlier(next, sim->hosts[i].armed);
  }
  for (unsigned i = 0; i < sim->count; i++) {
    next = earlier(next, sim->requests[i].send_at);
    next = earlier(next, sim->requests[i].close_at);
    busy = busy || sim->requests[i].stage != ENDED;
  }
  for (unsigned i = 0; i < ANSWERS_MAX; i++) {
    next = earlier(next, sim->answers[i].used ? sim->answers[i].at : ACOAP_TIME_NEVER);
  }
  return busy ? earlier(next, sim->cut_until) : next;
}

static void check_drivers(const sim_t *sim) {
  for (unsigned i = 0; i < HOSTS; i++) {
    const host_t *host = &sim->hosts[i];
    if (acoap__engine_next_wake(&host->engine) < host->armed) {
      broken(sim, "host %u was not told of an earlier wake-up", i);
    }
    if (host->engine.leaving != NULL || host->engine.running) {
      broken(sim, "host %u is still inside", i);
    }
  }
  for (unsigned i = 0; i < sim->count; i++) {
    const request_t *request = &sim->requests[i];
    if (request->stage == PENDING && request->answers == 0 &&
        acoap__engine_next_wake(&request->host->engine) == ACOAP_TIME_NEVER) {
      broken(sim, "request %u waits for a timer that is not there", i);
    }
  }
}

static void step(sim_t *sim) {
  tiny_datagram_t *datagram;

  for (unsigned i = 0; i < sim->count; i++) {
    if (sim->requests[i].send_at <= sim->now) {
      send_request(sim, &sim->requests[i]);
    }
    if (sim->requests[i].close_at <= sim->now) {
      close_request(sim, &sim->requests[i]);
    }
  }
  for (unsigned i = 0; i < ANSWERS_MAX; i++) {
    if (sim->answers[i].used && sim->answers[i].at <= sim->now) {
      send_answer(sim, &sim->answers[i]);
    }
  }
  if ((datagram = tiny_network_take(&sim->network, sim->now)) != NULL) {
    deliver(sim, datagram);
    free(datagram);
  }
  for (unsigned i = 0; i < HOSTS; i++) {
    host_t *host = &sim->hosts[i];
    if (host->armed <= sim->now) {
      host->armed = ACOAP_TIME_NEVER;
      acoap__engine_run(&host->engine, sim->now);
      host->armed = acoap__engine_next_wake(&host->engine);
    }
  }
  if (sim->cut_until <= sim->now) {
    change_weather(sim);
  }
}

static void check_end(sim_t *sim) {
  for (unsigned i = 0; i < sim->count; i++) {
    if (sim->requests[i].stage != ENDED) {
      broken(sim, "request %u never ended", i);
    }
  }
  for (unsigned i = 0; i < ANSWERS_MAX; i++) {
    answer_t *answer = &sim->answers[i];
    if (answer->waiting) {
      if (answer->tx.state != ACOAP__TX_HELD) {
        broken(sim, "a response is in state %d at the end", (int)answer->tx.state);
      }
      acoap__transmission_cancel(&sim->hosts[SERVER].engine, sim->now, &answer->tx);
    }
  }
  for (unsigned i = 0; i < HOSTS; i++) {
    const acoap__engine_t *engine = &sim->hosts[i].engine;
    if (engine->tokens->open.count != 0 || engine->by_message_id.count != 0 ||
        acoap__engine_next_wake(engine) != ACOAP_TIME_NEVER) {
      broken(sim, "host %u: %zu tokens and %zu Message IDs are left", i, engine->tokens->open.count,
             engine->by_message_id.count);
    }
    for (unsigned j = 0; j < HOSTS; j++) {
      acoap_path_t path = path_to(j);
      acoap__peer_info_t info;
      if (acoap__engine_peer_info(engine, &path, &info) && info.outstanding + info.queued != 0) {
        broken(sim, "host %u: %u outstanding, %u queued at the end", i, info.outstanding,
               info.queued);
      }
    }
    if (engine->stats.dedup_evicted + engine->stats.replies_evicted + engine->stats.peers_evicted !=
        0) {
      broken(sim, "the tables are too small for the rules that are checked");
    }
    sim->totals[TOTAL_RETRANSMITTED] += engine->stats.retransmissions;
    sim->totals[TOTAL_DUPLICATES] += engine->stats.duplicates;
  }
}

static void run_seed(uint64_t seed, bool with_trace, uint64_t *totals) {
  sim_t *sim = calloc(1, sizeof(*sim));
  unsigned at_once = 0;

  sim->seed = seed;
  sim->random = seed;
  sim->now = 1000;
  sim->trace = with_trace;
  sim->totals = totals;
  sim->cut_until = dice(sim, 2) == 0 ? ACOAP_TIME_NEVER : sim->now + dice(sim, 60000);
  make_weather(sim);
  for (unsigned i = 0; i < HOSTS; i++) {
    make_host(sim, i);
  }
  make_requests(sim);
  for (acoap_time_t next; (next = next_event(sim)) != ACOAP_TIME_NEVER;) {
    at_once = next > sim->now ? 0 : at_once + 1;
    if (at_once > 10000) {
      broken(sim, "time stands still");
    }
    sim->now = next > sim->now ? next : sim->now;
    step(sim);
    check_drivers(sim);
  }
  check_end(sim);
  tiny_network_clear(&sim->network);
  for (unsigned i = 0; i < HOSTS; i++) {
    free(sim->hosts[i].memory);
  }
  free(sim);
}

START_TEST(random_requests_under_bad_weather_keep_every_rule) {
  const char *one = getenv("ACOAP_SIM_SEED");
  const char *many = getenv("ACOAP_SIM_SEEDS");
  uint64_t totals[TOTALS] = {0};

  if (one != NULL) {
    run_seed(strtoull(one, NULL, 10), true, totals);
    return;
  }
  uint64_t seeds = many != NULL ? strtoull(many, NULL, 10) : 500;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    run_seed(seed, false, totals);
  }
  /* The weather was bad enough and not too bad. */
  ck_assert_uint_gt(totals[TOTAL_ANSWERED], seeds * 4);
  ck_assert_uint_gt(totals[TOTAL_FAILED], seeds);
  ck_assert_uint_gt(totals[TOTAL_CLOSED], seeds);
  ck_assert_uint_gt(totals[TOTAL_HANDLED], seeds * 6);
  ck_assert_uint_gt(totals[TOTAL_RETRANSMITTED], seeds * 4);
  ck_assert_uint_gt(totals[TOTAL_DUPLICATES], seeds);
}
END_TEST

static Suite *engine_sim_suite(void) {
  Suite *suite = suite_create("engine_sim");
  TCase *tcase = tcase_create("sim");
  tcase_set_timeout(tcase, 600);
  tcase_add_test(tcase, random_requests_under_bad_weather_keep_every_rule);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(engine_sim_suite)
