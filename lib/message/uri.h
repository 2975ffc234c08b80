/*
 * Parts of parsing a URI that resolving a reference needs too.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_URI_H
#define ACOAP_MESSAGE_URI_H

#include <acoap/uri.h>

/*
 * Is there a scheme in front (RFC 3986 section 3.1)? Returns the byte behind its ':', NULL when
 * there is none. *scheme is set only when *known.
 */
const char *acoap__uri_scheme(const char *at, const char *end, acoap_scheme_t *scheme, bool *known);

/*
 * Parse "//authority/path?query", what stands behind the scheme. Fills uri (and its scheme) and the
 * authority as written; returns NULL, or the first character that is wrong.
 */
const char *acoap__uri_parse_parts(const char *at, const char *end, acoap_scheme_t scheme,
                                   acoap_uri_t *uri, acoap_bytes_t *authority);

#endif
