/*
 * A resource as a link (RFC 6690 section 2), and documents of such links.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_ATTRIBUTES_H
#define ACOAP_SERVER_ATTRIBUTES_H

#include <acoap/link.h>

#include "server/server.h"

/* Content-Formats that a resource may say it gives or takes, at most. */
#define ACOAP__FORMATS_MAX 64

/* Write its link; what cannot be written sticks in the writer. */
void acoap__resource_link(const acoap_resource_t *resource, acoap_link_writer_t *writer);

/* What a request hears whose Uri-Query is none. */
extern const char acoap__no_filter[];
/* Are all Uri-Query options of a request filters, and not too many (filter.c)? */
bool acoap__filters_are_valid(const acoap_view_t *request);
/* Does a link pass all of them? */
bool acoap__filters_pass(const acoap_view_t *request, const acoap_link_t *link);

/*
 * Answer a GET with the links of the resources that are listed and pass every Uri-Query; `above`:
 * only of those below it, NULL: of all (well_known.c).
 */
void acoap__links_answer(const acoap_server_t *server, const acoap_resource_t *above,
                         acoap_request_t *request);

#endif
