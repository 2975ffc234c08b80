/*
 * acoap_strerror and acoap_err_name of the core alone (libacoap-core.a): they answer for our own
 * codes. The full library links endpoint/strerror.c instead, which answers for libuv's codes too;
 * the two are never linked together.
 * SPDX-License-Identifier: MIT
 */
#include "base/error.h"

#include <stddef.h>

const char *acoap_strerror(int status) {
  const char *sentence = acoap__error_sentence(status);

  return sentence != NULL ? sentence : "unknown error";
}

const char *acoap_err_name(int status) {
  const char *name = acoap__error_name(status);

  return name != NULL ? name : "ACOAP_EUNKNOWN";
}
