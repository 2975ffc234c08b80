/*
 * A BIO that keeps datagrams apart, which OpenSSL's memory BIO does not: each write is one datagram
 * that leaves at once through a callback, each read gives the one datagram in hand, whole.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SECURITY_DATAGRAM_BIO_H
#define ACOAP_SECURITY_DATAGRAM_BIO_H

#include <acoap/types.h>

struct bio_st;
struct bio_method_st;

typedef struct acoap__datagram_bio {
  acoap_bytes_t in; /* the datagram in hand, borrowed; len 0: none, or it was read */
  uint64_t written; /* datagrams out so far */
  size_t mtu;       /* bytes of the largest datagram out */
  void (*transmit)(void *owner, acoap_bytes_t datagram); /* borrowed bytes */
  void *owner;                                           /* handed to it */
} acoap__datagram_bio_t;

/* The method of these BIOs; BIO_meth_free. NULL without memory. */
struct bio_method_st *acoap__datagram_bio_method(void);
/* A BIO on a caller's struct, which has to live as long. NULL without memory. */
struct bio_st *acoap__datagram_bio_new(const struct bio_method_st *method,
                                       acoap__datagram_bio_t *datagrams);

#endif
