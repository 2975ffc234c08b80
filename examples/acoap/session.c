/*
 * A loop, a local endpoint on it and the options that concern both: parameters, local address,
 * interface, what to show. Sends nothing.
 * SPDX-License-Identifier: MIT
 */
#include "session.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "credentials.h"
#include "exit.h"
#include "verbose.h"

int session_check_uri(const options_t *options, const char *text, acoap_uri_t *uri) {
  size_t offset = 0;
  int status = acoap_uri_parse(text, strlen(text), uri, &offset);
  if (status == ACOAP_ESCHEME) {
    return exit_fail(options, EXIT_STATUS_USAGE, "unsupported scheme: %s", text);
  }
  if (status < 0 && strstr(text, "://") == NULL) {
    return exit_fail(options, EXIT_STATUS_USAGE, "malformed URI: %s (it begins with coap://)",
                     text);
  }
  if (status < 0) {
    return exit_fail(options, EXIT_STATUS_USAGE, "malformed URI: %s (at character %zu)", text,
                     offset + 1);
  }
  if (uri->scheme != ACOAP_SCHEME_COAP && uri->scheme != ACOAP_SCHEME_COAPS) {
    return exit_fail(options, EXIT_STATUS_USAGE, "%s is not built yet: %s",
                     acoap_scheme_name(uri->scheme), text);
  }
  return 0;
}

bool session_uri_is_group(const acoap_uri_t *uri) {
  acoap_address_t address;
  return (uri->host_is_ipv4 || uri->host_is_ipv6) && acoap_uri_address(uri, &address) == 0 &&
         acoap_address_is_multicast(&address);
}

/* Sees every datagram: for -v, and for round-trip times finer than the library's milliseconds. */
static void on_datagram(void *user_data, acoap_direction_t direction, const acoap_path_t *path,
                        acoap_bytes_t bytes) {
  session_t *session = user_data;
  uint64_t now = uv_hrtime();
  if (direction == ACOAP_SENT && session->first_sent_ns == 0) {
    session->first_sent_ns = now;
  }
  if (direction == ACOAP_RECEIVED) {
    session->last_received_ns = now;
  }
  if (session->options->verbose) {
    verbose_print(direction, path, bytes);
  }
}

static void on_event(void *user_data, const acoap_event_t *event) {
  (void)user_data;
  if (event->kind == ACOAP_EVENT_PEER_FAILED && event->reason != NULL) {
    exit_because(event->reason);
  }
}

static void on_log(void *user_data, acoap_log_level_t level, const char *text) {
  const session_t *session = user_data;
  (void)level;
  exit_note(session->options, "%s", text);
}

static void fill_params(const options_t *options, acoap_params_t *params) {
  acoap_params_init(params);
  if (options->ack_timeout_ms != 0) {
    params->ack_timeout_ms = options->ack_timeout_ms;
  }
  if (options->max_retransmit >= 0) {
    params->max_retransmit = (uint32_t)options->max_retransmit;
  }
  if (options->nstart != 0) {
    params->nstart = options->nstart;
  }
}

static int check_interfaces(const options_t *options) {
  for (size_t i = 0; i < options->interface_count; i++) {
    if (if_nametoindex(options->interfaces[i]) == 0) {
      return exit_fail(options, EXIT_STATUS_LOCAL, "no such interface: %s", options->interfaces[i]);
    }
  }
  return 0;
}

int session_start(session_t *session, const options_t *options) {
  *session = (session_t){.options = options};
  fill_params(options, &session->params);
  if (acoap_params_check(&session->params) < 0) {
    return exit_fail(options, EXIT_STATUS_USAGE,
                     "--ack-timeout and --max-retransmit together reach beyond 24 days");
  }
  int status = check_interfaces(options);
  if (status != 0) {
    return status;
  }
  status = uv_loop_init(&session->loop);
  if (status < 0) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "no event loop: %s", acoap_strerror(status));
  }
  return 0;
}

acoap_udp_kind_t session_udp(void) {
  const char *name = getenv("ACOAP_UDP");
  if (name != NULL && strcmp(name, "batched") == 0) {
    return ACOAP_UDP_BATCHED;
  }
  return name != NULL && strcmp(name, "portable") == 0 ? ACOAP_UDP_PORTABLE : ACOAP_UDP_BEST;
}

