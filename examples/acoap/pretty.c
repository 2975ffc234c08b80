/*
 * Bodies made readable: chooses the printer by Content-Format. The rule: a body that is not what
 * its Content-Format says is shown as text or, when it is none, as a hex dump; nothing from the
 * network reaches the terminal unchecked.
 * SPDX-License-Identifier: MIT
 */
#include "pretty.h"

#include <stdlib.h>

#include <acoap/option.h>

#include "text.h"

typedef bool (*printer_fn)(FILE *out, const void *bytes, size_t len);

static printer_fn printer_of(int content_format) {
  switch (content_format) {
  case ACOAP_FORMAT_JSON:
  case ACOAP_FORMAT_JSON_PATCH:
  case ACOAP_FORMAT_MERGE_PATCH:
  case ACOAP_FORMAT_COAP_GROUP_JSON:
  case ACOAP_FORMAT_VND_OMA_LWM2M_JSON:
    return pretty_json;
  case ACOAP_FORMAT_CBOR:
  case ACOAP_FORMAT_CWT:
  case ACOAP_FORMAT_MULTIPART_CORE:
  case ACOAP_FORMAT_COSE_ENCRYPT0:
  case ACOAP_FORMAT_COSE_SIGN1:
  case ACOAP_FORMAT_PROBLEM_DETAILS_CBOR:
  case ACOAP_FORMAT_VND_OMA_LWM2M_CBOR:
    return pretty_cbor;
  case ACOAP_FORMAT_CBOR_SEQ:
  case ACOAP_FORMAT_EDHOC_CBOR_SEQ:
  case ACOAP_FORMAT_MISSING_BLOCKS_CBOR_SEQ:
    return pretty_cbor_seq;
  case ACOAP_FORMAT_LINK_FORMAT:
    return pretty_link;
  case ACOAP_FORMAT_SENML_JSON:
  case ACOAP_FORMAT_SENSML_JSON:
    return pretty_senml_json;
  case ACOAP_FORMAT_SENML_CBOR:
  case ACOAP_FORMAT_SENSML_CBOR:
    return pretty_senml_cbor;
  default:
    return NULL;
  }
}

/* What a pack that is no SenML may still be. */
static printer_fn plainer(printer_fn printer) {
  if (printer == pretty_senml_json) {
    return pretty_json;
  }
  return printer == pretty_senml_cbor ? pretty_cbor : NULL;
}

/* Print through memory, so that a printer that gives up halfway leaves no trace. */
static bool print_with(printer_fn printer, FILE *out, const void *bytes, size_t len) {
  char *text = NULL;
  size_t text_len = 0;
  FILE *memory = open_memstream(&text, &text_len);
  if (memory == NULL) {
    return false;
  }
  bool fits = printer(memory, bytes, len);
  fits = fclose(memory) == 0 && fits;
  if (fits) {
    fwrite(text, 1, text_len, out);
  }
  free(text);
  return fits;
}

void pretty_print(FILE *out, int content_format, const void *bytes, size_t len) {
  if (len == 0) {
    return;
  }
  printer_fn printer = printer_of(content_format);
  printer_fn plain = plainer(printer);
  if ((printer != NULL && print_with(printer, out, bytes, len)) ||
      (plain != NULL && print_with(plain, out, bytes, len))) {
    return;
  }
  if (content_format != ACOAP_FORMAT_TEXT_PLAIN && !text_is_printable(bytes, len)) {
    hexdump(out, bytes, len);
    return;
  }
  text_print(out, bytes, len);
  if (((const char *)bytes)[len - 1] != '\n') {
    fputc('\n', out);
  }
}
