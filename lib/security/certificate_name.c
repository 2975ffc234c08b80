/*
 * Whom a certificate names (RFC 7252 section 9.1.3.3, RFC 7925 section 4.4.1, RFC 6125):
 *   a subject alternative name that is the host, as a DNS name or as an IP address, or
 *   a coap or coaps URI there whose authority is that of the request, or
 *   where there are no subject alternative names at all, the one common name, letter by letter
 * A wildcard stands for the whole leftmost label of a DNS name and for nothing in a common name.
 * Says nothing of whom to trust.
 * SPDX-License-Identifier: MIT
 */
#include "security/certificate_name.h"

#include <acoap/uri.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/ip_text.h"
#include "base/text.h"

/* A host as the certificate is asked for it. */
typedef struct wanted_host {
  const char *text; /* as given */
  size_t len;       /* of it */
  size_t ip_len;    /* 4 or 16: an address; 0: a name */
  uint8_t ip[16];
  uint16_t port;
} wanted_host_t;

static void look_at(wanted_host_t *host, const char *text, uint16_t port) {
  host->text = text;
  host->len = strlen(text);
  host->port = port;
  host->ip_len = 0;
  if (acoap__ipv4_parse(text, host->len, host->ip)) {
    host->ip_len = 4;
  } else if (acoap__ipv6_parse(text, host->len, host->ip)) {
    host->ip_len = 16;
  }
}

bool acoap__host_is_literal(const char *host) {
  wanted_host_t wanted;
  look_at(&wanted, host, 0);
  return wanted.ip_len > 0;
}

/* Is this text the host? */
static bool is_host(const wanted_host_t *host, const char *text, size_t len) {
  uint8_t ip[16];
  if (host->ip_len == 4) {
    return acoap__ipv4_parse(text, len, ip) && memcmp(ip, host->ip, 4) == 0;
  }
  if (host->ip_len == 16) {
    return acoap__ipv6_parse(text, len, ip) && memcmp(ip, host->ip, 16) == 0;
  }
  return acoap__ascii_equal(text, len, host->text, host->len);
}

/* Section 9.1.3.3: the authorities are compared, so the port counts; one that is left out is that
 * of coaps. */
static bool uri_names(const wanted_host_t *host, const ASN1_STRING *text) {
  acoap_uri_t uri;
  char name[ACOAP_URI_HOST_MAX];
  int len = ASN1_STRING_length(text);
  if (len <= 0 ||
      acoap_uri_parse((const char *)ASN1_STRING_get0_data(text), (size_t)len, &uri, NULL) != 0) {
    return false;
  }
  uint16_t port = uri.port_given ? uri.port : acoap_scheme_port(ACOAP_SCHEME_COAPS);
  len = acoap_uri_host(&uri, name, sizeof(name));
  return (uri.scheme == ACOAP_SCHEME_COAP || uri.scheme == ACOAP_SCHEME_COAPS) &&
         port == host->port && len > 0 && is_host(host, name, (size_t)len);
}

static bool any_uri_names(const wanted_host_t *host, const GENERAL_NAMES *names) {
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_URI && uri_names(host, name->d.uniformResourceIdentifier)) {
      return true;
    }
  }
  return false;
}

/* Several common names say nothing for sure. */
static bool common_name_names(const wanted_host_t *host, X509 *certificate) {
  const X509_NAME *subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) {
    return false;
  }
  unsigned char *text = NULL;
  int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  bool named = len > 0 && is_host(host, (const char *)text, (size_t)len);
  OPENSSL_free(text);
  return named;
}

bool acoap__certificate_names(X509 *certificate, const char *host, uint16_t port) {
  wanted_host_t wanted;
  look_at(&wanted, host, port);
  if (wanted.ip_len > 0 ? X509_check_ip(certificate, wanted.ip, wanted.ip_len, 0) == 1
                        : X509_check_host(certificate, host, wanted.len,
                                          X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                                          NULL) == 1) {
    return true;
  }
  /* An extension that cannot be read is there all the same. */
  int critical = -1;
  GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
  bool named = names == NULL && critical == -1 ? common_name_names(&wanted, certificate)
                                               : any_uri_names(&wanted, names);
  GENERAL_NAMES_free(names);
  return named;
}
