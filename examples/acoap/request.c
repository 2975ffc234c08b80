/*
 * get put post delete fetch patch ipatch: one request, bodies block by block in both directions
 * (RFC 7252 section 5.8, RFC 7959, RFC 8132). Uploads from a file and downloads into one take
 * constant memory.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "exit.h"
#include "input.h"
#include "output.h"
#include "progress.h"
#include "response.h"
#include "session.h"

/* One request under way. */
typedef struct request {
  const options_t *options;
  const char *uri;
  bool group;          /* the URI names a group */
  session_t session;   /* open while it runs */
  output_t output;     /* where the body goes */
  input_t *input;      /* -i; NULL: none */
  progress_t progress; /* the bar */
} request_t;

static void on_progress(void *user_data, const acoap_progress_t *state, acoap_message_t *message) {
  request_t *request = user_data;
  (void)message;
  progress_update(&request->progress, state);
}

/* A body that fits one message is sent without Block1, since some servers know none. */
static void describe_short_input(request_t *request, acoap_desc_t *desc) {
  uint8_t body[1024];
  int len = input_read(request->input, 0, body, sizeof(body));
  if (len >= 0) {
    acoap_desc_payload(desc, body, (size_t)len);
  }
}

/*
 * Some servers join blocks by token, which only one request at a time can have. An input that can
 * be read once only keeps so much of what was read for blocks that are sent again.
 */
static void describe_blocks(const request_t *request, acoap_desc_t *desc, size_t block_size) {
  size_t window = request->options->window;
  bool once = request->options->text == NULL && request->input->total < 0;
  if (once && window > INPUT_WINDOW / 5 / block_size) {
    window = INPUT_WINDOW / 5 / block_size;
  }
  if (window > 1) {
    acoap_desc_block1_window(desc, window);
  } else if (!request->options->qblock) {
    acoap_desc_keep_token(desc);
  }
}

static void describe_body(request_t *request, acoap_desc_t *desc) {
  const options_t *options = request->options;
  size_t block_size = options->block_size != 0 ? options->block_size : 1024;
  if (options->text != NULL && strlen(options->text) <= block_size) {
    acoap_desc_payload(desc, options->text, strlen(options->text));
  } else if (options->text != NULL) {
    acoap_desc_block1(desc, block_size, options->text, strlen(options->text));
    describe_blocks(request, desc, block_size);
  } else if (request->input != NULL && request->input->total >= 0 &&
             (uint64_t)request->input->total <= block_size) {
    describe_short_input(request, desc);
  } else if (request->input != NULL) {
    acoap_desc_block1_reader(desc, block_size, request->input->total, input_read, request->input);
    describe_blocks(request, desc, block_size);
  }
}

static acoap_desc_t *describe(request_t *request) {
  const options_t *options = request->options;
  acoap_desc_t *desc =
      acoap_desc_new((uint8_t)acoap_code_parse(options->command, strlen(options->command)));
  session_describe(options, desc);
  if (options->deadline_ms != 0) {
    acoap_desc_deadline(desc, options->deadline_ms);
  }
  describe_body(request, desc);
  acoap_desc_block2(desc, options->block_size);
  if (options->window > 1) {
    acoap_desc_block2_window(desc, options->window);
  }
  if (options->qblock) {
    acoap_desc_qblock(desc, NULL);
  }
  acoap_desc_block_writer(desc, output_write, &request->output);
  acoap_desc_inspect(desc, on_progress, request);
  if (request->group) {
    acoap_multicast_options_t multicast = {.size = sizeof(multicast), .wait_ms = options->wait_ms};
    acoap_desc_multicast(desc, &multicast);
  }
  return desc;
}

