/*
 * discover: who is there, and with which resources? GET /.well-known/core (RFC 6690 section 4) by
 * multicast on every interface, IPv4 and IPv6 (RFC 7252 sections 8 and 12.8), to one group, or to
 * one server. Each answer is shown as it comes.
 * SPDX-License-Identifier: MIT
 */
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "commands.h"
#include "exit.h"
#include "pretty.h"
#include "response.h"
#include "session.h"

#define WELL_KNOWN_CORE "/.well-known/core"

/* Largest list of links taken from one responder, bytes. */
#define LINKS_MAX ((size_t)256 << 10)

/* Streams at once: one per --interface. */
#define STREAMS_MAX 16

/* One discovery. */
typedef struct discovery {
  const options_t *options;
  const char *uri; /* what was asked for; NULL: All CoAP Nodes */
  bool group;      /* by multicast */
  session_t session;
  uv_signal_t interrupt;
  uv_signal_t terminate;
  acoap_stream_t *streams[STREAMS_MAX];
  acoap_future_t *future; /* one server */
  size_t stream_count;
  size_t open;       /* streams that have not ended */
  size_t responders; /* 2.xx answers shown */
  size_t resources;  /* links in them */
  int answered;      /* exit status of an error response; 0: none */
  int failure;       /* negative error that ended a stream; 0: none */
} discovery_t;

/* ---- one answer ------------------------------------------------------------------------------ */

/* One server's time is measured at the socket; a group's answers come at times of their own. */
static double elapsed_ms_of(const discovery_t *d, const acoap_message_t *message) {
  return d->group ? (double)acoap_message_elapsed_ms(message) : session_elapsed_ms(&d->session);
}

static void json_words(json_t *json, const acoap_link_t *link, const char *name) {
  char text[512];
  acoap_link_attr_t attr;
  json_array_begin(json, name);
  if (acoap_link_attr_find(link, name, &attr) &&
      acoap_link_attr_text(&attr, text, sizeof(text)) >= 0) {
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
      json_text(json, NULL, word);
    }
  }
  json_array_end(json);
}

/* Content-Formats as numbers; what is no number is left out. */
static void json_content_formats(json_t *json, const acoap_link_t *link) {
  char text[512];
  acoap_link_attr_t attr;
  json_array_begin(json, "ct");
  if (acoap_link_attr_find(link, "ct", &attr) &&
      acoap_link_attr_text(&attr, text, sizeof(text)) >= 0) {
    char *rest = NULL;
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
      int number = acoap_content_format_parse(word, strlen(word));
      if (number >= 0) {
        json_int(json, NULL, number);
      }
    }
  }
  json_array_end(json);
}

static void json_link(json_t *json, const acoap_link_t *link) {
  char title[512] = "";
  acoap_link_attr_t attr;
  json_object_begin(json, NULL);
  json_bytes(json, "target", link->target.data, link->target.len);
  json_words(json, link, "rt");
  json_words(json, link, "if");
  json_content_formats(json, link);
  json_bool(json, "obs", acoap_link_attr_find(link, "obs", &attr));
  if (acoap_link_attr_find(link, "title", &attr) &&
      acoap_link_attr_text(&attr, title, sizeof(title)) < 0) {
    title[0] = '\0';
  }
  json_text(json, "title", title);
  json_object_end(json);
}

static void json_answer(const discovery_t *d, const acoap_message_t *message, acoap_bytes_t body) {
  json_t json;
  char name[ADDRESS_TEXT_MAX];
  acoap_link_iter_t iter;
  acoap_link_t link;
  response_body_t whole = {.bytes = body.data, .len = body.len, .size = body.len};
  response_json_begin(&json, message, &whole, elapsed_ms_of(d, message));
  json_text(&json, "interface", address_interface(acoap_message_path(message)->interface, name));
  json_array_begin(&json, "links");
  acoap_link_iter_init(&iter, body.data, body.len);
  while (acoap_link_next(&iter, &link, NULL) == 1) {
    json_link(&json, &link);
  }
  json_array_end(&json);
  response_json_end(&json);
}

static size_t count_links(acoap_bytes_t body) {
  size_t count = 0;
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_link_iter_init(&iter, body.data, body.len);
  while (acoap_link_next(&iter, &link, NULL) == 1) {
    count++;
  }
  return count;
}

