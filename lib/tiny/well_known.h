/*
 * The links of a table, all or those that a filter lets through.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TINY_WELL_KNOWN_H
#define ACOAP_TINY_WELL_KNOWN_H

#include <acoap/tiny.h>

/* Shall this row be listed? */
typedef bool (*acoap__tiny_link_cb)(const acoap_view_t *request, const acoap_tiny_resource_t *row);

/* Write the slice of the list that was asked for; `wanted` NULL: all rows. */
int acoap__tiny_list(const acoap_tiny_request_t *request, acoap_builder_t *answer,
                     acoap__tiny_link_cb wanted);

#endif
