/*
 * Writes one message into lent bytes (RFC 7252 section 3, RFC 8974 section 2.1).
 * The rule: bytes[0 .. len) is a whole message after every call that has not failed; options stand
 * in order of their numbers, and equal numbers in order of the calls. An option that comes late is
 * put at its place, and the delta of its successor is written anew. Judges no values: what the
 * registry says of lengths is for those who choose them.
 * SPDX-License-Identifier: MIT
 */
#include "message/builder.h"

#include <limits.h>
#include <string.h>

#include "message/wire.h"

/* A place between the options. */
typedef struct place {
  size_t at;            /* offset of the option behind the place, or of the end of the options */
  uint16_t number;      /* of the option before the place; 0: none */
  bool has_next;        /* an option follows */
  uint16_t next_number; /* its number */
  size_t next_len;      /* bytes of its value */
  size_t next_value;    /* offset of its value */
} place_t;

/* Offset behind the last option. */
static size_t options_end(const acoap_builder_t *builder) {
  return builder->payload_at > 0 ? builder->payload_at - 1 : builder->len;
}

static size_t head_len(size_t delta, size_t len) {
  return 1 + acoap__extension_len(delta) + acoap__extension_len(len);
}

static void write_head(uint8_t *at, size_t delta, size_t len) {
  *at = (uint8_t)(acoap__nibble(delta) << 4 | acoap__nibble(len));
  at = acoap__extension_write(at + 1, delta);
  acoap__extension_write(at, len);
}

static void place_first(const acoap_builder_t *builder, place_t *place) {
  memset(place, 0, sizeof(*place));
  place->at = builder->options_at;
}

/* See which option follows. */
static void place_look(const acoap_builder_t *builder, place_t *place) {
  size_t end = options_end(builder);
  uint32_t delta;
  uint32_t length;

  place->has_next = false;
  if (place->at == end) {
    return;
  }
  const uint8_t *value =
      acoap__option_read(builder->bytes + place->at, builder->bytes + end, &delta, &length);
  if (value == NULL) {
    return; /* cannot be: the builder wrote these bytes */
  }
  place->has_next = true;
  place->next_number = (uint16_t)(place->number + delta);
  place->next_len = length;
  place->next_value = (size_t)(value - builder->bytes);
}

/* Go behind the option that place_look saw. */
static void place_step(place_t *place) {
  place->at = place->next_value + place->next_len;
  place->number = place->next_number;
}

/* Replace bytes [at, at + old) by `new` bytes to be written by the caller; what follows moves. The
 * room has been checked. */
static void make_gap(acoap_builder_t *builder, size_t at, size_t old, size_t new) {
  memmove(builder->bytes + at + new, builder->bytes + at + old, builder->len - at - old);
  builder->len = builder->len - old + new;
  if (builder->payload_at > 0) {
    builder->payload_at = builder->payload_at - old + new;
  }
}

void acoap_builder_init(acoap_builder_t *builder, uint8_t *bytes, size_t cap, acoap_type_t type,
                        uint8_t code, uint16_t message_id, const uint8_t *token, size_t token_len) {
  size_t start = ACOAP__HEADER_LEN + acoap__extension_len(token_len);

  memset(builder, 0, sizeof(*builder));
  builder->present = ACOAP__PRESENT_KNOWN;
  builder->bytes = bytes;
  builder->cap = cap <= INT_MAX ? cap : INT_MAX; /* acoap_builder_finish returns an int */
  if (bytes == NULL || (token == NULL && token_len > 0) || token_len > ACOAP_TOKEN_EXTENDED_MAX ||
      (unsigned)type > ACOAP_RST) {
    builder->error = ACOAP_EINVAL;
    return;
  }
  if (start + token_len > builder->cap) {
    builder->error = ACOAP_ENOSPACE;
    return;
  }
  bytes[0] = (uint8_t)(0x40 | acoap__nibble(token_len));
  bytes[1] = code;
  acoap_message_set_header(bytes, type, message_id);
  acoap__extension_write(bytes + ACOAP__HEADER_LEN, token_len);
  if (token_len > 0) {
    memcpy(bytes + start, token, token_len);
  }
  builder->len = start + token_len;
  builder->options_at = builder->len;
}

