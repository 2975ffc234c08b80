/*
 * Credentials (RFC 7252 section 9.1): what is refused and with which sentence, references, what the
 * security level lets pass.
 * SPDX-License-Identifier: MIT
 */
#include "security/credentials.h"

#include <check.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"

static size_t no_key(void *user_data, acoap_bytes_t identity, uint8_t *key, size_t cap) {
  (void)user_data;
  (void)identity;
  (void)key;
  (void)cap;
  return 0;
}

#define BYTES(text)                                                                                \
  { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct {
  acoap_credentials_options_t options;
  int status;
  const char *reason; /* part of the sentence; NULL: whatever */
} refused[] = {
    {{.size = sizeof(acoap_credentials_options_t)}, ACOAP_EINVAL, "invalid argument"},
    {{.size = 1, .insecure = true}, ACOAP_EINVAL, NULL},
    {{.size = sizeof(acoap_credentials_options_t), .psk_identity = BYTES("lamp")},
     ACOAP_EINVAL,
     "invalid argument"},
    {{.size = sizeof(acoap_credentials_options_t), .psk_key = BYTES("key")}, ACOAP_EINVAL, NULL},
    {{.size = sizeof(acoap_credentials_options_t),
      .psk_identity = BYTES("la\0mp"),
      .psk_key = BYTES("key")},
     ACOAP_EINVAL,
     NULL},
    {{.size = sizeof(acoap_credentials_options_t),
      .psk_identity = BYTES("lamp"),
      .psk_key = BYTES("0123456789012345678901234567890123456789012345678901234567890123"
                       "4")},
     ACOAP_EINVAL,
     NULL},
    {{.size = sizeof(acoap_credentials_options_t), .certificate_file = PKI("server.pem")},
     ACOAP_EINVAL,
     NULL},
    {{.size = sizeof(acoap_credentials_options_t), .key_file = PKI("server.key")},
     ACOAP_EINVAL,
     NULL},
    {{.size = sizeof(acoap_credentials_options_t),
      .certificate_file = PKI("server.pem"),
      .key_file = PKI("server.key"),
      .require_certificate = true},
     ACOAP_EINVAL,
     NULL},
    {{.size = sizeof(acoap_credentials_options_t), .insecure = true, .raw_public_key = true},
     ACOAP_ENOTSUP,
     "not supported"},
    {{.size = sizeof(acoap_credentials_options_t), .trust_file = PKI("no_such.pem")},
     ACOAP_ENOTFOUND,
     "cannot read"},
    {{.size = sizeof(acoap_credentials_options_t),
      .certificate_file = PKI("server.pem"),
      .key_file = PKI("client.key")},
     ACOAP_ESECURITY,
     "key values mismatch"},
    {{.size = sizeof(acoap_credentials_options_t), .trust_file = PKI("server.key")},
     ACOAP_ESECURITY,
     NULL},
    {{.size = sizeof(acoap_credentials_options_t),
      .certificate_file = PKI("make.sh"),
      .key_file = PKI("server.key")},
     ACOAP_ESECURITY,
     "no start line"},
    {{.size = sizeof(acoap_credentials_options_t), .insecure = true, .ciphers = "NONSENSE"},
     ACOAP_ESECURITY,
     "no cipher match"},
};

START_TEST(what_cannot_be_is_refused_with_a_sentence) {
  acoap_credentials_t *none = (acoap_credentials_t *)&refused;
  acoap_credentials_t *credentials = none;
  char reason[200] = "";
  int status =
      acoap_credentials_new_explained(&refused[_i].options, &credentials, reason, sizeof(reason));
  ck_assert_int_eq(status, refused[_i].status);
  ck_assert_ptr_eq(credentials, none);
  ck_assert_msg(refused[_i].reason == NULL || strstr(reason, refused[_i].reason) != NULL, "%s",
                reason);
  ck_assert_int_eq(acoap_credentials_new(&refused[_i].options, &credentials), status);
}
END_TEST

START_TEST(sentence_is_cut_where_the_room_ends) {
  acoap_credentials_t *credentials = NULL;
  char reason[8];
  memset(reason, 'x', sizeof(reason));
  ck_assert_int_eq(acoap_credentials_new_explained(&refused[10].options, &credentials, reason, 7),
                   ACOAP_ENOTFOUND);
  ck_assert_str_eq(reason, "cannot");
  ck_assert_int_eq(reason[7], 'x');
  ck_assert_int_eq(acoap_credentials_new_explained(&refused[10].options, &credentials, NULL, 7),
                   ACOAP_EINVAL);
}
END_TEST

START_TEST(misuse_is_named) {
  acoap_credentials_t *credentials = NULL;
  ck_assert_int_eq(acoap_credentials_new(NULL, &credentials), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_credentials_new(&refused[0].options, NULL), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_credentials_new_psk(NULL, "k", 1, &credentials), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_credentials_new_psk("", "k", 1, &credentials), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_credentials_new_psk("lamp", NULL, 1, &credentials), ACOAP_EINVAL);
  ck_assert_ptr_null(acoap_credentials_ref(NULL));
  ck_assert_ptr_null(acoap_credentials_unref(NULL));
}
END_TEST

START_TEST(credentials_live_as_long_as_their_last_reference) {
  acoap_credentials_t *credentials = dtls_psk("lamp", "secret");
  ck_assert_ptr_eq(acoap_credentials_ref(credentials), credentials);
  ck_assert_ptr_null(acoap_credentials_unref(credentials));
  ck_assert(acoap__credentials_can_serve(credentials));
  ck_assert(!acoap__credentials_insecure(credentials));
  acoap_credentials_unref(credentials);
}
END_TEST

START_TEST(identities_are_those_that_have_a_key) {
  acoap_credentials_options_t options = {.size = sizeof(options), .psk_lookup = no_key};
  acoap_bytes_t lamp = BYTES("lamp");
  acoap_bytes_t lam = BYTES("lam");
  uint8_t long_name[200];
  acoap_bytes_t too_long = {long_name, sizeof(long_name)};
  memset(long_name, 'x', sizeof(long_name));
  acoap_credentials_t *credentials = dtls_psk("lamp", "secret");
  ck_assert(acoap__credentials_has_identity(credentials, lamp));
  ck_assert(!acoap__credentials_has_identity(credentials, lam));
  ck_assert(acoap__credentials_knows(credentials, lamp));
  ck_assert(!acoap__credentials_knows(credentials, lam));
  ck_assert(!acoap__credentials_knows(credentials, too_long));
  acoap_credentials_unref(credentials);
  credentials = dtls_credentials(&options);
  ck_assert(acoap__credentials_can_serve(credentials));
  ck_assert(!acoap__credentials_has_identity(credentials, lamp));
  ck_assert(!acoap__credentials_knows(credentials, lamp));
  acoap_credentials_unref(credentials);
}
END_TEST

/* The suites that RFC 7252 section 9.1.3 makes mandatory, whatever OpenSSL's level says. */
START_TEST(mandatory_cipher_suites_are_offered) {
  static const char *const wanted[] = {"PSK-AES128-CCM8",
                                       "PSK-AES128-GCM-SHA256",
                                       "ECDHE-PSK-CHACHA20-POLY1305",
                                       "ECDHE-PSK-AES128-CBC-SHA256",
                                       "ECDHE-ECDSA-AES128-CCM8",
                                       "ECDHE-ECDSA-AES128-GCM-SHA256"};
  acoap__datagram_bio_t datagrams = {.mtu = 1200};
  for (int role = ACOAP__DTLS_CLIENT; role <= ACOAP__DTLS_SERVER; role++) {
    acoap_credentials_t *credentials = dtls_server_credentials("server");
    SSL *ssl = acoap__credentials_ssl(credentials, (acoap__dtls_role_t)role, &datagrams);
    ck_assert_ptr_nonnull(ssl);
    STACK_OF(SSL_CIPHER) *list = SSL_get_ciphers(ssl);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
      bool found = false;
      for (int n = 0; n < sk_SSL_CIPHER_num(list); n++) {
        found = found || strcmp(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(list, n)), wanted[i]) == 0;
      }
      ck_assert_msg(found, "%s", wanted[i]);
    }
    ck_assert_int_ge(SSL_get_security_level(ssl), 1); /* not lowered */
    SSL_free(ssl);
    acoap_credentials_unref(credentials);
  }
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("security_credentials");
  TCase *cases = tcase_create("credentials");
  tcase_add_loop_test(cases, what_cannot_be_is_refused_with_a_sentence, 0,
                      (int)(sizeof(refused) / sizeof(refused[0])));
  tcase_add_test(cases, sentence_is_cut_where_the_room_ends);
  tcase_add_test(cases, misuse_is_named);
  tcase_add_test(cases, credentials_live_as_long_as_their_last_reference);
  tcase_add_test(cases, identities_are_those_that_have_a_key);
  tcase_add_test(cases, mandatory_cipher_suites_are_offered);
  suite_add_tcase(suite, cases);
  return suite;
}

ACOAP_TEST_MAIN(suite)
