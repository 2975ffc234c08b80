/*
 * What acoap bench counts, and how it says so.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_BENCH_FIGURES_H
#define TOOL_BENCH_FIGURES_H

#include "options.h"

/* 32 classes for each power of two: a latency is known to 3 %. */
#define BENCH_CLASSES 2048

typedef struct bench_figures {
  uint64_t answered;                 /* responses of any code */
  uint64_t success;                  /* of them 2.xx */
  uint64_t client_errors;            /* 4.xx */
  uint64_t server_errors;            /* 5.xx */
  uint64_t failed;                   /* requests that ended without a response */
  int failure;                       /* the first such status; 0: none */
  uint64_t retransmissions;          /* of what was answered */
  uint64_t duplicates;               /* messages that came twice, or when nobody waited any more */
  uint64_t sources;                  /* source ports used */
  double server_cpu_us;              /* of --server-pid for a request; 0: none was named */
  uint64_t sum_ns;                   /* of all latencies */
  uint64_t longest_ns;               /* of them */
  uint64_t latencies[BENCH_CLASSES]; /* how many in each class */
} bench_figures_t;

/* A response that came so long after its request. */
void bench_figures_answer(bench_figures_t *figures, uint64_t ns, uint8_t code,
                          uint32_t retransmissions);
/* Milliseconds that this share of the answers (0 to 1) did not take longer than. */
double bench_figures_latency_ms(const bench_figures_t *figures, double share);

/* The table, or with --json the object, on stdout. */
void bench_figures_print(const bench_figures_t *figures, const options_t *options, const char *uri,
                         double seconds, double cpu_us);

#endif
