/*
 * A resource that clients follow: a clock that tells them each second. The application says that
 * something has changed; who is told, how and when, is the library's.
 * usage: observe_server [PORT]
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

typedef struct app {
  acoap_local_endpoint_t *local;
  acoap_server_t *server;
  acoap_resource_t *clock;
  uv_timer_t timer;
  uv_signal_t interrupt;
} app_t;

/* Asked for by a request, and once for all observers when the state has changed. */
static void get_time(void *user_data, acoap_request_t *request) {
  char text[32];
  time_t now = time(NULL);
  (void)user_data;
  size_t len = strftime(text, sizeof(text), "%H:%M:%S", localtime(&now));
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, len);
}

static void on_second(uv_timer_t *timer) {
  app_t *app = timer->data;
  acoap_resource_notify(app->clock);
}

static int serve(app_t *app) {
  acoap_observable_options_t often = {.size = sizeof(often), .confirm_every = 10};
  int status = acoap_server_new(app->local, NULL, &app->server);
  if (status < 0) {
    return status;
  }
  app->clock = acoap_resource_new(app->server, "/time");
  acoap_resource_on(app->clock, ACOAP_CODE_GET, get_time, app);
  acoap_resource_gives(app->clock, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_resource_observable(app->clock, &often); /* every tenth asks whether it is still wanted */
  return acoap_server_status(app->server);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  app_t *app = handle->data;
  (void)number;
  printf("%zu observers\n", acoap_resource_observers(app->clock));
  app->clock = acoap_resource_remove(app->clock); /* they are told that it is gone: 4.04 */
  acoap_local_endpoint_close(app->local, NULL, NULL);
  uv_close((uv_handle_t *)&app->timer, NULL);
  uv_close((uv_handle_t *)handle, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  app_t app = {.local = NULL};
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .port = argc > 1 ? (uint16_t)atoi(argv[1]) : 5683};
  int status = acoap_local_endpoint_new(loop, &options, &app.local);
  if (status == 0) {
    status = serve(&app);
  }
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  app.timer.data = &app;
  uv_timer_init(loop, &app.timer);
  uv_timer_start(&app.timer, on_second, 1000, 1000);
  app.interrupt.data = &app;
  uv_signal_init(loop, &app.interrupt);
  uv_signal_start(&app.interrupt, on_interrupt, SIGINT);
  uv_run(loop, UV_RUN_DEFAULT);
  acoap_server_free(app.server);
  return uv_loop_close(loop) < 0;
}
