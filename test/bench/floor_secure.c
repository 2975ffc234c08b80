/*
 * The sessions that the floor's client asks secure servers in: DTLS 1.2 (RFC 6347) with
 * TLS_PSK_WITH_AES_128_CCM_8 (RFC 7252 section 9.1.3.1), thousands on one descriptor, each from an
 * address of its own. The rule that makes its figures comparable: a few handshakes at a time, all
 * of them over before anything is measured. One pair of memory BIOs serves all: what is put in is
 * taken out before the next session's turn, so a datagram keeps its bounds.
 * SPDX-License-Identifier: MIT
 */
#define _GNU_SOURCE
#include "floor.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define AT_ONCE 32 /* handshakes */
#define TICK_MS 50
#define GIVE_UP_NS 5000000000u /* no handshake ended for so long */
#define MTU 1200
#define CIPHER "PSK-AES128-CCM8:@SECLEVEL=0"

typedef struct session {
  SSL *ssl; /* NULL: not begun */
  bool stands;
} session_t;

struct floor_secure {
  const floor_options_t *options;
  int fd;
  uint32_t first; /* address of the first session */
  size_t count;
  size_t begun;
  size_t standing;
  session_t *sessions;
  SSL_CTX *context;
  BIO *in;
  BIO *out;
};

static unsigned tell_psk(SSL *ssl, const char *hint, char *identity, unsigned identity_cap,
                         unsigned char *key, unsigned key_cap) {
  const char *psk = SSL_get_app_data(ssl);
  size_t identity_len = strcspn(psk, ":");
  size_t key_len = strlen(psk + identity_len + 1);
  (void)hint;
  if (identity_len >= identity_cap || key_len > key_cap) {
    return 0;
  }
  memcpy(identity, psk, identity_len);
  identity[identity_len] = '\0';
  memcpy(key, psk + identity_len + 1, key_len);
  return (unsigned)key_len;
}

static session_t *session_of(floor_secure_t *secure, uint32_t address) {
  uint32_t number = address - secure->first;
  return number < secure->begun ? &secure->sessions[number] : NULL;
}

/* ---- handshakes ------------------------------------------------------------------------------ */

/* What a session has to say leaves as one datagram: records may share one (RFC 6347 section 4.1.1).
 */
static void send_flight(floor_secure_t *secure, const session_t *session) {
  uint8_t bytes[4 * MTU];
  _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] = {0};
  int len = BIO_read(secure->out, bytes, sizeof(bytes));
  struct iovec vector = {bytes, len > 0 ? (size_t)len : 0};
  struct msghdr header = {.msg_name = (void *)(uintptr_t)&secure->options->server,
                          .msg_namelen = sizeof(secure->options->server),
                          .msg_iov = &vector,
                          .msg_iovlen = 1};
  floor_set_source(&header, control, secure->first + (uint32_t)(session - secure->sessions));
  if (len > 0) {
    (void)sendmsg(secure->fd, &header, 0);
  }
}

static void go_on(floor_secure_t *secure, session_t *session) {
  int done = SSL_do_handshake(session->ssl);
  ERR_clear_error();
  send_flight(secure, session);
  if (done == 1 && !session->stands) {
    session->stands = true;
    secure->standing++;
  }
}

static void begin(floor_secure_t *secure) {
  session_t *session = &secure->sessions[secure->begun++];
  session->ssl = SSL_new(secure->context);
  if (session->ssl == NULL) {
    floor_fail("SSL_new");
  }
  SSL_set_app_data(session->ssl, (void *)(uintptr_t)secure->options->psk);
  BIO_up_ref(secure->in);
  BIO_up_ref(secure->out);
  SSL_set_bio(session->ssl, secure->in, secure->out);
  SSL_set_options(session->ssl, SSL_OP_NO_QUERY_MTU);
  SSL_set_mtu(session->ssl, MTU);
  SSL_set_connect_state(session->ssl);
  go_on(secure, session);
}

