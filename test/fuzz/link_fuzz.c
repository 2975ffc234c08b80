/*
 * Any text as link-format: the parser ends and stays inside; what it gives can be written and
 * parsed again to the same links and attributes; every link passes the filters made of its own
 * attributes.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/error.h>
#include <acoap/link.h>

#include <string.h>

#include "fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 4096, WRITTEN_MAX = 4 * INPUT_MAX };

static char value[INPUT_MAX + 1];
static char query[3 * INPUT_MAX];
static char written[WRITTEN_MAX];
static char rewritten[WRITTEN_MAX];
static char windowed[WRITTEN_MAX];

static bool inside(acoap_bytes_t part, acoap_bytes_t whole) {
  return part.len == 0 ||
         (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

/* Writes one link as it was parsed. */
static void write_link(acoap_link_writer_t *writer, const acoap_link_t *link) {
  acoap_link_attr_t attr;
  size_t state = 0;
  char name[INPUT_MAX + 1];

  acoap_link_writer_link(writer, (const char *)link->target.data, link->target.len);
  while (acoap_link_attr_next(link, &state, &attr)) {
    memcpy(name, attr.name.data, attr.name.len);
    name[attr.name.len] = '\0';
    if (!attr.has_value) {
      acoap_link_writer_flag(writer, name);
      continue;
    }
    int len = acoap_link_attr_text(&attr, value, sizeof(value));
    MUST(len >= 0);
    acoap_link_writer_attr(writer, name, value, (size_t)len);
  }
}

/* Writes a whole document; how many bytes were stored, or an error of the writer. Counts the links.
 */
static int write_document(acoap_link_writer_t *writer, const void *document, size_t len,
                          size_t *links) {
  acoap_link_iter_t iter;
  acoap_link_t link;

  *links = 0;
  acoap_link_iter_init(&iter, document, len);
  while (acoap_link_next(&iter, &link, NULL) == 1) {
    write_link(writer, &link);
    ++*links;
  }
  return acoap_link_writer_finish(writer);
}

static void check_filters(const acoap_link_t *link, const acoap_link_attr_t *attr) {
  int len = acoap_link_attr_text(attr, value, sizeof(value));
  MUST(len >= 0 && (size_t)len <= attr->value.len);
  MUST(acoap_link_attr_text(attr, query, (size_t)len) == ACOAP_ENOSPACE);
  if (attr->name.len == 4 && (attr->name.data[0] | 0x20) == 'h') {
    return; /* it may be called href, which means the target */
  }
  size_t at = attr->name.len;
  memcpy(query, attr->name.data, at);
  MUST(acoap_link_matches(link, query, at));
  query[at++] = '=';
  memcpy(query + at, value, (size_t)len);
  MUST(acoap_link_matches(link, query, at + (size_t)len));
  query[at + (size_t)len / 2] = '*';
  MUST(acoap_link_matches(link, query, at + (size_t)len / 2 + 1));
}

static void check_link(const acoap_link_t *link, acoap_bytes_t document) {
  acoap_link_attr_t attr;
  acoap_link_attr_t found;
  size_t state = 0;

  MUST(inside(link->target, document) && inside(link->params, document));
  while (acoap_link_attr_next(link, &state, &attr)) {
    MUST(attr.name.len > 0 && inside(attr.name, link->params));
    MUST(inside(attr.value, link->params) && state <= link->params.len);
    MUST(attr.has_value || attr.value.len == 0);
    char name[INPUT_MAX + 1];
    memcpy(name, attr.name.data, attr.name.len);
    name[attr.name.len] = '\0';
    if (strlen(name) == attr.name.len) {
      MUST(acoap_link_attr_find(link, name, &found) && found.name.data <= attr.name.data);
    }
    check_filters(link, &attr);
  }
  memcpy(query, "href=", 5);
  if (link->target.len > 0) {
    memcpy(query + 5, link->target.data, link->target.len);
  }
  MUST(acoap_link_matches(link, query, 5 + link->target.len));
  acoap_link_matches(link, (const char *)document.data, document.len);
}

static void check_windows(const char *document, size_t len) {
  size_t step = 16 + len % 100;
  size_t links;
  for (size_t skip = 0; skip < len; skip += step) {
    acoap_link_writer_t writer;
    acoap_link_writer_window(&writer, windowed + skip, step, skip);
    int stored = write_document(&writer, document, len, &links);
    MUST(writer.total == len);
    MUST((size_t)stored == (len - skip < step ? len - skip : step));
  }
  MUST(memcmp(document, windowed, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  acoap_bytes_t document = {data, size};
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_link_writer_t writer;
  size_t offset = SIZE_MAX;
  size_t count = 0;
  int result;

  if (size > INPUT_MAX) {
    return 0;
  }
  acoap_link_iter_init(&iter, data, size);
  while ((result = acoap_link_next(&iter, &link, &offset)) == 1) {
    check_link(&link, document);
    count++;
  }
  MUST(result == 0 ? count <= size : result == ACOAP_ELINK && offset < size);

  size_t links;
  acoap_link_writer_init(&writer, written, sizeof(written));
  int len = write_document(&writer, data, size, &links);
  if (len < 0) {
    MUST(len ==
         ACOAP_ELINK); /* what is taken but not made: control characters, odd names, no UTF-8 */
    return 0;
  }
  size_t links_again;
  acoap_link_writer_init(&writer, rewritten, sizeof(rewritten));
  int len_again = write_document(&writer, written, (size_t)len, &links_again);
  MUST(links == count && links_again == links && len_again == len);
  MUST(memcmp(written, rewritten, (size_t)len) == 0);
  if (len < 2000) {
    check_windows(written, (size_t)len);
  }
  return 0;
}
