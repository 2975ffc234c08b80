/*
 * Who a secure peer proved to be, reference-counted. Built once, never changed.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SECURITY_IDENTITY_H
#define ACOAP_SECURITY_IDENTITY_H

#include <acoap/dtls.h>

struct ssl_st;

/*
 * What the peer of a finished handshake proved. `psk`: the identity that it named; NULL: none.
 * `checked`: its certificate was verified. The caller owns a reference; NULL without memory.
 */
const acoap_identity_t *acoap__identity_of(const struct ssl_st *ssl, const char *psk, bool checked);

#endif
