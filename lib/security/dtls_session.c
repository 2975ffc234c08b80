/*
 * One DTLS session (RFC 6347, RFC 7925) over OpenSSL, sans I/O. OpenSSL keeps the flights and their
 * timer (1 s, doubled up to 60 s, section 4.2.4.1); the session asks it when it wants to be woken
 * and gives a handshake up at a deadline. Records that cannot be read are dropped without a word
 * (section 4.1.2.7); so a wrong pre-shared key shows itself as silence only, and the reason says
 * what it is likely to be. A server's session begins with DTLSv1_listen: no state for a client that
 * has not returned its cookie; a ClientHello in several fragments is not read.
 *
 * OpenSSL reads the time of day for its timer by itself: `now` decides when it is asked.
 * SPDX-License-Identifier: MIT
 */
#include "security/dtls_session.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>
#include <sys/time.h>

#include "base/mem.h"
#include "base/text.h"
#include "security/certificate_name.h"
#include "security/identity.h"

/* RFC 6347 section 4.1: content type, version, epoch, sequence number, length. */
#define RECORD_HEADER_LEN 13
#define RECORD_EPOCH_AT 3
#define CONTENT_HANDSHAKE 22
#define HANDSHAKE_CLIENT_HELLO 1
/* What was due is asked for again after this when OpenSSL's clock says otherwise. */
#define SOON_MS 250
/* OpenSSL joins what it sends last in a handshake and counts neither nonce nor tag of Finished; it
 * takes no MTU below MTU_LEAST. */
#define HANDSHAKE_SPARE 28
#define MTU_LEAST 228
#define FRAGMENT_LEAST 512
#define US_PER_MS 1000
#define MS_PER_S 1000

/* ---- ends ------------------------------------------------------------------------------------ */

/* SSL_get_error judges by the queue too, so it has to be empty before a call. It mostly is: to look
 * costs less than to clear its sixteen places. */
static void forget_errors(void) {
  if (ERR_peek_error() != 0) {
    ERR_clear_error();
  }
}

static void end(acoap__dtls_session_t *session, int status, const char *reason, const char *more) {
  acoap__text_t text;
  if (session->state == ACOAP__DTLS_ENDED) {
    return;
  }
  session->state = ACOAP__DTLS_ENDED;
  session->status = status;
  session->retransmit_at = ACOAP_TIME_NEVER;
  acoap__text_init(&text, session->reason, sizeof(session->reason));
  acoap__text_put(&text, reason);
  if (more != NULL) {
    acoap__text_put(&text, ": ");
    acoap__text_put(&text, more);
  }
}

static void end_by_openssl(acoap__dtls_session_t *session) {
  char reason[ACOAP__DTLS_REASON_MAX];
  long verified = SSL_get_verify_mode(session->ssl) != SSL_VERIFY_NONE
                      ? SSL_get_verify_result(session->ssl)
                      : X509_V_OK;
  acoap__openssl_reason(reason, sizeof(reason));
  end(session, ACOAP_ESECURITY, reason,
      verified != X509_V_OK ? X509_verify_cert_error_string(verified) : NULL);
}

static const char *why_silent(const acoap__dtls_session_t *session) {
  OSSL_HANDSHAKE_STATE reached = SSL_get_state(session->ssl);
  if (reached == TLS_ST_CW_FINISHED) {
    return "no answer to our Finished: do the keys agree?";
  }
  if (reached == TLS_ST_SR_CHANGE || reached == TLS_ST_CR_CHANGE) {
    return "the peer's Finished could not be read: do the keys agree?";
  }
  return NULL;
}

/* RFC 5246 section 7.2.1: a close_notify is answered with one, and ends the session. */
static void end_by_peer(acoap__dtls_session_t *session) {
  if (session->state == ACOAP__DTLS_HANDSHAKE) {
    end(session, ACOAP_ESECURITY, "the peer gave the handshake up", why_silent(session));
    return;
  }
  (void)SSL_shutdown(session->ssl);
  forget_errors();
  end(session, ACOAP_ECLOSED, "the peer closed the session", NULL);
}

/* What an OpenSSL call that did not succeed means. True: the session has ended. */
static bool failed(acoap__dtls_session_t *session, int returned) {
  int error = SSL_get_error(session->ssl, returned);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    forget_errors();
    return false;
  }
  if (error == SSL_ERROR_ZERO_RETURN) {
    end_by_peer(session);
    return true;
  }
  if (error == SSL_ERROR_SYSCALL && ERR_peek_error() == 0) {
    return false;
  }
  end_by_openssl(session);
  return true;
}

/* ---- timer ----------------------------------------------------------------------------------- */

