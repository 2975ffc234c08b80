/*
 * Cookies of the stateless exchange (RFC 6347 section 4.2.1):
 *
 *     cookie = HMAC-SHA256(secret, client address and port), first 16 bytes
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SECURITY_DTLS_COOKIE_H
#define ACOAP_SECURITY_DTLS_COOKIE_H

#include <acoap/types.h>

struct ssl_st;

#define ACOAP__DTLS_COOKIE_LEN 16
#define ACOAP__DTLS_SECRET_LEN 32

/* Two secrets: cookies of the older one are still taken, so that a change costs no handshake. */
typedef struct acoap__dtls_secrets {
  uint8_t secret[2][ACOAP__DTLS_SECRET_LEN]; /* [0] makes cookies */
  acoap_time_t changed;                      /* when [0] was drawn */
} acoap__dtls_secrets_t;

/* What a cookie is made of: the application data (SSL_get_app_data) of an SSL that listens. */
typedef struct acoap__dtls_cookie_source {
  const acoap__dtls_secrets_t *secrets; /* borrowed */
  acoap_bytes_t client;                 /* its address, borrowed */
} acoap__dtls_cookie_source_t;

/* Draw the secrets anew when they are old; ACOAP_ESECURITY without random numbers. */
int acoap__dtls_secrets_init(acoap__dtls_secrets_t *secrets, acoap_time_t now);
int acoap__dtls_secrets_renew(acoap__dtls_secrets_t *secrets, acoap_time_t now);

/* For SSL_CTX_set_cookie_generate_cb and SSL_CTX_set_cookie_verify_cb. */
int acoap__dtls_cookie_generate(struct ssl_st *ssl, unsigned char *cookie, unsigned *len);
int acoap__dtls_cookie_verify(struct ssl_st *ssl, const unsigned char *cookie, unsigned len);

#endif
