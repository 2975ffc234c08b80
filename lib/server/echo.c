/*
 * The Echo option of a server (RFC 9175 section 2, appendix A item 2): time under a keyed hash.
 *
 *     value = low 32 bits of the time (ms) | SipHash(key, time (64 bits) | address), 12 bytes
 *
 * Stateless: whoever returns the value was reached at the address that it was made for, at the time
 * it says. The time's high bits are those of the newest time not after now, so a value speaks for
 * 49 days; after that its hash fails. The key lives as long as the server: a value from before a
 * restart is not ours, and its client gets a new one. The port is no part: translators change it,
 * and the address is what is to be shown.
 *
 * Says nothing about who the client is: that is for security protocols.
 *
 * SPDX-License-Identifier: MIT
 */
#include "server/protection.h"

#include <string.h>

#include "base/siphash.h"

#define TIME_BYTES 4
#define HASH_BYTES 8

static void put_big_endian(uint8_t *bytes, size_t count, uint64_t number) {
  for (size_t i = 0; i < count; i++) {
    bytes[i] = (uint8_t)(number >> (8 * (count - 1 - i)));
  }
}

void acoap__echo_make(const uint8_t key[16], const acoap_address_t *address, acoap_time_t now,
                      uint8_t value[ACOAP__ECHO_LEN]) {
  acoap_address_t whole = acoap__address_whole(address);
  uint8_t proved[8 + sizeof(whole)];
  put_big_endian(proved, 8, (uint64_t)now);
  memcpy(proved + 8, &whole, sizeof(whole));
  put_big_endian(value, TIME_BYTES, (uint64_t)now & UINT32_MAX);
  put_big_endian(value + TIME_BYTES, HASH_BYTES, acoap__siphash(key, proved, sizeof(proved)));
}

/* The same for every length of what they have in common. */
static bool equal_in_constant_time(const uint8_t *a, const uint8_t *b, size_t len) {
  uint8_t differing = 0;
  for (size_t i = 0; i < len; i++) {
    differing |= (uint8_t)(a[i] ^ b[i]);
  }
  return differing == 0;
}

int64_t acoap__echo_age_ms(const uint8_t key[16], const acoap_address_t *address, acoap_time_t now,
                           acoap_bytes_t value) {
  uint8_t expected[ACOAP__ECHO_LEN];
  uint32_t low = 0;
  if (value.len != ACOAP__ECHO_LEN) {
    return -1;
  }
  for (size_t i = 0; i < TIME_BYTES; i++) {
    low = low << 8 | value.data[i];
  }
  uint32_t age_ms = (uint32_t)((uint64_t)now & UINT32_MAX) - low;
  acoap__echo_make(key, address, now - (acoap_time_t)age_ms, expected);
  return equal_in_constant_time(expected, value.data, ACOAP__ECHO_LEN) ? (int64_t)age_ms : -1;
}

/* ---- in requests and answers ----------------------------------------------------------------- */

static const acoap_address_t *address_of(const acoap__serving_t *serving) {
  return &acoap__request_inbound(serving->request)->path->peer;
}

void acoap__echo_write(const acoap__serving_t *serving, acoap_builder_t *builder) {
  acoap_server_t *server = serving->server;
  uint8_t value[ACOAP__ECHO_LEN];
  if (server == NULL) {
    return;
  }
  acoap__echo_make(server->protection->echo_key, address_of(serving), acoap__server_now(server),
                   value);
  acoap_builder_remove(builder, ACOAP_OPTION_ECHO);
  acoap_builder_option(builder, ACOAP_OPTION_ECHO, value, sizeof(value));
  if (builder->error == 0 && builder->bytes[1] == ACOAP_CODE_UNAUTHORIZED) {
    server->stats.echo_challenges++;
  }
}

bool acoap__echo_fresh(const acoap__serving_t *serving, uint32_t max_age_ms) {
  const acoap_server_t *server = serving->server;
  const acoap_view_t *view = acoap_message_view(acoap_request_message(serving->request));
  acoap_bytes_t value;
  if (server == NULL || !acoap_view_option(view, ACOAP_OPTION_ECHO, 0, &value)) {
    return false;
  }
  int64_t age_ms = acoap__echo_age_ms(server->protection->echo_key, address_of(serving),
                                      acoap__server_now(server), value);
  return age_ms >= 0 && age_ms <= (int64_t)max_age_ms;
}
