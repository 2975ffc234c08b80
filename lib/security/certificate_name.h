/*
 * Whom a certificate names.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SECURITY_CERTIFICATE_NAME_H
#define ACOAP_SECURITY_CERTIFICATE_NAME_H

#include <acoap/types.h>

struct x509_st;

/* Does it name the host (a DNS name or an address as text), asked at this port? */
bool acoap__certificate_names(struct x509_st *certificate, const char *host, uint16_t port);
/* Is this host an address? */
bool acoap__host_is_literal(const char *host);

#endif
