/*
 * Typed values as bodies: what value.c, counter.c, value_text.c, value_json.c, value_cbor.c and
 * decimal.c share.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_VALUE_H
#define ACOAP_SERVER_VALUE_H

#include <acoap/ready.h>

#include "server/server.h"

/* ---- decimal.c --------------------------------------------------------------------------------
 */

/* Room for any number that acoap__decimal_write writes, with the zero. */
#define ACOAP__DECIMAL_MAX 40
/*
 * A finite number in decimal, with a point, as few digits of 15 to 17 as give the same number when
 * read again. Returns the length.
 */
size_t acoap__decimal_write(double number, char room[ACOAP__DECIMAL_MAX]);
/* [+-] digits [. digits] [e [+-] digits], all of it; the nearest double. False: not of this form,
 * overlong, or too great. */
bool acoap__decimal_read(const char *chars, size_t len, double *number);

/* ---- reading ----------------------------------------------------------------------------------
 */

/*
 * A body as a value of `type` (set in `value`). 0, or ACOAP_EFORMAT with a sentence that says what
 * is wrong; ACOAP_ENOMEM. A string's bytes are in *store (from acoap__malloc, for the caller to
 * free) or in the body.
 */
int acoap__value_read(acoap_value_type_t type, int content_format, acoap_bytes_t body,
                      acoap_value_t *value, char **store, const char **why);
int acoap__value_read_text(acoap_bytes_t body, acoap_value_t *value, const char **why);
int acoap__value_read_json(acoap_bytes_t body, acoap_value_t *value, char **store,
                           const char **why);
int acoap__value_read_cbor(acoap_bytes_t body, acoap_value_t *value, const char **why);
/* A sentence, and ACOAP_EFORMAT. */
int acoap__value_wrong(const char **why, const char *sentence);
/* What would have been right. */
int acoap__value_expected(const char **why, acoap_value_type_t type);
/* Decimal digits with a sign; false: not of this form, or not in int64_t. */
bool acoap__value_read_integer(const char *chars, size_t len, int64_t *integer);

/* ---- writing ----------------------------------------------------------------------------------
 */

/* The value as a body of a Content-Format: text/plain, JSON or CBOR. Returns its bytes, from
 * acoap__malloc; NULL without memory. */
uint8_t *acoap__value_write(const acoap_value_t *value, int content_format, size_t *len);
uint8_t *acoap__value_write_text(const acoap_value_t *value, size_t *len);
uint8_t *acoap__value_write_json(const acoap_value_t *value, size_t *len);
uint8_t *acoap__value_write_cbor(const acoap_value_t *value, size_t *len);

/* ---- for resources (value.c) ------------------------------------------------------------------
 */

/* The formats a value has: 4.06 for others. */
int acoap__value_formats(acoap_resource_t *resource);
/* Answer with the value, in the format that Accept names, else text. */
void acoap__value_respond(acoap_request_t *request, uint8_t code, const acoap_value_t *value);
/*
 * The request's body as a value; false: it was answered, 4.15 or 4.00 with what is wrong. Free
 * *store when the value is no longer needed.
 */
bool acoap__value_of_request(acoap_request_t *request, acoap_value_type_t type,
                             acoap_value_t *value, char **store);

#endif
