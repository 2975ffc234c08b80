/*
 * observe: follow a resource (RFC 7641). Each notification is shown as it comes, or replaces the
 * file of -o; Ctrl-C, --count and --for end it and deregister. Keeps no history.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "output.h"
#include "response.h"
#include "session.h"
#include "text.h"

/* How long the deregistration may take at most. */
#define DEREGISTER_MS 3000

/* One observation. */
typedef struct observation {
  const options_t *options;
  const char *uri;
  session_t session;
  acoap_stream_t *stream;
  uv_signal_t interrupt;  /* Ctrl-C */
  uv_signal_t terminate;  /* kill */
  uv_timer_t end;         /* --for */
  uv_timer_t first;       /* -t: for the first answer */
  uint64_t notifications; /* shown so far */
  bool observed;          /* a notification had an Observe option */
  bool over;              /* nothing more is wanted */
  int status;             /* exit status when over */
} observation_t;

/* Stop the loop that observation_run runs; what is outstanding is settled there. */
static void finish(observation_t *o, int status) {
  if (!o->over) {
    o->over = true;
    o->status = status;
    uv_stop(&o->session.loop);
  }
}

static int enough(const observation_t *o) {
  return o->notifications > 0 ? EXIT_STATUS_OK : EXIT_STATUS_NO_ANSWER;
}

static void on_stop_signal(uv_signal_t *handle, int number) {
  observation_t *o = handle->data;
  (void)number;
  finish(o, enough(o));
}

static void on_time_over(uv_timer_t *timer) {
  observation_t *o = timer->data;
  if (o->notifications == 0 && !o->over) {
    exit_fail(o->options, EXIT_STATUS_NO_ANSWER, "no notification: %s", o->uri);
  }
  finish(o, enough(o));
}

static void on_deadline(uv_timer_t *timer) {
  observation_t *o = timer->data;
  if (o->notifications == 0 && !o->over) {
    finish(o, exit_send(o->options, ACOAP_ETIMEDOUT, o->uri));
  }
}

/* Text piped on gets a line feed at its end if it has none, so that a reader can tell notifications
 * apart. */
static bool wants_line_feed(const options_t *options, int format, acoap_bytes_t body) {
  bool text = format == ACOAP_FORMAT_TEXT_PLAIN || format == ACOAP_FORMAT_JSON ||
              format == ACOAP_FORMAT_SENML_JSON || format == ACOAP_FORMAT_LINK_FORMAT ||
              (format == ACOAP_FORMAT_NONE && text_is_printable(body.data, body.len));
  return text && options->output == NULL && !options->json && !output_is_terminal(options) &&
         body.len > 0 && body.data[body.len - 1] != '\n';
}

static int show(const observation_t *o, const acoap_message_t *message) {
  output_t output;
  acoap_bytes_t body = acoap_message_payload(message);
  int format = acoap_message_content_format(message);
  int status = output_open(&output, o->options);
  if (status != 0) {
    return status;
  }
  if (output_write(&output, 0, body.data, body.len, -1) < 0) {
    status = output_failure(&output);
  }
  if (status == 0 && wants_line_feed(o->options, format, body)) {
    output_write(&output, body.len, (const uint8_t *)"\n", 1, -1);
  }
  if (status == 0) {
    status = output_commit(&output, format);
  }
  output_close(&output);
  return status;
}

static void on_success(observation_t *o, const acoap_message_t *message) {
  uint32_t number = 0;
  o->observed =
      o->observed || acoap_view_uint(acoap_message_view(message), ACOAP_OPTION_OBSERVE, &number);
  o->notifications++;
  int status = show(o, message);
  if (status == 0 && o->options->json) {
    json_t json;
    acoap_bytes_t payload = acoap_message_payload(message);
    response_body_t body = {.bytes = o->options->output == NULL ? payload.data : NULL,
                            .len = payload.len,
                            .size = payload.len};
    response_json_begin(&json, message, &body, acoap_message_elapsed_ms(message));
    response_json_end(&json);
  }
  if (status == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
    clearerr(stdout);
    status = exit_fail(NULL, EXIT_STATUS_LOCAL, "standard output: %s", strerror(errno));
  }
  if (status != 0 || (o->options->count != 0 && o->notifications >= o->options->count)) {
    finish(o, status);
  }
}

