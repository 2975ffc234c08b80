/*
 * A message that was received, as users may keep it: reference-counted, with where it came from.
 * Everything of <acoap/codec.h> works on its view.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_MESSAGE_H
#define ACOAP_MESSAGE_H

#include <acoap/codec.h>
#include <acoap/socket.h>

ACOAP_BEGIN_DECLS

/** A received message. Shared: acoap_message_ref, acoap_message_unref. */
typedef struct acoap_message acoap_message_t;

/** Keep a message beyond the callback. Cannot fail; NULL gives NULL. Returns the message. */
ACOAP_API acoap_message_t *acoap_message_ref(acoap_message_t *message);
/** Give a reference back; NULL is fine. Returns NULL. */
ACOAP_API acoap_message_t *acoap_message_unref(acoap_message_t *message);

/**
 * Type, code, Message ID, token, options, payload; valid as long as the message. After a collect
 * the payload is the joined body.
 */
ACOAP_API const acoap_view_t *acoap_message_view(const acoap_message_t *message);
/** The code, ACOAP_CODE_CONTENT and so on. */
ACOAP_API uint8_t acoap_message_code(const acoap_message_t *message);
/** The payload; never a NULL pointer, so that it can be printed with %.*s. */
ACOAP_API acoap_bytes_t acoap_message_payload(const acoap_message_t *message);
/** The Content-Format's number, ACOAP_FORMAT_NONE when absent. */
ACOAP_API int acoap_message_content_format(const acoap_message_t *message);
/** Max-Age in seconds; 60 when absent (RFC 7252 section 5.10.5). */
ACOAP_API uint32_t acoap_message_max_age_s(const acoap_message_t *message);

/** Who sent it, the address it was sent to, the interface's index, whether it came by multicast. */
ACOAP_API const acoap_path_t *acoap_message_path(const acoap_message_t *message);
/** Who sent it, borrowed as long as the message. */
ACOAP_API const acoap_address_t *acoap_message_peer(const acoap_message_t *message);

/** For a response: milliseconds since its request was first sent; otherwise 0. */
ACOAP_API uint32_t acoap_message_elapsed_ms(const acoap_message_t *message);
/** For a response: how often its request was retransmitted; otherwise 0. */
ACOAP_API uint32_t acoap_message_retransmissions(const acoap_message_t *message);

ACOAP_END_DECLS

#endif
