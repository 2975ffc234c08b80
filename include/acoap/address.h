/*
 * The address of a CoAP endpoint's socket (RFC 7252 section 1.2 "endpoint"), as a plain value
 * without padding that can be compared with memcmp and used as a hash key. Knows no sockets API.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ADDRESS_H
#define ACOAP_ADDRESS_H

#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/** What the bytes of an address mean. */
typedef enum acoap_family {
  ACOAP_FAMILY_NONE = 0, /* no address given; "any" */
  ACOAP_FAMILY_IPV4 = 4, /* first 4 bytes of ip */
  ACOAP_FAMILY_IPV6 = 6, /* 16 bytes of ip */
  ACOAP_FAMILY_OTHER = 1 /* a user's own socket: 16 bytes that it alone understands */
} acoap_family_t;

/**
 * An address and port; fill unused bytes with 0 (memset), so that equal addresses are equal bytes.
 */
typedef struct acoap_address {
  uint8_t family;    /* acoap_family_t */
  uint8_t reserved;  /* 0 */
  uint16_t port;     /* host byte order; 0: not given */
  uint32_t scope_id; /* IPv6 zone as an interface index; 0: none */
  uint8_t ip[16];    /* network byte order; unused bytes are 0 */
} acoap_address_t;

/** Longest text of acoap_address_format, with its terminating zero: "[8*4+7 %4294967295]:65535". */
#define ACOAP_ADDRESS_TEXT_MAX 64

/**
 * Parse "192.0.2.1", "192.0.2.1:5683", "2001:db8::1", "[fe80::1%3]:5683". A zone must be numeric
 * here; names need a host.
 * Returns 0 or ACOAP_EADDRESS; *out is untouched on failure.
 */
ACOAP_API int acoap_address_parse(const char *text, size_t len, acoap_address_t *out);

/**
 * Write "192.0.2.1:5683" or "[fe80::1%3]:5683" (RFC 5952 spelling); without a port when it is 0,
 * IPv6 then unbracketed.
 * Returns the length without the terminating zero, or ACOAP_ENOSPACE.
 */
ACOAP_API int acoap_address_format(const acoap_address_t *address, char *text, size_t cap);

/** The same family, ip, port and scope. */
ACOAP_API bool acoap_address_equal(const acoap_address_t *a, const acoap_address_t *b);

/** 224.0.0.0/4 or ff00::/8. */
ACOAP_API bool acoap_address_is_multicast(const acoap_address_t *address);

/** 127.0.0.0/8 or ::1. */
ACOAP_API bool acoap_address_is_loopback(const acoap_address_t *address);

/** 0.0.0.0, :: or no address at all. */
ACOAP_API bool acoap_address_is_any(const acoap_address_t *address);

ACOAP_END_DECLS

#endif