static void on_error(observation_t *o, const acoap_message_t *message) {
  acoap_bytes_t payload = acoap_message_payload(message);
  response_body_t body = {.bytes = payload.data, .len = payload.len, .size = payload.len};
  finish(o, response_error(o->options, message, &body, acoap_message_elapsed_ms(message)));
}

static void on_item(void *user_data, int status, acoap_message_t *message) {
  observation_t *o = user_data;
  if (o->over) {
    return;
  }
  if (message != NULL && !acoap_code_is_success(acoap_message_code(message))) {
    on_error(o, message);
  } else if (status == 0) {
    on_success(o, message);
  } else if (status != ACOAP_EEND) {
    finish(o, exit_send(o->options, status, o->uri));
  } else {
    if (!o->observed) {
      exit_note(o->options, "the resource cannot be observed: %s", o->uri);
    }
    finish(o, enough(o));
  }
}

static acoap_desc_t *describe(const options_t *options) {
  acoap_desc_t *desc = acoap_desc_get();
  session_describe(options, desc);
  acoap_desc_observe(desc, NULL);
  acoap_desc_block2(desc, options->block_size);
  if (options->window > 1) {
    acoap_desc_block2_window(desc, options->window);
  }
  if (options->qblock) {
    acoap_desc_qblock(desc, NULL);
  }
  acoap_desc_collect(desc, OUTPUT_SHOWN_MAX);
  return desc;
}

static void start_watching(observation_t *o) {
  uv_loop_t *loop = &o->session.loop;
  uv_signal_init(loop, &o->interrupt);
  uv_signal_init(loop, &o->terminate);
  uv_timer_init(loop, &o->end);
  uv_timer_init(loop, &o->first);
  o->interrupt.data = o;
  o->terminate.data = o;
  o->end.data = o;
  o->first.data = o;
  uv_signal_start(&o->interrupt, on_stop_signal, SIGINT);
  uv_signal_start(&o->terminate, on_stop_signal, SIGTERM);
  if (o->options->for_ms != 0) {
    uv_timer_start(&o->end, on_time_over, o->options->for_ms, 0);
  }
  if (o->options->deadline_ms != 0) {
    uv_timer_start(&o->first, on_deadline, o->options->deadline_ms, 0);
  }
}

/* A second Ctrl-C while the server is told ends the program at once: the handlers are gone by then.
 */
static void stop_watching(observation_t *o) {
  uv_close((uv_handle_t *)&o->interrupt, NULL);
  uv_close((uv_handle_t *)&o->terminate, NULL);
  uv_close((uv_handle_t *)&o->end, NULL);
  uv_close((uv_handle_t *)&o->first, NULL);
}

static int observe(observation_t *o) {
  acoap_remote_endpoint_t *remote = NULL;
  const options_t *options = o->options;
  const char *interface = options->interface_count > 0 ? options->interfaces[0] : NULL;
  int status = session_remote(&o->session, o->uri, interface, &remote);
  if (status != 0) {
    return status;
  }
  status = acoap_send_stream(remote, describe(options), on_item, o, &o->stream);
  acoap_remote_endpoint_unref(remote);
  if (status < 0) {
    return exit_send(options, status, o->uri);
  }
  start_watching(o);
  uv_run(&o->session.loop, UV_RUN_DEFAULT);
  stop_watching(o);
  o->stream = acoap_stream_unref(o->stream);
  session_drain(&o->session, DEREGISTER_MS);
  return o->status;
}

int observe_run(const options_t *options) {
  acoap_uri_t uri;
  observation_t o = {.options = options, .uri = options->arguments[0]};
  int status = session_check_uri(options, o.uri, &uri);
  if (status != 0) {
    return status;
  }
  if (session_uri_is_group(&uri)) {
    return exit_fail(options, EXIT_STATUS_USAGE, "a group cannot be observed: %s", o.uri);
  }
  status = session_open(&o.session, options);
  if (status == 0) {
    status = observe(&o);
    session_close(&o.session);
  }
  return status;
}
