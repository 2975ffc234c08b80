/*
 * serve: a server. Opens the sockets, joins the All CoAP Nodes groups (RFC 7252 section 12.8) on
 * the interfaces asked for, says where it listens, and closes cleanly on SIGINT and SIGTERM. What
 * is served is another file's business.
 * SPDX-License-Identifier: MIT
 */
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "commands.h"
#include "demo.h"
#include "exit.h"
#include "json.h"
#include "session.h"

/* Sockets at most: URIs, and one per group and interface. */
#define SOCKETS_MAX 64

/*
 * How long an answer to a group waits at most. The leisure is S * G / R (section 8.2); with answers
 * of S = 1000 bytes, an estimated group of G = 10 and a rate of R = 10,000 bytes/s this is one
 * second.
 */
#define LEISURE_MS 1000

static const char *const groups[] = {"224.0.1.187", "ff02::fd", "ff05::fd"};

#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

typedef struct server {
  const options_t *options;
  session_t session;
  acoap_socket_t *sockets[SOCKETS_MAX];
  size_t socket_count;
  size_t listening;  /* the first so many are where requests are addressed to */
  bool wildcard[2];  /* a socket listens on every IPv4, every IPv6 address: it hears groups too */
  bool families[2];  /* a socket of that family is there */
  uint16_t ports[2]; /* of the first socket of that family */
  uv_signal_t interrupt;
  uv_signal_t terminate;
  demo_t *demo;
} server_t;

/* ---- sockets --------------------------------------------------------------------------------- */

/* 0, or libuv's or our error. */
static int open_socket(server_t *server, const acoap_address_t *local, bool shared) {
  acoap_udp_options_t udp = {.size = sizeof(udp), .local = *local, .reuse_address = shared};
  if (server->socket_count == SOCKETS_MAX) {
    return ACOAP_EEXHAUSTED;
  }
  int status = acoap_udp_socket_new(&server->session.loop, ACOAP_UDP_BEST, &udp,
                                    &server->sockets[server->socket_count]);
  if (status == 0) {
    server->socket_count++;
  }
  return status;
}

static int listen_on(server_t *server, const acoap_address_t *local) {
  size_t family = local->family == ACOAP_FAMILY_IPV6 ? 1 : 0;
  int status = open_socket(server, local, false);
  if (status == 0) {
    server->listening++;
    server->wildcard[family] = server->wildcard[family] || acoap_address_is_any(local);
    if (!server->families[family]) {
      server->families[family] = true;
      server->ports[family] = local->port;
    }
  }
  return status;
}

static int fail_to_listen(const server_t *server, const acoap_address_t *local, int status) {
  char text[ADDRESS_TEXT_MAX];
  return exit_fail(server->options, EXIT_STATUS_LOCAL, "cannot listen on %s: %s",
                   address_text(local, text), acoap_strerror(status));
}

/* [::] means every address: IPv4 has a socket of its own. Either family may be missing, not both.
 */
static int listen_everywhere(server_t *server, uint16_t port) {
  acoap_address_t any4 = {.family = ACOAP_FAMILY_IPV4, .port = port};
  acoap_address_t any6 = {.family = ACOAP_FAMILY_IPV6, .port = port};
  int status6 = server->wildcard[1] ? 0 : listen_on(server, &any6);
  if (status6 == UV_EADDRINUSE || status6 == UV_EACCES) {
    return fail_to_listen(server, &any6, status6);
  }
  int status4 = server->wildcard[0] ? 0 : listen_on(server, &any4);
  if (status4 < 0 && (status6 < 0 || status4 == UV_EADDRINUSE || status4 == UV_EACCES)) {
    return fail_to_listen(server, &any4, status4);
  }
  return 0;
}

static int listen_uri(server_t *server, const char *text) {
  const options_t *options = server->options;
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
  if (acoap_address_is_any(&address) && address.family == ACOAP_FAMILY_IPV6) {
    return listen_everywhere(server, address.port);
  }
  status = listen_on(server, &address);
  return status == 0 ? 0 : fail_to_listen(server, &address, status);
}

/*
 * A socket bound to one address does not hear groups: each group gets a socket of its own then,
 * shared with others on this host (a datagram to a group reaches all of them).
 */
static int open_group_sockets(server_t *server) {
  const options_t *options = server->options;
  for (size_t i = 0; i < options->interface_count; i++) {
    uint32_t index = if_nametoindex(options->interfaces[i]);
    for (size_t n = 0; n < GROUP_COUNT; n++) {
      acoap_address_t group;
      acoap_address_parse(groups[n], strlen(groups[n]), &group);
      size_t family = group.family == ACOAP_FAMILY_IPV6 ? 1 : 0;
      if (!server->families[family] || server->wildcard[family] || (family == 0 && i > 0)) {
        continue;
      }
      group.port = 5683;
      group.scope_id = family == 1 ? index : 0;
      int status = open_socket(server, &group, true);
      if (status < 0) {
        return fail_to_listen(server, &group, status);
      }
    }
  }
  return 0;
}

