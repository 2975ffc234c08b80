/*
 * bench: a closed loop of requests to one resource: --window of them are in flight, from
 * --connections source ports in turn, and each answer is followed by the next request. With coaps
 * each of those ports asks once before the clock starts, so that handshakes are not measured. The
 * rule that keeps the figures honest:
 *     a source port is used for 60,000 requests and then by nobody (RFC 7252 section 4.4: a Message
 *     ID may come again after EXCHANGE_LIFETIME); it stays open, so that no other port is its equal
 * NSTART is the window here unless --nstart says otherwise: what is measured is the other side.
 * SPDX-License-Identifier: MIT
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "address.h"
#include "bench_figures.h"
#include "bench_process.h"
#include "commands.h"
#include "credentials.h"
#include "exit.h"
#include "input.h"
#include "session.h"

#define USES_OF_A_SOURCE 60000u
#define WINDOW_DEFAULT 64u
#define TIME_DEFAULT_MS 5000u
#define PAYLOAD_MAX 1024u
#define TICK_MS 200
/* What is still in flight at the end gets so long. */
#define GRACE_MS 3000

/* A local endpoint with a port of its own, and the resource as seen from there. */
typedef struct source {
  struct source *next; /* made before */
  acoap_local_endpoint_t *endpoint;
  acoap_remote_endpoint_t *remote;
  uint32_t used; /* requests sent */
} source_t;

typedef struct bench bench_t;

/* A place of the window. */
typedef struct place {
  bench_t *bench;
  uint64_t sent_ns; /* when its request was sent */
} place_t;

struct bench {
  const options_t *options;
  const char *uri;
  session_t session; /* the loop, parameters and credentials; no endpoint */
  uint8_t method;
  uint8_t payload[PAYLOAD_MAX];
  size_t payload_len;
  source_t *sources; /* all */
  source_t **lanes;  /* those in use */
  size_t lane_count;
  size_t turn;  /* which of them asks next */
  bool warming; /* each of them asks once, nothing counts */
  place_t *places;
  size_t window;
  size_t in_flight;
  uint64_t sent;
  bool ending; /* no further requests */
  uint64_t started_ns;
  uint64_t ended_ns; /* of the last answer */
  bool shows;        /* progress on stderr */
  uv_timer_t tick;
  uv_signal_t interrupt;
  bench_figures_t figures;
};

/* ---- sources --------------------------------------------------------------------------------- */

