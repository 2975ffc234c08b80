/*
 * Secure clients and a server on a network that loses 30 % of the datagrams, doubles and reorders
 * them (RFC 6347 sections 3.2.1 and 4.2.4): a seed decides everything and replays it.
 *
 *     ACOAP_SIM_SEEDS=n   run n seeds, at most 1,000 (200 by default)
 *     ACOAP_SIM_SEED=n    run this one
 *
 * What has to hold:
 *  - every request ends exactly once, answered or timed out, within the time that DTLS's and CoAP's
 *    own timers allow; an answer says who asked;
 *  - a network that is well again lets everybody through;
 *  - what OpenSSL and the library have allocated is the same after each seed.
 *
 * SPDX-License-Identifier: MIT
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"
#include "support/sim_pair.h"

#define CLIENTS 3
#define REQUESTS 4
#define SEEDS_DEFAULT 200
#define SEEDS_MAX 1000
/* NSTART is 1: the requests of a client wait for each other, MAX_TRANSMIT_WAIT (93 s) each. */
#define PATIENCE_MS (REQUESTS * 93000 + 100000)
/* What a first handshake leaves in OpenSSL for good. */
#define WARM_SEEDS 3

static size_t openssl_blocks;

static void *counted_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  void *p = malloc(size);
  openssl_blocks += p != NULL;
  return p;
}

static void counted_free(void *p, const char *file, int line) {
  (void)file;
  (void)line;
  openssl_blocks -= p != NULL;
  free(p);
}

static void *counted_realloc(void *p, size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  if (size == 0) {
    counted_free(p, file, line);
    return NULL;
  }
  openssl_blocks += p == NULL;
  return realloc(p, size);
}

static void name_of(char *text, size_t cap, unsigned client) {
  snprintf(text, cap, "192.0.2.%u:40000", client + 10);
}

static size_t find_key(void *user_data, acoap_bytes_t identity, uint8_t *key, size_t cap) {
  (void)user_data;
  if (identity.len != 5 || memcmp(identity.data, "lamp", 4) != 0 || cap < 6) {
    return 0;
  }
  memcpy(key, "secre", 5);
  key[5] = identity.data[4];
  return 6;
}

static acoap_credentials_t *server_credentials(void) {
  acoap_credentials_options_t options = {.size = sizeof(options), .psk_lookup = find_key};
  return dtls_credentials(&options);
}

static acoap_credentials_t *client_credentials(unsigned client) {
  char identity[] = "lamp0";
  char key[] = "secre0";
  identity[4] = (char)('0' + client);
  key[5] = identity[4];
  return dtls_psk(identity, key);
}

static void check_answer(const dtls_answer_t *answer, unsigned client, unsigned long seed) {
  char expected[] = "psk:lamp0";
  expected[8] = (char)('0' + client);
  ck_assert_msg(answer->called == 1, "seed %lu: client %u was called %u times", seed, client,
                answer->called);
  if (answer->status == 0) {
    ck_assert_str_eq(answer->payload, expected);
  } else {
    ck_assert_msg(answer->status == ACOAP_ETIMEDOUT, "seed %lu: %s", seed,
                  acoap_err_name(answer->status));
  }
}

/* Returns how many of the requests on the bad network were answered. */
static unsigned run_seed(unsigned long seed) {
  static dtls_pair_t pair;
  static dtls_end_t ends[CLIENTS];
  static dtls_answer_t answers[CLIENTS][REQUESTS];
  static const acoap_sim_conditions_t bad = {.size = sizeof(bad),
                                             .loss_ppm = 300000,
                                             .duplicate_ppm = 100000,
                                             .delay_min_ms = 5,
                                             .delay_max_ms = 150};
  unsigned answered = 0;
  dtls_pair_open(&pair, seed, server_credentials(), client_credentials(9), NULL);
  ck_assert_int_eq(acoap_sim_set_conditions(pair.sim, &bad), 0);
  for (unsigned client = 0; client < CLIENTS; client++) {
    char address[32];
    name_of(address, sizeof(address), client);
    dtls_end_open(&pair, &ends[client], address, client_credentials(client), NULL);
  }
  for (unsigned request = 0; request < REQUESTS; request++) {
    for (unsigned client = 0; client < CLIENTS; client++) {
      dtls_get(&ends[client], DTLS_URI, &answers[client][request]);
    }
    dtls_pair_run(&pair, (acoap_time_t)(seed % 7) * 900);
  }
  dtls_pair_run(&pair, PATIENCE_MS);
  for (unsigned client = 0; client < CLIENTS; client++) {
    for (unsigned request = 0; request < REQUESTS; request++) {
      check_answer(&answers[client][request], client, seed);
      answered += answers[client][request].status == 0;
    }
  }
  ck_assert_int_eq(acoap_sim_set_conditions(pair.sim, NULL), 0);
  for (unsigned client = 0; client < CLIENTS; client++) {
    dtls_get(&ends[client], DTLS_URI, &answers[client][0]);
    dtls_pair_run(&pair, PATIENCE_MS);
    check_answer(&answers[client][0], client, seed);
    ck_assert_msg(answers[client][0].status == 0, "seed %lu: a good network did not help", seed);
    dtls_end_close(&pair, &ends[client]);
  }
  dtls_pair_close(&pair);
  return answered;
}

static unsigned long number_from(const char *name, unsigned long otherwise) {
  const char *text = getenv(name);
  return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

START_TEST(handshakes_finish_or_fail_and_leave_nothing_behind) {
  unsigned long one = number_from("ACOAP_SIM_SEED", 0);
  unsigned long seeds = number_from("ACOAP_SIM_SEEDS", SEEDS_DEFAULT);
  unsigned long answered = 0;
  size_t baseline = 0;
  seeds = seeds < SEEDS_MAX ? seeds : SEEDS_MAX;
  if (one != 0) {
    (void)run_seed(one);
    return;
  }
  for (unsigned long seed = 1; seed <= seeds; seed++) {
    answered += run_seed(seed);
    if (seed == WARM_SEEDS) {
      baseline = openssl_blocks;
    }
    ck_assert_msg(seed <= WARM_SEEDS || openssl_blocks == baseline,
                  "seed %lu: OpenSSL holds %zu blocks instead of %zu", seed, openssl_blocks,
                  baseline);
  }
  /* With 30 % loss nearly everything gets through in the end. */
  ck_assert_uint_gt(answered, seeds * CLIENTS * REQUESTS * 9 / 10);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("dtls_sim");
  TCase *tcase = tcase_create("seeds");
  /* Before OpenSSL allocates anything. */
  (void)CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free);
  tcase_add_test(tcase, handshakes_finish_or_fail_and_leave_nothing_behind);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
