/*
 * The options of a request, gone through once (RFC 7252 sections 5.4 and 6.5): which there are, the
 * values that are numbers, the segments of its path. The rule: an option counts when the library
 * recognises it in this length and at this place, otherwise
 *     critical    ACOAP__UNRECOGNISED is noted; whether the resource understands it is asked later
 *     elective    it is as if it were not there (sections 5.4.1, 5.4.3, 5.4.5)
 * but Hop-Limit, which counts in any length, since one of no byte or of two is wrong by its value
 * (RFC 8768 section 3). Judges nothing (dispatch.c) and copies no values.
 * SPDX-License-Identifier: MIT
 */
#include "server/request_options.h"

#include "message/option.h"
#include "message/wire.h"

static void note_block(acoap__asked_t *options, acoap_block_t *block, acoap_bytes_t value) {
  if (acoap_block_decode(value, block) != 0) {
    options->has |= ACOAP__BAD_BLOCK;
  }
}

static void note_uint(uint32_t *number, acoap_bytes_t value) {
  (void)acoap_uint_decode(value, number); /* the registered lengths fit */
}

static void note_segment(acoap__asked_path_t *path, acoap_bytes_t value) {
  if (path->count < ACOAP__DEPTH_MAX) {
    path->segments[path->count] = value;
  }
  path->count++;
}

static void note(acoap__asked_t *options, uint16_t number, acoap_bytes_t value) {
  options->has |= acoap__option_bit(number);
  switch (number) {
  case ACOAP_OPTION_OBSERVE:
    note_uint(&options->observe, value);
    break;
  case ACOAP_OPTION_CONTENT_FORMAT:
    note_uint(&options->content_format, value);
    break;
  case ACOAP_OPTION_ACCEPT:
    note_uint(&options->accept, value);
    break;
  case ACOAP_OPTION_BLOCK1:
    note_block(options, &options->block1, value);
    break;
  case ACOAP_OPTION_BLOCK2:
    note_block(options, &options->block2, value);
    break;
  default:
    break;
  }
}

/* As acoap__view_unrecognised has it, by the registry with the names, which finds a number at once;
 * what firmware links has to be small instead. */
static bool is_recognised(const acoap_option_t *option, uint16_t last) {
  const acoap_option_info_t *info = acoap_option_lookup(option->number);
  return info != NULL && acoap__option_is_implemented(option->number) &&
         option->value.len >= info->length_min && option->value.len <= info->length_max &&
         (option->number != last || info->repeatable);
}

void acoap__asked_read(const acoap_view_t *request, acoap__asked_t *options,
                       acoap__asked_path_t *path) {
  const uint8_t *at = request->options.data;
  const uint8_t *end = request->options.len > 0 ? at + request->options.len : at;
  uint32_t number = 0;
  options->has = 0;
  path->count = 0;
  while (at != end) {
    uint32_t delta;
    uint32_t length;
    const uint8_t *value = acoap__option_read(at, end, &delta, &length);
    if (value == NULL || delta > UINT16_MAX - number) {
      break; /* a view that acoap_decode did not make */
    }
    acoap_option_t option = {(uint16_t)(number + delta), {value, length}};
    if (option.number == ACOAP_OPTION_URI_PATH) {
      note_segment(path, option.value);
      if (length > ACOAP__SEGMENT_MAX) {
        options->has |= ACOAP__UNRECOGNISED;
      }
    } else if (is_recognised(&option, (uint16_t)number) ||
               option.number == ACOAP_OPTION_HOP_LIMIT) {
      note(options, option.number, option.value);
    } else if (acoap_option_is_critical(option.number)) {
      options->has |= ACOAP__UNRECOGNISED;
    }
    number = option.number;
    at = value + length;
  }
  path->is_only_empty = path->count == 1 && path->segments[0].len == 0;
  if (path->is_only_empty) {
    path->count = 0;
  }
}