void acoap__builder_insert(acoap_builder_t *builder, uint16_t number, size_t rank,
                           const void *value, size_t len) {
  place_t place;

  if (builder->error != 0) {
    return;
  }
  if (value == NULL && len > 0) {
    builder->error = ACOAP_EINVAL;
    return;
  }
  if (len > ACOAP__EXTENDED_MAX) {
    builder->error = ACOAP_EOPTIONLEN;
    return;
  }
  if (number > builder->last_number || (number == builder->last_number && rank == SIZE_MAX)) {
    memset(&place, 0, sizeof(place));
    place.at = options_end(builder);
    place.number = builder->last_number;
  } else {
    place_first(builder, &place);
    place_look(builder, &place);
    while (place.has_next &&
           (place.next_number < number || (place.next_number == number && rank > 0))) {
      rank -= place.next_number == number;
      place_step(&place);
      place_look(builder, &place);
    }
  }
  size_t delta = (size_t)(number - place.number);
  size_t head = head_len(delta, len);
  size_t old = place.has_next ? place.next_value - place.at : 0;
  size_t next_delta = place.has_next ? (size_t)(place.next_number - number) : 0;
  size_t new = head + len + (place.has_next ? head_len(next_delta, place.next_len) : 0);
  /* new >= old: two deltas never need fewer bytes than their sum. */
  if (new - old > builder->cap - builder->len) {
    builder->error = ACOAP_ENOSPACE;
    return;
  }
  make_gap(builder, place.at, old, new);
  builder->present |= acoap__present_bit(number);
  write_head(builder->bytes + place.at, delta, len);
  if (len > 0) {
    memcpy(builder->bytes + place.at + head, value, len);
  }
  if (place.has_next) {
    write_head(builder->bytes + place.at + head + len, next_delta, place.next_len);
  } else {
    builder->last_number = number;
  }
}

size_t acoap__builder_count(const acoap_builder_t *builder, uint16_t number) {
  size_t count = 0;
  place_t place;

  if (builder->error != 0) {
    return 0;
  }
  place_first(builder, &place);
  place_look(builder, &place);
  while (place.has_next && place.next_number <= number) {
    count += place.next_number == number;
    place_step(&place);
    place_look(builder, &place);
  }
  return count;
}

void acoap_builder_option(acoap_builder_t *builder, uint16_t number, const void *value,
                          size_t len) {
  acoap__builder_insert(builder, number, SIZE_MAX, value, len);
}

void acoap_builder_uint(acoap_builder_t *builder, uint16_t number, uint32_t value) {
  uint8_t bytes[4];

  acoap_builder_option(builder, number, bytes, acoap_uint_encode(value, bytes));
}

void acoap_builder_remove(acoap_builder_t *builder, uint16_t number) {
  place_t first;

  if (builder->error != 0 || (builder->present & acoap__present_bit(number)) == 0) {
    return;
  }
  place_first(builder, &first);
  place_look(builder, &first);
  while (first.has_next && first.next_number < number) {
    place_step(&first);
    place_look(builder, &first);
  }
  place_t behind = first;
  while (behind.has_next && behind.next_number == number) {
    place_step(&behind);
    place_look(builder, &behind);
  }
  if (behind.at == first.at) {
    return;
  }
  if (!behind.has_next) {
    make_gap(builder, first.at, behind.at - first.at, 0);
    builder->last_number = first.number;
    return;
  }
  size_t delta = (size_t)(behind.next_number - first.number);
  size_t head = head_len(delta, behind.next_len);
  /* Never longer than what goes: the head of a sum needs no more bytes than the heads of its parts.
   */
  make_gap(builder, first.at, behind.next_value - first.at, head);
  write_head(builder->bytes + first.at, delta, behind.next_len);
}

