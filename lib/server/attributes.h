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

/*
 * Answer a GET with the links of the resources that are listed and pass every Uri-Query; `above`:
 * only of those below it, NULL: of all (well_known.c).
 */
void acoap__links_answer(const acoap_server_t *server, const acoap_resource_t *above,
                         acoap_request_t *request);

#endif
