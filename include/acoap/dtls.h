/*
 * DTLS 1.2 (RFC 6347) for coaps:// (RFC 7252 section 9): credentials, what a peer proved to be, and
 * a datagram socket that goes around any other. Everything above works as without it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_DTLS_H
#define ACOAP_DTLS_H

#include <acoap/endpoint.h>
#include <acoap/remote.h>

ACOAP_BEGIN_DECLS

/* ---- credentials ----------------------------------------------------------------------------- */

/**
 * The key that belongs to a PSK identity, on a server: write it into `key` (at most `cap` bytes)
 * and return its length; 0: unknown, the handshake fails. Called from the loop.
 */
typedef size_t (*acoap_psk_lookup_cb)(void *user_data, acoap_bytes_t identity, uint8_t *key,
                                      size_t cap);

/** What to prove, whom to trust; set `size`, leave out (zero) what is not wanted. */
typedef struct acoap_credentials_options {
  size_t size; /* sizeof(acoap_credentials_options_t) */
  /* Pre-shared key (RFC 4279): a client's own; for a server one that it accepts. */
  acoap_bytes_t psk_identity;     /* 1 to 128 bytes without a zero byte */
  acoap_bytes_t psk_key;          /* 1 to 64 bytes */
  acoap_psk_lookup_cb psk_lookup; /* server: further identities */
  void *psk_lookup_data;          /* handed to it */
  const char *psk_hint;           /* server: identity hint; NULL: none is sent */
  /* X.509: PEM files, read by acoap_credentials_new. */
  const char *certificate_file; /* our certificate, then its chain */
  const char *key_file;         /* its private key */
  const char *trust_file;       /* trust anchors */
  bool trust_system;            /* the system's trust anchors, too */
  bool require_certificate;     /* server: clients have to show one that is trusted */
  /*
   * Client: take any certificate, whoever it names. The session is encrypted, but with whom is not
   * known.
   */
  bool insecure;
  bool raw_public_key; /* RFC 7250: needs OpenSSL 3.2; not built yet, ACOAP_ENOTSUP */
  /*
   * OpenSSL's cipher list instead of ours: ECDHE-ECDSA with AES_128_CCM_8 (mandatory in RFC 7252
   * section 9.1.3.3) and GCM; with a PSK, PSK with AES_128_CCM_8 (section 9.1.3.1) and GCM,
   * ECDHE-PSK.
   */
  const char *ciphers;
} acoap_credentials_options_t;

/**
 * Make credentials. Reads the files: the one call here that may block, so make them before the loop
 * runs.
 *
 * Errors:     ACOAP_EINVAL nothing to prove nor to check, a key without identity, a certificate
 *             without key; ACOAP_ENOMEM; ACOAP_ENOTFOUND a file that cannot be read;
 * ACOAP_ESECURITY what OpenSSL refuses: acoap_credentials_reason says it in a sentence.
 * Ownership:  the caller's reference; sockets and remotes take their own.
 * Since:      0.1
 */
ACOAP_API int acoap_credentials_new(const acoap_credentials_options_t *options,
                                    acoap_credentials_t **credentials);
/** As above, with a sentence of at most cap bytes about a failure. */
ACOAP_API int acoap_credentials_new_explained(const acoap_credentials_options_t *options,
                                              acoap_credentials_t **credentials, char *reason,
                                              size_t cap);
/** Only a client's PSK. */
ACOAP_API int acoap_credentials_new_psk(const char *identity, const void *key, size_t key_len,
                                        acoap_credentials_t **credentials);
/** One reference more; NULL is fine. */
ACOAP_API acoap_credentials_t *acoap_credentials_ref(acoap_credentials_t *credentials);
/** One reference less; the last one wipes the keys. Returns NULL; NULL is fine. */
ACOAP_API acoap_credentials_t *acoap_credentials_unref(acoap_credentials_t *credentials);

/**
 * Prove this to a remote endpoint from now on (NULL: what its socket proves). Where a session
 * stands with its address on other credentials the next request leaves from another port
 * (acoap_local_endpoint_options_t.source_ports); without a free one that session gives way.
 * ACOAP_EINVAL, ACOAP_ENOMEM.
 */
ACOAP_API int acoap_remote_endpoint_set_credentials(acoap_remote_endpoint_t *remote,
                                                    acoap_credentials_t *credentials);

/* ---- identities ------------------------------------------------------------------------------ */

/** How a peer proved itself. */
typedef enum acoap_identity_kind {
  ACOAP_IDENTITY_NONE = 0,       /* it did not: a client without a certificate */
  ACOAP_IDENTITY_PSK,            /* it knows the key of an identity */
  ACOAP_IDENTITY_CERTIFICATE,    /* X.509 */
  ACOAP_IDENTITY_RAW_PUBLIC_KEY, /* RFC 7250 */
  ACOAP_IDENTITY_UNCHECKED       /* a certificate that `insecure` let pass */
} acoap_identity_kind_t;