/* The `len` bytes behind the marker at `end` are the payload. */
static void mark_payload(acoap_builder_t *builder, size_t end, size_t len) {
  if (len == 0) {
    builder->len = end;
    builder->payload_at = 0;
    return;
  }
  builder->bytes[end] = ACOAP__PAYLOAD_MARKER;
  builder->payload_at = end + 1;
  builder->len = end + 1 + len;
}

void acoap_builder_payload(acoap_builder_t *builder, const void *payload, size_t len) {
  if (payload == NULL && len > 0) {
    acoap__builder_fail(builder, ACOAP_EINVAL);
  }
  if (builder->error != 0) {
    return;
  }
  size_t end = options_end(builder);
  if (len > 0) {
    if (len >= builder->cap - end) {
      builder->error = ACOAP_ENOSPACE;
      return;
    }
    memmove(builder->bytes + end + 1, payload, len); /* it may be what is there already */
  }
  mark_payload(builder, end, len);
}

uint8_t *acoap_builder_payload_room(acoap_builder_t *builder, size_t *room) {
  size_t end = options_end(builder);

  if (builder->error != 0 || builder->cap - end < 2) {
    return NULL;
  }
  *room = builder->cap - end - 1;
  return builder->bytes + end + 1;
}

void acoap_builder_payload_commit(acoap_builder_t *builder, size_t len) {
  if (builder->error != 0) {
    return;
  }
  size_t end = options_end(builder);
  if (len > 0 && len >= builder->cap - end) {
    builder->error = ACOAP_ENOSPACE;
    return;
  }
  mark_payload(builder, end, len);
}

size_t acoap_builder_left(const acoap_builder_t *builder) {
  size_t used = builder->len + (builder->payload_at > 0 ? 0 : 1);

  return builder->error == 0 && used < builder->cap ? builder->cap - used : 0;
}

void acoap_builder_code(acoap_builder_t *builder, uint8_t code) {
  if (builder->error == 0) {
    builder->bytes[1] = code;
  }
}

int acoap_builder_finish(const acoap_builder_t *builder) {
  if (builder->error != 0) {
    return builder->error;
  }
  if (builder->bytes[1] == ACOAP_CODE_EMPTY && builder->len > ACOAP__HEADER_LEN) {
    return ACOAP_EINVAL; /* section 4.1: an Empty message is its header and nothing else */
  }
  return (int)builder->len;
}

void acoap_builder_view(const acoap_builder_t *builder, acoap_view_t *view) {
  const uint8_t *bytes = builder->bytes;

  memset(view, 0, sizeof(*view));
  if (builder->options_at == 0) {
    return; /* acoap_builder_init has failed */
  }
  view->type = (acoap_type_t)(bytes[0] >> 4 & 3);
  view->code = bytes[1];
  view->message_id = (uint16_t)(bytes[2] << 8 | bytes[3]);
  uint8_t nibble = bytes[0] & 15u;
  size_t token_at = ACOAP__HEADER_LEN + (nibble < 13 ? 0u : nibble - 12u);
  view->token.data = bytes + token_at;
  view->token.len = builder->options_at - token_at;
  view->options.data = bytes + builder->options_at;
  view->options.len = options_end(builder) - builder->options_at;
  view->present = builder->present;
  if (builder->payload_at > 0) {
    view->payload.data = bytes + builder->payload_at;
    view->payload.len = builder->len - builder->payload_at;
  }
}

void acoap_message_set_header(uint8_t *bytes, acoap_type_t type, uint16_t message_id) {
  bytes[0] = (uint8_t)((bytes[0] & 0xcf) | (type & 3) << 4);
  bytes[2] = (uint8_t)(message_id >> 8);
  bytes[3] = (uint8_t)message_id;
}
