/*
 * Addresses as people write them (RFC 4007 section 11): the library speaks of zones as numbers,
 * people as "eth0". Looks no host names up.
 * SPDX-License-Identifier: MIT
 */
#include "address.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *address_interface(uint32_t index, char name[ADDRESS_TEXT_MAX]) {
  return index != 0 && if_indextoname(index, name) != NULL ? name : NULL;
}

const char *address_text(const acoap_address_t *address, char text[ADDRESS_TEXT_MAX]) {
  char name[ADDRESS_TEXT_MAX];
  char plain[ACOAP_ADDRESS_TEXT_MAX];
  acoap_address_t zoneless = *address;
  zoneless.scope_id = 0;
  if (acoap_address_format(&zoneless, plain, sizeof(plain)) < 0) {
    snprintf(text, ADDRESS_TEXT_MAX, "(unknown)");
    return text;
  }
  if (address->scope_id == 0) {
    snprintf(text, ADDRESS_TEXT_MAX, "%s", plain);
    return text;
  }
  if (address_interface(address->scope_id, name) == NULL) {
    snprintf(name, sizeof(name), "%u", (unsigned)address->scope_id);
  }
  size_t ip_len = strcspn(plain, "]");
  snprintf(text, ADDRESS_TEXT_MAX, "%.*s%%%.31s%s", (int)ip_len, plain, name, plain + ip_len);
  return text;
}

const char *address_authority(const acoap_address_t *address, char text[ADDRESS_TEXT_MAX]) {
  address_text(address, text);
  size_t len = strlen(text);
  if (address->port == 5683 && len > 5 && strcmp(text + len - 5, ":5683") == 0) {
    text[len - 5] = '\0';
  }
  return text;
}

static uint32_t zone_index(const char *zone) {
  char *end = NULL;
  unsigned long number = strtoul(zone, &end, 10);
  if (*zone >= '0' && *zone <= '9' && *end == '\0' && number <= UINT32_MAX) {
    return (uint32_t)number;
  }
  return if_nametoindex(zone);
}

int address_read(const char *text, acoap_address_t *address) {
  char plain[ADDRESS_TEXT_MAX];
  char zone[IF_NAMESIZE];
  const char *percent = strchr(text, '%');
  if (percent == NULL) {
    return acoap_address_parse(text, strlen(text), address);
  }
  size_t zone_len = strcspn(percent + 1, "]");
  size_t head = (size_t)(percent - text);
  const char *tail = percent + 1 + zone_len;
  if (zone_len == 0 || zone_len >= sizeof(zone) || head + strlen(tail) >= sizeof(plain)) {
    return ACOAP_EADDRESS;
  }
  memcpy(zone, percent + 1, zone_len);
  zone[zone_len] = '\0';
  snprintf(plain, sizeof(plain), "%.*s%s", (int)head, text, tail);
  acoap_address_t read;
  int status = acoap_address_parse(plain, strlen(plain), &read);
  if (status < 0) {
    return status;
  }
  read.scope_id = zone_index(zone);
  if (read.scope_id == 0) {
    return ACOAP_ENOTFOUND;
  }
  *address = read;
  return 0;
}
