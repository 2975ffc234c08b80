/*
 * Cookies of the stateless exchange (RFC 6347 section 4.2.1): who returns one hears what is sent to
 * its address. Secrets change every SECRET_LIFETIME_MS, so that cookies cannot be collected.
 * SPDX-License-Identifier: MIT
 */
#include "security/dtls_cookie.h"

#include <acoap/error.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <string.h>

/* Longer than a client takes to repeat its ClientHello, also after losses. */
#define SECRET_LIFETIME_MS (5 * 60 * 1000)

int acoap__dtls_secrets_init(acoap__dtls_secrets_t *secrets, acoap_time_t now) {
  secrets->changed = now;
  return RAND_bytes(&secrets->secret[0][0], sizeof(secrets->secret)) == 1 ? 0 : ACOAP_ESECURITY;
}

int acoap__dtls_secrets_renew(acoap__dtls_secrets_t *secrets, acoap_time_t now) {
  uint8_t fresh[ACOAP__DTLS_SECRET_LEN];
  if (now - secrets->changed < SECRET_LIFETIME_MS) {
    return 0;
  }
  if (RAND_bytes(fresh, sizeof(fresh)) != 1) {
    return ACOAP_ESECURITY;
  }
  memcpy(secrets->secret[1], secrets->secret[0], sizeof(fresh));
  memcpy(secrets->secret[0], fresh, sizeof(fresh));
  secrets->changed = now;
  return 0;
}

static bool make(const SSL *ssl, size_t which, uint8_t cookie[ACOAP__DTLS_COOKIE_LEN]) {
  const acoap__dtls_cookie_source_t *source = SSL_get_app_data(ssl);
  uint8_t mac[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  if (source == NULL || HMAC(EVP_sha256(), source->secrets->secret[which], ACOAP__DTLS_SECRET_LEN,
                             source->client.data, source->client.len, mac, &len) == NULL) {
    return false;
  }
  memcpy(cookie, mac, ACOAP__DTLS_COOKIE_LEN);
  return true;
}

int acoap__dtls_cookie_generate(SSL *ssl, unsigned char *cookie, unsigned *len) {
  *len = ACOAP__DTLS_COOKIE_LEN;
  return make(ssl, 0, cookie) ? 1 : 0;
}

int acoap__dtls_cookie_verify(SSL *ssl, const unsigned char *cookie, unsigned len) {
  uint8_t expected[ACOAP__DTLS_COOKIE_LEN];
  for (size_t which = 0; which < 2 && len == ACOAP__DTLS_COOKIE_LEN; which++) {
    if (make(ssl, which, expected) && CRYPTO_memcmp(expected, cookie, len) == 0) {
      return 1;
    }
  }
  return 0;
}