static void set_timer(acoap__dtls_session_t *session, acoap_time_t now) {
  struct timeval left;
  session->retransmit_at = ACOAP_TIME_NEVER;
  if (session->state == ACOAP__DTLS_HANDSHAKE && DTLSv1_get_timeout(session->ssl, &left) == 1) {
    session->retransmit_at =
        now + (acoap_time_t)left.tv_sec * MS_PER_S + (left.tv_usec + US_PER_MS - 1) / US_PER_MS;
  }
}

acoap_time_t acoap__dtls_session_next_wake(const acoap__dtls_session_t *session) {
  if (session->state != ACOAP__DTLS_HANDSHAKE) {
    return ACOAP_TIME_NEVER;
  }
  return session->retransmit_at < session->deadline ? session->retransmit_at : session->deadline;
}

void acoap__dtls_session_run(acoap__dtls_session_t *session, acoap_time_t now) {
  if (session->state != ACOAP__DTLS_HANDSHAKE) {
    return;
  }
  if (now >= session->deadline) {
    end(session, ACOAP_ETIMEDOUT, "the handshake timed out", why_silent(session));
    return;
  }
  if (now < session->retransmit_at) {
    return;
  }
  forget_errors();
  int done = (int)DTLSv1_handle_timeout(session->ssl);
  if (done < 0 && failed(session, done)) {
    return;
  }
  set_timer(session, now);
  if (session->retransmit_at <= now) {
    session->retransmit_at = now + SOON_MS;
  }
}

/* ---- life ------------------------------------------------------------------------------------ */

static int session_new(acoap_credentials_t *credentials, acoap__dtls_role_t role, size_t mtu,
                       acoap__dtls_transmit_cb transmit, void *owner,
                       acoap__dtls_session_t **session) {
  acoap__dtls_session_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->role = role;
  made->retransmit_at = ACOAP_TIME_NEVER;
  made->deadline = ACOAP_TIME_NEVER;
  made->datagrams.mtu = mtu;
  made->datagrams.transmit = transmit;
  made->datagrams.owner = owner;
  made->ssl = acoap__credentials_ssl(credentials, role, &made->datagrams);
  if (made->ssl == NULL) {
    acoap__free(made);
    return ACOAP_ENOMEM;
  }
  made->credentials = acoap_credentials_ref(credentials);
  /* OpenSSL has room for the largest record of all, 16 KiB, unless it is told not to want it. */
  SSL_set_max_send_fragment(made->ssl, (long)(mtu > FRAGMENT_LEAST ? mtu : FRAGMENT_LEAST));
  SSL_set_mtu(made->ssl,
              (long)(mtu > MTU_LEAST + HANDSHAKE_SPARE ? mtu - HANDSHAKE_SPARE : MTU_LEAST));
  *session = made;
  return 0;
}

/* RFC 7252 section 9.1.3.3: the certificate is for the host of the URI. What a chain proves is
 * OpenSSL's to say; this is called once that is done, from the anchor to the certificate itself. */
static int verify(int good, X509_STORE_CTX *chain) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
  const acoap__dtls_session_t *session = SSL_get_app_data(ssl);
  if (good == 1 && X509_STORE_CTX_get_error_depth(chain) == 0 && session->host != NULL &&
      !acoap__certificate_names(X509_STORE_CTX_get0_cert(chain), session->host, session->port)) {
    X509_STORE_CTX_set_error(chain, acoap__host_is_literal(session->host)
                                        ? X509_V_ERR_IP_ADDRESS_MISMATCH
                                        : X509_V_ERR_HOSTNAME_MISMATCH);
    return 0;
  }
  return good;
}

static int set_host(acoap__dtls_session_t *session, const char *host, uint16_t port) {
  size_t len = strlen(host) + 1;
  session->host = acoap__malloc(len);
  if (session->host == NULL) {
    return ACOAP_ENOMEM;
  }
  memcpy(session->host, host, len);
  session->port = port;
  if (!acoap__host_is_literal(host) && SSL_set_tlsext_host_name(session->ssl, host) != 1) {
    return ACOAP_EINVAL;
  }
  return 0;
}

