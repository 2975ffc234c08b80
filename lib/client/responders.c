/*
 * The set of responders (RFC 7252 section 8.2): a hash table over (ip, port), doubled while it is
 * more than half full and below its bound. Forgets nobody.
 * SPDX-License-Identifier: MIT
 */
#include "client/responders.h"

#include <string.h>

#include "base/mem.h"
#include "base/siphash.h"

#define PLACES_FIRST 16

static bool is_link_local(const acoap_address_t *address) {
  return address->family == ACOAP_FAMILY_IPV6 && address->ip[0] == 0xfe &&
         (address->ip[1] & 0xc0) == 0x80;
}

static bool same(const acoap__responder_t *a, const acoap__responder_t *b) {
  if (acoap_address_equal(&a->address, &b->address)) {
    return true;
  }
  return is_link_local(&a->address) && is_link_local(&b->address) && a->payload == b->payload &&
         a->address.port == b->address.port &&
         memcmp(a->address.ip, b->address.ip, sizeof(a->address.ip)) == 0;
}

/* Where this responder stands or belongs. The table has a free place. */
static acoap__responder_t *find(const acoap__responders_t *responders,
                                const acoap__responder_t *who) {
  uint8_t name[18];
  memcpy(name, who->address.ip, 16);
  name[16] = (uint8_t)(who->address.port >> 8);
  name[17] = (uint8_t)who->address.port;
  size_t mask = responders->places - 1;
  size_t at = (size_t)acoap__siphash(responders->key, name, sizeof(name)) & mask;
  while (responders->table[at].address.family != ACOAP_FAMILY_NONE &&
         !same(&responders->table[at], who)) {
    at = (at + 1) & mask;
  }
  return &responders->table[at];
}

static bool grow(acoap__responders_t *responders) {
  acoap__responders_t larger = *responders;
  if (responders->count * 2 < responders->places) {
    return true;
  }
  larger.places = responders->places == 0 ? PLACES_FIRST : responders->places * 2;
  larger.table = acoap__calloc(larger.places, sizeof(*larger.table));
  if (larger.table == NULL) {
    return false;
  }
  for (size_t i = 0; i < responders->places; i++) {
    if (responders->table[i].address.family != ACOAP_FAMILY_NONE) {
      *find(&larger, &responders->table[i]) = responders->table[i];
    }
  }
  acoap__free(responders->table);
  *responders = larger;
  return true;
}

int acoap__responders_add(acoap__responders_t *responders, const acoap_address_t *address,
                          acoap_bytes_t payload) {
  acoap__responder_t who = {*address, 0};
  who.payload = acoap__siphash(responders->key, payload.data, payload.len);
  if (responders->places > 0 && find(responders, &who)->address.family != ACOAP_FAMILY_NONE) {
    return 0;
  }
  if (responders->count >= responders->most) {
    return ACOAP_EEXHAUSTED;
  }
  if (!grow(responders)) {
    return ACOAP_ENOMEM;
  }
  *find(responders, &who) = who;
  responders->count++;
  return 1;
}

void acoap__responders_done(acoap__responders_t *responders) {
  acoap__free(responders->table);
  responders->table = NULL;
  responders->places = 0;
  responders->count = 0;
}
