/*
 * The CoAP message format (RFC 7252 section 3) over lent bytes: decode gives a view, the builder
 * writes in place. Nothing is copied, nothing allocated.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CODEC_H
#define ACOAP_CODEC_H

#include <acoap/code.h>
#include <acoap/error.h>
#include <acoap/option.h>
#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/** Longest token of RFC 7252. */
#define ACOAP_TOKEN_MAX 8
/** Longest token of RFC 8974, where a limit was raised so far. */
#define ACOAP_TOKEN_EXTENDED_MAX 65804

/** A decoded message: every member points into the bytes that were decoded. */
typedef struct acoap_view {
  acoap_type_t type;     /* CON, NON, ACK, RST */
  uint8_t code;          /* class << 5 | detail */
  uint16_t message_id;   /* host order */
  acoap_bytes_t token;   /* 0 to 8 bytes, longer where the limit was raised */
  acoap_bytes_t options; /* the encoded options, checked, without the payload marker */
  acoap_bytes_t payload; /* without the marker; len 0 when there is none */
  /*
   * Which options there may be: bit number % 64 for each, and bit 0 to say that this is filled in;
   * without it nothing is known.
   */
  uint64_t present;
} acoap_view_t;

/**
 * Decode one datagram.
 *
 * @param view       written on success; on ACOAP_EFORMAT and its kin type, code and message_id are
 *                   written when at least four bytes of version 1 were there (so that a CON can be
 *                   answered with RST, section 4.2), the rest is empty
 * @param bytes      the datagram; the view borrows it
 * @param len        bytes
 * @param token_max  longest token taken: 8 for RFC 7252, up to ACOAP_TOKEN_EXTENDED_MAX for RFC
 *                   8974
 * @param offset     NULL or where to put the offset of the first byte that is wrong: of an option
 *                   its first, of a message that is too short its end
 *
 * Errors:     ACOAP_EVERSION (to be ignored silently), ACOAP_EFORMAT too short, or Empty with more
 *             than a header, ACOAP_ETOKEN reserved or too long token length, ACOAP_EOPTION delta or
 *             length 15 or past the end or a number above 65535, ACOAP_EPAYLOAD marker without
 *             payload. Option lengths out of their registered range are no format error (section
 *             5.4.3).
 * Reference:  RFC 7252 sections 3 and 4.1, RFC 8974 section 2.
 * Since:      0.1
 */
ACOAP_API int acoap_decode(acoap_view_t *view, const uint8_t *bytes, size_t len, size_t token_max,
                           size_t *offset);

/** One option of a message. */
typedef struct acoap_option {
  uint16_t number;     /* option number */
  acoap_bytes_t value; /* borrowed from the message */
} acoap_option_t;

/** Where an iteration over encoded options stands. */
typedef struct acoap_option_iter {
  const uint8_t *at;  /* next byte */
  const uint8_t *end; /* behind the last */
  uint16_t number;    /* of the option last given */
} acoap_option_iter_t;

/** Start at the first option of a decoded message. */
ACOAP_API void acoap_option_iter_init(acoap_option_iter_t *iter, const acoap_view_t *view);

/** Give the next option in order of number; false at the end. */
ACOAP_API bool acoap_option_next(acoap_option_iter_t *iter, acoap_option_t *option);

/** Find the n-th (0 first) option of this number; false when there is none. */
ACOAP_API bool acoap_view_option(const acoap_view_t *view, uint16_t number, size_t n,
                                 acoap_bytes_t *value);

/**
 * Read an option as an unsigned integer (section 3.2); longer than 4 bytes or absent: false. A
 * value longer than the registry allows is treated as absent (section 5.4.3).
 */
ACOAP_API bool acoap_view_uint(const acoap_view_t *view, uint16_t number, uint32_t *value);

/**
 * The first critical option of the message that is not in the registry or has no meaning to
 * every endpoint (OSCORE, EDHOC, Q-Block1, Q-Block2: who serves them says so), is out of its length
 * range, or repeats without being repeatable (sections 5.4.1, 5.4.3, 5.4.5); 0 when there is none.
 */
ACOAP_API uint16_t acoap_view_bad_critical_option(const acoap_view_t *view);

