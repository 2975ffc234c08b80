/*
 * One negative int for every error. Codes that libuv itself returned pass through unchanged (they
 * are above UV_ERRNO_MAX, -4096); ours start at -5000, so the two never meet and the core needs no
 * libuv.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ERROR_H
#define ACOAP_ERROR_H

#include <acoap/export.h>

ACOAP_BEGIN_DECLS

/* name, number, sentence */
#define ACOAP_ERROR_MAP(X)                                                                         \
  X(EINVAL, -5000, "invalid argument")                                                             \
  X(ENOMEM, -5001, "out of memory")                                                                \
  X(ECANCELED, -5002, "canceled")                                                                  \
  X(EBUSY, -5003, "busy: not from inside a callback")                                              \
  X(ETIMEDOUT, -5004, "timed out")                                                                 \
  X(ERESET, -5005, "reset by peer")                                                                \
  X(EUNREACHABLE, -5006, "peer unreachable")                                                       \
  X(ENOTFOUND, -5007, "name not found")                                                            \
  X(ENOSPACE, -5008, "buffer too small")                                                           \
  X(ETOOBIG, -5009, "larger than the limit")                                                       \
  X(EFORMAT, -5010, "message format error")                                                        \
  X(EVERSION, -5011, "unknown CoAP version")                                                       \
  X(ETOKEN, -5012, "token longer than the limit")                                                  \
  X(EOPTION, -5013, "malformed option")                                                            \
  X(EOPTIONLEN, -5014, "option length out of range")                                               \
  X(EBADOPTION, -5015, "unknown critical option")                                                  \
  X(EPAYLOAD, -5016, "payload marker without payload")                                             \
  X(EURI, -5017, "malformed URI")                                                                  \
  X(ESCHEME, -5018, "unsupported URI scheme")                                                      \
  X(ELINK, -5019, "malformed link-format")                                                         \
  X(ECLIENTERROR, -5020, "client error response (4.xx)")                                           \
  X(ESERVERERROR, -5021, "server error response (5.xx)")                                           \
  X(EUNEXPECTED, -5022, "unexpected response code")                                                \
  X(EBLOCK, -5023, "block-wise transfer failed")                                                   \
  X(ECHANGED, -5024, "representation changed during the transfer")                                 \
  X(EEXHAUSTED, -5025, "no resources left: a bound was reached")                                   \
  X(EEND, -5026, "end of stream")                                                                  \
  X(ENOTSUP, -5027, "not supported")                                                               \
  X(ENONET, -5028, "no usable network interface")                                                  \
  X(EINCOMPLETE, -5029, "the server took only a part of the body")                                 \
  X(ESECURITY, -5030, "security failure")                                                          \
  X(ECLOSED, -5031, "closed")                                                                      \
  X(EAGAIN, -5032, "not now: try again later")                                                     \
  X(EADDRESS, -5033, "malformed or unusable address")                                              \
  X(ENOTOBSERVED, -5034, "the server did not register the observation")

/** Errors, ACOAP_EINVAL and so on; all are negative. */
enum acoap_error {
  ACOAP_OK = 0,
#define ACOAP_ERROR_ENUM(name, number, sentence) ACOAP_##name = number,
  ACOAP_ERROR_MAP(ACOAP_ERROR_ENUM)
#undef ACOAP_ERROR_ENUM
};

/**
 * Say what a status means, in English; answers for acoap's codes, for 0 and, in the full library,
 * for libuv's.
 *
 * Ownership:  a static string.
 * Since:      0.1
 */
ACOAP_API const char *acoap_strerror(int status);

/**
 * The name of a status, "ACOAP_ETIMEDOUT"; libuv's codes give "UV_ENAME"; unknown codes
 * "ACOAP_EUNKNOWN".
 */
ACOAP_API const char *acoap_err_name(int status);

ACOAP_END_DECLS

#endif
