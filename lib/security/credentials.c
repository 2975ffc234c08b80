/*
 * Credentials (RFC 7252 section 9.1, RFC 7925): what is proved and who is trusted, turned into one
 * OpenSSL context for each role.
 *
 * Security level: TLS_PSK_WITH_AES_128_CCM_8 is mandatory (section 9.1.3.1) and has a tag of 64
 * bits, which newer versions of OpenSSL count as too weak for every level above 0. The level is not
 * lowered: a callback on these contexts alone lets the named cipher suites pass and leaves keys,
 * curves, signatures and certificates to the level that OpenSSL has.
 *
 * Does no handshake, checks no host name (dtls_session.c).
 * SPDX-License-Identifier: MIT
 */
#include "security/credentials.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "security/datagram_bio.h"
#include "security/dtls_cookie.h"

#define MANDATORY_CERTIFICATE_CIPHERS                                                              \
  "ECDHE-ECDSA-AES128-CCM8:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"           \
  "ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:"              \
  "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"
#define PSK_CIPHERS                                                                                \
  "ECDHE-PSK-CHACHA20-POLY1305:PSK-AES128-CCM8:PSK-AES128-GCM-SHA256:PSK-AES256-GCM-SHA384:"       \
  "PSK-AES128-CCM:PSK-CHACHA20-POLY1305:ECDHE-PSK-AES128-CBC-SHA256"

/* What was proved long ago is proved anew: a certificate may have expired, a key been changed. */
#define TICKET_LIFETIME_S 3600

typedef int (*security_cb)(const SSL *ssl, const SSL_CTX *context, int operation, int bits, int nid,
                           void *other, void *extra);

struct acoap_credentials {
  uint32_t refs; /* holders */
  char psk_identity[ACOAP__PSK_IDENTITY_MAX + 1];
  uint8_t psk_key[ACOAP__PSK_KEY_MAX];
  size_t psk_key_len; /* 0: none */
  acoap_psk_lookup_cb psk_lookup;
  void *psk_lookup_data;
  bool certificate;     /* has one of its own */
  bool insecure;        /* a client takes any certificate */
  SSL_CTX *context[2];  /* by role */
  BIO_METHOD *bio;      /* of every session's BIO */
  security_cb security; /* OpenSSL's own judgement */
};

const char *acoap__openssl_reason(char *text, size_t cap) {
  unsigned long code = ERR_get_error();
  const char *reason = code != 0 ? ERR_reason_error_string(code) : NULL;
  size_t len = 0;
  ERR_clear_error();
  reason = reason != NULL ? reason : "unknown failure";
  len = strlen(reason);
  len = len < cap ? len : cap - 1;
  memcpy(text, reason, len);
  text[len] = '\0';
  return text;
}

/* ---- PSK ------------------------------------------------------------------------------------- */

