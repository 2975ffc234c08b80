/*
 * The tables behind acoap_strerror: name and sentence of our own codes only. What libuv's codes
 * mean is added by the full library (endpoint/strerror.c), so that the core needs no libuv.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_ERROR_H
#define ACOAP_BASE_ERROR_H

#include <acoap/error.h>

/* The sentence of 0 and of our own codes; NULL for every other number. */
const char *acoap__error_sentence(int status);

/* "ACOAP_ETIMEDOUT", "ACOAP_OK"; NULL for a number that is not ours. */
const char *acoap__error_name(int status);

#endif
