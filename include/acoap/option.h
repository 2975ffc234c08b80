/*
 * Option numbers, their registry and Content-Formats (RFC 7252 sections 5.4, 5.10 and 12.2, 12.3
 * and the RFCs that added to them).
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_OPTION_H
#define ACOAP_OPTION_H

#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/* identifier, number, name, format, least and greatest length in bytes, repeatable, RFC */
#define ACOAP_OPTION_MAP(X)                                                                        \
  X(IF_MATCH, 1, "If-Match", OPAQUE, 0, 8, true, "RFC 7252")                                       \
  X(URI_HOST, 3, "Uri-Host", STRING, 1, 255, false, "RFC 7252")                                    \
  X(ETAG, 4, "ETag", OPAQUE, 1, 8, true, "RFC 7252")                                               \
  X(IF_NONE_MATCH, 5, "If-None-Match", EMPTY, 0, 0, false, "RFC 7252")                             \
  X(OBSERVE, 6, "Observe", UINT, 0, 3, false, "RFC 7641")                                          \
  X(URI_PORT, 7, "Uri-Port", UINT, 0, 2, false, "RFC 7252")                                        \
  X(LOCATION_PATH, 8, "Location-Path", STRING, 0, 255, true, "RFC 7252")                           \
  X(OSCORE, 9, "OSCORE", OPAQUE, 0, 255, false, "RFC 8613")                                        \
  X(URI_PATH, 11, "Uri-Path", STRING, 0, 255, true, "RFC 7252")                                    \
  X(CONTENT_FORMAT, 12, "Content-Format", UINT, 0, 2, false, "RFC 7252")                           \
  X(URI_PATH_ABBREV, 13, "Uri-Path-Abbrev", UINT, 0, 4, false, "draft-ietf-core-uri-path-abbrev")  \
  X(MAX_AGE, 14, "Max-Age", UINT, 0, 4, false, "RFC 7252")                                         \
  X(URI_QUERY, 15, "Uri-Query", STRING, 0, 255, true, "RFC 7252")                                  \
  X(HOP_LIMIT, 16, "Hop-Limit", UINT, 1, 1, false, "RFC 8768")                                     \
  X(ACCEPT, 17, "Accept", UINT, 0, 2, false, "RFC 7252")                                           \
  X(Q_BLOCK1, 19, "Q-Block1", UINT, 0, 3, false, "RFC 9177")                                       \
  X(LOCATION_QUERY, 20, "Location-Query", STRING, 0, 255, true, "RFC 7252")                        \
  X(EDHOC, 21, "EDHOC", EMPTY, 0, 0, false, "RFC 9668")                                            \
  X(BLOCK2, 23, "Block2", UINT, 0, 3, false, "RFC 7959")                                           \
  X(BLOCK1, 27, "Block1", UINT, 0, 3, false, "RFC 7959")                                           \
  X(SIZE2, 28, "Size2", UINT, 0, 4, false, "RFC 7959")                                             \
  X(Q_BLOCK2, 31, "Q-Block2", UINT, 0, 3, true, "RFC 9177")                                        \
  X(PROXY_URI, 35, "Proxy-Uri", STRING, 1, 1034, false, "RFC 7252")                                \
  X(PROXY_SCHEME, 39, "Proxy-Scheme", STRING, 1, 255, false, "RFC 7252")                           \
  X(SIZE1, 60, "Size1", UINT, 0, 4, false, "RFC 7252")                                             \
  X(ECHO, 252, "Echo", OPAQUE, 1, 40, false, "RFC 9175")                                           \
  X(NO_RESPONSE, 258, "No-Response", UINT, 0, 1, false, "RFC 7967")                                \
  X(REQUEST_TAG, 292, "Request-Tag", OPAQUE, 0, 8, true, "RFC 9175")

/** Option numbers, ACOAP_OPTION_URI_PATH and so on. */
enum acoap_option_number {
#define ACOAP_OPTION_ENUM(id, number, name, format, min, max, repeatable, rfc)                     \
  ACOAP_OPTION_##id = number,
  ACOAP_OPTION_MAP(ACOAP_OPTION_ENUM)
#undef ACOAP_OPTION_ENUM
};

/** RFC 7252 section 3.2. */
typedef enum acoap_option_format {
  ACOAP_OPTION_FORMAT_EMPTY,
  ACOAP_OPTION_FORMAT_OPAQUE,
  ACOAP_OPTION_FORMAT_UINT,
  ACOAP_OPTION_FORMAT_STRING
} acoap_option_format_t;

