/*
 * acoap_address_t to and from the system's socket addresses.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_SOCKADDR_H
#define ACOAP_TRANSPORT_SOCKADDR_H

#include <acoap/address.h>

#include <netinet/in.h>
#include <sys/socket.h>

/*
 * Write an address for the system; mapped: an IPv4 one as ::ffff:a.b.c.d, for a socket that carries
 * both families. Returns the length, 0 for families that are not IP.
 */
socklen_t acoap__sockaddr_write(const acoap_address_t *address, bool mapped,
                                struct sockaddr_storage *out);

/* Read one; ::ffff:a.b.c.d becomes IPv4. False, and *out untouched, for families that are not IP.
 */
bool acoap__sockaddr_read(const struct sockaddr *in, acoap_address_t *out);

/* The parts, where the system has them without a port. */
void acoap__sockaddr_read_ip4(const struct in_addr *in, acoap_address_t *out);
void acoap__sockaddr_read_ip6(const struct in6_addr *in, acoap_address_t *out);
/* ::ffff:a.b.c.d for IPv4. */
struct in6_addr acoap__sockaddr_ip6(const acoap_address_t *address);

/* fe80::/10, ff01::/16 and ff02::/16: an interface must be named with it. */
bool acoap__address_is_link_local(const acoap_address_t *address);

#endif
