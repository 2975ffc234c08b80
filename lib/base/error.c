/*
 * Names and sentences of acoap's own errors, made from the one list in <acoap/error.h>.
 * The rule: every number below -5000 that the library returns stands in that list once. Knows no
 * code of another library.
 * SPDX-License-Identifier: MIT
 */
#include "base/error.h"

#include <stddef.h>

const char *acoap__error_sentence(int status) {
  switch (status) {
  case ACOAP_OK:
    return "success";
#define SENTENCE_CASE(name, number, sentence)                                                      \
  case ACOAP_##name:                                                                               \
    return sentence;
    ACOAP_ERROR_MAP(SENTENCE_CASE)
#undef SENTENCE_CASE
  default:
    return NULL;
  }
}

const char *acoap__error_name(int status) {
  switch (status) {
  case ACOAP_OK:
    return "ACOAP_OK";
#define NAME_CASE(name, number, sentence)                                                          \
  case ACOAP_##name:                                                                               \
    return "ACOAP_" #name;
    ACOAP_ERROR_MAP(NAME_CASE)
#undef NAME_CASE
  default:
    return NULL;
  }
}
