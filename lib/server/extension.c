/*
 * Content-Formats of files, by the extensions of their names, and the other way round: one table,
 * in which the first line of a format has the extension for new files and the first line of an
 * extension its format. What is not in it is octets. Looks into no file.
 * Reference: RFC 7252 section 12.3 and the registry of CoAP Content-Formats.
 * SPDX-License-Identifier: MIT
 */
#include "server/directory.h"

#include <string.h>

#include "base/text.h"

/* Registered, but no concern of the library otherwise. */
enum { IMAGE_GIF = 21, IMAGE_JPEG = 22, IMAGE_PNG = 23, TEXT_CSS = 20000, IMAGE_SVG = 30000 };

static const struct {
  const char *extension;
  int content_format;
} extensions[] = {
    {".txt", ACOAP_FORMAT_TEXT_PLAIN},
    {".text", ACOAP_FORMAT_TEXT_PLAIN},
    {".log", ACOAP_FORMAT_TEXT_PLAIN},
    {".md", ACOAP_FORMAT_TEXT_PLAIN},
    {".csv", ACOAP_FORMAT_TEXT_PLAIN},
    {".wlnk", ACOAP_FORMAT_LINK_FORMAT},
    {".xml", ACOAP_FORMAT_XML},
    {".bin", ACOAP_FORMAT_OCTET_STREAM},
    {".exi", ACOAP_FORMAT_EXI},
    {".json", ACOAP_FORMAT_JSON},
    {".cbor", ACOAP_FORMAT_CBOR},
    {".cwt", ACOAP_FORMAT_CWT},
    {".senml", ACOAP_FORMAT_SENML_JSON},
    {".sensml", ACOAP_FORMAT_SENSML_JSON},
    {".senmlc", ACOAP_FORMAT_SENML_CBOR},
    {".sensmlc", ACOAP_FORMAT_SENSML_CBOR},
    {".gif", IMAGE_GIF},
    {".jpg", IMAGE_JPEG},
    {".jpeg", IMAGE_JPEG},
    {".png", IMAGE_PNG},
    {".css", TEXT_CSS},
    {".svg", IMAGE_SVG},
};

enum { EXTENSION_COUNT = sizeof(extensions) / sizeof(extensions[0]) };

int acoap__extension_format(const char *name) {
  const char *slash = strrchr(name, '/');
  const char *base = slash != NULL ? slash + 1 : name;
  const char *dot = strrchr(base, '.');
  for (size_t i = 0; dot != NULL && dot != base && i < EXTENSION_COUNT; i++) {
    if (acoap__ascii_equal(dot, strlen(dot), extensions[i].extension,
                           strlen(extensions[i].extension))) {
      return extensions[i].content_format;
    }
  }
  return ACOAP_FORMAT_OCTET_STREAM;
}

const char *acoap__extension_of(int content_format) {
  for (size_t i = 0; i < EXTENSION_COUNT; i++) {
    if (extensions[i].content_format == content_format) {
      return extensions[i].extension;
    }
  }
  return "";
}
