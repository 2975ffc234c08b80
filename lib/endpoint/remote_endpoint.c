/*
 * Remote endpoints (RFC 7252 section 1.2): who is asked, with the path and query of the URI as
 * defaults, made from a URI, an address or another remote endpoint and a relative reference (RFC
 * 3986 section 5). Checks everything that can be checked without asking the network; looks nothing
 * up.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/remote.h"

#include <string.h>

#include "base/ip_text.h"
#include "base/mem.h"
#include "base/text.h"

/* Room for a scheme, a bracketed address with a zone, and a port. */
#define AUTHORITY_TEXT_MAX 160
/* RFC 7252 section 12.8 and 12.3: All CoAP Nodes. */
static const acoap_address_t all_coap_nodes[] = {
    {.family = ACOAP_FAMILY_IPV4, .ip = {224, 0, 1, 187}},
    {.family = ACOAP_FAMILY_IPV6, .ip = {0xff, 0x02, [15] = 0xfd}},
    {.family = ACOAP_FAMILY_IPV6, .ip = {0xff, 0x05, [15] = 0xfd}},
};
#define ALL_COAP_NODES_COUNT (sizeof(all_coap_nodes) / sizeof(all_coap_nodes[0]))

static void remote_free(acoap_remote_endpoint_t *remote) {
  acoap__authority_unref(remote->authority);
  acoap__remote_drop_credentials(remote);
  acoap__free(remote->uri);
  acoap__free(remote);
}

/* A remote with this URI, checked, and without an authority yet. */
static int remote_from_text(const char *uri, size_t len, acoap_remote_endpoint_t **remote) {
  acoap_remote_endpoint_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = ACOAP_ENOMEM;
  made->refs = 1;
  made->uri = acoap__malloc(len + 1);
  if (made->uri == NULL) {
    goto fail;
  }
  memcpy(made->uri, uri, len);
  made->uri[len] = '\0';
  status = acoap_uri_parse(made->uri, len, &made->parsed, NULL);
  if (status != 0) {
    goto fail;
  }
  status = acoap_uri_check_path((const char *)made->parsed.path.data, made->parsed.path.len, NULL);
  if (status == 0 && made->parsed.has_query) {
    status =
        acoap_uri_check_query((const char *)made->parsed.query.data, made->parsed.query.len, NULL);
  }
  if (status != 0) {
    goto fail;
  }
  *remote = made;
  return 0;

fail:
  remote_free(made);
  return status;
}

/* Give the remote the authority of these addresses. */
static int adopt_addresses(acoap_local_endpoint_t *local, acoap_remote_endpoint_t *remote,
                           const acoap_address_t *addresses, size_t count) {
  remote->authority =
      acoap__authority_get(local, remote->parsed.scheme, NULL, addresses[0].port, addresses, count);
  remote->source_turn = local->source_turn++;
  return remote->authority != NULL ? 0 : ACOAP_ENOMEM;
}

/* The index of the zone in an IPv6 literal that names one ("eth0"). */
static uint32_t zone_index(acoap_local_endpoint_t *local, const acoap_uri_t *uri) {
  char name[sizeof(((acoap_interface_t *)NULL)->name)];
  if (uri->zone.len == 0 || uri->zone.len >= sizeof(name)) {
    return 0;
  }
  memcpy(name, uri->zone.data, uri->zone.len);
  name[uri->zone.len] = '\0';
  return local->host->ops->interface_index(local->host, name);
}

static int adopt_literal(acoap_local_endpoint_t *local, acoap_remote_endpoint_t *remote) {
  acoap_address_t address;
  int status = acoap_uri_address(&remote->parsed, &address);
  if (status != 0) {
    return status;
  }
  if (remote->parsed.zone.len > 0 && address.scope_id == 0) {
    address.scope_id = zone_index(local, &remote->parsed);
    if (address.scope_id == 0) {
      return ACOAP_ENOTFOUND;
    }
  }
  acoap__text_t text;
  acoap__text_init(&text, remote->host, sizeof(remote->host));
  if (address.family == ACOAP_FAMILY_IPV4) {
    acoap__ipv4_put(&text, address.ip);
  } else {
    acoap__ipv6_put(&text, address.ip);
  }
  return adopt_addresses(local, remote, &address, 1);
}