/* The response in hand carries its body itself, or it was written piece by piece before. */
static response_body_t body_of(const request_t *request, const acoap_message_t *message) {
  acoap_bytes_t payload = acoap_message_payload(message);
  const output_t *output = &request->output;
  if (payload.len > 0) {
    return (response_body_t){.bytes = payload.data, .len = payload.len, .size = payload.len};
  }
  return (response_body_t){
      .bytes = output->keep ? output->bytes : NULL, .len = output->len, .size = output->total};
}

static int report_success(request_t *request, const acoap_message_t *message) {
  output_t *output = &request->output;
  acoap_bytes_t payload = acoap_message_payload(message);
  if (payload.len > 0 && output_write(output, 0, payload.data, payload.len, -1) < 0) {
    return output_failure(output);
  }
  if (request->options->json) {
    json_t json;
    response_body_t body = {
        .bytes = output->keep ? output->bytes : NULL, .len = output->len, .size = output->total};
    response_json_begin(&json, message, &body, session_elapsed_ms(&request->session));
    response_json_end(&json);
  }
  if (output->total == 0 || acoap_message_code(message) != ACOAP_CODE_CONTENT) {
    response_success(request->options, message);
  }
  return output_commit(output, acoap_message_content_format(message));
}

static int report_error(request_t *request, const acoap_message_t *message) {
  response_body_t body = body_of(request, message);
  return response_error(request->options, message, &body, session_elapsed_ms(&request->session));
}

static int report(request_t *request, int status, const acoap_message_t *message) {
  progress_end(&request->progress);
  int failed = output_failure(&request->output);
  if (failed != 0) {
    return failed;
  }
  if (request->input != NULL && input_error(request->input) != NULL) {
    return exit_fail(request->options, EXIT_STATUS_LOCAL, "%s: %s", request->input->name,
                     input_error(request->input));
  }
  if (message != NULL && status == 0) {
    return report_success(request, message);
  }
  if (message != NULL && !acoap_code_is_success(acoap_message_code(message))) {
    return report_error(request, message);
  }
  if (status == 0) {
    return EXIT_STATUS_OK; /* No-Response: nothing was expected */
  }
  return exit_send(request->options, status, request->uri);
}

static int send_and_report(request_t *request) {
  acoap_remote_endpoint_t *remote = NULL;
  acoap_future_t *future = NULL;
  const options_t *options = request->options;
  const char *interface = options->interface_count > 0 ? options->interfaces[0] : NULL;
  int status = session_remote(&request->session, request->uri, interface, &remote);
  if (status != 0) {
    return status;
  }
  progress_init(&request->progress, options);
  status = acoap_send(remote, describe(request), NULL, NULL, &future);
  if (status == 0) {
    status = acoap_future_wait(future);
  }
  status = report(request, status, acoap_future_message(future));
  acoap_future_unref(future);
  acoap_remote_endpoint_unref(remote);
  return status;
}

static int open_and_send(request_t *request) {
  int status = output_open(&request->output, request->options);
  if (status != 0) {
    return status;
  }
  output_guard_signals();
  status = session_open(&request->session, request->options);
  if (status == 0) {
    status = send_and_report(request);
    session_close(&request->session);
  }
  output_close(&request->output);
  return status;
}

int request_run(const options_t *options) {
  acoap_uri_t uri;
  request_t request = {.options = options, .uri = options->arguments[0]};
  int status = session_check_uri(options, request.uri, &uri);
  if (status != 0) {
    return status;
  }
  request.group = session_uri_is_group(&uri);
  if (request.group && options->qblock) {
    return exit_usage(options->command, "--qblock: not with a group (RFC 9177 section 4.8)");
  }
  if (options->input != NULL) {
    request.input = malloc(sizeof(*request.input));
    if (request.input == NULL) {
      return exit_fail(options, EXIT_STATUS_LOCAL, "out of memory");
    }
    status = input_open(request.input, options, options->input);
  }
  if (status == 0) {
    status = open_and_send(&request);
  }
  if (request.input != NULL) {
    input_close(request.input);
    free(request.input);
  }
  return status;
}
