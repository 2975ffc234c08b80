/*
 * Whom certificates name (RFC 7252 section 9.1.3.3, RFC 6125 section 6.4.3): the certificates of
 * test/support/pki against hosts and ports.
 * SPDX-License-Identifier: MIT
 */
#include "security/certificate_name.h"

#include <openssl/pem.h>
#include <stdio.h>

#include "support/check_main.h"
#include "support/dtls_pair.h"

static const struct {
  const char *certificate;
  const char *host;
  uint16_t port;
  bool named;
} cases[] = {
    {"server", "server.test", 5684, true},
    {"server", "SERVER.Test", 9, true}, /* DNS names and addresses have no port */
    {"server", "192.0.2.1", 5684, true},
    {"server", "2001:DB8:0::1", 5684, true},
    {"server", "192.0.2.2", 5684, false},
    {"server", "erver.test", 5684, false},
    {"server", "", 5684, false},
    /* A wildcard is one whole label. */
    {"wildcard", "a.server.test", 5684, true},
    {"wildcard", "a.b.server.test", 5684, false},
    {"wildcard", "server.test", 5684, false},
    {"wildcard", "part.other.test", 5684, false},
    {"wildcard", "wildcard", 5684, false}, /* the common name does not count beside others */
    /* URIs: the authority, with its port. */
    {"uri", "server.test", 5684, true},
    {"uri", "Server.test", 5684, true},
    {"uri", "server.test", 5685, false},
    {"uri", "192.0.2.1", 5685, true},
    {"uri", "192.0.2.1", 5684, false},
    {"uri", "2001:db8:0::1", 5684, true},
    {"uri", "www.test", 80, false}, /* no coap URI */
    {"uri", "uri.test", 5684, false},
    /* Without alternative names: the common name. */
    {"common_name", "server.test", 5684, true},
    {"common_name", "Server.Test", 1, true},
    {"common_name", "x.server.test", 5684, false},
    {"common_address", "192.0.2.1", 5684, true},
    {"common_address", "192.0.2.11", 5684, false},
    {"common_wildcard", "a.server.test", 5684, false},
    {"two_common_names", "server.test", 5684, false},
    {"two_common_names", "other.test", 5684, false},
};

START_TEST(names_are_those_of_the_certificate) {
  char path[256];
  snprintf(path, sizeof(path), "%s/support/pki/%s.pem", ACOAP_TEST_DIR, cases[_i].certificate);
  BIO *file = BIO_new_file(path, "r");
  X509 *certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
  ck_assert_ptr_nonnull(certificate);
  ck_assert_msg(acoap__certificate_names(certificate, cases[_i].host, cases[_i].port) ==
                    cases[_i].named,
                "%s and %s:%u", cases[_i].certificate, cases[_i].host, cases[_i].port);
  X509_free(certificate);
  BIO_free(file);
}
END_TEST

START_TEST(addresses_are_told_from_names) {
  ck_assert(acoap__host_is_literal("192.0.2.1"));
  ck_assert(acoap__host_is_literal("2001:db8::1"));
  ck_assert(!acoap__host_is_literal("192.0.2"));
  ck_assert(!acoap__host_is_literal("server.test"));
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("security_certificate_name");
  TCase *names = tcase_create("names");
  tcase_add_loop_test(names, names_are_those_of_the_certificate, 0,
                      (int)(sizeof(cases) / sizeof(cases[0])));
  tcase_add_test(names, addresses_are_told_from_names);
  suite_add_tcase(suite, names);
  return suite;
}

ACOAP_TEST_MAIN(suite)