static acoap_credentials_t *of_ssl(const SSL *ssl) {
  return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

static unsigned client_psk(SSL *ssl, const char *hint, char *identity, unsigned identity_cap,
                           unsigned char *key, unsigned key_cap) {
  const acoap_credentials_t *credentials = of_ssl(ssl);
  size_t len = strlen(credentials->psk_identity);
  (void)hint;
  if (len >= identity_cap || credentials->psk_key_len > key_cap) {
    return 0;
  }
  memcpy(identity, credentials->psk_identity, len + 1);
  memcpy(key, credentials->psk_key, credentials->psk_key_len);
  return (unsigned)credentials->psk_key_len;
}

static unsigned find_key(const acoap_credentials_t *credentials, const char *identity,
                         unsigned char *key, unsigned key_cap) {
  if (credentials->psk_key_len > 0 && credentials->psk_key_len <= key_cap &&
      strcmp(identity, credentials->psk_identity) == 0) {
    memcpy(key, credentials->psk_key, credentials->psk_key_len);
    return (unsigned)credentials->psk_key_len;
  }
  if (credentials->psk_lookup == NULL) {
    return 0;
  }
  acoap_bytes_t name = {(const uint8_t *)identity, strlen(identity)};
  size_t len = credentials->psk_lookup(credentials->psk_lookup_data, name, key, key_cap);
  return len <= key_cap ? (unsigned)len : 0;
}

static unsigned server_psk(SSL *ssl, const char *identity, unsigned char *key, unsigned key_cap) {
  size_t len = identity != NULL ? strlen(identity) : 0;
  if (len == 0 || len > ACOAP__PSK_IDENTITY_MAX) {
    return 0;
  }
  return find_key(of_ssl(ssl), identity, key, key_cap);
}

bool acoap__credentials_has_identity(const acoap_credentials_t *credentials,
                                     acoap_bytes_t identity) {
  size_t len = strlen(credentials->psk_identity);
  return credentials->psk_key_len > 0 && len == identity.len &&
         memcmp(credentials->psk_identity, identity.data, len) == 0;
}

bool acoap__credentials_knows(const acoap_credentials_t *credentials, acoap_bytes_t identity) {
  unsigned char key[ACOAP__PSK_KEY_MAX];
  char name[ACOAP__PSK_IDENTITY_MAX + 1];
  if (identity.len >= sizeof(name)) {
    return false;
  }
  memcpy(name, identity.data, identity.len);
  name[identity.len] = '\0';
  unsigned len = find_key(credentials, name, key, sizeof(key));
  OPENSSL_cleanse(key, sizeof(key));
  return len > 0;
}

/* ---- contexts -------------------------------------------------------------------------------- */

/* The cipher list names what may be used; for everything else OpenSSL's level counts. */
static int judge(const SSL *ssl, const SSL_CTX *context, int operation, int bits, int nid,
                 void *other, void *extra) {
  const SSL_CTX *of = context != NULL ? context : SSL_get_SSL_CTX(ssl);
  const acoap_credentials_t *credentials = SSL_CTX_get_app_data(of);
  if (operation == SSL_SECOP_CIPHER_SUPPORTED || operation == SSL_SECOP_CIPHER_SHARED ||
      operation == SSL_SECOP_CIPHER_CHECK) {
    return 1;
  }
  return credentials->security(ssl, context, operation, bits, nid, other, extra);
}

static int set_ciphers(SSL_CTX *context, const acoap_credentials_options_t *options, bool psk) {
  const char *list = options->ciphers;
  if (list == NULL) {
    list = psk ? MANDATORY_CERTIFICATE_CIPHERS ":" PSK_CIPHERS : MANDATORY_CERTIFICATE_CIPHERS;
    if (psk && options->certificate_file == NULL && options->trust_file == NULL &&
        !options->trust_system && !options->insecure) {
      list = PSK_CIPHERS;
    }
  }
  return SSL_CTX_set_cipher_list(context, list) == 1 ? 0 : ACOAP_ESECURITY;
}

static int load_certificate(SSL_CTX *context, const acoap_credentials_options_t *options) {
  if (options->certificate_file == NULL) {
    return 0;
  }
  if (SSL_CTX_use_certificate_chain_file(context, options->certificate_file) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, options->key_file, SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return ACOAP_ESECURITY;
  }
  return 0;
}

/*
 * OpenSSL reads a certificate's extensions when they are first wanted, and remembers for good when
 * it had no memory for that: have them read now.
 */
static int settle_anchors(SSL_CTX *context) {
  const STACK_OF(X509_OBJECT) *anchors = X509_STORE_get0_objects(SSL_CTX_get_cert_store(context));
  for (int i = 0; i < sk_X509_OBJECT_num(anchors); i++) {
    X509 *anchor = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(anchors, i));
    if (anchor != NULL && X509_check_purpose(anchor, -1, 0) != 1) {
      return ACOAP_ESECURITY;
    }
  }
  return 0;
}

static int load_trust(SSL_CTX *context, const acoap_credentials_options_t *options) {
  if (options->trust_file != NULL) {
    if (SSL_CTX_load_verify_file(context, options->trust_file) != 1) {
      return ACOAP_ESECURITY;
    }
    /* Whom a server names to clients that have several certificates. */
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options->trust_file));
  }
  if (options->trust_system && SSL_CTX_set_default_verify_paths(context) != 1) {
    return ACOAP_ESECURITY;
  }
  return settle_anchors(context);
}

static void set_verify(SSL_CTX *context, const acoap_credentials_options_t *options,
                       acoap__dtls_role_t role) {
  int mode = SSL_VERIFY_PEER;
  if (role == ACOAP__DTLS_CLIENT && options->insecure) {
    mode = SSL_VERIFY_NONE;
  } else if (role == ACOAP__DTLS_SERVER && options->require_certificate) {
    mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  } else if (role == ACOAP__DTLS_SERVER && options->trust_file == NULL && !options->trust_system) {
    mode = SSL_VERIFY_NONE;
  }
  SSL_CTX_set_verify(context, mode, NULL);
}

