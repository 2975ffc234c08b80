/*
 * Any text as a URI, a path, a query, an address, and (up to its first newline and behind it) as a
 * base and a reference: what is taken is inside the text and survives the way into options and
 * back.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/uri.h>

#include <string.h>

#include "fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t first_bytes[20000];
static uint8_t second_bytes[20000];
static char text[60000];
static char again[60000];

static bool inside(acoap_bytes_t part, const char *start, size_t size) {
  return part.len == 0 ||
         ((const char *)part.data >= start && (const char *)part.data + part.len <= start + size);
}

static int build(const acoap_uri_t *uri, const acoap_address_t *destination, uint8_t *bytes,
                 size_t cap, acoap_view_t *view) {
  acoap_builder_t builder;
  acoap_builder_init(&builder, bytes, cap, ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap_builder_uri(&builder, uri, destination);
  acoap_builder_view(&builder, view);
  return acoap_builder_finish(&builder);
}

static void check_option_values(const acoap_view_t *view) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    MUST(option.value.len <= 255);
    if (option.number == ACOAP_OPTION_URI_PATH) {
      MUST(option.value.len != 1 || memcmp(option.value.data, ".", 1) != 0);
      MUST(option.value.len != 2 || memcmp(option.value.data, "..", 2) != 0);
    }
  }
  MUST(acoap_view_bad_critical_option(view) == 0);
}

/* Options -> URI -> options gives the same bytes, absolute and relative. */
static void check_round_trip(const acoap_uri_t *uri, const acoap_address_t *destination) {
  acoap_view_t first;
  acoap_view_t second;
  acoap_uri_t composed;

  int len = build(uri, destination, first_bytes, sizeof(first_bytes), &first);
  if (len < 0) {
    MUST(len == ACOAP_EOPTIONLEN);
    return;
  }
  check_option_values(&first);
  int text_len = acoap_uri_compose(&first, uri->scheme, destination, text, sizeof(text));
  if (text_len == ACOAP_EURI) {
    /* The one thing that section 6.5 does not compose: a host with characters that no reg-name has
     * unencoded. */
    MUST(!uri->host_is_ipv4 && !uri->host_is_ipv6);
    return;
  }
  MUST(text_len > 0 && strlen(text) == (size_t)text_len);
  MUST(acoap_uri_parse(text, (size_t)text_len, &composed, NULL) == 0);
  MUST(composed.zone.len == 0);
  int len2 = build(&composed, destination, second_bytes, sizeof(second_bytes), &second);
  MUST(len2 == len && memcmp(first_bytes, second_bytes, (size_t)len) == 0);
  MUST(acoap_uri_compose(&first, uri->scheme, destination, again, (size_t)text_len) ==
       ACOAP_ENOSPACE);

  int ref_len = acoap_uri_compose(&first, uri->scheme, NULL, again, sizeof(again));
  MUST(ref_len > 0);
  char target[60000];
  int target_len =
      acoap_uri_resolve(text, (size_t)text_len, again, (size_t)ref_len, target, sizeof(target));
  MUST(target_len > 0 && acoap_uri_parse(target, (size_t)target_len, &composed, NULL) == 0);
  len2 = build(&composed, destination, second_bytes, sizeof(second_bytes), &second);
  MUST(len2 == len && memcmp(first_bytes, second_bytes, (size_t)len) == 0);
}

