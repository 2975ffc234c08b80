/*
 * Figures of acoap bench: latencies in classes that grow with them, so that a percentile of any
 * number of requests takes the same memory.
 *     class(ns) = 32 * floor(log2 ns) + the next five bits
 * SPDX-License-Identifier: MIT
 */
#include "bench_figures.h"

#include "json.h"

#define CLASSES_A_POWER 32u
#define POWER_LEAST 5u

static size_t class_of(uint64_t ns) {
  unsigned power = POWER_LEAST;
  while (power < 63 && ns >> (power + 1) != 0) {
    power++;
  }
  size_t class = (power - POWER_LEAST) * CLASSES_A_POWER +
                 (size_t)((ns >> (power - POWER_LEAST)) & (CLASSES_A_POWER - 1));
  return class < BENCH_CLASSES ? class : BENCH_CLASSES - 1;
}

/* The middle of a class. */
static double ns_of(size_t class) {
  unsigned shift = (unsigned)(class / CLASSES_A_POWER);
  double first = (double)((uint64_t)(CLASSES_A_POWER + class % CLASSES_A_POWER) << shift);
  return first + (double)(UINT64_C(1) << shift) / 2;
}

void bench_figures_answer(bench_figures_t *figures, uint64_t ns, uint8_t code,
                          uint32_t retransmissions) {
  figures->answered++;
  figures->success += ACOAP_CODE_CLASS(code) == 2 ? 1 : 0;
  figures->client_errors += ACOAP_CODE_CLASS(code) == 4 ? 1 : 0;
  figures->server_errors += ACOAP_CODE_CLASS(code) == 5 ? 1 : 0;
  figures->retransmissions += retransmissions;
  figures->sum_ns += ns;
  figures->longest_ns = ns > figures->longest_ns ? ns : figures->longest_ns;
  figures->latencies[class_of(ns)]++;
}

double bench_figures_latency_ms(const bench_figures_t *figures, double share) {
  uint64_t wanted = (uint64_t)((double)figures->answered * share);
  uint64_t seen = 0;
  for (size_t i = 0; i < BENCH_CLASSES; i++) {
    seen += figures->latencies[i];
    if (seen > wanted) {
      return ns_of(i) / 1e6;
    }
  }
  return (double)figures->longest_ns / 1e6;
}

static double mean_ms(const bench_figures_t *figures) {
  return figures->answered > 0 ? (double)figures->sum_ns / (double)figures->answered / 1e6 : 0;
}

static void print_json(const bench_figures_t *figures, const char *uri, double seconds,
                       double cpu_us) {
  json_t json;
  json_init(&json, stdout);
  json_object_begin(&json, NULL);
  json_text(&json, "uri", uri);
  json_int(&json, "answered", (int64_t)figures->answered);
  json_int(&json, "failed", (int64_t)figures->failed);
  json_real(&json, "seconds", seconds);
  json_real(&json, "requests_per_s", seconds > 0 ? (double)figures->answered / seconds : 0);
  json_object_begin(&json, "latency_ms");
  json_real(&json, "mean", mean_ms(figures));
  json_real(&json, "p50", bench_figures_latency_ms(figures, 0.5));
  json_real(&json, "p90", bench_figures_latency_ms(figures, 0.9));
  json_real(&json, "p99", bench_figures_latency_ms(figures, 0.99));
  json_real(&json, "p99_9", bench_figures_latency_ms(figures, 0.999));
  json_real(&json, "max", (double)figures->longest_ns / 1e6);
  json_object_end(&json);
  json_object_begin(&json, "codes");
  json_int(&json, "2.xx", (int64_t)figures->success);
  json_int(&json, "4.xx", (int64_t)figures->client_errors);
  json_int(&json, "5.xx", (int64_t)figures->server_errors);
  json_object_end(&json);
  json_int(&json, "retransmissions", (int64_t)figures->retransmissions);
  json_int(&json, "duplicates", (int64_t)figures->duplicates);
  json_int(&json, "source_ports", (int64_t)figures->sources);
  json_real(&json, "cpu_us_per_request", cpu_us);
  if (figures->server_cpu_us > 0) {
    json_real(&json, "server_cpu_us_per_request", figures->server_cpu_us);
  }
  json_text(&json, "error", figures->failure != 0 ? acoap_strerror(figures->failure) : NULL);
  json_object_end(&json);
  json_line_end(&json);
}

static void print_table(const bench_figures_t *figures, double seconds, double cpu_us) {
  printf("%llu answers in %.2f s, %.0f requests/s\n", (unsigned long long)figures->answered,
         seconds, seconds > 0 ? (double)figures->answered / seconds : 0);
  printf("latency ms  mean %.3f  p50 %.3f  p90 %.3f  p99 %.3f  p99.9 %.3f  max %.3f\n",
         mean_ms(figures), bench_figures_latency_ms(figures, 0.5),
         bench_figures_latency_ms(figures, 0.9), bench_figures_latency_ms(figures, 0.99),
         bench_figures_latency_ms(figures, 0.999), (double)figures->longest_ns / 1e6);
  printf("2.xx %llu  4.xx %llu  5.xx %llu  no answer %llu", (unsigned long long)figures->success,
         (unsigned long long)figures->client_errors, (unsigned long long)figures->server_errors,
         (unsigned long long)figures->failed);
  if (figures->failure != 0) {
    printf(" (%s)", acoap_strerror(figures->failure));
  }
  printf("\nretransmissions %llu  duplicates %llu  source ports %llu  CPU of this client %.2f us a "
         "request\n",
         (unsigned long long)figures->retransmissions, (unsigned long long)figures->duplicates,
         (unsigned long long)figures->sources, cpu_us);
  if (figures->server_cpu_us > 0) {
    printf("CPU of the server %.2f us a request\n", figures->server_cpu_us);
  }
}

void bench_figures_print(const bench_figures_t *figures, const options_t *options, const char *uri,
                         double seconds, double cpu_us) {
  if (options->json) {
    print_json(figures, uri, seconds, cpu_us);
  } else {
    print_table(figures, seconds, cpu_us);
  }
}