int acoap__dtls_session_connect(acoap_credentials_t *credentials, const char *host, uint16_t port,
                                const acoap__dtls_resumption_t *resume, size_t mtu,
                                acoap__dtls_transmit_cb transmit, void *owner,
                                acoap__dtls_session_t **session) {
  acoap__dtls_session_t *made = NULL;
  int status = session_new(credentials, ACOAP__DTLS_CLIENT, mtu, transmit, owner, &made);
  if (status != 0) {
    return status;
  }
  SSL_set_app_data(made->ssl, made);
  SSL_set_verify(made->ssl, SSL_get_verify_mode(made->ssl), verify);
  if (host != NULL) {
    status = set_host(made, host, port);
  }
  if (status != 0) {
    forget_errors();
    acoap__dtls_session_free(made);
    return status;
  }
  SSL_set_connect_state(made->ssl);
  if (resume != NULL) {
    /* A session that cannot be resumed is no reason not to begin a new one. */
    SSL_SESSION *own = SSL_SESSION_dup(resume);
    (void)(own != NULL && SSL_set_session(made->ssl, own));
    SSL_SESSION_free(own);
    forget_errors();
  }
  made->state = ACOAP__DTLS_HANDSHAKE;
  *session = made;
  return 0;
}

int acoap__dtls_session_listen(acoap_credentials_t *credentials,
                               const acoap__dtls_secrets_t *secrets, size_t mtu,
                               acoap__dtls_transmit_cb transmit, void *owner,
                               acoap__dtls_session_t **session) {
  int status = session_new(credentials, ACOAP__DTLS_SERVER, mtu, transmit, owner, session);
  if (status == 0) {
    acoap__dtls_session_t *made = *session;
    made->cookie.secrets = secrets;
    SSL_set_app_data(made->ssl, &made->cookie);
    SSL_set_accept_state(made->ssl);
    SSL_set_options(made->ssl, SSL_OP_COOKIE_EXCHANGE);
  }
  return status;
}

void acoap__dtls_session_rebind(acoap__dtls_session_t *session, acoap__dtls_transmit_cb transmit,
                                void *owner) {
  session->datagrams.transmit = transmit;
  session->datagrams.owner = owner;
}

void acoap__dtls_session_free(acoap__dtls_session_t *session) {
  if (session == NULL) {
    return;
  }
  SSL_free(session->ssl);
  acoap_credentials_unref(session->credentials);
  acoap_identity_unref(session->identity);
  acoap__free(session->host);
  acoap__free(session);
}

/* ---- what was proved ---------------------------------------------------------------------------
 */

bool acoap__dtls_session_proves(const acoap__dtls_session_t *session,
                                const acoap_credentials_t *credentials, const char *host,
                                uint16_t port) {
  if (session->role == ACOAP__DTLS_CLIENT) {
    return true;
  }
  if (session->state != ACOAP__DTLS_ESTABLISHED || credentials != session->credentials) {
    return false;
  }
  switch (acoap_identity_kind(session->identity)) {
  case ACOAP_IDENTITY_PSK:
    return acoap__credentials_has_identity(credentials, acoap_identity_psk(session->identity));
  case ACOAP_IDENTITY_CERTIFICATE:
    return host == NULL ||
           acoap__certificate_names(SSL_get0_peer_certificate(session->ssl), host, port);
  case ACOAP_IDENTITY_NONE:
  case ACOAP_IDENTITY_RAW_PUBLIC_KEY:
  case ACOAP_IDENTITY_UNCHECKED:
    break;
  }
  return acoap__credentials_insecure(credentials);
}

void acoap__dtls_session_client_random(const acoap__dtls_session_t *session, uint8_t random[32]) {
  memset(random, 0, 32);
  (void)SSL_get_client_random(session->ssl, random, 32);
}

/* ---- handshake ------------------------------------------------------------------------------- */

static void established(acoap__dtls_session_t *session) {
  bool checked = SSL_get_verify_mode(session->ssl) != SSL_VERIFY_NONE;
  const char *psk = SSL_get_psk_identity(session->ssl);
  session->identity = acoap__identity_of(session->ssl, psk, checked);
  if (session->identity == NULL) {
    (void)SSL_shutdown(session->ssl); /* the peer's handshake has ended well: it has to hear */
    end(session, ACOAP_ENOMEM, acoap_strerror(ACOAP_ENOMEM), NULL);
    return;
  }
  session->resumed = SSL_session_reused(session->ssl) == 1;
  acoap_bytes_t identity = acoap_identity_psk(session->identity);
  if (session->resumed && session->role == ACOAP__DTLS_SERVER && identity.len > 0 &&
      !acoap__credentials_knows(session->credentials, identity)) {
    (void)SSL_shutdown(session->ssl);
    end(session, ACOAP_ESECURITY, "the identity of the resumed session is not known any more",
        NULL);
    return;
  }
  session->state = ACOAP__DTLS_ESTABLISHED;
  session->retransmit_at = ACOAP_TIME_NEVER;
  SSL_set_mtu(session->ssl, (long)session->datagrams.mtu);
  session->plain_max = DTLS_get_data_mtu(session->ssl);
}