/** Who asks: of a request that came over a secure session, borrowed as long as it; NULL: plain. */
ACOAP_API const acoap_identity_t *acoap_request_identity(const acoap_request_t *request);
/** Who answered, or sent this message; NULL: plain. */
ACOAP_API const acoap_identity_t *acoap_message_identity(const acoap_message_t *message);
/** Keep it. NULL gives NULL. */
ACOAP_API const acoap_identity_t *acoap_identity_ref(const acoap_identity_t *identity);
/** Give a reference back. Returns NULL; NULL is fine. */
ACOAP_API const acoap_identity_t *acoap_identity_unref(const acoap_identity_t *identity);
/** How it proved itself; NONE for NULL. */
ACOAP_API acoap_identity_kind_t acoap_identity_kind(const acoap_identity_t *identity);
/** The PSK identity; len 0 when it has none. */
ACOAP_API acoap_bytes_t acoap_identity_psk(const acoap_identity_t *identity);
/** The certificate's subject as text (RFC 2253, "CN=lamp 7"); "" when there is none. */
ACOAP_API const char *acoap_identity_subject(const acoap_identity_t *identity);
/** The n-th name among its subject alternative names: DNS names, IP addresses, URIs; NULL: the end.
 */
ACOAP_API const char *acoap_identity_name(const acoap_identity_t *identity, size_t n);
/** SHA-256 of the certificate or the public key: 32 bytes, or len 0. */
ACOAP_API acoap_bytes_t acoap_identity_fingerprint(const acoap_identity_t *identity);

/* ---- the socket ------------------------------------------------------------------------------ */

/** How a DTLS socket is made; set `size`, leave the rest zero for the defaults. */
typedef struct acoap_dtls_options {
  size_t size; /* sizeof(acoap_dtls_options_t) */
  acoap_credentials_t
      *credentials;         /* what we prove where a remote says nothing else, and as a server;
                               a reference is taken. NULL: as a client only what remotes say */
  bool client_only;         /* answer no handshakes */
  uint32_t sessions_max;    /* sessions, each about 50 KiB, OpenSSL's most of it; the least recently
                               used goes    [256] */
  uint32_t idle_timeout_ms; /* a session without traffic for so long is closed [1 h] */
  uint32_t handshake_timeout_ms; /* then a handshake has failed [45 s: before a request gives up] */
  uint32_t queue_max;            /* datagrams queued per session until its handshake ends [16] */
  size_t mtu;                    /* of the datagrams outside [1232] */
} acoap_dtls_options_t;

/** What a DTLS socket has seen. */
typedef struct acoap_dtls_stats {
  size_t size;                /* sizeof(acoap_dtls_stats_t) */
  uint32_t sessions;          /* now */
  uint64_t handshakes;        /* that ended well */
  uint64_t resumptions;       /* of them: of an earlier session */
  uint64_t handshakes_failed; /* that did not */
  uint64_t cookies_sent;      /* HelloVerifyRequests: no state was kept for them */
  uint64_t sessions_evicted;  /* closed in favour of others */
  uint64_t sessions_idle;     /* closed after idle_timeout_ms */
  uint64_t records_dropped;   /* datagrams that no session could make sense of */
  uint64_t queue_dropped;     /* datagrams that found the queue of a handshake full */
} acoap_dtls_stats_t;

/**
 * A datagram socket around a datagram socket: what is sent through it leaves through `inner`,
 * encrypted. Handshakes begin with the first datagram to a peer, and never block.
 *
 * @param host   for the clock, such as acoap_uv_host_new's; borrowed, has to live as long
 * @param inner  taken over on success
 *
 * Errors:     ACOAP_EINVAL, ACOAP_ENOMEM, ACOAP_ESECURITY.
 * Ownership:  the caller's until an endpoint takes it or acoap_socket_close.
 * Reference:  RFC 6347, RFC 7925, RFC 7252 section 9.
 * Since:      0.1
 */
ACOAP_API int acoap_dtls_socket_new(acoap_host_t *host, acoap_socket_t *inner,
                                    const acoap_dtls_options_t *options, acoap_socket_t **socket);
/** Copy the counters, as many as stats->size covers. ACOAP_EINVAL: no DTLS socket. */
ACOAP_API int acoap_dtls_socket_stats(const acoap_socket_t *socket, acoap_dtls_stats_t *stats);
/** End the session with a peer (close_notify); ACOAP_ENOTFOUND. */
ACOAP_API int acoap_dtls_socket_disconnect(acoap_socket_t *socket, const acoap_address_t *peer);

ACOAP_END_DECLS

#endif