static int source_new(bench_t *bench, source_t **made) {
  const options_t *options = bench->options;
  acoap_dtls_options_t dtls = {.size = sizeof(dtls),
                               .client_only = true,
                               .credentials = bench->session.credentials,
                               .queue_max = (uint32_t)bench->window};
  acoap_address_t bind;
  uint32_t window = (uint32_t)bench->window;
  acoap_local_endpoint_options_t endpoint_options = {.size = sizeof(endpoint_options),
                                                     .params = &bench->session.params,
                                                     .udp = session_udp(),
                                                     .peers = 16,
                                                     .dedup_con = 256,
                                                     .dedup_non = 2 * window,
                                                     .reply_bytes = 4096,
                                                     .queue_per_peer = window + 1};
  if (options->bind != NULL && address_read(options->bind, &bind) == 0) {
    bind.port = bench->sources == NULL ? bind.port : 0;
    endpoint_options.bind = &bind;
    endpoint_options.bind_count = 1;
    endpoint_options.secure_port = bind.port;
  }
  if (bench->session.credentials != NULL) {
    endpoint_options.dtls = &dtls;
    endpoint_options.secure_only = true;
  }
  source_t *source = calloc(1, sizeof(*source));
  if (source == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = acoap_local_endpoint_new(&bench->session.loop, &endpoint_options, &source->endpoint);
  if (status == 0) {
    status = acoap_remote_endpoint_new(source->endpoint, bench->uri, &source->remote);
  }
  if (source->endpoint == NULL) {
    free(source);
    return status;
  }
  acoap_local_endpoint_unref(source->endpoint);
  source->next = bench->sources;
  bench->sources = source;
  bench->figures.sources++;
  *made = source;
  return status;
}

/* The source of a lane, a new one when it has used its Message IDs up. */
static int lane_source(bench_t *bench, size_t lane, source_t **source) {
  int status = 0;
  if (bench->lanes[lane] == NULL || bench->lanes[lane]->used == USES_OF_A_SOURCE) {
    status = source_new(bench, &bench->lanes[lane]);
  }
  *source = bench->lanes[lane];
  return status;
}

static void count_sources(bench_t *bench) {
  for (const source_t *source = bench->sources; source != NULL; source = source->next) {
    acoap_stats_t stats = {.size = sizeof(stats)};
    if (acoap_local_endpoint_stats(source->endpoint, &stats) == 0) {
      bench->figures.duplicates +=
          stats.duplicates + stats.unmatched_responses + stats.unmatched_acks;
    }
  }
}

static void close_sources(bench_t *bench) {
  while (bench->sources != NULL) {
    source_t *source = bench->sources;
    bench->sources = source->next;
    acoap_remote_endpoint_unref(source->remote);
    acoap_local_endpoint_close(source->endpoint, NULL, NULL);
    free(source);
  }
}

/* ---- the loop of requests -------------------------------------------------------------------- */

static void stop_if_over(bench_t *bench) {
  if (bench->ending && bench->in_flight == 0) {
    uv_stop(&bench->session.loop);
  }
}

static bool goes_on(const bench_t *bench) {
  uint64_t most = bench->warming ? bench->lane_count : bench->options->count;
  return !bench->ending && (most == 0 || bench->sent < most);
}

static void on_answer(void *user_data, int status, acoap_message_t *message);

static acoap_desc_t *describe(const bench_t *bench) {
  acoap_desc_t *desc = acoap_desc_new(bench->method);
  session_describe(bench->options, desc);
  if (bench->payload_len > 0) {
    acoap_desc_payload(desc, bench->payload, bench->payload_len);
  }
  if (bench->options->block_size != 0) {
    acoap_desc_block2(desc, bench->options->block_size);
  }
  if (bench->options->deadline_ms != 0) {
    acoap_desc_deadline(desc, bench->options->deadline_ms);
  }
  return desc;
}

static void ask(place_t *place, uint64_t now_ns) {
  bench_t *bench = place->bench;
  source_t *source = NULL;
  int status = lane_source(bench, bench->turn, &source);
  bench->turn = bench->turn + 1 < bench->lane_count ? bench->turn + 1 : 0;
  if (status == 0) {
    place->sent_ns = now_ns;
    status = acoap_send(source->remote, describe(bench), on_answer, place, NULL);
  }
  if (status == 0) {
    source->used++;
    bench->sent++;
    bench->in_flight++;
    return;
  }
  /* Nothing was sent, and nothing would be: an end with what was measured until here. */
  bench->figures.failed++;
  bench->figures.failure = bench->figures.failure != 0 ? bench->figures.failure : status;
  bench->ending = true;
}

static void on_answer(void *user_data, int status, acoap_message_t *message) {
  place_t *place = user_data;
  bench_t *bench = place->bench;
  uint64_t now_ns = uv_hrtime();
  bench->in_flight--;
  if (message != NULL) {
    bench->ended_ns = now_ns;
    bench_figures_answer(&bench->figures, now_ns - place->sent_ns, acoap_message_code(message),
                         acoap_message_retransmissions(message));
  } else if (status != ACOAP_ECANCELED) {
    bench->figures.failed++;
    bench->figures.failure = bench->figures.failure != 0 ? bench->figures.failure : status;
  }
  if (goes_on(bench)) {
    ask(place, now_ns);
  } else {
    bench->ending = true;
  }
  stop_if_over(bench);
}

/* ---- beside it ------------------------------------------------------------------------------- */

static void draw(const bench_t *bench, double seconds) {
  double rate = seconds > 0 ? (double)bench->figures.answered / seconds : 0;
  fprintf(stderr, "\r%7.1f s %12llu answers %10.0f /s", seconds,
          (unsigned long long)bench->figures.answered, rate);
}

static void on_tick(uv_timer_t *timer) {
  bench_t *bench = timer->data;
  double seconds = (double)(uv_hrtime() - bench->started_ns) / 1e9;
  uint32_t for_ms = bench->options->for_ms;
  if (for_ms == 0 && bench->options->count == 0) {
    for_ms = TIME_DEFAULT_MS;
  }
  if (bench->shows) {
    draw(bench, seconds);
  }
  if (for_ms != 0 && seconds * 1000 >= for_ms) {
    bench->ending = true;
    if (seconds * 1000 >= (double)for_ms + GRACE_MS) {
      uv_stop(timer->loop);
    }
  }
  stop_if_over(bench);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  bench_t *bench = handle->data;
  (void)number;
  if (bench->ending) {
    uv_stop(handle->loop);
  }
  bench->ending = true;
  stop_if_over(bench);
}

static double cpu_us(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* ---- making ---------------------------------------------------------------------------------- */

static int read_payload(bench_t *bench) {
  const options_t *options = bench->options;
  input_t *input = NULL;
  int len = 0;
  if (options->text != NULL) {
    len = (int)strnlen(options->text, PAYLOAD_MAX + 1);
    memcpy(bench->payload, options->text, len <= (int)PAYLOAD_MAX ? (size_t)len : PAYLOAD_MAX);
  } else if (options->input != NULL) {
    input = calloc(1, sizeof(*input));
    int status = input != NULL ? input_open(input, options, options->input)
                               : exit_fail(options, EXIT_STATUS_LOCAL, "out of memory");
    if (status != 0) {
      free(input);
      return status;
    }
    uint8_t more[PAYLOAD_MAX + 1];
    len = input_read(input, 0, more, sizeof(more));
    memcpy(bench->payload, more, len > 0 && len <= (int)PAYLOAD_MAX ? (size_t)len : 0);
    input_close(input);
    free(input);
  } else {
    len = (int)options->size;
    memset(bench->payload, 'x', options->size);
  }
  if (len < 0 || len > (int)PAYLOAD_MAX) {
    return exit_fail(options, EXIT_STATUS_LOCAL,
                     len < 0 ? "%s: cannot be read"
                             : "%s: more than "
                               "1024 bytes fit no message",
                     options->input != NULL ? options->input : "-d");
  }
  bench->payload_len = (size_t)len;
  return 0;
}

static int choose_method(bench_t *bench) {
  const char *name = bench->options->method;
  bench->method = bench->payload_len > 0 ? ACOAP_CODE_PUT : ACOAP_CODE_GET;
  if (name != NULL) {
    int code = acoap_code_parse(name, strlen(name));
    if (code < 0 || !acoap_code_is_request((uint8_t)code)) {
      return exit_usage("bench", "--method %s: no method (get, put, post, delete, fetch ...)",
                        name);
    }
    bench->method = (uint8_t)code;
  }
  return 0;
}

static int bench_open(bench_t *bench, const acoap_uri_t *uri) {
  const options_t *options = bench->options;
  bench->window = options->window != 0 ? options->window : WINDOW_DEFAULT;
  bench->lane_count = options->connections != 0 ? options->connections : 1;
  bench->places = calloc(bench->window, sizeof(*bench->places));
  bench->lanes = calloc(bench->lane_count, sizeof(*bench->lanes));
  if (bench->places == NULL || bench->lanes == NULL) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "out of memory");
  }
  int status = session_start(&bench->session, options);
  if (status != 0) {
    return status;
  }
  if (options->nstart == 0) {
    bench->session.params.nstart = (uint32_t)bench->window;
  }
  if (uri->scheme == ACOAP_SCHEME_COAPS) {
    status = credentials_read(options, false, &bench->session.credentials);
  }
  for (size_t i = 0; status == 0 && i < bench->lane_count; i++) {
    source_t *source = NULL;
    int made = lane_source(bench, i, &source);
    if (made < 0) {
      status = exit_fail(options, exit_of_status(made), "%s: %s", acoap_strerror(made), bench->uri);
    }
  }
  return status;
}

