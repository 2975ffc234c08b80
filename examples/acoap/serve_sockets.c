/*
 * Where serve takes requests: the sockets of its URIs and, on the interfaces asked for, the groups
 * All CoAP Nodes (RFC 7252 section 12.8). Knows nothing of resources.
 * SPDX-License-Identifier: MIT
 */
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "credentials.h"
#include "exit.h"
#include "serve.h"

static const char *const groups[] = {"224.0.1.187", "ff02::fd", "ff05::fd"};

#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

/* ---- sockets --------------------------------------------------------------------------------- */

/* 0, or libuv's or our error. */
static int open_socket(serve_sockets_t *sockets, const acoap_address_t *local, bool shared,
                       bool secure) {
  acoap_udp_options_t udp = {.size = sizeof(udp), .local = *local, .reuse_address = shared};
  if (sockets->count == SERVE_SOCKETS_MAX) {
    return ACOAP_EEXHAUSTED;
  }
  acoap_socket_t *socket = NULL;
  int status = acoap_udp_socket_new(sockets->loop, session_udp(), &udp, &socket);
  if (status == 0 && secure) {
    acoap_dtls_options_t dtls = {.size = sizeof(dtls), .credentials = sockets->credentials};
    acoap_socket_t *inner = socket;
    status = acoap_dtls_socket_new(sockets->host, inner, &dtls, &socket);
    if (status < 0) {
      acoap_socket_close(inner, NULL, NULL);
    }
  }
  if (status == 0) {
    sockets->secure[sockets->count] = secure;
    sockets->sockets[sockets->count++] = socket;
  }
  return status;
}

static int listen_on(serve_sockets_t *sockets, const acoap_address_t *local, bool secure) {
  size_t family = local->family == ACOAP_FAMILY_IPV6 ? 1 : 0;
  int status = open_socket(sockets, local, false, secure);
  if (status == 0) {
    sockets->listening++;
  }
  if (status == 0 && !secure) {
    sockets->wildcard[family] = sockets->wildcard[family] || acoap_address_is_any(local);
    if (!sockets->families[family]) {
      sockets->families[family] = true;
    }
  }
  return status;
}

static int fail_to_listen(const serve_sockets_t *sockets, const acoap_address_t *local,
                          int status) {
  char text[ADDRESS_TEXT_MAX];
  return exit_fail(sockets->options, EXIT_STATUS_LOCAL, "cannot listen on %s: %s",
                   address_text(local, text), acoap_strerror(status));
}

/* [::] means every address: IPv4 has a socket of its own. Either family may be missing, not both.
 */
static int listen_everywhere(serve_sockets_t *sockets, uint16_t port, bool secure) {
  acoap_address_t any4 = {.family = ACOAP_FAMILY_IPV4, .port = port};
  acoap_address_t any6 = {.family = ACOAP_FAMILY_IPV6, .port = port};
  int status6 = sockets->wildcard[1] && !secure ? 0 : listen_on(sockets, &any6, secure);
  if (status6 == UV_EADDRINUSE || status6 == UV_EACCES) {
    return fail_to_listen(sockets, &any6, status6);
  }
  int status4 = sockets->wildcard[0] && !secure ? 0 : listen_on(sockets, &any4, secure);
  if (status4 < 0 && (status6 < 0 || status4 == UV_EADDRINUSE || status4 == UV_EACCES)) {
    return fail_to_listen(sockets, &any4, status4);
  }
  return 0;
}

