/*
 * One DTLS session (RFC 6347), sans I/O: datagrams come in as bytes, go out through a callback,
 * time comes in as an argument. A session that listens keeps nothing of anybody until a client has
 * returned its cookie; then it is that client's.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SECURITY_DTLS_SESSION_H
#define ACOAP_SECURITY_DTLS_SESSION_H

#include <acoap/dtls.h>

#include "security/credentials.h"
#include "security/dtls_cookie.h"

struct ssl_st;
/* The end of a session that may go on later (RFC 5246 section 7.3, RFC 5077). */
typedef struct ssl_session_st acoap__dtls_resumption_t;

typedef enum acoap__dtls_state {
  ACOAP__DTLS_LISTENING = 0, /* a server's, nobody's yet */
  ACOAP__DTLS_HANDSHAKE,
  ACOAP__DTLS_ESTABLISHED,
  ACOAP__DTLS_ENDED /* failed or closed: `status` and `reason` say why */
} acoap__dtls_state_t;

#define ACOAP__DTLS_REASON_MAX 160

typedef struct acoap__dtls_session {
  struct ssl_st *ssl;               /* OpenSSL's part */
  acoap_credentials_t *credentials; /* referenced */
  acoap__datagram_bio_t datagrams;  /* between ssl and the callback */
  acoap__dtls_role_t role;
  acoap__dtls_state_t state;
  const acoap_identity_t *identity;   /* once established; referenced */
  size_t plain_max;                   /* then: the most that one datagram holds */
  char *host;                         /* whom a client's peer has to be, or NULL; ours */
  uint16_t port;                      /* at which it is asked */
  acoap__dtls_cookie_source_t cookie; /* while a server's handshake runs */
  uint8_t client[32];                 /* what the cookie is made of */
  acoap_time_t deadline;              /* of the handshake */
  acoap_time_t retransmit_at;         /* ACOAP_TIME_NEVER: nothing is */
  bool resumed;                       /* an earlier session goes on */
  int status;                         /* once ended */
  char reason[ACOAP__DTLS_REASON_MAX];
} acoap__dtls_session_t;

typedef void (*acoap__dtls_transmit_cb)(void *owner, acoap_bytes_t datagram);

/*
 * A client's session. `host`, copied: the name or literal that a certificate has to be for, asked
 * at `port`; NULL: whoever. `resume`: an earlier session to go on with, or NULL; borrowed. Sends
 * nothing yet. ACOAP_ENOMEM, ACOAP_EINVAL a host that is no name.
 */
int acoap__dtls_session_connect(acoap_credentials_t *credentials, const char *host, uint16_t port,
                                const acoap__dtls_resumption_t *resume, size_t mtu,
                                acoap__dtls_transmit_cb transmit, void *owner,
                                acoap__dtls_session_t **session);
/* A session that listens; `secrets` are borrowed until it is freed. */
int acoap__dtls_session_listen(acoap_credentials_t *credentials,
                               const acoap__dtls_secrets_t *secrets, size_t mtu,
                               acoap__dtls_transmit_cb transmit, void *owner,
                               acoap__dtls_session_t **session);
/* Its datagrams leave through this callback from now on. */
void acoap__dtls_session_rebind(acoap__dtls_session_t *session, acoap__dtls_transmit_cb transmit,
                                void *owner);
/* Frees; says nothing to the peer. NULL is fine. */
void acoap__dtls_session_free(acoap__dtls_session_t *session);

/* A client: the first flight leaves. A server: the handshake goes on after its cookie came back. */
void acoap__dtls_session_start(acoap__dtls_session_t *session, acoap_time_t now,
                               uint32_t handshake_timeout_ms);

/*
 * A listening session takes a datagram from `client` (at most 32 bytes that name its address).
 * True: the cookie was right, the session is this client's from now on and wants
 * acoap__dtls_session_start. False: it still listens; *cookie_sent says whether a
 * HelloVerifyRequest went out.
 */
bool acoap__dtls_session_accept(acoap__dtls_session_t *session, acoap_bytes_t client,
                                acoap_bytes_t datagram, bool *cookie_sent);

/*
 * Take a datagram, then read while *more. Returns the plaintext's length, 0: nothing to read; the
 * state may have changed. Garbage changes nothing (RFC 6347 section 4.1.2.7).
 */
void acoap__dtls_session_receive(acoap__dtls_session_t *session, acoap_time_t now,
                                 acoap_bytes_t datagram);
size_t acoap__dtls_session_read(acoap__dtls_session_t *session, uint8_t *room, size_t cap,
                                bool *more);

/* Encrypt and send one datagram. 0, ACOAP_EAGAIN the handshake is not over, ACOAP_ETOOBIG,
 * ACOAP_ECLOSED. */
int acoap__dtls_session_send(acoap__dtls_session_t *session, acoap_bytes_t plain);
/* Say close_notify; ended afterwards. */
void acoap__dtls_session_close(acoap__dtls_session_t *session);

/* When run is wanted; ACOAP_TIME_NEVER. */
acoap_time_t acoap__dtls_session_next_wake(const acoap__dtls_session_t *session);
/* Repeat a flight that was lost, or give the handshake up. */
void acoap__dtls_session_run(acoap__dtls_session_t *session, acoap_time_t now);

/* To go on with later; the caller's; NULL when it cannot be resumed. */
acoap__dtls_resumption_t *acoap__dtls_session_resumption(acoap__dtls_session_t *session);
void acoap__dtls_resumption_free(acoap__dtls_resumption_t *resumption);

/*
 * May we ask this session's peer what we would ask the server `host` with `credentials`? Our own
 * handshakes have seen to it; a client of ours has to have shown a certificate for that host that
 * we trust, or to be who we are with the pre-shared key.
 */
bool acoap__dtls_session_proves(const acoap__dtls_session_t *session,
                                const acoap_credentials_t *credentials, const char *host,
                                uint16_t port);
/* The random of the ClientHello (RFC 5246 section 7.4.1.2): 32 bytes. */
void acoap__dtls_session_client_random(const acoap__dtls_session_t *session, uint8_t random[32]);

/* Is this datagram the beginning of a handshake: a ClientHello in the clear? */
bool acoap__dtls_is_client_hello(acoap_bytes_t datagram);

#endif
