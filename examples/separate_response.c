/*
 * Answers that take a while (RFC 7252 section 5.2.2): GET /slow waits for a timer, GET /work/N is
 * done by another thread, N seconds long. The request is kept meanwhile and acknowledged in time;
 * the response is a message of its own.
 * usage: separate_response [PORT]
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

typedef struct later {
  uv_timer_t timer;
  acoap_request_t *request;
} later_t;

static void free_later(uv_handle_t *handle) {
  free(handle->data);
}

static void on_time(uv_timer_t *timer) {
  later_t *later = timer->data;
  acoap_request_respond(later->request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, "at last", 7);
  acoap_request_unref(later->request);
  uv_close((uv_handle_t *)timer, free_later);
}

/* A reference keeps the request. */
static void get_slow(void *loop, acoap_request_t *request) {
  later_t *later = malloc(sizeof(*later));
  if (later == NULL) {
    return; /* neither answered nor kept: 5.00 */
  }
  later->request = acoap_request_ref(request);
  uv_timer_init(loop, &later->timer);
  later->timer.data = later;
  uv_timer_start(&later->timer, on_time, 3000, 0);
}

typedef struct job {
  unsigned seconds;
  acoap_reply_t *reply;
} job_t;

/* On a thread of its own: the reply is all of the library that it touches, and needs no lock. */
static void work(void *argument) {
  job_t *job = argument;
  char text[24];
  uv_sleep(job->seconds * 1000);
  int len = snprintf(text, sizeof(text), "%u s", job->seconds);
  acoap_reply_send(job->reply, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
  free(job);
}

static void get_work(void *user_data, acoap_request_t *request) {
  acoap_bytes_t number = acoap_request_parameter(request, "n");
  uv_thread_t thread;
  job_t *job = calloc(1, sizeof(*job));
  (void)user_data;
  if (job == NULL) {
    return;
  }
  job->seconds = number.data[0] & 7u; /* a digit up to 7; a parameter is never empty */
  job->reply = acoap_request_reply(request);
  if (uv_thread_create(&thread, work, job) != 0) {
    acoap_reply_drop(job->reply); /* 5.00 */
    free(job);
  }
}

static void on_interrupt(uv_signal_t *handle, int number) {
  (void)number;
  acoap_local_endpoint_close(handle->data, NULL, NULL);
  uv_close((uv_handle_t *)handle, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  uv_signal_t interrupt;
  acoap_local_endpoint_t *local = NULL;
  acoap_server_t *server = NULL;
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .port = argc > 1 ? (uint16_t)atoi(argv[1]) : 5683};
  if (acoap_local_endpoint_new(loop, &options, &local) < 0 ||
      acoap_server_new(local, NULL, &server) < 0) {
    return 1;
  }
  acoap_resource_on(acoap_resource_new(server, "/slow"), ACOAP_CODE_GET, get_slow, loop);
  acoap_resource_on(acoap_resource_new(server, "/work/:n"), ACOAP_CODE_GET, get_work, NULL);
  uv_signal_init(loop, &interrupt);
  interrupt.data = local;
  uv_signal_start(&interrupt, on_interrupt, SIGINT);
  uv_run(loop, UV_RUN_DEFAULT);
  acoap_server_free(server);
  return 0;
}
