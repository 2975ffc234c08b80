/*
 * A BIO over datagrams in memory. A datagram that nobody reads is replaced by the next one; an
 * empty hand is "try again later", never the end. The questions that OpenSSL's DTLS asks of a
 * socket are answered: the MTU is known (RFC 6347 section 4.1.1), the peer and the timers are
 * somebody else's. Opens no socket and waits for nothing.
 * SPDX-License-Identifier: MIT
 */
#include "security/datagram_bio.h"

#include <openssl/bio.h>
#include <string.h>

/* Of IPv4 and UDP: OpenSSL takes no MTU below 256 less these. */
#define HEADERS_LEN 28

static int bio_write(BIO *bio, const char *bytes, int len) {
  acoap__datagram_bio_t *datagrams = BIO_get_data(bio);
  acoap_bytes_t datagram = {(const uint8_t *)bytes, len > 0 ? (size_t)len : 0};
  BIO_clear_retry_flags(bio);
  if (datagram.len > 0) {
    datagrams->written++;
    datagrams->transmit(datagrams->owner, datagram);
  }
  return len;
}

static int bio_read(BIO *bio, char *room, int cap) {
  acoap__datagram_bio_t *datagrams = BIO_get_data(bio);
  size_t len = datagrams->in.len;
  BIO_clear_retry_flags(bio);
  if (len == 0 || cap <= 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  /* What does not fit is no record of ours: cut it, as a socket would. */
  len = len < (size_t)cap ? len : (size_t)cap;
  memcpy(room, datagrams->in.data, len);
  datagrams->in.len = 0;
  return (int)len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  const acoap__datagram_bio_t *datagrams = BIO_get_data(bio);
  (void)number;
  (void)pointer;
  switch (command) {
  case BIO_CTRL_FLUSH:
  case BIO_CTRL_DUP:
    return 1;
  case BIO_CTRL_DGRAM_QUERY_MTU:
  case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
  case BIO_CTRL_DGRAM_GET_MTU:
    return (long)datagrams->mtu;
  case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
    return HEADERS_LEN;
  default:
    return 0;
  }
}

BIO_METHOD *acoap__datagram_bio_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "acoap datagrams");
  if (method != NULL &&
      (BIO_meth_set_write(method, bio_write) != 1 || BIO_meth_set_read(method, bio_read) != 1 ||
       BIO_meth_set_ctrl(method, bio_ctrl) != 1)) {
    BIO_meth_free(method);
    method = NULL;
  }
  return method;
}

BIO *acoap__datagram_bio_new(const BIO_METHOD *method, acoap__datagram_bio_t *datagrams) {
  BIO *bio = BIO_new(method);
  if (bio != NULL) {
    BIO_set_data(bio, datagrams);
    BIO_set_init(bio, 1);
  }
  return bio;
}
