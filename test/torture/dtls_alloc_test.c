/*
 * A DTLS handshake and a request with the n-th allocation failing, for every n, the library's and
 * OpenSSL's alike: nothing crashes, what was begun ends, and with memory again the next request
 * gets through. What the library itself holds is the same after each run; what OpenSSL leaves
 * behind when its own allocations fail is OpenSSL's (it is known to lose a few blocks) and is
 * bounded only.
 * SPDX-License-Identifier: MIT
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"
#include "support/fail_alloc.h"

#include "base/mem.h"

/* While set, OpenSSL allocates through the hook, too, so that its allocations fail in their turn.
 */
static bool openssl_counts;
/* Blocks of OpenSSL that came through the hook: a header says which. */
typedef struct header {
  size_t hooked;
  size_t padding;
} header_t;
static size_t openssl_live;

static void *openssl_malloc(size_t size, const char *file, int line) {
  (void)file;
  (void)line;
  header_t *block = openssl_counts ? acoap__malloc(sizeof(*block) + size) : NULL;
  if (!openssl_counts) {
    block = malloc(sizeof(*block) + size);
  }
  if (block == NULL) {
    return NULL;
  }
  block->hooked = openssl_counts;
  openssl_live++;
  return block + 1;
}

static void openssl_free(void *p, const char *file, int line) {
  (void)file;
  (void)line;
  header_t *block = p;
  if (p == NULL) {
    return;
  }
  block--;
  openssl_live--;
  if (block->hooked != 0) {
    acoap__free(block);
  } else {
    free(block);
  }
}

static void *openssl_realloc(void *p, size_t size, const char *file, int line) {
  header_t *block = p;
  if (p == NULL) {
    return openssl_malloc(size, file, line);
  }
  if (size == 0) {
    openssl_free(p, file, line);
    return NULL;
  }
  block--;
  header_t *grown = block->hooked != 0 ? acoap__realloc(block, sizeof(*block) + size)
                                       : realloc(block, sizeof(*block) + size);
  return grown != NULL ? grown + 1 : NULL;
}

static void on_response(void *user_data, int status, acoap_message_t *message) {
  dtls_answer_t *answer = user_data;
  answer->called++;
  answer->status = status;
  answer->code = message != NULL ? acoap_message_code(message) : 0;
}

/* A GET that may fail at any point; true: one final callback is owed. */
static bool ask(dtls_pair_t *pair, dtls_answer_t *answer) {
  acoap_remote_endpoint_t *remote = NULL;
  memset(answer, 0, sizeof(*answer));
  if (acoap_remote_endpoint_new(pair->client.endpoint, DTLS_URI, &remote) != 0) {
    return false;
  }
  int status = acoap_send(remote, acoap_desc_get(), on_response, answer, NULL);
  acoap_remote_endpoint_unref(remote);
  return status == 0;
}

static acoap_credentials_t *client_of(bool certificate) {
  acoap_credentials_options_t options = {.size = sizeof(options),
                                         .trust_file = PKI("authority.pem")};
  return certificate ? dtls_credentials(&options) : dtls_psk("lamp", "secret");
}

/* Each run has to reach further than the one before, or end. */
static void play(bool certificate, bool with_openssl) {
  size_t baseline = 0;
  /* OpenSSL allocates some thousand times: every eleventh in its turn. */
  size_t stride = with_openssl ? 11 : 1;
  for (size_t n = 0; n <= stride || fail_alloc_again(n); n += stride) {
    static dtls_pair_t pair;
    static dtls_answer_t answer;
    dtls_pair_open(&pair, n + 1, dtls_server_credentials("server"), client_of(certificate), NULL);
    openssl_counts = with_openssl;
    fail_alloc_at(n);
    bool owed = ask(&pair, &answer);
    dtls_pair_run(&pair, 200000);
    fail_alloc_at(0);
    openssl_counts = false;
    ck_assert_uint_eq(answer.called, owed ? 1 : 0);
    ck_assert(n != 0 || answer.status == 0);
    /* With memory, everything is as ever. */
    ck_assert(ask(&pair, &answer));
    dtls_pair_run(&pair, 200000);
    ck_assert_msg(answer.status == 0, "n = %zu: %s (%s, %s)", n, acoap_err_name(answer.status),
                  pair.client.reason, pair.server.reason);
    dtls_pair_close(&pair);
    baseline = n == 0 ? fail_alloc_live() : baseline;
    ck_assert_msg(with_openssl || fail_alloc_live() == baseline,
                  "n = %zu: %zu blocks instead of %zu", n, fail_alloc_live(), baseline);
  }
}

START_TEST(handshake_with_every_allocation_of_ours_failing) {
  play(_i == 1, false);
}
END_TEST

START_TEST(handshake_with_every_allocation_of_openssl_failing_too) {
  size_t before = openssl_live;
  play(_i == 1, true);
  ck_assert_uint_lt(openssl_live - before, 4096);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("dtls_alloc");
  TCase *tcase = tcase_create("allocations");
  /* Before OpenSSL allocates anything. */
  (void)CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free);
  fail_alloc_install();
  tcase_add_loop_test(tcase, handshake_with_every_allocation_of_ours_failing, 0, 2);
  tcase_add_loop_test(tcase, handshake_with_every_allocation_of_openssl_failing_too, 0, 2);
  suite_add_tcase(suite, tcase);
  return suite;
}

ACOAP_TEST_MAIN(suite)