static void print_answer(const discovery_t *d, const acoap_message_t *message, acoap_bytes_t body) {
  char from[ADDRESS_TEXT_MAX];
  char name[ADDRESS_TEXT_MAX];
  const char *interface = address_interface(acoap_message_path(message)->interface, name);
  printf("coap://%s%s%s  %.1f ms\n", address_authority(acoap_message_peer(message), from),
         interface != NULL ? "  on " : "", interface != NULL ? interface : "",
         elapsed_ms_of(d, message));
  if (body.len == 0) {
    puts("(no resources)");
  } else {
    pretty_print(stdout, ACOAP_FORMAT_LINK_FORMAT, body.data, body.len);
  }
  putchar('\n');
  fflush(stdout);
}

static void on_answer(discovery_t *d, const acoap_message_t *message) {
  acoap_bytes_t body = acoap_message_payload(message);
  if (!acoap_code_is_success(acoap_message_code(message))) {
    char from[ADDRESS_TEXT_MAX];
    char code[5];
    acoap_code_format(acoap_message_code(message), code);
    d->answered = exit_of_code(acoap_message_code(message));
    exit_note(d->options, "%s from %s", code, address_text(acoap_message_peer(message), from));
    return;
  }
  d->responders++;
  d->resources += count_links(body);
  if (d->options->json) {
    json_answer(d, message, body);
  } else {
    print_answer(d, message, body);
  }
}

/* ---- by multicast ---------------------------------------------------------------------------- */

static void on_item(void *user_data, int status, acoap_message_t *message) {
  discovery_t *d = user_data;
  if (message != NULL) {
    on_answer(d, message);
  }
  if (status >= 0) {
    return;
  }
  if (status != ACOAP_EEND && message == NULL) {
    d->failure = status;
  }
  d->open--;
  if (d->open == 0) {
    uv_stop(&d->session.loop);
  }
}

static acoap_desc_t *describe(const discovery_t *d) {
  const options_t *options = d->options;
  acoap_multicast_options_t multicast = {.size = sizeof(multicast), .wait_ms = options->wait_ms};
  acoap_desc_t *desc = acoap_desc_get();
  session_describe(options, desc);
  if (options->deadline_ms != 0) {
    acoap_desc_deadline(desc, options->deadline_ms);
  }
  acoap_desc_block2(desc, options->block_size);
  if (options->window > 1) {
    acoap_desc_block2_window(desc, options->window);
  }
  acoap_desc_collect(desc, LINKS_MAX);
  if (d->group) {
    acoap_desc_multicast(desc, &multicast);
  }
  return desc;
}

/* The URI asked for, with /.well-known/core where it names no path. 0 or an exit status. */
static int target_uri(const discovery_t *d, char *text, size_t cap) {
  acoap_uri_t uri;
  size_t len = strlen(d->uri);
  if (acoap_uri_parse(d->uri, len, &uri, NULL) < 0) {
    return exit_fail(d->options, EXIT_STATUS_USAGE, "malformed URI: %s", d->uri);
  }
  size_t tail = uri.has_query ? uri.query.len + 1 : 0;
  size_t head = len - tail - uri.path.len;
  bool bare = uri.path.len <= 1;
  int written = snprintf(text, cap, "%.*s%.*s%s", (int)head, d->uri, bare ? 0 : (int)uri.path.len,
                         d->uri + head, bare ? WELL_KNOWN_CORE : "");
  if (written >= 0 && (size_t)written + tail < cap) {
    memcpy(text + written, d->uri + len - tail, tail + 1);
    return 0;
  }
  return exit_fail(d->options, EXIT_STATUS_USAGE, "URI too long: %s", d->uri);
}

/* All CoAP Nodes, or the URI's group, through one interface or every one. */
static int start_stream(discovery_t *d, const char *interface) {
  char uri[2048];
  acoap_remote_endpoint_t *remote = NULL;
  int status;
  if (d->uri != NULL) {
    status = target_uri(d, uri, sizeof(uri));
    if (status == 0) {
      status = session_remote(&d->session, uri, interface, &remote);
    }
    if (status != 0) {
      return status;
    }
  } else {
    status = acoap_remote_endpoint_all_coap_nodes(d->session.endpoint, 0, WELL_KNOWN_CORE, &remote);
    if (status == 0 && interface != NULL) {
      status = acoap_remote_endpoint_set_interface(remote, interface);
    }
  }
  if (status == 0) {
    status = acoap_send_stream(remote, describe(d), on_item, d, &d->streams[d->stream_count]);
  }
  acoap_remote_endpoint_unref(remote);
  if (status < 0) {
    return exit_fail(d->options, exit_of_status(status), "no discovery%s%s: %s",
                     interface != NULL ? " on " : "", interface != NULL ? interface : "",
                     acoap_strerror(status));
  }
  d->stream_count++;
  d->open++;
  return 0;
}

