/*
 * Cookies (RFC 6347 section 4.2.1): each client has its own, and it outlives one change of the
 * secret, not two.
 * SPDX-License-Identifier: MIT
 */
#include "security/dtls_cookie.h"

#include <check.h>
#include <openssl/ssl.h>
#include <string.h>

#include "support/check_main.h"

#define FIVE_MINUTES 300000u

static acoap__dtls_secrets_t secrets;
static acoap__dtls_cookie_source_t source;
static SSL_CTX *context;
static SSL *ssl;
static uint8_t cookie[ACOAP__DTLS_COOKIE_LEN];
static unsigned len;

static void setup(void) {
  ck_assert_int_eq(acoap__dtls_secrets_init(&secrets, 1000), 0);
  source.secrets = &secrets;
  source.client = (acoap_bytes_t){(const uint8_t *)"192.0.2.1:1", 11};
  context = SSL_CTX_new(DTLS_method());
  ssl = SSL_new(context);
  ck_assert_ptr_nonnull(ssl);
  SSL_set_app_data(ssl, &source);
  ck_assert_int_eq(acoap__dtls_cookie_generate(ssl, cookie, &len), 1);
  ck_assert_uint_eq(len, sizeof(cookie));
}

static void teardown(void) {
  SSL_free(ssl);
  SSL_CTX_free(context);
}

START_TEST(cookie_is_its_client_s_alone) {
  ck_assert_int_eq(acoap__dtls_cookie_verify(ssl, cookie, len), 1);
  source.client.data = (const uint8_t *)"192.0.2.1:2";
  ck_assert_int_eq(acoap__dtls_cookie_verify(ssl, cookie, len), 0);
}
END_TEST

START_TEST(cookie_of_another_length_or_with_a_bit_changed_is_none) {
  for (unsigned cut = 0; cut < sizeof(cookie); cut++) {
    ck_assert_int_eq(acoap__dtls_cookie_verify(ssl, cookie, cut), 0);
    cookie[cut] ^= 1;
    ck_assert_int_eq(acoap__dtls_cookie_verify(ssl, cookie, len), 0);
    cookie[cut] ^= 1;
  }
}
END_TEST

START_TEST(cookie_outlives_one_change_of_the_secret) {
  acoap__dtls_secrets_t before = secrets;
  ck_assert_int_eq(acoap__dtls_secrets_renew(&secrets, 1000 + FIVE_MINUTES - 1), 0);
  ck_assert_mem_eq(&before, &secrets, sizeof(before));
  ck_assert_int_eq(acoap__dtls_secrets_renew(&secrets, 1000 + FIVE_MINUTES), 0);
  ck_assert_mem_ne(before.secret[0], secrets.secret[0], ACOAP__DTLS_SECRET_LEN);
  ck_assert_int_eq(acoap__dtls_cookie_verify(ssl, cookie, len), 1);
  ck_assert_int_eq(acoap__dtls_secrets_renew(&secrets, 1000 + 2 * FIVE_MINUTES), 0);
  ck_assert_int_eq(acoap__dtls_cookie_verify(ssl, cookie, len), 0);
}
END_TEST

START_TEST(session_that_does_not_listen_has_no_cookies) {
  SSL_set_app_data(ssl, NULL);
  ck_assert_int_eq(acoap__dtls_cookie_generate(ssl, cookie, &len), 0);
  ck_assert_int_eq(acoap__dtls_cookie_verify(ssl, cookie, len), 0);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("security_dtls_cookie");
  TCase *cases = tcase_create("cookies");
  tcase_add_checked_fixture(cases, setup, teardown);
  tcase_add_test(cases, cookie_is_its_client_s_alone);
  tcase_add_test(cases, cookie_of_another_length_or_with_a_bit_changed_is_none);
  tcase_add_test(cases, cookie_outlives_one_change_of_the_secret);
  tcase_add_test(cases, session_that_does_not_listen_has_no_cookies);
  suite_add_tcase(suite, cases);
  return suite;
}

ACOAP_TEST_MAIN(suite)
