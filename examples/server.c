/*
 * A server at its smallest: one handler for every request, which answers now or keeps the request
 * and answers later. GET /hello   at once GET /slow    two seconds later, in a message of its own
 * usage: server
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct later {
  uv_timer_t timer;
  acoap_request_t *request;
} later_t;

static bool asks_for(const acoap_view_t *view, const char *segment) {
  acoap_bytes_t first;
  acoap_bytes_t second;
  return view->code == ACOAP_CODE_GET &&
         acoap_view_option(view, ACOAP_OPTION_URI_PATH, 0, &first) &&
         !acoap_view_option(view, ACOAP_OPTION_URI_PATH, 1, &second) &&
         first.len == strlen(segment) && memcmp(first.data, segment, first.len) == 0;
}

static int answer(acoap_request_t *request, uint8_t code, const char *text) {
  return acoap_request_respond(request, code, ACOAP_FORMAT_TEXT_PLAIN, text, strlen(text));
}

static void free_later(uv_handle_t *handle) {
  free(handle->data);
}

static void on_time(uv_timer_t *timer) {
  later_t *later = timer->data;
  answer(later->request, ACOAP_CODE_CONTENT, "that took a while");
  acoap_request_unref(later->request);
  uv_close((uv_handle_t *)timer, free_later);
}

/* A reference keeps the request; a confirmable one is acknowledged meanwhile, so that the client
 * stops repeating it. */
static void answer_later(uv_loop_t *loop, acoap_request_t *request) {
  later_t *later = malloc(sizeof(*later));
  if (later == NULL) {
    answer(request, ACOAP_CODE_SERVICE_UNAVAILABLE, "no memory");
    return;
  }
  later->request = acoap_request_ref(request);
  acoap_request_acknowledge(request);
  uv_timer_init(loop, &later->timer);
  later->timer.data = later;
  uv_timer_start(&later->timer, on_time, 2000, 0);
}

static void on_request(void *user_data, acoap_request_t *request) {
  const acoap_view_t *view = acoap_message_view(acoap_request_message(request));
  if (acoap_view_bad_critical_option(view) != 0) {
    answer(request, ACOAP_CODE_BAD_OPTION, "unknown critical option");
  } else if (asks_for(view, "hello")) {
    answer(request, ACOAP_CODE_CONTENT, "Hello, world!");
  } else if (asks_for(view, "slow")) {
    answer_later(user_data, request);
  } else {
    answer(request, ACOAP_CODE_NOT_FOUND, "there are /hello and /slow");
  }
}

static void on_interrupt(uv_signal_t *handle, int number) {
  (void)number;
  acoap_local_endpoint_close(handle->data, NULL, NULL);
  uv_close((uv_handle_t *)handle, NULL);
}

int main(void) {
  uv_loop_t *loop = uv_default_loop();
  uv_signal_t interrupt;
  acoap_local_endpoint_t *local = NULL;
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .port = 5683};
  int status = acoap_local_endpoint_new(loop, &options, &local);
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  acoap_local_endpoint_receive(local, on_request, loop);
  uv_signal_init(loop, &interrupt);
  interrupt.data = local;
  uv_signal_start(&interrupt, on_interrupt, SIGINT);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
  return 0;
}
