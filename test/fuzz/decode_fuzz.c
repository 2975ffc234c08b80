/*
 * Any bytes as a datagram: decode ends with a view inside the bytes or a named error inside the
 * bytes; what was decoded can be built again, byte for byte, in more than one order; everything
 * that looks at a view stays inside it.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/block.h>

#include <string.h>

#include "base/utf8.h"
#include "fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Insertion out of order takes time quadratic in the number of options: beyond this many it teaches
 * nothing new. */
enum { QUADRATIC_MAX = 40 };

static uint8_t built[70000];

static bool inside(acoap_bytes_t part, const uint8_t *data, size_t size) {
  return part.len == 0 || (part.data >= data && part.data + part.len <= data + size);
}

static void check_error(int error, const acoap_view_t *view, const uint8_t *data, size_t size,
                        size_t offset) {
  MUST(error == ACOAP_EVERSION || error == ACOAP_EFORMAT || error == ACOAP_ETOKEN ||
       error == ACOAP_EOPTION || error == ACOAP_EPAYLOAD);
  MUST(offset <= size);
  MUST(error != ACOAP_EVERSION || data[0] >> 6 != 1);
  if (error != ACOAP_EVERSION && size >= 4) {
    MUST(view->code == data[1] && view->message_id == (data[2] << 8 | data[3]));
    MUST(view->type == (acoap_type_t)(data[0] >> 4 & 3));
    MUST(view->token.len == 0 && view->options.len == 0 && view->payload.len == 0);
  }
}

/* Options one by one: in order, inside, and all of them; gives how many. */
static size_t check_options(const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  size_t count = 0;
  uint16_t last = 0;
  size_t nth = 0;

  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    acoap_bytes_t found;
    char text[40];
    MUST(inside(option.value, view->options.data, view->options.len));
    MUST(option.number >= last);
    nth = count > 0 && option.number == last ? nth + 1 : 0;
    if (count < QUADRATIC_MAX) {
      MUST(acoap_view_option(view, option.number, nth, &found) && found.data == option.value.data);
    }
    MUST(acoap_option_format_value(&option, text, sizeof(text)) == strlen(text));
    last = option.number;
    count++;
  }
  MUST(iter.at == iter.end);
  MUST(!acoap_option_next(&iter, &option));
  return count;
}

static void check_readers(const acoap_view_t *view) {
  static const uint16_t numbers[] = {ACOAP_OPTION_OBSERVE, ACOAP_OPTION_CONTENT_FORMAT,
                                     ACOAP_OPTION_BLOCK1,  ACOAP_OPTION_BLOCK2,
                                     ACOAP_OPTION_MAX_AGE, 65000};
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
    acoap_bytes_t value;
    acoap_block_t block;
    uint32_t number;
    bool there = acoap_view_option(view, numbers[i], 0, &value);
    MUST(!acoap_view_uint(view, numbers[i], &number) || (there && value.len <= 4));
    int found = acoap_view_block(view, numbers[i], &block);
    MUST(there ? found == 1 || found == ACOAP_EOPTION || found == ACOAP_EOPTIONLEN : found == 0);
    MUST(found != 1 || (block.num <= ACOAP_BLOCK_NUM_MAX && block.szx <= 6));
  }
  uint16_t bad = acoap_view_bad_critical_option(view);
  acoap_bytes_t value;
  MUST(bad == 0 || ((bad & 1) == 1 && acoap_view_option(view, bad, 0, &value)));
}

/* In a room large enough for most messages and in one that the Message ID chooses. */
static void check_text(const acoap_view_t *view) {
  const size_t caps[] = {300, view->message_id % 64u};
  char text[300];
  for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
    memset(text, 'x', sizeof(text));
    size_t len = acoap_view_format(view, text, caps[i]);
    MUST(caps[i] == 0 ? len == 0 : len < caps[i] && text[len] == '\0' && strlen(text) == len);
    MUST(caps[i] == sizeof(text) || text[caps[i]] == 'x');
    MUST(acoap__utf8_valid(text, len));
    for (size_t c = 0; c < len; c++) {
      MUST((uint8_t)text[c] >= 0x20 && text[c] != 0x7f);
    }
  }
}

