/*
 * Who a secure peer proved to be: a PSK identity (RFC 4279 section 5.1), or a certificate's subject
 * and subject alternative names (RFC 5280 section 4.2.1.6). Names are copied once; what does not
 * fit the bounds below is left out. Decides nothing: whether the proof is enough is the handshake's
 * and the application's business.
 * SPDX-License-Identifier: MIT
 */
#include "security/identity.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/ip_text.h"
#include "base/mem.h"

#define PSK_MAX 128
#define SUBJECT_MAX 512
#define NAMES_MAX 16
#define NAME_MAX_BYTES 256
#define FINGERPRINT_BYTES 32

struct acoap_identity {
  uint32_t refs; /* holders */
  acoap_identity_kind_t kind;
  char psk[PSK_MAX + 1];     /* "" when there is none */
  char subject[SUBJECT_MAX]; /* "" when there is none */
  size_t name_count;         /* alternative names */
  char *names[NAMES_MAX];    /* each from acoap__malloc */
  bool has_fingerprint;
  uint8_t fingerprint[FINGERPRINT_BYTES];
};

/* Shared through const pointers: only the count changes, and that belongs to the loop's thread. */
static acoap_identity_t *counted(const acoap_identity_t *identity) {
  union {
    const acoap_identity_t *in;
    acoap_identity_t *out;
  } cast = {identity};
  return cast.out;
}

/* ---- certificates ---------------------------------------------------------------------------- */

static void add_name(acoap_identity_t *identity, const char *text, size_t len) {
  if (identity->name_count >= NAMES_MAX || len == 0 || len > NAME_MAX_BYTES ||
      memchr(text, '\0', len) != NULL) {
    return;
  }
  char *copy = acoap__malloc(len + 1);
  if (copy != NULL) {
    memcpy(copy, text, len);
    copy[len] = '\0';
    identity->names[identity->name_count++] = copy;
  }
}

static void add_ip(acoap_identity_t *identity, const ASN1_OCTET_STRING *ip) {
  char chars[ACOAP_ADDRESS_TEXT_MAX];
  acoap__text_t text;
  int len = ASN1_STRING_length(ip);
  acoap__text_init(&text, chars, sizeof(chars));
  if (len == 4) {
    acoap__ipv4_put(&text, ASN1_STRING_get0_data(ip));
  } else if (len == 16) {
    acoap__ipv6_put(&text, ASN1_STRING_get0_data(ip));
  }
  add_name(identity, chars, text.total);
}

static void add_alternative_names(acoap_identity_t *identity, X509 *certificate) {
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    const ASN1_STRING *text = NULL;
    if (name->type == GEN_DNS) {
      text = name->d.dNSName;
    } else if (name->type == GEN_URI) {
      text = name->d.uniformResourceIdentifier;
    } else if (name->type == GEN_IPADD) {
      add_ip(identity, name->d.iPAddress);
    }
    if (text != NULL) {
      add_name(identity, (const char *)ASN1_STRING_get0_data(text),
               (size_t)ASN1_STRING_length(text));
    }
  }
  GENERAL_NAMES_free(names);
}

static void add_subject(acoap_identity_t *identity, X509 *certificate) {
  BIO *text = BIO_new(BIO_s_mem());
  if (text == NULL) {
    return;
  }
  unsigned long manner = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB;
  if (X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, manner) >= 0) {
    int len = BIO_read(text, identity->subject, SUBJECT_MAX - 1);
    identity->subject[len > 0 ? len : 0] = '\0';
  }
  BIO_free(text);
}

static void add_certificate(acoap_identity_t *identity, X509 *certificate) {
  unsigned len = 0;
  identity->has_fingerprint =
      X509_digest(certificate, EVP_sha256(), identity->fingerprint, &len) == 1;
  add_subject(identity, certificate);
  add_alternative_names(identity, certificate);
}

/* ---- making ---------------------------------------------------------------------------------- */

const acoap_identity_t *acoap__identity_of(const SSL *ssl, const char *psk, bool checked) {
  acoap_identity_t *identity = acoap__calloc(1, sizeof(*identity));
  if (identity == NULL) {
    return NULL;
  }
  identity->refs = 1;
  X509 *certificate = SSL_get1_peer_certificate(ssl);
  if (certificate != NULL) {
    identity->kind = checked ? ACOAP_IDENTITY_CERTIFICATE : ACOAP_IDENTITY_UNCHECKED;
    add_certificate(identity, certificate);
    X509_free(certificate);
  } else if (psk != NULL && psk[0] != '\0') {
    identity->kind = ACOAP_IDENTITY_PSK;
    strncpy(identity->psk, psk, PSK_MAX);
  }
  return identity;
}

const acoap_identity_t *acoap_identity_ref(const acoap_identity_t *identity) {
  if (identity != NULL) {
    counted(identity)->refs++;
  }
  return identity;
}

const acoap_identity_t *acoap_identity_unref(const acoap_identity_t *identity) {
  acoap_identity_t *owned = counted(identity);
  if (owned != NULL && --owned->refs == 0) {
    for (size_t i = 0; i < owned->name_count; i++) {
      acoap__free(owned->names[i]);
    }
    acoap__free(owned);
  }
  return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

acoap_identity_kind_t acoap_identity_kind(const acoap_identity_t *identity) {
  return identity != NULL ? identity->kind : ACOAP_IDENTITY_NONE;
}

acoap_bytes_t acoap_identity_psk(const acoap_identity_t *identity) {
  acoap_bytes_t psk = {NULL, 0};
  if (identity != NULL && identity->psk[0] != '\0') {
    psk.data = (const uint8_t *)identity->psk;
    psk.len = strlen(identity->psk);
  }
  return psk;
}

const char *acoap_identity_subject(const acoap_identity_t *identity) {
  return identity != NULL ? identity->subject : "";
}

const char *acoap_identity_name(const acoap_identity_t *identity, size_t n) {
  return identity != NULL && n < identity->name_count ? identity->names[n] : NULL;
}

acoap_bytes_t acoap_identity_fingerprint(const acoap_identity_t *identity) {
  acoap_bytes_t fingerprint = {NULL, 0};
  if (identity != NULL && identity->has_fingerprint) {
    fingerprint.data = identity->fingerprint;
    fingerprint.len = FINGERPRINT_BYTES;
  }
  return fingerprint;
}
