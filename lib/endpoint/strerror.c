/*
 * acoap_strerror and acoap_err_name of the full library: our own codes from base/error, libuv's
 * from the list in its header. uv_strerror and uv_err_name are not called, because they allocate,
 * and never free, for numbers that they do not know.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/error.h>

#include <stddef.h>
#include <uv.h>

#include "base/error.h"

const char *acoap_strerror(int status) {
  const char *sentence = acoap__error_sentence(status);

  if (sentence != NULL) {
    return sentence;
  }
  switch (status) {
#define SENTENCE_CASE(name, text)                                                                  \
  case UV_##name:                                                                                  \
    return text;
    UV_ERRNO_MAP(SENTENCE_CASE)
#undef SENTENCE_CASE
  default:
    return "unknown error";
  }
}

const char *acoap_err_name(int status) {
  const char *own = acoap__error_name(status);

  if (own != NULL) {
    return own;
  }
  switch (status) {
#define NAME_CASE(name, text)                                                                      \
  case UV_##name:                                                                                  \
    return "UV_" #name;
    UV_ERRNO_MAP(NAME_CASE)
#undef NAME_CASE
  default:
    return "ACOAP_EUNKNOWN";
  }
}