static void fill_window(bench_t *bench) {
  bench->started_ns = uv_hrtime();
  bench->ended_ns = bench->started_ns;
  for (size_t i = 0; i < bench->window && goes_on(bench); i++) {
    bench->places[i] = (place_t){.bench = bench};
    ask(&bench->places[i], uv_hrtime());
  }
}

/* Every port has its session afterwards; what failed is kept, for there may be nothing else. */
static void warm_up(bench_t *bench) {
  bench->warming = true;
  fill_window(bench);
  if (bench->in_flight > 0) {
    uv_run(&bench->session.loop, UV_RUN_DEFAULT);
  }
  bench->warming = false;
  if (bench->figures.failed == 0) {
    uint64_t sources = bench->figures.sources;
    memset(&bench->figures, 0, sizeof(bench->figures));
    bench->figures.sources = sources;
    bench->ending = false;
  }
  bench->sent = 0;
  bench->turn = 0;
}

static void run(bench_t *bench) {
  fill_window(bench);
  uv_timer_init(&bench->session.loop, &bench->tick);
  uv_signal_init(&bench->session.loop, &bench->interrupt);
  bench->tick.data = bench;
  bench->interrupt.data = bench;
  uv_timer_start(&bench->tick, on_tick, TICK_MS, TICK_MS);
  uv_signal_start(&bench->interrupt, on_interrupt, SIGINT);
  uv_run(&bench->session.loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&bench->tick, NULL);
  uv_close((uv_handle_t *)&bench->interrupt, NULL);
  if (bench->shows) {
    fputs("\n", stderr);
  }
}

