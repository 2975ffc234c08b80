/*
 * Addresses as people write them: zones by the name of the interface.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_ADDRESS_H
#define TOOL_ADDRESS_H

#include <acoap/acoap.h>

/* Room for "[fe80::...%interface]:65535" and its zero. */
#define ADDRESS_TEXT_MAX 96

/* "192.0.2.1:5683", "[fe80::1%eth0]:5683". Returns text. */
const char *address_text(const acoap_address_t *address, char text[ADDRESS_TEXT_MAX]);

/* The same without a port of 5683: what stands behind "coap://". */
const char *address_authority(const acoap_address_t *address, char text[ADDRESS_TEXT_MAX]);

/* Read an address with or without a port; a zone may be a name. 0, ACOAP_EADDRESS, or
 * ACOAP_ENOTFOUND: no such zone. */
int address_read(const char *text, acoap_address_t *address);

/* The name of an interface by its index; NULL when unknown (0 or gone). */
const char *address_interface(uint32_t index, char name[ADDRESS_TEXT_MAX]);

#endif