/** What the registry says of one option number. */
typedef struct acoap_option_info {
  uint16_t number;              /* the option number */
  const char *name;             /* "Uri-Path" */
  acoap_option_format_t format; /* how the value is to be read */
  uint16_t length_min;          /* bytes */
  uint16_t length_max;          /* bytes */
  bool repeatable;              /* may occur more than once */
  const char *reference;        /* "RFC 7252" */
} acoap_option_info_t;

/**
 * The registry's entry of a number, or NULL when it is in no registry that acoap knows. Static
 * storage.
 */
ACOAP_API const acoap_option_info_t *acoap_option_lookup(uint16_t number);

/** The number of an option by its registered name, case-insensitive, or ACOAP_EINVAL. */
ACOAP_API int acoap_option_by_name(const char *name, size_t len);

/** RFC 7252 section 5.4.6: bit 0, an endpoint that does not know it must not ignore it. */
ACOAP_API bool acoap_option_is_critical(uint16_t number);

/** RFC 7252 section 5.4.6: bit 1, unsafe to forward. */
ACOAP_API bool acoap_option_is_unsafe(uint16_t number);

/** RFC 7252 section 5.4.6: bits 2 to 4 all set (and safe to forward): not part of the cache key. */
ACOAP_API bool acoap_option_is_no_cache_key(uint16_t number);

/* identifier, number, media type and coding, short name for people */
#define ACOAP_CONTENT_FORMAT_MAP(X)                                                                \
  X(TEXT_PLAIN, 0, "text/plain", "text")                                                           \
  X(LINK_FORMAT, 40, "application/link-format", "link-format")                                     \
  X(XML, 41, "application/xml", "xml")                                                             \
  X(OCTET_STREAM, 42, "application/octet-stream", "binary")                                        \
  X(EXI, 47, "application/exi", "exi")                                                             \
  X(JSON, 50, "application/json", "json")                                                          \
  X(JSON_PATCH, 51, "application/json-patch+json", "json-patch")                                   \
  X(MERGE_PATCH, 52, "application/merge-patch+json", "merge-patch")                                \
  X(CBOR, 60, "application/cbor", "cbor")                                                          \
  X(CWT, 61, "application/cwt", "cwt")                                                             \
  X(MULTIPART_CORE, 62, "application/multipart-core", "multipart-core")                            \
  X(CBOR_SEQ, 63, "application/cbor-seq", "cbor-seq")                                              \
  X(EDHOC_CBOR_SEQ, 64, "application/edhoc+cbor-seq", "edhoc")                                     \
  X(COSE_ENCRYPT0, 16, "application/cose; cose-type=\"cose-encrypt0\"", "cose-encrypt0")           \
  X(COSE_SIGN1, 18, "application/cose; cose-type=\"cose-sign1\"", "cose-sign1")                    \
  X(SENML_JSON, 110, "application/senml+json", "senml")                                            \
  X(SENSML_JSON, 111, "application/sensml+json", "sensml")                                         \
  X(SENML_CBOR, 112, "application/senml+cbor", "senml-cbor")                                       \
  X(SENSML_CBOR, 113, "application/sensml+cbor", "sensml-cbor")                                    \
  X(COAP_GROUP_JSON, 256, "application/coap-group+json", "coap-group")                             \
  X(PROBLEM_DETAILS_CBOR, 257, "application/concise-problem-details+cbor", "problem-details")      \
  X(MISSING_BLOCKS_CBOR_SEQ, 272, "application/missing-blocks+cbor-seq", "missing-blocks")         \
  X(OSCORE, 10001, "application/oscore", "oscore")                                                 \
  X(VND_OMA_LWM2M_TLV, 11542, "application/vnd.oma.lwm2m+tlv", "lwm2m-tlv")                        \
  X(VND_OMA_LWM2M_JSON, 11543, "application/vnd.oma.lwm2m+json", "lwm2m-json")                     \
  X(VND_OMA_LWM2M_CBOR, 11544, "application/vnd.oma.lwm2m+cbor", "lwm2m-cbor")

/** Content-Format numbers, ACOAP_FORMAT_JSON and so on. */
enum acoap_content_format {
  ACOAP_FORMAT_NONE = -1, /* no Content-Format option */
#define ACOAP_CONTENT_FORMAT_ENUM(id, number, media_type, short_name) ACOAP_FORMAT_##id = number,
  ACOAP_CONTENT_FORMAT_MAP(ACOAP_CONTENT_FORMAT_ENUM)
#undef ACOAP_CONTENT_FORMAT_ENUM
};

/** "application/json" for 50; NULL when unknown. */
ACOAP_API const char *acoap_content_format_name(int number);

/**
 * The number of a media type or of its short name ("json"), case-insensitive, or of decimal digits;
 * or ACOAP_EINVAL.
 */
ACOAP_API int acoap_content_format_parse(const char *text, size_t len);

ACOAP_END_DECLS

#endif
