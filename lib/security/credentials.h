/*
 * Credentials as OpenSSL contexts: one for each role, made when they are first wanted, since a
 * context checks what it is given.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SECURITY_CREDENTIALS_H
#define ACOAP_SECURITY_CREDENTIALS_H

#include <acoap/dtls.h>

#include "security/datagram_bio.h"

struct ssl_st;

/* Longest PSK identity, in bytes, and longest key. */
#define ACOAP__PSK_IDENTITY_MAX 128
#define ACOAP__PSK_KEY_MAX 64

typedef enum acoap__dtls_role { ACOAP__DTLS_CLIENT = 0, ACOAP__DTLS_SERVER } acoap__dtls_role_t;

/*
 * A new SSL of this role with these credentials, whose datagrams come from and go to `datagrams`,
 * the caller's. NULL without memory.
 */
struct ssl_st *acoap__credentials_ssl(acoap_credentials_t *credentials, acoap__dtls_role_t role,
                                      acoap__datagram_bio_t *datagrams);
/* Is there anything a server could prove? */
bool acoap__credentials_can_serve(const acoap_credentials_t *credentials);
/* Does a client take any certificate? */
bool acoap__credentials_insecure(const acoap_credentials_t *credentials);

/* Is this the identity whose pre-shared key they prove themselves? */
bool acoap__credentials_has_identity(const acoap_credentials_t *credentials,
                                     acoap_bytes_t identity);
/* Would a server with these credentials take this identity now? */
bool acoap__credentials_knows(const acoap_credentials_t *credentials, acoap_bytes_t identity);

/*
 * What OpenSSL's error queue says first, as a sentence; empties the queue. Returns text, which is
 * "unknown failure" when the queue says nothing.
 */
const char *acoap__openssl_reason(char *text, size_t cap);

#endif
