/*
 * Link-format (RFC 6690) as a table: target, the attributes people look for, the others as written.
 * A document that is malformed is refused as a whole.
 * SPDX-License-Identifier: MIT
 */
#include <string.h>
#include <strings.h>

#include <acoap/link.h>

#include "pretty.h"
#include "table.h"

/* Longest attribute shown, bytes. */
#define ATTRIBUTE_MAX 512

static const char *const titles[] = {"RESOURCE", "RT", "IF", "CT", "OBS", "SIZE", "TITLE", "OTHER"};
static const char *const names[] = {"", "rt", "if", "ct", "obs", "sz", "title"};

#define NAMED (sizeof(names) / sizeof(names[0]))

static bool is_named(const acoap_link_attr_t *attr) {
  for (size_t i = 1; i < NAMED; i++) {
    if (strlen(names[i]) == attr->name.len &&
        strncasecmp(names[i], (const char *)attr->name.data, attr->name.len) == 0) {
      return true;
    }
  }
  return false;
}

static void add_named(table_t *table, const acoap_link_t *link, const char *name) {
  char text[ATTRIBUTE_MAX];
  acoap_link_attr_t attr;
  if (!acoap_link_attr_find(link, name, &attr)) {
    table_add(table, NULL, 0);
    return;
  }
  if (!attr.has_value) {
    table_add(table, "yes", 3);
    return;
  }
  int len = acoap_link_attr_text(&attr, text, sizeof(text));
  table_add(table, text, len < 0 ? 0 : (size_t)len);
}

/* Whatever has no column of its own, as "name=value name". */
static void add_others(table_t *table, const acoap_link_t *link) {
  char text[2 * ATTRIBUTE_MAX];
  size_t at = 0;
  size_t state = 0;
  acoap_link_attr_t attr;
  while (acoap_link_attr_next(link, &state, &attr)) {
    size_t need = attr.name.len + attr.value.len + 4;
    if (is_named(&attr) || at + need >= sizeof(text)) {
      continue;
    }
    int len =
        snprintf(text + at, sizeof(text) - at, "%s%.*s%s%.*s", at > 0 ? " " : "",
                 (int)attr.name.len, (const char *)attr.name.data, attr.has_value ? "=" : "",
                 (int)attr.value.len, attr.value.len > 0 ? (const char *)attr.value.data : "");
    at += (size_t)len;
  }
  table_add(table, text, at);
}

bool pretty_link(FILE *out, const void *bytes, size_t len) {
  table_t table;
  acoap_link_iter_t iter;
  acoap_link_t link;
  int status;
  table_init(&table, titles, sizeof(titles) / sizeof(titles[0]));
  acoap_link_iter_init(&iter, bytes, len);
  while ((status = acoap_link_next(&iter, &link, NULL)) == 1) {
    table_add(&table, (const char *)link.target.data, link.target.len);
    for (size_t i = 1; i < NAMED; i++) {
      add_named(&table, &link, names[i]);
    }
    add_others(&table, &link);
  }
  bool printed = status == 0 && table.count > 0 && table_print(&table, out, 0);
  table_done(&table);
  return printed;
}