static int set_psk(SSL_CTX *context, const acoap_credentials_options_t *options,
                   acoap__dtls_role_t role) {
  if (role == ACOAP__DTLS_CLIENT) {
    if (options->psk_key.len > 0) {
      SSL_CTX_set_psk_client_callback(context, client_psk);
    }
    return 0;
  }
  if (options->psk_key.len > 0 || options->psk_lookup != NULL) {
    SSL_CTX_set_psk_server_callback(context, server_psk);
    if (options->psk_hint != NULL &&
        SSL_CTX_use_psk_identity_hint(context, options->psk_hint) != 1) {
      return ACOAP_ESECURITY;
    }
  }
  return 0;
}

static int context_new(acoap_credentials_t *credentials, const acoap_credentials_options_t *options,
                       acoap__dtls_role_t role, SSL_CTX **made) {
  static const unsigned char session_id_context[] = "acoap";
  bool psk =
      options->psk_key.len > 0 || (role == ACOAP__DTLS_SERVER && options->psk_lookup != NULL);
  SSL_CTX *context = SSL_CTX_new(DTLS_method());
  if (context == NULL) {
    return ACOAP_ENOMEM;
  }
  *made = context;
  SSL_CTX_set_app_data(context, credentials);
  credentials->security = SSL_CTX_get_security_callback(context);
  SSL_CTX_set_security_callback(context, judge);
  /* RFC 7925 section 4: DTLS 1.2; no renegotiation (section 17), no compression (section 18). */
  if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) != 1 ||
      SSL_CTX_set_session_id_context(context, session_id_context, sizeof(session_id_context)) !=
          1) {
    return ACOAP_ESECURITY;
  }
  SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_cookie_generate_cb(context, acoap__dtls_cookie_generate);
  SSL_CTX_set_cookie_verify_cb(context, acoap__dtls_cookie_verify);
  /* Clients keep their sessions themselves; servers give tickets, which cost them nothing. */
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  (void)SSL_CTX_set_timeout(context, TICKET_LIFETIME_S);
  set_verify(context, options, role);
  int status = set_ciphers(context, options, psk);
  if (status == 0) {
    status = load_certificate(context, options);
  }
  if (status == 0) {
    status = load_trust(context, options);
  }
  return status == 0 ? set_psk(context, options, role) : status;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int check(const acoap_credentials_options_t *options) {
  size_t id = options->psk_identity.len;
  bool client_psk_given = id > 0 || options->psk_key.len > 0;
  if (client_psk_given &&
      (id == 0 || id > ACOAP__PSK_IDENTITY_MAX || options->psk_key.len == 0 ||
       options->psk_key.len > ACOAP__PSK_KEY_MAX || options->psk_identity.data == NULL ||
       options->psk_key.data == NULL || memchr(options->psk_identity.data, 0, id) != NULL)) {
    return ACOAP_EINVAL;
  }
  if ((options->certificate_file == NULL) != (options->key_file == NULL) ||
      (options->require_certificate && options->trust_file == NULL && !options->trust_system)) {
    return ACOAP_EINVAL;
  }
  if (options->raw_public_key) {
    return ACOAP_ENOTSUP;
  }
  if (!client_psk_given && options->psk_lookup == NULL && options->certificate_file == NULL &&
      options->trust_file == NULL && !options->trust_system && !options->insecure) {
    return ACOAP_EINVAL;
  }
  return 0;
}

static bool readable(const char *file) {
  BIO *bio = file != NULL ? BIO_new_file(file, "r") : NULL;
  BIO_free(bio);
  ERR_clear_error();
  return file == NULL || bio != NULL;
}

static void explain(char *reason, size_t cap, const char *what, const char *more) {
  acoap__text_t text;
  acoap__text_init(&text, reason, cap);
  acoap__text_put(&text, what);
  acoap__text_put(&text, more);
}

