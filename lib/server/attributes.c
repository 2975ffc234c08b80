/*
 * Attributes of a resource's link (RFC 6690 section 2, RFC 7252 section 7.2.1, RFC 7641 section 6)
 * and the link itself. The rule: what is set here can be written as the RFC's grammar has it, so
 * names and values are checked when they are set, not when somebody asks. "sz" is a number, "ct" a
 * number or several with blanks between, everything else a quoted string or a flag. Chooses no
 * links (well_known.c).
 * SPDX-License-Identifier: MIT
 */
#include "server/attributes.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/utf8.h"

/* A parmname's characters (RFC 5987 section 3.2.1) that are neither letters nor digits. A name with
 * a '*' behind it needs a value in another encoding: link-format is UTF-8 without. */
static const char name_marks[] = "!#$&+-.^_`|~";

static bool is_name(const char *name) {
  size_t len = name != NULL ? strlen(name) : 0;
  for (size_t i = 0; i < len; i++) {
    char lower = acoap__ascii_lower(name[i]);
    bool is_alnum = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (!is_alnum && strchr(name_marks, lower) == NULL) {
      return false;
    }
  }
  /* Section 4.1: in a filter, "href" is the target. */
  return len > 0 && !acoap__ascii_equal(name, len, "href", 4);
}

static bool equal(const char *name, const char *other) {
  return acoap__ascii_equal(name, strlen(name), other, strlen(other));
}

/* A cardinal: digits without a leading zero, up to `most`. */
static bool is_cardinal(const char *chars, size_t len, uint64_t most, uint64_t *number) {
  return (len == 1 || chars[0] != '0') && acoap__text_read_uint(chars, len, most, number);
}

static bool is_format_list(const char *value) {
  uint64_t number = 0;
  for (;;) {
    size_t len = strcspn(value, " ");
    if (len == 0 || !is_cardinal(value, len, UINT16_MAX, &number)) {
      return false;
    }
    if (value[len] == '\0') {
      return true;
    }
    value += len + 1;
  }
}

static bool is_text(const char *value) {
  size_t len = strlen(value);
  for (size_t i = 0; i < len; i++) {
    if ((uint8_t)value[i] < 0x20 || value[i] == 0x7f) {
      return false;
    }
  }
  return acoap__utf8_valid(value, len);
}

static bool is_value(const char *name, const char *value) {
  uint64_t number = 0;
  if (equal(name, "sz")) {
    return value != NULL && is_cardinal(value, strlen(value), UINT32_MAX, &number);
  }
  if (equal(name, "ct")) {
    return value != NULL && is_format_list(value);
  }
  return value == NULL || is_text(value);
}

static char *text_copy(const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = acoap__malloc(size);
  if (copy != NULL) {
    memcpy(copy, text, size);
  }
  return copy;
}

static acoap__attribute_t *find(const acoap_resource_t *resource, const char *name) {
  for (size_t i = 0; i < resource->attribute_count; i++) {
    if (equal(resource->attributes[i].name, name)) {
      return &resource->attributes[i];
    }
  }
  return NULL;
}

/* One more, without a value yet; NULL without memory. */
static acoap__attribute_t *add(acoap_resource_t *resource, const char *name) {
  acoap__attribute_t *attributes =
      acoap__realloc(resource->attributes, (resource->attribute_count + 1) * sizeof(*attributes));
  if (attributes == NULL) {
    return NULL;
  }
  resource->attributes = attributes;
  char *copy = text_copy(name);
  if (copy == NULL) {
    return NULL;
  }
  attributes[resource->attribute_count] = (acoap__attribute_t){copy, NULL};
  return &attributes[resource->attribute_count++];
}

int acoap_resource_attribute(acoap_resource_t *resource, const char *name, const char *value) {
  char *copy = NULL;
  if (resource == NULL || resource->server == NULL) {
    return ACOAP_EINVAL;
  }
  if (!is_name(name) || !is_value(name, value)) {
    return acoap__server_fail(resource->server, ACOAP_EINVAL);
  }
  if (value != NULL && (copy = text_copy(value)) == NULL) {
    return acoap__server_fail(resource->server, ACOAP_ENOMEM);
  }
  acoap__attribute_t *attribute = find(resource, name);
  if (attribute == NULL) {
    attribute = add(resource, name);
  }
  if (attribute == NULL) {
    acoap__free(copy);
    return acoap__server_fail(resource->server, ACOAP_ENOMEM);
  }
  acoap__free(attribute->value);
  attribute->value = copy;
  return 0;
}

/* ---- the link -------------------------------------------------------------------------------- */

/* Numbers as they are, everything else quoted. */
static void write_attribute(acoap_link_writer_t *writer, const acoap__attribute_t *attribute) {
  uint64_t number = 0;
  const char *value = attribute->value;
  bool is_number = equal(attribute->name, "sz") || equal(attribute->name, "ct");
  if (value == NULL) {
    acoap_link_writer_flag(writer, attribute->name);
  } else if (is_number && acoap__text_read_uint(value, strlen(value), UINT32_MAX, &number)) {
    acoap_link_writer_uint(writer, attribute->name, (uint32_t)number);
  } else {
    acoap_link_writer_attr(writer, attribute->name, value, strlen(value));
  }
}

/* ct=40, or ct="0 50" (RFC 7252 section 7.2.1). */
static void write_formats(acoap_link_writer_t *writer, const acoap_resource_t *resource) {
  char chars[ACOAP__FORMATS_MAX * sizeof("65535 ")];
  acoap__text_t text;
  if (resource->gives_count == 1) {
    acoap_link_writer_uint(writer, "ct", resource->gives[0]);
    return;
  }
  acoap__text_init(&text, chars, sizeof(chars));
  for (size_t i = 0; i < resource->gives_count; i++) {
    acoap__text_put(&text, i > 0 ? " " : "");
    acoap__text_put_uint(&text, resource->gives[i]);
  }
  acoap_link_writer_attr(writer, "ct", chars, text.total);
}

void acoap__resource_link(const acoap_resource_t *resource, acoap_link_writer_t *writer) {
  /* "/files/..." is reached by "/files/". */
  size_t below = resource->lists_root ? sizeof("...") - 1 : 0;
  acoap_link_writer_link(writer, resource->target, strlen(resource->target) - below);
  for (size_t i = 0; i < resource->attribute_count; i++) {
    write_attribute(writer, &resource->attributes[i]);
  }
  if (resource->gives_count > 0 && find(resource, "ct") == NULL) {
    write_formats(writer, resource);
  }
  if (resource->observable && find(resource, "obs") == NULL) {
    acoap_link_writer_flag(writer, "obs");
  }
}