static int listen_uri(serve_sockets_t *sockets, const char *text) {
  const options_t *options = sockets->options;
  acoap_uri_t uri;
  acoap_address_t address;
  char zone[IF_NAMESIZE];
  int status = session_check_uri(options, text, &uri);
  if (status != 0) {
    return status;
  }
  if (uri.path.len > 1 || uri.has_query) {
    return exit_fail(options, EXIT_STATUS_USAGE, "a server's URI has no path: %s", text);
  }
  if (acoap_uri_address(&uri, &address) < 0 || acoap_address_is_multicast(&address)) {
    return exit_fail(options, EXIT_STATUS_USAGE, "not an address to listen on: %s", text);
  }
  if (uri.zone.len > 0 && address.scope_id == 0) {
    snprintf(zone, sizeof(zone), "%.*s", (int)uri.zone.len, (const char *)uri.zone.data);
    address.scope_id = if_nametoindex(zone);
    if (address.scope_id == 0) {
      return exit_fail(options, EXIT_STATUS_LOCAL, "no such zone: %s", text);
    }
  }
  bool secure = uri.scheme == ACOAP_SCHEME_COAPS;
  if (secure && sockets->credentials == NULL) {
    status = credentials_read(options, true, &sockets->credentials);
    if (status != 0) {
      return status;
    }
  }
  if (acoap_address_is_any(&address) && address.family == ACOAP_FAMILY_IPV6) {
    return listen_everywhere(sockets, address.port, secure);
  }
  status = listen_on(sockets, &address, secure);
  return status == 0 ? 0 : fail_to_listen(sockets, &address, status);
}

/*
 * A socket bound to one address does not hear groups: each group gets a socket of its own then,
 * shared with others on this host (a datagram to a group reaches all of them).
 */
static int open_group_sockets(serve_sockets_t *sockets) {
  const options_t *options = sockets->options;
  for (size_t i = 0; i < options->interface_count; i++) {
    uint32_t index = if_nametoindex(options->interfaces[i]);
    for (size_t n = 0; n < GROUP_COUNT; n++) {
      acoap_address_t group;
      acoap_address_parse(groups[n], strlen(groups[n]), &group);
      size_t family = group.family == ACOAP_FAMILY_IPV6 ? 1 : 0;
      if (!sockets->families[family] || sockets->wildcard[family] || (family == 0 && i > 0)) {
        continue;
      }
      group.port = 5683;
      group.scope_id = family == 1 ? index : 0;
      int status = open_socket(sockets, &group, true, false);
      if (status < 0) {
        return fail_to_listen(sockets, &group, status);
      }
    }
  }
  return 0;
}

int serve_sockets_open(serve_sockets_t *sockets, uv_loop_t *loop, const options_t *options) {
  *sockets = (serve_sockets_t){.options = options, .loop = loop};
  int status = acoap_uv_host_new(loop, &sockets->host);
  if (status < 0) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "no host: %s", acoap_strerror(status));
  }
  if (options->argument_count == 0) {
    status = listen_everywhere(sockets, 5683, false);
  }
  for (size_t i = 0; i < options->argument_count && status == 0; i++) {
    status = listen_uri(sockets, options->arguments[i]);
  }
  if (status == 0) {
    status = open_group_sockets(sockets);
  }
  if (status != 0) {
    serve_sockets_close(sockets);
  }
  return status;
}

void serve_sockets_close(serve_sockets_t *sockets) {
  for (size_t i = 0; i < sockets->count; i++) {
    acoap_socket_close(sockets->sockets[i], NULL, NULL);
  }
  sockets->host->ops->unref(sockets->host);
  sockets->credentials = acoap_credentials_unref(sockets->credentials);
}

int serve_sockets_join(const serve_sockets_t *sockets, acoap_local_endpoint_t *endpoint) {
  const options_t *options = sockets->options;
  for (size_t i = 0; i < options->interface_count; i++) {
    for (size_t n = 0; n < GROUP_COUNT; n++) {
      acoap_address_t group;
      acoap_address_parse(groups[n], strlen(groups[n]), &group);
      if (!sockets->families[group.family == ACOAP_FAMILY_IPV6 ? 1 : 0]) {
        continue;
      }
      int status = acoap_local_endpoint_join(endpoint, &group, options->interfaces[i]);
      if (status < 0) {
        return exit_fail(options, EXIT_STATUS_LOCAL, "%s could not be joined on %s: %s", groups[n],
                         options->interfaces[i], acoap_strerror(status));
      }
    }
  }
  return 0;
}