static void go_on(acoap__dtls_session_t *session, acoap_time_t now) {
  forget_errors();
  int done = SSL_do_handshake(session->ssl);
  if (done == 1) {
    established(session);
  } else {
    (void)failed(session, done);
  }
  set_timer(session, now);
}

void acoap__dtls_session_start(acoap__dtls_session_t *session, acoap_time_t now,
                               uint32_t handshake_timeout_ms) {
  session->deadline = now + handshake_timeout_ms;
  go_on(session, now);
}

bool acoap__dtls_session_accept(acoap__dtls_session_t *session, acoap_bytes_t client,
                                acoap_bytes_t datagram, bool *cookie_sent) {
  *cookie_sent = false;
  if (client.len > sizeof(session->client) || !acoap__dtls_is_client_hello(datagram)) {
    return false;
  }
  memcpy(session->client, client.data, client.len);
  session->cookie.client.data = session->client;
  session->cookie.client.len = client.len;
  session->datagrams.in = datagram;
  BIO_ADDR *nobody = BIO_ADDR_new();
  if (nobody == NULL) {
    return false;
  }
  uint64_t written = session->datagrams.written;
  forget_errors();
  int status = DTLSv1_listen(session->ssl, nobody);
  forget_errors();
  BIO_ADDR_free(nobody);
  session->datagrams.in.len = 0;
  if (status > 0) {
    session->state = ACOAP__DTLS_HANDSHAKE;
    return true;
  }
  *cookie_sent = session->datagrams.written != written;
  return false;
}

/* ---- datagrams ------------------------------------------------------------------------------- */

bool acoap__dtls_is_client_hello(acoap_bytes_t datagram) {
  return datagram.len > RECORD_HEADER_LEN && datagram.data[0] == CONTENT_HANDSHAKE &&
         datagram.data[RECORD_EPOCH_AT] == 0 && datagram.data[RECORD_EPOCH_AT + 1] == 0 &&
         datagram.data[RECORD_HEADER_LEN] == HANDSHAKE_CLIENT_HELLO;
}

void acoap__dtls_session_receive(acoap__dtls_session_t *session, acoap_time_t now,
                                 acoap_bytes_t datagram) {
  session->datagrams.in = datagram;
  if (session->state == ACOAP__DTLS_HANDSHAKE) {
    go_on(session, now);
  }
}

size_t acoap__dtls_session_read(acoap__dtls_session_t *session, uint8_t *room, size_t cap,
                                bool *more) {
  size_t len = 0;
  *more = false;
  if (session->state != ACOAP__DTLS_ESTABLISHED) {
    session->datagrams.in.len = 0;
    return 0;
  }
  forget_errors();
  int done = SSL_read_ex(session->ssl, room, cap, &len);
  if (done == 1) {
    /* A datagram may hold several records, and may be in hand still when one from before was read;
     * asking in vain would cost as much as reading. */
    *more = session->datagrams.in.len > 0 || SSL_has_pending(session->ssl) == 1;
    return len;
  }
  (void)failed(session, done);
  session->datagrams.in.len = 0;
  return 0;
}

int acoap__dtls_session_send(acoap__dtls_session_t *session, acoap_bytes_t plain) {
  size_t written = 0;
  if (session->state == ACOAP__DTLS_HANDSHAKE) {
    return ACOAP_EAGAIN;
  }
  if (session->state != ACOAP__DTLS_ESTABLISHED) {
    return ACOAP_ECLOSED;
  }
  if (plain.len > session->plain_max) {
    return ACOAP_ETOOBIG;
  }
  forget_errors();
  int done = SSL_write_ex(session->ssl, plain.data, plain.len, &written);
  if (done == 1) {
    return 0;
  }
  return failed(session, done) ? session->status : ACOAP_EAGAIN;
}

void acoap__dtls_session_close(acoap__dtls_session_t *session) {
  if (session->state == ACOAP__DTLS_ESTABLISHED) {
    forget_errors();
    (void)SSL_shutdown(session->ssl);
    forget_errors();
  }
  end(session, ACOAP_ECLOSED, "closed", NULL);
}

acoap__dtls_resumption_t *acoap__dtls_session_resumption(acoap__dtls_session_t *session) {
  SSL_SESSION *ticket = SSL_get1_session(session->ssl);
  if (ticket != NULL && SSL_SESSION_is_resumable(ticket) != 1) {
    SSL_SESSION_free(ticket);
    ticket = NULL;
  }
  return ticket;
}

void acoap__dtls_resumption_free(acoap__dtls_resumption_t *resumption) {
  SSL_SESSION_free(resumption);
}