static void check_uri(const char *chars, size_t size) {
  acoap_uri_t uri;
  acoap_address_t address;
  char host[ACOAP_URI_HOST_MAX];
  size_t offset = SIZE_MAX;

  int error = acoap_uri_parse(chars, size, &uri, &offset);
  if (error != 0) {
    MUST(error == ACOAP_EURI || error == ACOAP_ESCHEME);
    MUST(offset <= size);
    return;
  }
  MUST(inside(uri.host, chars, size) && inside(uri.zone, chars, size));
  MUST(inside(uri.path, chars, size) && inside(uri.query, chars, size));
  MUST(uri.host.len > 0 && uri.port > 0);
  int host_len = acoap_uri_host(&uri, host, sizeof(host));
  MUST(host_len > 0 && strlen(host) == (size_t)host_len);
  MUST(acoap_uri_check_path((const char *)uri.path.data, uri.path.len, NULL) != ACOAP_EURI);
  bool literal = acoap_uri_address(&uri, &address) == 0;
  MUST(literal == (uri.host_is_ipv4 || uri.host_is_ipv6));
  acoap_address_t destination = {ACOAP_FAMILY_IPV4, 0, 5683, 0, {192, 0, 2, 1}};
  check_round_trip(&uri, &destination);
  if (literal) {
    check_round_trip(&uri, &address);
  }
}

static void check_resolve(const char *base, size_t base_len, const char *ref, size_t ref_len) {
  acoap_uri_t uri;
  int len = acoap_uri_resolve(base, base_len, ref, ref_len, text, sizeof(text));
  if (len < 0) {
    MUST(len == ACOAP_EURI || len == ACOAP_ESCHEME || len == ACOAP_ENOSPACE);
    return;
  }
  MUST(strlen(text) == (size_t)len && acoap_uri_parse(text, (size_t)len, &uri, NULL) == 0);
  MUST(acoap_uri_resolve(base, base_len, text, (size_t)len, again, sizeof(again)) == len);
  MUST(strcmp(text, again) == 0);
  MUST(acoap_uri_resolve(text, (size_t)len, "", 0, again, sizeof(again)) == len);
  MUST(strcmp(text, again) == 0);
  MUST(acoap_uri_resolve(base, base_len, ref, ref_len, again, (size_t)len) == ACOAP_ENOSPACE);
}

static void check_component(const char *chars, size_t size) {
  acoap_builder_t builder;
  size_t offset = SIZE_MAX;

  int path = acoap_uri_check_path(chars, size, &offset);
  MUST(path == 0 || ((path == ACOAP_EURI || path == ACOAP_EOPTIONLEN) && offset < size));
  acoap_builder_init(&builder, first_bytes, sizeof(first_bytes), ACOAP_NON, ACOAP_CODE_GET, 1, NULL,
                     0);
  acoap_builder_path(&builder, chars, size);
  int built = acoap_builder_finish(&builder);
  MUST((path == ACOAP_EURI) == (built == ACOAP_EURI));
  MUST(path != 0 || built > 0);
  int query = acoap_uri_check_query(chars, size, &offset);
  acoap_builder_init(&builder, first_bytes, sizeof(first_bytes), ACOAP_NON, ACOAP_CODE_GET, 1, NULL,
                     0);
  acoap_builder_query(&builder, chars, size);
  built = acoap_builder_finish(&builder);
  MUST(query == (built < 0 ? built : 0));
}

static void check_address(const char *chars, size_t size) {
  acoap_address_t address;
  acoap_address_t same;
  char written[ACOAP_ADDRESS_TEXT_MAX];

  if (acoap_address_parse(chars, size, &address) != 0) {
    return;
  }
  int len = acoap_address_format(&address, written, sizeof(written));
  MUST(len > 0 && strlen(written) == (size_t)len);
  MUST(acoap_address_parse(written, (size_t)len, &same) == 0);
  MUST(memcmp(&address, &same, sizeof(same)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *chars = size > 0 ? (const char *)data : "";
  const char *newline = memchr(chars, '\n', size);

  if (size > 4096) {
    return 0;
  }
  if (newline == NULL) {
    check_uri(chars, size);
    check_component(chars, size);
    check_address(chars, size);
    check_resolve("coap://a/b/c/d;p?q", 18, chars, size);
    check_resolve(chars, size, "../x/./%2e%2e/y?z", 17);
  } else {
    size_t base_len = (size_t)(newline - chars);
    check_resolve(chars, base_len, newline + 1, size - base_len - 1);
  }
  return 0;
}
