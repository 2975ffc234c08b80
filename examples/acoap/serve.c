/*
 * serve: a server. Opens the sockets, lets a mode fill it with resources, says where it listens,
 * and closes cleanly on SIGINT and SIGTERM. What is served and where is other files' business.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>

#include "address.h"
#include "commands.h"
#include "exit.h"
#include "json.h"
#include "serve.h"

/*
 * How long an answer to a group waits at most. The leisure is S * G / R (section 8.2); with answers
 * of S = 1000 bytes, an estimated group of G = 10 and a rate of R = 10,000 bytes/s this is one
 * second.
 */
#define LEISURE_MS 1000

/* Extended tokens (RFC 8974) up to so many bytes, which leaves room for a block in the answer. */
#define TOKEN_MAX 256

typedef struct server {
  const options_t *options;
  session_t session;
  serve_sockets_t sockets;
  uv_signal_t interrupt;
  uv_signal_t terminate;
  const serve_mode_t *mode; /* what is served */
  site_t site;              /* in its hands */
} server_t;

static void on_event(void *user_data, const acoap_event_t *event) {
  const server_t *server = user_data;
  char text[ADDRESS_TEXT_MAX];
  if (event->kind == ACOAP_EVENT_PEER_FAILED) {
    exit_note(server->options, "handshake with %s failed: %s", address_text(&event->address, text),
              event->reason != NULL ? event->reason : acoap_strerror(event->status));
  }
  if (event->kind == ACOAP_EVENT_GROUP_FAILED && event->status != ACOAP_ENOTSUP) {
    exit_note(server->options, "%s could not be joined%s%s: %s",
              address_text(&event->address, text), event->interface != NULL ? " on " : "",
              event->interface != NULL ? event->interface : "", acoap_strerror(event->status));
  }
}

/* ---- running --------------------------------------------------------------------------------- */

static void announce(const server_t *server) {
  for (size_t i = 0; i < server->sockets.listening; i++) {
    acoap_address_t address;
    char text[ADDRESS_TEXT_MAX];
    char uri[ADDRESS_TEXT_MAX + 8];
    if (acoap_local_endpoint_address(server->session.endpoint, i, &address) < 0) {
      continue;
    }
    snprintf(uri, sizeof(uri), "coap%s://%s", server->sockets.secure[i] ? "s" : "",
             address_text(&address, text));
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

/* Limits towards addresses that have not shown that they are there (RFC 9175 section 2.4). */
static void fill_server_options(const options_t *options, acoap_server_options_t *server_options) {
  *server_options = (acoap_server_options_t){.size = sizeof(*server_options)};
  if (options->amplification > 0) {
    server_options->amplification = ACOAP_AMPLIFICATION_ON;
    server_options->amplification_factor = options->amplification;
  } else if (options->amplification_off || options->plugtest) {
    server_options->amplification = ACOAP_AMPLIFICATION_OFF;
  }
}

/* Make the server, let the mode fill it, run. */
static int serve_site(server_t *server) {
  acoap_server_options_t server_options;
  site_t *site = &server->site;
  fill_server_options(server->options, &server_options);
  *site = (site_t){.options = server->options, .loop = &server->session.loop};
  int status = acoap_server_new(server->session.endpoint, &server_options, &site->server);
  if (status < 0) {
    return exit_fail(server->options, EXIT_STATUS_LOCAL, "no server: %s", acoap_strerror(status));
  }
  status = server->mode->open(site);
  if (status == 0) {
    status = serve_sockets_join(&server->sockets, server->session.endpoint);
  }
  if (status == 0) {
    run_until_signal(server);
  }
  site_close_later(site);
  if (server->mode->close != NULL) {
    server->mode->close(site);
  }
  acoap_server_free(site->server);
  return status;
}

static int serve(server_t *server) {
  acoap_local_endpoint_options_t endpoint_options = {.sockets = server->sockets.sockets,
                                                     .socket_count = server->sockets.count,
                                                     .host = server->sockets.host,
                                                     .token_max = TOKEN_MAX};
  server->session.params.default_leisure_ms = LEISURE_MS;
  int status = session_endpoint(&server->session, &endpoint_options);
  if (status != 0) {
    serve_sockets_close(&server->sockets);
    return status;
  }
  acoap_local_endpoint_on_event(server->session.endpoint, on_event, server);
  status = serve_site(server);
  server->sockets.credentials = acoap_credentials_unref(server->sockets.credentials);
  return status;
}

static const serve_mode_t *choose_mode(const options_t *options) {
  if ((options->demo ? 1 : 0) + (options->plugtest ? 1 : 0) + (options->directory != NULL) != 1) {
    return NULL;
  }
  return options->demo ? &serve_demo : options->plugtest ? &serve_plugtest : &serve_directory;
}

int serve_run(const options_t *options) {
  server_t server = {.options = options, .mode = choose_mode(options)};
  if (server.mode == NULL) {
    return exit_usage(options->command,
                      "what shall be served? one of --demo, --dir DIR and --plugtest");
  }
  if (options->writable && options->directory == NULL) {
    return exit_usage(options->command, "--writable belongs to --dir");
  }
  int status = session_start(&server.session, options);
  if (status != 0) {
    return status;
  }
  status = serve_sockets_open(&server.sockets, &server.session.loop, options);
  if (status == 0) {
    status = serve(&server);
  }
  session_close(&server.session);
  if (server.mode->done != NULL) {
    server.mode->done(&server.site);
  }
  return status;
}