static int find_files(const acoap_credentials_options_t *options, char *reason, size_t cap) {
  const char *files[] = {options->certificate_file, options->key_file, options->trust_file};
  for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
    if (!readable(files[i])) {
      explain(reason, cap, "cannot read ", files[i]);
      return ACOAP_ENOTFOUND;
    }
  }
  return 0;
}

int acoap_credentials_new_explained(const acoap_credentials_options_t *options,
                                    acoap_credentials_t **credentials, char *reason, size_t cap) {
  acoap_credentials_options_t own;
  char text[256];
  if (options == NULL || options->size < sizeof(options->size) || credentials == NULL ||
      (reason == NULL && cap > 0)) {
    return ACOAP_EINVAL;
  }
  memset(&own, 0, sizeof(own));
  memcpy(&own, options, options->size < sizeof(own) ? options->size : sizeof(own));
  int status = check(&own);
  explain(reason, cap, status != 0 ? acoap_strerror(status) : "", "");
  if (status == 0) {
    status = find_files(&own, reason, cap);
  }
  if (status != 0) {
    return status;
  }
  acoap_credentials_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  made->refs = 1;
  if (own.psk_key.len > 0) {
    memcpy(made->psk_identity, own.psk_identity.data, own.psk_identity.len);
    memcpy(made->psk_key, own.psk_key.data, own.psk_key.len);
  }
  made->psk_key_len = own.psk_key.len;
  made->psk_lookup = own.psk_lookup;
  made->psk_lookup_data = own.psk_lookup_data;
  made->certificate = own.certificate_file != NULL;
  made->insecure = own.insecure;
  ERR_clear_error();
  made->bio = acoap__datagram_bio_method();
  status = made->bio != NULL ? 0 : ACOAP_ENOMEM;
  for (int role = ACOAP__DTLS_CLIENT; status == 0 && role <= ACOAP__DTLS_SERVER; role++) {
    status = context_new(made, &own, (acoap__dtls_role_t)role, &made->context[role]);
  }
  if (status != 0) {
    explain(reason, cap, acoap__openssl_reason(text, sizeof(text)), "");
    acoap_credentials_unref(made);
    return status;
  }
  *credentials = made;
  return 0;
}

int acoap_credentials_new(const acoap_credentials_options_t *options,
                          acoap_credentials_t **credentials) {
  return acoap_credentials_new_explained(options, credentials, NULL, 0);
}

int acoap_credentials_new_psk(const char *identity, const void *key, size_t key_len,
                              acoap_credentials_t **credentials) {
  acoap_credentials_options_t options = {.size = sizeof(options)};
  if (identity == NULL) {
    return ACOAP_EINVAL;
  }
  options.psk_identity.data = (const uint8_t *)identity;
  options.psk_identity.len = strlen(identity);
  options.psk_key.data = key;
  options.psk_key.len = key_len;
  return acoap_credentials_new(&options, credentials);
}

acoap_credentials_t *acoap_credentials_ref(acoap_credentials_t *credentials) {
  if (credentials != NULL) {
    credentials->refs++;
  }
  return credentials;
}

acoap_credentials_t *acoap_credentials_unref(acoap_credentials_t *credentials) {
  if (credentials != NULL && --credentials->refs == 0) {
    for (int role = ACOAP__DTLS_CLIENT; role <= ACOAP__DTLS_SERVER; role++) {
      SSL_CTX_free(credentials->context[role]);
    }
    BIO_meth_free(credentials->bio);
    OPENSSL_cleanse(credentials->psk_key, sizeof(credentials->psk_key));
    acoap__free(credentials);
  }
  return NULL;
}

SSL *acoap__credentials_ssl(acoap_credentials_t *credentials, acoap__dtls_role_t role,
                            acoap__datagram_bio_t *datagrams) {
  SSL *ssl = SSL_new(credentials->context[role]);
  BIO *bio = ssl != NULL ? acoap__datagram_bio_new(credentials->bio, datagrams) : NULL;
  if (bio == NULL) {
    SSL_free(ssl);
    return NULL;
  }
  SSL_set_bio(ssl, bio, bio);
  return ssl;
}

bool acoap__credentials_can_serve(const acoap_credentials_t *credentials) {
  return credentials != NULL && (credentials->certificate || credentials->psk_key_len > 0 ||
                                 credentials->psk_lookup != NULL);
}

bool acoap__credentials_insecure(const acoap_credentials_t *credentials) {
  return credentials->insecure;
}
