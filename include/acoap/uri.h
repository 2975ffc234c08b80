/*
 * CoAP URIs and their options (RFC 7252 sections 6.1 to 6.5, RFC 3986, RFC 6874 zones, RFC 8323
 * schemes). Views over lent text; nothing is allocated. No names are resolved here.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_URI_H
#define ACOAP_URI_H

#include <acoap/address.h>
#include <acoap/codec.h>

ACOAP_BEGIN_DECLS

/** Which transport a URI asks for (RFC 7252 section 6, RFC 8323 section 8). */
typedef enum acoap_scheme {
  ACOAP_SCHEME_COAP,
  ACOAP_SCHEME_COAPS,
  ACOAP_SCHEME_COAP_TCP,
  ACOAP_SCHEME_COAPS_TCP,
  ACOAP_SCHEME_COAP_WS,
  ACOAP_SCHEME_COAPS_WS
} acoap_scheme_t;

/** "coap", "coaps", "coap+tcp", ... */
ACOAP_API const char *acoap_scheme_name(acoap_scheme_t scheme);

/** 5683, 5684, 5683, 5684, 80, 443. */
ACOAP_API uint16_t acoap_scheme_port(acoap_scheme_t scheme);

/** Longest host text with its terminating zero. */
#define ACOAP_URI_HOST_MAX 256

/**
 * A parsed absolute URI: borrows the text it was parsed from. Components are still percent-encoded.
 */
typedef struct acoap_uri {
  acoap_scheme_t scheme; /* which transport */
  acoap_bytes_t host;    /* without brackets and zone */
  /* IPv6 zone name or number; len 0: none. "%25eth0" and "%eth0" are both taken */
  acoap_bytes_t zone;
  bool host_is_ipv4;   /* an IPv4 literal */
  bool host_is_ipv6;   /* an IP literal in brackets */
  uint16_t port;       /* given, or the scheme's default */
  bool port_given;     /* the text had a port */
  acoap_bytes_t path;  /* with its leading slash; may be empty */
  acoap_bytes_t query; /* behind '?'; data is NULL without one */
  bool has_query;      /* a '?' was there */
} acoap_uri_t;

/**
 * Parse an absolute coap URI.
 *
 * @param offset  NULL or where to put the offset of the first character that is wrong
 *
 * Errors:     ACOAP_EURI malformed (also: empty host, a fragment, bad percent-encoding, port 0 or
 *             above 65535), ACOAP_ESCHEME another scheme.
 * Reference:  RFC 7252 section 6.4 steps 1 to 4.
 * Since:      0.1
 */
ACOAP_API int acoap_uri_parse(const char *text, size_t len, acoap_uri_t *uri, size_t *offset);

/**
 * The address in an IP-literal host with the URI's port; a numeric zone is set, a named one is left
 * to the caller. ACOAP_EADDRESS for names.
 */
ACOAP_API int acoap_uri_address(const acoap_uri_t *uri, acoap_address_t *address);

/**
 * Percent-decode and lower-case the host into text (with a zero). Returns its length, ACOAP_EURI or
 * ACOAP_ENOSPACE.
 */
ACOAP_API int acoap_uri_host(const acoap_uri_t *uri, char *text, size_t cap);

/**
 * Check an encoded path before it becomes options: 0, ACOAP_EURI for a character that may not stand
 * there or a percent-encoding that is none or no UTF-8, ACOAP_EOPTIONLEN for a segment of over 255
 * bytes.
 *
 * @param offset  NULL or where to put the offset of the first character that is wrong, or of the
 *                part that is too long
 */
ACOAP_API int acoap_uri_check_path(const char *path, size_t len, size_t *offset);
/** The same for a query and its arguments. */
ACOAP_API int acoap_uri_check_query(const char *query, size_t len, size_t *offset);

/**
 * Add Uri-Path options for an encoded path ("/a/b%2Fc"; "/" and "" add none; dot segments removed;
 * the leading slash may be left out). Errors stick in the builder: ACOAP_EURI, ACOAP_EOPTIONLEN for
 * a segment over 255 bytes.
 * Reference: RFC 7252 section 6.4 step 8.
 */
ACOAP_API void acoap_builder_path(acoap_builder_t *builder, const char *path, size_t len);

/**
 * Add Uri-Query options for an encoded query ("a=1&b=%20"). NULL is no query and adds none; a query
 * of length 0 is one empty argument. Reference: RFC 7252 section 6.4 step 9.
 */
ACOAP_API void acoap_builder_query(acoap_builder_t *builder, const char *query, size_t len);

/**
 * Add all options that a parsed URI asks for: Uri-Host unless the host is the destination's address
 * as a literal, Uri-Port unless the port is the destination's, Uri-Path, Uri-Query. A zone is never
 * among them.
 *
 * @param destination  where the request is sent; NULL when it is looked up from the URI itself:
 *                     then an IP literal and the port need no option
 *
 * Errors:     stick in the builder: ACOAP_EURI, ACOAP_EOPTIONLEN.
 * Reference:  RFC 7252 section 6.4 steps 5 to 9.
 */
ACOAP_API void acoap_builder_uri(acoap_builder_t *builder, const acoap_uri_t *uri,
                                 const acoap_address_t *destination);

/**
 * Compose the URI that a request names (RFC 7252 section 6.5) from its Uri-* options.
 *
 * @param scheme  of the transport
 * @param local   where the request arrived (host and port default); NULL gives a relative reference
 *                "/path?query"; a path that starts with an empty segment is then written
 *                "/.//path", since "//path" would name a host
 * Returns the length without the terminating zero, ACOAP_ENOSPACE or ACOAP_EURI.
 */
ACOAP_API int acoap_uri_compose(const acoap_view_t *request, acoap_scheme_t scheme,
                                const acoap_address_t *local, char *text, size_t cap);

/**
 * Resolve a reference against a base URI (RFC 3986 section 5.2), removing dot segments.
 *
 * @param base  absolute URI
 * @param ref   absolute URI, "//host/p", "/p", "p/q", "?q", ""
 * Returns the length of the absolute URI written with a terminating zero, ACOAP_EURI, ACOAP_ESCHEME
 * or ACOAP_ENOSPACE.
 */
ACOAP_API int acoap_uri_resolve(const char *base, size_t base_len, const char *ref, size_t ref_len,
                                char *text, size_t cap);

/**
 * Location-Path and Location-Query of a response as a relative reference: "/a/b?c", "?c" (RFC 7252
 * section 5.10.7). Returns the length (0: none), ACOAP_ENOSPACE or ACOAP_EURI.
 */
ACOAP_API int acoap_uri_location(const acoap_view_t *response, char *text, size_t cap);

ACOAP_END_DECLS

#endif