static int open_sockets(server_t *server) {
  const options_t *options = server->options;
  int status = 0;
  if (options->argument_count == 0) {
    status = listen_everywhere(server, 5683);
  }
  for (size_t i = 0; i < options->argument_count && status == 0; i++) {
    status = listen_uri(server, options->arguments[i]);
  }
  return status == 0 ? open_group_sockets(server) : status;
}

static void close_sockets(server_t *server) {
  for (size_t i = 0; i < server->socket_count; i++) {
    acoap_socket_close(server->sockets[i], NULL, NULL);
  }
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void on_event(void *user_data, const acoap_event_t *event) {
  const server_t *server = user_data;
  char text[ADDRESS_TEXT_MAX];
  if (event->kind == ACOAP_EVENT_GROUP_FAILED && event->status != ACOAP_ENOTSUP) {
    exit_note(server->options, "%s could not be joined%s%s: %s",
              address_text(&event->address, text), event->interface != NULL ? " on " : "",
              event->interface != NULL ? event->interface : "", acoap_strerror(event->status));
  }
}

static int join_groups(server_t *server) {
  const options_t *options = server->options;
  for (size_t i = 0; i < options->interface_count; i++) {
    for (size_t n = 0; n < GROUP_COUNT; n++) {
      acoap_address_t group;
      acoap_address_parse(groups[n], strlen(groups[n]), &group);
      if (!server->families[group.family == ACOAP_FAMILY_IPV6 ? 1 : 0]) {
        continue;
      }
      int status =
          acoap_local_endpoint_join(server->session.endpoint, &group, options->interfaces[i]);
      if (status < 0) {
        return exit_fail(options, EXIT_STATUS_LOCAL, "%s could not be joined on %s: %s", groups[n],
                         options->interfaces[i], acoap_strerror(status));
      }
    }
  }
  return 0;
}

/* ---- running --------------------------------------------------------------------------------- */

static void announce(const server_t *server) {
  for (size_t i = 0; i < server->listening; i++) {
    acoap_address_t address;
    char text[ADDRESS_TEXT_MAX];
    char uri[ADDRESS_TEXT_MAX + 8];
    if (acoap_local_endpoint_address(server->session.endpoint, i, &address) < 0) {
      continue;
    }
    snprintf(uri, sizeof(uri), "coap://%s", address_text(&address, text));
    if (server->options->json) {
      json_t json;
      json_init(&json, stdout);
      json_object_begin(&json, NULL);
      json_text(&json, "listening", uri);
      json_object_end(&json);
      json_line_end(&json);
    } else if (!server->options->quiet) {
      printf("listening on %s\n", uri);
    }
  }
  fflush(stdout);
}

static void on_stop_signal(uv_signal_t *handle, int number) {
  (void)number;
  uv_stop(handle->loop);
}

static void run_until_signal(server_t *server) {
  uv_loop_t *loop = &server->session.loop;
  uv_signal_init(loop, &server->interrupt);
  uv_signal_init(loop, &server->terminate);
  uv_signal_start(&server->interrupt, on_stop_signal, SIGINT);
  uv_signal_start(&server->terminate, on_stop_signal, SIGTERM);
  announce(server);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&server->interrupt, NULL);
  uv_close((uv_handle_t *)&server->terminate, NULL);
}

static int serve(server_t *server) {
  acoap_local_endpoint_options_t endpoint_options = {.sockets = server->sockets,
                                                     .socket_count = server->socket_count};
  server->session.params.default_leisure_ms = LEISURE_MS;
  int status = session_endpoint(&server->session, &endpoint_options);
  if (status != 0) {
    close_sockets(server);
    return status;
  }
  acoap_local_endpoint_on_event(server->session.endpoint, on_event, server);
  status = join_groups(server);
  if (status != 0) {
    return status;
  }
  if (demo_open(server->demo, &server->session.loop, server->session.endpoint) < 0) {
    return exit_fail(server->options, EXIT_STATUS_LOCAL, "out of memory");
  }
  run_until_signal(server);
  demo_close(server->demo);
  return EXIT_STATUS_OK;
}

int serve_run(const options_t *options) {
  server_t server = {.options = options};
  if (!options->demo) {
    return exit_usage(options->command, "what shall be served? --demo");
  }
  server.demo = calloc(1, sizeof(*server.demo));
  if (server.demo == NULL) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "out of memory");
  }
  int status = session_start(&server.session, options);
  if (status == 0) {
    status = open_sockets(&server);
    if (status != 0) {
      close_sockets(&server);
    } else {
      status = serve(&server);
    }
    session_close(&server.session);
  }
  demo_done(server.demo);
  free(server.demo);
  return status;
}
