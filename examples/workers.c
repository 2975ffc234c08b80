/*
 * A server on every core: each worker has a loop, an endpoint and a server of its own on the same
 * port, and a change that concerns all is told to the observers of all.
 *     GET /worker, which answers; PUT /light, observable, one state for all
 * usage: workers [PORT [COUNT]]; SIGINT or SIGTERM ends it
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static atomic_bool light_on; /* what several threads share has to bear it */
static uv_signal_t signals[2];

static void get_worker(void *user_data, acoap_request_t *request) {
  char text[32];
  int len = snprintf(text, sizeof(text), "worker %zu", acoap_worker_number(user_data));
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
}

static void get_light(void *user_data, acoap_request_t *request) {
  const char *text = atomic_load(&light_on) ? "1" : "0";
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, 1);
}

static void put_light(void *user_data, acoap_request_t *request) {
  acoap_bytes_t body = acoap_request_body(request);
  atomic_store(&light_on, body.len == 1 && body.data[0] == '1');
  acoap_workers_notify(acoap_worker_workers(user_data), "/light");
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

/* On each worker's own thread. */
static int serve(void *user_data, acoap_worker_t *worker) {
  acoap_server_t *server = NULL;
  (void)user_data;
  int status = acoap_server_new(acoap_worker_endpoint(worker), NULL, &server);
  if (status < 0) {
    return status;
  }
  acoap_worker_set_data(worker, server);
  acoap_resource_on(acoap_resource_new(server, "/worker"), ACOAP_CODE_GET, get_worker, worker);
  acoap_resource_t *light = acoap_resource_new(server, "/light");
  acoap_resource_on(light, ACOAP_CODE_GET, get_light, NULL);
  acoap_resource_on(light, ACOAP_CODE_PUT, put_light, worker);
  acoap_resource_observable(light, NULL);
  return acoap_server_status(server);
}

static void leave(void *user_data, acoap_worker_t *worker) {
  (void)user_data;
  acoap_server_free(acoap_worker_data(worker));
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  acoap_workers_stop(handle->data); /* again is harmless, until on_stopped */
}

/* On the main loop, when the last one has ended. */
static void on_stopped(void *user_data, int status) {
  (void)user_data;
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
  }
  uv_close((uv_handle_t *)&signals[0], NULL);
  uv_close((uv_handle_t *)&signals[1], NULL);
}

int main(int argc, char **argv) {
  static const int numbers[2] = {SIGINT, SIGTERM};
  acoap_workers_t *workers = NULL;
  uv_loop_t *loop = uv_default_loop();
  acoap_local_endpoint_options_t each = {.size = sizeof(each),
                                         .port = argc > 1 ? (uint16_t)atoi(argv[1]) : 5683};
  acoap_workers_options_t options = {.size = sizeof(options),
                                     .count = argc > 2 ? (size_t)atoi(argv[2]) : 0,
                                     .endpoint = &each,
                                     .setup = serve,
                                     .teardown = leave,
                                     .stopped = on_stopped};
  int status = acoap_workers_start(loop, &options, &workers);
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  for (int i = 0; i < 2; i++) {
    signals[i].data = workers;
    uv_signal_init(loop, &signals[i]);
    uv_signal_start(&signals[i], on_signal, numbers[i]);
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) < 0;
}