static int exit_of_figures(const bench_figures_t *figures) {
  if (figures->failed > 0 || figures->answered == 0) {
    return figures->failure != 0 ? exit_of_status(figures->failure) : EXIT_STATUS_NO_ANSWER;
  }
  if (figures->server_errors > 0) {
    return EXIT_STATUS_SERVER_ERROR;
  }
  return figures->client_errors > 0 ? EXIT_STATUS_CLIENT_ERROR : EXIT_STATUS_OK;
}

static int measure(bench_t *bench, bool secure) {
  if (secure) {
    warm_up(bench);
  }
  bench_figures_t *figures = &bench->figures;
  double server_before_us = bench_process_cpu_us(bench->options->server_pid);
  double before_us = cpu_us();
  if (!bench->ending) {
    run(bench);
  }
  double used_us = cpu_us() - before_us;
  double server_us = bench_process_cpu_us(bench->options->server_pid) - server_before_us;
  uint64_t requests = figures->answered > 0 ? figures->answered : 1;
  figures->server_cpu_us = server_us / (double)requests;
  count_sources(bench);
  bench_figures_print(figures, bench->options, bench->uri,
                      (double)(bench->ended_ns - bench->started_ns) / 1e9,
                      used_us / (double)requests);
  if (figures->answered == 0 && !bench->options->json) {
    return exit_send(bench->options, figures->failure != 0 ? figures->failure : ACOAP_ETIMEDOUT,
                     bench->uri);
  }
  return exit_of_figures(figures);
}

int bench_run(const options_t *options) {
  acoap_uri_t uri;
  int status = session_check_uri(options, options->arguments[0], &uri);
  if (status != 0) {
    return status;
  }
  if (session_uri_is_group(&uri)) {
    return exit_fail(options, EXIT_STATUS_USAGE, "a group cannot be measured: %s",
                     options->arguments[0]);
  }
  bench_t *bench = calloc(1, sizeof(*bench));
  if (bench == NULL) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "out of memory");
  }
  bench->options = options;
  bench->uri = options->arguments[0];
  bench->shows = !options->quiet && (options->progress == PROGRESS_ALWAYS ||
                                     (options->progress == PROGRESS_AUTO && isatty(2)));
  status = read_payload(bench);
  if (status == 0) {
    status = choose_method(bench);
  }
  if (status == 0) {
    status = bench_open(bench, &uri);
    if (status == 0) {
      status = measure(bench, uri.scheme == ACOAP_SCHEME_COAPS);
    }
    close_sources(bench);
    if (bench->session.options != NULL) {
      session_close(&bench->session);
    }
  }
  free(bench->lanes);
  free(bench->places);
  free(bench);
  return status;
}