static void receive(floor_secure_t *secure) {
  uint8_t bytes[2048];
  _Alignas(struct cmsghdr) uint8_t control[64];
  for (;;) {
    struct iovec vector = {bytes, sizeof(bytes)};
    struct msghdr header = {.msg_iov = &vector,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t len = recvmsg(secure->fd, &header, MSG_DONTWAIT);
    if (len <= 0) {
      return;
    }
    session_t *session = session_of(secure, floor_destination_of(&header));
    if (session != NULL && !session->stands) {
      BIO_write(secure->in, bytes, (int)len);
      go_on(secure, session);
      (void)BIO_reset(secure->in);
    }
  }
}

/* A flight that was not answered is sent again when its time has come. */
static void look_for_lost(floor_secure_t *secure) {
  for (size_t i = 0; i < secure->begun; i++) {
    session_t *session = &secure->sessions[i];
    if (!session->stands && DTLSv1_handle_timeout(session->ssl) != 0) {
      ERR_clear_error();
      send_flight(secure, session);
    }
  }
}

static bool handshakes(floor_secure_t *secure) {
  uint64_t heard = floor_now_ns();
  uint64_t looked = heard;
  while (secure->standing < secure->count) {
    struct pollfd pollfd = {.fd = secure->fd, .events = POLLIN};
    size_t standing = secure->standing;
    while (secure->begun < secure->count && secure->begun - secure->standing < AT_ONCE) {
      begin(secure);
    }
    if (poll(&pollfd, 1, TICK_MS) > 0) {
      receive(secure);
    }
    uint64_t now = floor_now_ns();
    heard = secure->standing > standing ? now : heard;
    if (now - looked > TICK_MS * 1000000u) {
      looked = now;
      look_for_lost(secure);
    }
    if (now - heard > GIVE_UP_NS) {
      return false;
    }
  }
  return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

floor_secure_t *floor_secure_open(const floor_options_t *options, int fd, uint32_t first,
                                  size_t count) {
  static floor_secure_t secure;
  secure = (floor_secure_t){.options = options, .fd = fd, .first = first, .count = count};
  secure.sessions = calloc(count, sizeof(*secure.sessions));
  secure.context = SSL_CTX_new(DTLS_client_method());
  secure.in = BIO_new(BIO_s_mem());
  secure.out = BIO_new(BIO_s_mem());
  if (secure.sessions == NULL || secure.context == NULL || secure.in == NULL ||
      secure.out == NULL || SSL_CTX_set_max_proto_version(secure.context, DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(secure.context, CIPHER) != 1) {
    floor_fail("OpenSSL");
  }
  SSL_CTX_set_psk_client_callback(secure.context, tell_psk);
  if (!handshakes(&secure)) {
    floor_secure_close(&secure);
    return NULL;
  }
  return &secure;
}

void floor_secure_close(floor_secure_t *secure) {
  for (size_t i = 0; secure != NULL && i < secure->begun; i++) {
    session_t *session = &secure->sessions[i];
    if (session->stands) {
      (void)SSL_shutdown(session->ssl);
      send_flight(secure, session);
    }
    SSL_free(session->ssl);
  }
  if (secure != NULL) {
    SSL_CTX_free(secure->context);
    BIO_free(secure->in);
    BIO_free(secure->out);
    free(secure->sessions);
  }
}

size_t floor_secure_count(const floor_secure_t *secure) {
  return secure->count;
}

/* ---- records --------------------------------------------------------------------------------- */

size_t floor_secure_seal(floor_secure_t *secure, uint32_t address, const uint8_t *plain, size_t len,
                         uint8_t *record, size_t cap) {
  session_t *session = session_of(secure, address);
  if (session == NULL || SSL_write(session->ssl, plain, (int)len) <= 0) {
    ERR_clear_error();
    return 0;
  }
  int sealed = BIO_read(secure->out, record, (int)cap);
  return sealed > 0 ? (size_t)sealed : 0;
}

size_t floor_secure_unseal(floor_secure_t *secure, uint32_t address, const uint8_t *record,
                           size_t len, uint8_t *plain, size_t cap) {
  session_t *session = session_of(secure, address);
  if (session == NULL) {
    return 0;
  }
  BIO_write(secure->in, record, (int)len);
  int opened = SSL_read(session->ssl, plain, (int)cap);
  if (opened <= 0) {
    ERR_clear_error();
    (void)BIO_reset(secure->in);
  }
  return opened > 0 ? (size_t)opened : 0;
}
