/*
 * Is a run of bytes UTF-8 (RFC 3629)? String options must be (RFC 7252 section 3.2). Converts
 * nothing.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_BASE_UTF8_H
#define ACOAP_BASE_UTF8_H

#include <acoap/types.h>

/*
 * Length of the character that starts at bytes, 1 to 4; 0 when there is none: len is 0, the
 * sequence is cut short, overlong, a surrogate or beyond U+10FFFF.
 */
size_t acoap__utf8_char(const void *bytes, size_t len);

/* Every byte belongs to a character. */
bool acoap__utf8_valid(const void *bytes, size_t len);

#endif