/**
 * The unsigned integer in an option value, leading zeros allowed; false when longer than 4 bytes.
 */
ACOAP_API bool acoap_uint_decode(acoap_bytes_t value, uint32_t *number);

/** Write number in the fewest bytes (0 gives none). Returns the length, 0 to 4. */
ACOAP_API size_t acoap_uint_encode(uint32_t number, uint8_t bytes[4]);

/**
 * Writes one message into a lent buffer. Options may come in any order; the first failure sticks
 * and is what acoap_builder_finish returns, so calls in between need no check. All members are
 * private.
 */
typedef struct acoap_builder {
  uint8_t *bytes;       /* lent buffer */
  size_t cap;           /* its size in bytes */
  size_t len;           /* bytes used */
  size_t options_at;    /* offset of the first option */
  size_t payload_at;    /* offset of the payload (behind its marker); 0: none yet */
  uint16_t last_number; /* greatest option number so far */
  int error;            /* first failure, or 0 */
  uint64_t present;     /* options that there may be: as acoap_view_t.present */
} acoap_builder_t;

/**
 * Start a message in `bytes`. Type and Message ID may be changed later with
 * acoap_message_set_header.
 *
 * Ownership:  the buffer is borrowed until the builder is no longer used.
 * Since:      0.1
 */
ACOAP_API void acoap_builder_init(acoap_builder_t *builder, uint8_t *bytes, size_t cap,
                                  acoap_type_t type, uint8_t code, uint16_t message_id,
                                  const uint8_t *token, size_t token_len);

/** Insert an option at its place; equal numbers keep the order of the calls. */
ACOAP_API void acoap_builder_option(acoap_builder_t *builder, uint16_t number, const void *value,
                                    size_t len);

/** Insert an option with an unsigned integer in its shortest form. */
ACOAP_API void acoap_builder_uint(acoap_builder_t *builder, uint16_t number, uint32_t value);

/** Remove every option of this number. */
ACOAP_API void acoap_builder_remove(acoap_builder_t *builder, uint16_t number);

/** Set the payload, replacing an earlier one; len 0 removes it. */
ACOAP_API void acoap_builder_payload(acoap_builder_t *builder, const void *payload, size_t len);

/**
 * Lend the room behind the options for a payload to be written in place.
 *
 * @param room  where to put how many bytes there are
 * Returns NULL when the builder has failed or there is no room. Follow with
 * acoap_builder_payload_commit.
 */
ACOAP_API uint8_t *acoap_builder_payload_room(acoap_builder_t *builder, size_t *room);

/** Say how many bytes were written into the room that was lent. */
ACOAP_API void acoap_builder_payload_commit(acoap_builder_t *builder, size_t len);

/**
 * How many bytes of payload still fit, a marker that is not there yet taken off; 0 after a failure.
 */
ACOAP_API size_t acoap_builder_left(const acoap_builder_t *builder);

/** Change the code. */
ACOAP_API void acoap_builder_code(acoap_builder_t *builder, uint8_t code);

/**
 * Returns the length of the message in bytes, or the first failure (ACOAP_ENOSPACE, ACOAP_EINVAL,
 * ACOAP_EOPTIONLEN).
 */
ACOAP_API int acoap_builder_finish(const acoap_builder_t *builder);

/** A view of what has been built so far (valid until the next call on the builder). */
ACOAP_API void acoap_builder_view(const acoap_builder_t *builder, acoap_view_t *view);

/** Set type and Message ID in an encoded message of at least 4 bytes. */
ACOAP_API void acoap_message_set_header(uint8_t *bytes, acoap_type_t type, uint16_t message_id);

/**
 * Write a message as one line of text: "CON GET MID=7d34 T=20 Uri-Path:temperature
 * Accept:text/plain | 5 bytes". At most cap bytes with the terminating zero; a longer text is cut
 * and ends in "...". Returns the length.
 */
ACOAP_API size_t acoap_view_format(const acoap_view_t *view, char *text, size_t cap);

/** Write one option value as text in the way of its registered format. Returns the length. */
ACOAP_API size_t acoap_option_format_value(const acoap_option_t *option, char *text, size_t cap);

ACOAP_END_DECLS

#endif
