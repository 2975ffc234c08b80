/*
 * Content-Formats as numbers and as text (RFC 7252 section 12.3). A text may be the registered
 * media type, a short name for people or the number itself. Case and blanks do not count. Converts
 * no bodies.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/option.h>

#include <acoap/error.h>

#include <string.h>

#include "base/text.h"

typedef struct content_format {
  int number;             /* 0 to 65535 */
  const char *media_type; /* "application/json" */
  const char *short_name; /* "json" */
} content_format_t;

static const content_format_t registry[] = {
#define ENTRY(id, number, media_type, short_name) {number, media_type, short_name},
    ACOAP_CONTENT_FORMAT_MAP(ENTRY)
#undef ENTRY
    /* The parameter that the registry writes behind text/plain; other text formats have none. */
    {ACOAP_FORMAT_TEXT_PLAIN, "text/plain; charset=utf-8", "plain"},
};

enum { REGISTRY_COUNT = sizeof(registry) / sizeof(registry[0]) };

const char *acoap_content_format_name(int number) {
  for (size_t i = 0; i < REGISTRY_COUNT; i++) {
    if (registry[i].number == number) {
      return registry[i].media_type;
    }
  }
  return NULL;
}

/* The texts are the same when case and blanks are left aside. */
static bool same_media_type(const char *text, size_t len, const char *media_type) {
  for (size_t i = 0; i < len; i++) {
    if (text[i] == ' ') {
      continue;
    }
    while (*media_type == ' ') {
      media_type++;
    }
    if (*media_type == '\0' || acoap__ascii_lower(text[i]) != acoap__ascii_lower(*media_type++)) {
      return false;
    }
  }
  return *media_type == '\0';
}

int acoap_content_format_parse(const char *text, size_t len) {
  uint64_t number;

  if (text == NULL) {
    return ACOAP_EINVAL;
  }
  if (acoap__text_read_uint(text, len, UINT16_MAX, &number)) {
    return (int)number;
  }
  for (size_t i = 0; i < REGISTRY_COUNT; i++) {
    if (same_media_type(text, len, registry[i].media_type) ||
        same_media_type(text, len, registry[i].short_name)) {
      return registry[i].number;
    }
  }
  return ACOAP_EINVAL;
}