static void start(acoap_builder_t *builder, size_t cap, const acoap_view_t *view) {
  acoap_builder_init(builder, built, cap, view->type, view->code, view->message_id,
                     view->token.data, view->token.len);
}

/* Options of even numbers first, then the odd ones, which all have to find their place between. */
static void add_parity(acoap_builder_t *builder, const acoap_view_t *view, unsigned parity) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    if ((option.number & 1u) == parity) {
      acoap_builder_option(builder, option.number, option.value.data, option.value.len);
    }
  }
}

static void check_rebuild(const acoap_view_t *view, const uint8_t *data, size_t size) {
  acoap_builder_t builder;
  acoap_view_t again;

  for (unsigned parity = 0; parity < 2; parity++) {
    start(&builder, size, view);
    if (parity == 0) {
      acoap_builder_payload(&builder, view->payload.data, view->payload.len);
    }
    add_parity(&builder, view, parity);
    add_parity(&builder, view, 1 - parity);
    acoap_builder_payload(&builder, view->payload.data, view->payload.len);
    MUST(acoap_builder_finish(&builder) == (int)size);
    MUST(memcmp(built, data, size) == 0);
    acoap_builder_view(&builder, &again);
    MUST(again.type == view->type && again.code == view->code);
    MUST(again.message_id == view->message_id && again.token.len == view->token.len);
    MUST(again.options.len == view->options.len && again.payload.len == view->payload.len);
  }
  start(&builder, size - 1, view);
  add_parity(&builder, view, 0);
  add_parity(&builder, view, 1);
  acoap_builder_payload(&builder, view->payload.data, view->payload.len);
  MUST(acoap_builder_finish(&builder) == ACOAP_ENOSPACE);
}

/* Without the options of one number it is still a message, and with them put back the same one. */
static void check_remove(const acoap_view_t *view, const uint8_t *data, size_t size) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_builder_t builder;
  acoap_view_t without;
  acoap_bytes_t value;

  acoap_option_iter_init(&iter, view);
  if (!acoap_option_next(&iter, &option)) {
    return;
  }
  for (size_t i = 0; i < data[3] % 8u && acoap_option_next(&iter, &option); i++) {
  }
  uint16_t number = option.number;
  start(&builder, sizeof(built), view);
  add_parity(&builder, view, 0);
  add_parity(&builder, view, 1);
  acoap_builder_payload(&builder, view->payload.data, view->payload.len);
  acoap_builder_remove(&builder, number);
  int len = acoap_builder_finish(&builder);
  MUST(len > 0 && (size_t)len <= size); /* as long, when only a head grew by what went */
  MUST(acoap_decode(&without, built, (size_t)len, ACOAP_TOKEN_EXTENDED_MAX, NULL) == 0);
  MUST(!acoap_view_option(&without, number, 0, &value));
  for (size_t nth = 0; acoap_view_option(view, number, nth, &value); nth++) {
    acoap_builder_option(&builder, number, value.data, value.len);
  }
  MUST(acoap_builder_finish(&builder) == (int)size && memcmp(built, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const size_t token_maxima[] = {0, ACOAP_TOKEN_MAX, 300, ACOAP_TOKEN_EXTENDED_MAX};

  for (size_t i = 0; i < sizeof(token_maxima) / sizeof(token_maxima[0]); i++) {
    acoap_view_t view;
    size_t offset = SIZE_MAX;
    memset(&view, 0x5a, sizeof(view));
    int error = acoap_decode(&view, data, size, token_maxima[i], &offset);
    if (error != 0) {
      check_error(error, &view, data, size, offset);
      continue;
    }
    MUST(view.token.len <= token_maxima[i]);
    MUST(inside(view.token, data, size) && inside(view.options, data, size));
    MUST(inside(view.payload, data, size));
    size_t marker = view.payload.len > 0 ? 1 : 0;
    MUST(view.options.data + view.options.len + marker + view.payload.len == data + size);
    if (token_maxima[i] == ACOAP_TOKEN_MAX || view.token.len > ACOAP_TOKEN_MAX) {
      size_t count = check_options(&view);
      check_readers(&view);
      check_text(&view);
      if (count <= QUADRATIC_MAX) {
        check_rebuild(&view, data, size);
        check_remove(&view, data, size);
      }
    }
  }
  return 0;
}