static int adopt_name(acoap_local_endpoint_t *local, acoap_remote_endpoint_t *remote) {
  char name[ACOAP_URI_HOST_MAX];
  int len = acoap_uri_host(&remote->parsed, name, sizeof(name));
  if (len < 0) {
    return len == ACOAP_ENOSPACE ? ACOAP_EURI : len;
  }
  if (strlen(name) != (size_t)len) {
    return ACOAP_EURI; /* a zero byte in it: no resolver would see the rest */
  }
  remote->authority =
      acoap__authority_get(local, remote->parsed.scheme, name, remote->parsed.port, NULL, 0);
  remote->source_turn = local->source_turn++;
  return remote->authority != NULL ? 0 : ACOAP_ENOMEM;
}

/* Takes the remote over on failure. */
static int adopt_uri(acoap_local_endpoint_t *local, acoap_remote_endpoint_t *made,
                     acoap_remote_endpoint_t **remote) {
  int status = ACOAP_ESCHEME;
  if (made->parsed.scheme == ACOAP_SCHEME_COAP || made->parsed.scheme == ACOAP_SCHEME_COAPS) {
    bool literal = made->parsed.host_is_ipv4 || made->parsed.host_is_ipv6;
    status = literal ? adopt_literal(local, made) : adopt_name(local, made);
  }
  if (status != 0) {
    remote_free(made);
    return status;
  }
  *remote = made;
  return 0;
}