int session_endpoint(session_t *session, acoap_local_endpoint_options_t *endpoint_options) {
  const options_t *options = session->options;
  endpoint_options->size = sizeof(*endpoint_options);
  endpoint_options->params = &session->params;
  endpoint_options->udp = session_udp();
  int status = acoap_local_endpoint_new(&session->loop, endpoint_options, &session->endpoint);
  if (status < 0) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "no local endpoint: %s", acoap_strerror(status));
  }
  acoap_local_endpoint_set_tap(session->endpoint, on_datagram, session);
  acoap_local_endpoint_on_event(session->endpoint, on_event, session);
  acoap_local_endpoint_set_log(
      session->endpoint, options->verbose ? ACOAP_LOG_INFO : ACOAP_LOG_ERROR, on_log, session);
  return 0;
}

static bool names_coaps(const options_t *options) {
  for (size_t i = 0; i < options->argument_count; i++) {
    acoap_uri_t uri;
    const char *text = options->arguments[i];
    if (acoap_uri_parse(text, strlen(text), &uri, NULL) == 0 && uri.scheme == ACOAP_SCHEME_COAPS) {
      return true;
    }
  }
  return false;
}

int session_open(session_t *session, const options_t *options) {
  acoap_local_endpoint_options_t endpoint_options = {0};
  acoap_dtls_options_t dtls = {.size = sizeof(dtls), .client_only = true};
  acoap_address_t bind;
  if (options->bind != NULL) {
    int wrong = address_read(options->bind, &bind);
    if (wrong == ACOAP_ENOTFOUND) {
      return exit_fail(options, EXIT_STATUS_LOCAL, "--bind %s: no such interface", options->bind);
    }
    if (wrong < 0) {
      return exit_fail(options, EXIT_STATUS_USAGE, "--bind %s: not an IP address", options->bind);
    }
    endpoint_options.bind = &bind;
    endpoint_options.bind_count = 1;
  }
  int status = session_start(session, options);
  if (status == 0) {
    if (names_coaps(options)) {
      status = credentials_read(options, false, &session->credentials);
      dtls.credentials = session->credentials;
      endpoint_options.dtls = &dtls;
      endpoint_options.secure_only = true;
      endpoint_options.secure_port = options->bind != NULL ? bind.port : 0;
    }
    if (status == 0) {
      status = session_endpoint(session, &endpoint_options);
    }
    if (status != 0) {
      session_close(session);
    }
  }
  return status;
}

int session_remote(session_t *session, const char *uri, const char *interface,
                   acoap_remote_endpoint_t **remote) {
  const options_t *options = session->options;
  int status = acoap_remote_endpoint_new(session->endpoint, uri, remote);
  if (status == ACOAP_ENOTFOUND) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "no such zone: %s", uri);
  }
  if (status < 0) {
    return exit_fail(options, exit_of_status(status), "%s: %s", acoap_strerror(status), uri);
  }
  if (interface != NULL) {
    status = acoap_remote_endpoint_set_interface(*remote, interface);
    if (status < 0) {
      *remote = acoap_remote_endpoint_unref(*remote);
      return exit_fail(options, EXIT_STATUS_LOCAL, "--interface %s: %s", interface,
                       acoap_strerror(status));
    }
  }
  return 0;
}

double session_elapsed_ms(const session_t *session) {
  if (session->first_sent_ns == 0 || session->last_received_ns < session->first_sent_ns) {
    return 0.0;
  }
  return (double)(session->last_received_ns - session->first_sent_ns) / 1e6;
}

static void on_drain_over(uv_timer_t *timer) {
  uv_stop(timer->loop);
}

void session_drain(session_t *session, uint32_t ms) {
  uv_timer_t timer;
  uv_timer_init(&session->loop, &timer);
  uv_timer_start(&timer, on_drain_over, ms, 0);
  uv_unref((uv_handle_t *)&timer);
  acoap_local_endpoint_unref(session->endpoint);
  uv_run(&session->loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&session->loop, UV_RUN_NOWAIT);
}

void session_close(session_t *session) {
  if (session->endpoint != NULL) {
    acoap_local_endpoint_close(session->endpoint, NULL, NULL);
  }
  uv_run(&session->loop, UV_RUN_DEFAULT);
  uv_loop_close(&session->loop);
  session->credentials = acoap_credentials_unref(session->credentials);
  credentials_done();
}

void session_describe(const options_t *options, acoap_desc_t *desc) {
  if (options->accept != ACOAP_FORMAT_NONE) {
    acoap_desc_accept(desc, options->accept);
  }
  if (options->content_format != ACOAP_FORMAT_NONE) {
    acoap_desc_content_format(desc, options->content_format);
  }
  for (size_t i = 0; i < options->extra_count; i++) {
    acoap_desc_option(desc, options->extra[i].number, options->extra[i].bytes,
                      options->extra[i].len);
  }
  if (options->nonconfirmable) {
    acoap_desc_nonconfirmable(desc);
  }
}
