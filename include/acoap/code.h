/*
 * Message types and codes (RFC 7252 sections 3 and 12.1, RFC 8132, RFC 7959, RFC 8516, RFC 8768,
 * RFC 8323).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CODE_H
#define ACOAP_CODE_H

#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/** RFC 7252 section 3: the T field. */
typedef enum acoap_type { ACOAP_CON = 0, ACOAP_NON = 1, ACOAP_ACK = 2, ACOAP_RST = 3 } acoap_type_t;

/**
 * A code from its class and detail: ACOAP_CODE(2, 5) is Content, 2.05. Detail without a leading
 * zero, which C would read as octal.
 */
#define ACOAP_CODE(class_, detail_) ((uint8_t)(((class_) << 5) | (detail_)))
/** The class of a code: 2 for 2.05. */
#define ACOAP_CODE_CLASS(code_) ((uint8_t)((code_) >> 5))
/** The detail of a code: 5 for 2.05. */
#define ACOAP_CODE_DETAIL(code_) ((uint8_t)((code_)&0x1f))

/* identifier, class, detail, text */
#define ACOAP_CODE_MAP(X)                                                                          \
  X(EMPTY, 0, 0, "Empty")                                                                          \
  X(GET, 0, 1, "GET")                                                                              \
  X(POST, 0, 2, "POST")                                                                            \
  X(PUT, 0, 3, "PUT")                                                                              \
  X(DELETE, 0, 4, "DELETE")                                                                        \
  X(FETCH, 0, 5, "FETCH")                                                                          \
  X(PATCH, 0, 6, "PATCH")                                                                          \
  X(IPATCH, 0, 7, "iPATCH")                                                                        \
  X(CREATED, 2, 1, "Created")                                                                      \
  X(DELETED, 2, 2, "Deleted")                                                                      \
  X(VALID, 2, 3, "Valid")                                                                          \
  X(CHANGED, 2, 4, "Changed")                                                                      \
  X(CONTENT, 2, 5, "Content")                                                                      \
  X(CONTINUE, 2, 31, "Continue")                                                                   \
  X(BAD_REQUEST, 4, 0, "Bad Request")                                                              \
  X(UNAUTHORIZED, 4, 1, "Unauthorized")                                                            \
  X(BAD_OPTION, 4, 2, "Bad Option")                                                                \
  X(FORBIDDEN, 4, 3, "Forbidden")                                                                  \
  X(NOT_FOUND, 4, 4, "Not Found")                                                                  \
  X(METHOD_NOT_ALLOWED, 4, 5, "Method Not Allowed")                                                \
  X(NOT_ACCEPTABLE, 4, 6, "Not Acceptable")                                                        \
  X(REQUEST_ENTITY_INCOMPLETE, 4, 8, "Request Entity Incomplete")                                  \
  X(CONFLICT, 4, 9, "Conflict")                                                                    \
  X(PRECONDITION_FAILED, 4, 12, "Precondition Failed")                                             \
  X(REQUEST_ENTITY_TOO_LARGE, 4, 13, "Request Entity Too Large")                                   \
  X(UNSUPPORTED_CONTENT_FORMAT, 4, 15, "Unsupported Content-Format")                               \
  X(UNPROCESSABLE_ENTITY, 4, 22, "Unprocessable Entity")                                           \
  X(TOO_MANY_REQUESTS, 4, 29, "Too Many Requests")                                                 \
  X(INTERNAL_SERVER_ERROR, 5, 0, "Internal Server Error")                                          \
  X(NOT_IMPLEMENTED, 5, 1, "Not Implemented")                                                      \
  X(BAD_GATEWAY, 5, 2, "Bad Gateway")                                                              \
  X(SERVICE_UNAVAILABLE, 5, 3, "Service Unavailable")                                              \
  X(GATEWAY_TIMEOUT, 5, 4, "Gateway Timeout")                                                      \
  X(PROXYING_NOT_SUPPORTED, 5, 5, "Proxying Not Supported")                                        \
  X(HOP_LIMIT_REACHED, 5, 8, "Hop Limit Reached")                                                  \
  X(CSM, 7, 1, "CSM")                                                                              \
  X(PING, 7, 2, "Ping")                                                                            \
  X(PONG, 7, 3, "Pong")                                                                            \
  X(RELEASE, 7, 4, "Release")                                                                      \
  X(ABORT, 7, 5, "Abort")

/** Registered codes, ACOAP_CODE_GET, ACOAP_CODE_CONTENT and so on. */
enum acoap_code {
#define ACOAP_CODE_ENUM(name, class_, detail_, text)                                               \
  ACOAP_CODE_##name = ((class_) << 5) | (detail_),
  ACOAP_CODE_MAP(ACOAP_CODE_ENUM)
#undef ACOAP_CODE_ENUM
};

/** 0.01 to 0.31, known or not. */
ACOAP_API bool acoap_code_is_request(uint8_t code);

/** Class 2, 4 or 5, known or not. */
ACOAP_API bool acoap_code_is_response(uint8_t code);

/** Class 2. */
ACOAP_API bool acoap_code_is_success(uint8_t code);

/** "Content", "GET"; NULL when the code is in no registry. */
ACOAP_API const char *acoap_code_name(uint8_t code);

/** Write "2.05" and a zero (5 bytes) into text. */
ACOAP_API void acoap_code_format(uint8_t code, char text[5]);

/**
 * Parse "2.05" or a method's name ("GET", case-insensitive). Returns the code (0 to 255) or
 * ACOAP_EINVAL.
 */
ACOAP_API int acoap_code_parse(const char *text, size_t len);

/** "CON", "NON", "ACK", "RST". */
ACOAP_API const char *acoap_type_name(acoap_type_t type);

ACOAP_END_DECLS

#endif