int acoap_remote_endpoint_new(acoap_local_endpoint_t *local, const char *uri,
                              acoap_remote_endpoint_t **remote) {
  acoap_remote_endpoint_t *made = NULL;
  if (local == NULL || uri == NULL || remote == NULL) {
    return ACOAP_EINVAL;
  }
  if (local->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  int status = remote_from_text(uri, strlen(uri), &made);
  return status == 0 ? adopt_uri(local, made, remote) : status;
}

/* ---- from an address ------------------------------------------------------------------------- */

/* "coap://[fe80::1%253]:61616"; an address that only a user's own socket understands is a host of
 * 32 hexadecimal digits. */
static int authority_text(const acoap_address_t *address, uint16_t port, char *text, size_t cap) {
  acoap__text_t out;
  char literal[ACOAP_ADDRESS_TEXT_MAX];
  acoap_address_t bare = *address;
  bare.port = 0;
  bare.scope_id = 0;
  acoap__text_init(&out, text, cap);
  acoap__text_put(&out, "coap://");
  if (address->family == ACOAP_FAMILY_OTHER) {
    acoap__text_put_hex(&out, address->ip, sizeof(address->ip));
  } else if (acoap_address_format(&bare, literal, sizeof(literal)) < 0) {
    return ACOAP_EADDRESS;
  } else if (address->family == ACOAP_FAMILY_IPV6) {
    acoap__text_put(&out, "[");
    acoap__text_put(&out, literal);
    if (address->scope_id != 0) {
      acoap__text_put(&out, "%25");
      acoap__text_put_uint(&out, address->scope_id);
    }
    acoap__text_put(&out, "]");
  } else {
    acoap__text_put(&out, literal);
  }
  if (port != acoap_scheme_port(ACOAP_SCHEME_COAP)) {
    acoap__text_put(&out, ":");
    acoap__text_put_uint(&out, port);
  }
  return acoap__text_fits(&out) ? 0 : ACOAP_EADDRESS;
}

static bool same_bytes(acoap_bytes_t a, acoap_bytes_t b) {
  return acoap__ascii_equal((const char *)a.data, a.len, (const char *)b.data, b.len);
}

static bool same_authority(const acoap_uri_t *a, const acoap_uri_t *b) {
  return a->scheme == b->scheme && a->port == b->port && same_bytes(a->host, b->host) &&
         same_bytes(a->zone, b->zone);
}

/* base resolved with a reference, as a remote without an authority. */
static int remote_from_reference(const char *base, const char *reference,
                                 acoap_remote_endpoint_t **remote) {
  size_t base_len = strlen(base);
  size_t reference_len = strlen(reference);
  /* Resolving adds a slash at most; the zero comes on top. */
  size_t cap = base_len + reference_len + 8;
  char *text = acoap__malloc(cap);
  if (text == NULL) {
    return ACOAP_ENOMEM;
  }
  int len = acoap_uri_resolve(base, base_len, reference, reference_len, text, cap);
  int status = len < 0 ? len : remote_from_text(text, (size_t)len, remote);
  acoap__free(text);
  return status;
}

/* A remote of these addresses whose URI names the first one. */
static int remote_from_addresses(acoap_local_endpoint_t *local, const acoap_address_t *addresses,
                                 size_t count, const char *reference,
                                 acoap_remote_endpoint_t **remote) {
  char base[AUTHORITY_TEXT_MAX];
  acoap_remote_endpoint_t *made = NULL;
  acoap_uri_t wanted;
  int status = authority_text(&addresses[0], addresses[0].port, base, sizeof(base));
  if (status == 0) {
    status = acoap_uri_parse(base, strlen(base), &wanted, NULL);
  }
  if (status == 0) {
    status = remote_from_reference(base, reference != NULL ? reference : "", &made);
  }
  if (status != 0) {
    return status;
  }
  /* A reference that leads elsewhere is none for a path. */
  status = same_authority(&wanted, &made->parsed) ? adopt_addresses(local, made, addresses, count)
                                                  : ACOAP_EURI;
  if (status != 0) {
    remote_free(made);
    return status;
  }
  if (addresses[0].family == ACOAP_FAMILY_OTHER) {
    made->uri_host = ACOAP_URI_HOST_NEVER;
  }
  *remote = made;
  return 0;
}

int acoap_remote_endpoint_from_address(acoap_local_endpoint_t *local,
                                       const acoap_address_t *address, const char *reference,
                                       acoap_remote_endpoint_t **remote) {
  if (local == NULL || address == NULL || remote == NULL) {
    return ACOAP_EINVAL;
  }
  if (local->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  if (address->family == ACOAP_FAMILY_NONE ||
      (address->family != ACOAP_FAMILY_OTHER && acoap_address_is_any(address))) {
    return ACOAP_EADDRESS;
  }
  acoap_address_t whole = *address;
  whole.reserved = 0;
  if (whole.port == 0) {
    whole.port = acoap_scheme_port(ACOAP_SCHEME_COAP);
  }
  return remote_from_addresses(local, &whole, 1, reference, remote);
}

int acoap_remote_endpoint_all_coap_nodes(acoap_local_endpoint_t *local, uint16_t port,
                                         const char *reference, acoap_remote_endpoint_t **remote) {
  acoap_address_t groups[ALL_COAP_NODES_COUNT];
  if (local == NULL || remote == NULL) {
    return ACOAP_EINVAL;
  }
  if (local->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  for (size_t i = 0; i < ALL_COAP_NODES_COUNT; i++) {
    groups[i] = all_coap_nodes[i];
    groups[i].port = port != 0 ? port : acoap_scheme_port(ACOAP_SCHEME_COAP);
  }
  return remote_from_addresses(local, groups, ALL_COAP_NODES_COUNT, reference, remote);
}

/* ---- from another remote --------------------------------------------------------------------- */

int acoap_remote_endpoint_resolve(acoap_remote_endpoint_t *remote, const char *reference,
                                  acoap_remote_endpoint_t **resolved) {
  acoap_remote_endpoint_t *made = NULL;
  if (remote == NULL || reference == NULL || resolved == NULL) {
    return ACOAP_EINVAL;
  }
  acoap_local_endpoint_t *local = remote->authority->endpoint;
  if (local->state != ACOAP__ENDPOINT_OPEN) {
    return ACOAP_ECLOSED;
  }
  int status = remote_from_reference(remote->uri, reference, &made);
  if (status != 0) {
    return status;
  }
  if (!same_authority(&remote->parsed, &made->parsed)) {
    return adopt_uri(local, made, resolved);
  }
  made->authority = acoap__authority_ref(remote->authority);
  made->uri_host = remote->uri_host;
  acoap__remote_inherit_credentials(made, remote);
  made->own_params = remote->own_params;
  made->params = remote->params;
  memcpy(made->interface, remote->interface, sizeof(made->interface));
  made->local = remote->local;
  made->source_turn = remote->source_turn;
  *resolved = made;
  return 0;
}

acoap_remote_endpoint_t *acoap_remote_endpoint_ref(acoap_remote_endpoint_t *remote) {
  if (remote != NULL) {
    remote->refs++;
  }
  return remote;
}

acoap_remote_endpoint_t *acoap_remote_endpoint_unref(acoap_remote_endpoint_t *remote) {
  if (remote != NULL && --remote->refs == 0) {
    remote_free(remote);
  }
  return NULL;
}

const char *acoap_remote_endpoint_uri(const acoap_remote_endpoint_t *remote) {
  return remote != NULL ? remote->uri : NULL;
}

acoap_local_endpoint_t *acoap__remote_local(const acoap_remote_endpoint_t *remote) {
  return remote->authority->endpoint;
}