static void on_stop_signal(uv_signal_t *handle, int number) {
  (void)number;
  uv_stop(handle->loop);
}

static void print_summary(const discovery_t *d) {
  exit_note(d->options, "%zu responder%s, %zu resource%s", d->responders,
            d->responders == 1 ? "" : "s", d->resources, d->resources == 1 ? "" : "s");
}

/* Run until the last stream has ended or a signal came. */
static void collect(discovery_t *d) {
  uv_loop_t *loop = &d->session.loop;
  uv_signal_init(loop, &d->interrupt);
  uv_signal_init(loop, &d->terminate);
  uv_signal_start(&d->interrupt, on_stop_signal, SIGINT);
  uv_signal_start(&d->terminate, on_stop_signal, SIGTERM);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&d->interrupt, NULL);
  uv_close((uv_handle_t *)&d->terminate, NULL);
}

static int discover_group(discovery_t *d) {
  const options_t *options = d->options;
  int status = 0;
  if (options->interface_count > STREAMS_MAX) {
    return exit_fail(options, EXIT_STATUS_USAGE, "at most %d interfaces", STREAMS_MAX);
  }
  for (size_t i = 0; i < options->interface_count && status == 0; i++) {
    status = start_stream(d, options->interfaces[i]);
  }
  if (options->interface_count == 0) {
    status = start_stream(d, NULL);
  }
  if (status == 0) {
    collect(d);
  }
  for (size_t i = 0; i < d->stream_count; i++) {
    acoap_stream_unref(d->streams[i]);
  }
  if (status != 0) {
    return status;
  }
  if (d->responders > 0) {
    print_summary(d);
    return EXIT_STATUS_OK;
  }
  if (d->answered != 0) {
    return exit_fail(options, d->answered, "no resources: only errors were answered");
  }
  return exit_fail(options, EXIT_STATUS_NO_ANSWER, "no answer%s%s", d->failure < 0 ? ": " : "",
                   d->failure < 0 ? acoap_strerror(d->failure) : "");
}

/* ---- one server ------------------------------------------------------------------------------ */

static int discover_server(discovery_t *d) {
  char uri[2048];
  const options_t *options = d->options;
  acoap_remote_endpoint_t *remote = NULL;
  const char *interface = options->interface_count > 0 ? options->interfaces[0] : NULL;
  int status = target_uri(d, uri, sizeof(uri));
  if (status == 0) {
    status = session_remote(&d->session, uri, interface, &remote);
  }
  if (status != 0) {
    return status;
  }
  status = acoap_send(remote, describe(d), NULL, NULL, &d->future);
  acoap_remote_endpoint_unref(remote);
  if (status == 0) {
    status = acoap_future_wait(d->future);
  }
  acoap_message_t *message = acoap_future_message(d->future);
  if (message != NULL && !acoap_code_is_success(acoap_message_code(message))) {
    acoap_bytes_t payload = acoap_message_payload(message);
    response_body_t body = {.bytes = payload.data, .len = payload.len, .size = payload.len};
    status = response_error(options, message, &body, elapsed_ms_of(d, message));
  } else if (status == 0 && message != NULL) {
    on_answer(d, message);
    print_summary(d);
  } else {
    status = exit_send(options, status, uri);
  }
  acoap_future_unref(d->future);
  return status;
}

int discover_run(const options_t *options) {
  acoap_uri_t uri;
  discovery_t d = {.options = options, .group = true};
  int status = 0;
  if (options->argument_count > 0) {
    d.uri = options->arguments[0];
    status = session_check_uri(options, d.uri, &uri);
    if (status != 0) {
      return status;
    }
    d.group = session_uri_is_group(&uri);
  }
  status = session_open(&d.session, options);
  if (status == 0) {
    status = d.group ? discover_group(&d) : discover_server(&d);
    session_close(&d.session);
  }
  return status;
}
