/*
 * Follow a resource: every fresh notification is an item of a stream; Ctrl-C drops the stream,
 * which deregisters.
 * usage: observe coap://[::1]/time
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <uv.h>

typedef struct app {
  acoap_local_endpoint_t *local;
  acoap_stream_t *stream;
  uv_signal_t interrupt;
} app_t;

/* Dropping the stream sends the deregistration; the unreferenced endpoint keeps the loop until that
 * is answered. */
static void stop(app_t *app) {
  app->stream = acoap_stream_unref(app->stream);
  acoap_local_endpoint_unref(app->local);
  uv_close((uv_handle_t *)&app->interrupt, NULL);
}

static void on_interrupt(uv_signal_t *handle, int number) {
  (void)number;
  stop(handle->data);
}

/* Status 0 for each notification, then once a negative one for the end. */
static void on_item(void *user_data, int status, acoap_message_t *message) {
  app_t *app = user_data;
  if (status == 0) {
    acoap_bytes_t body = acoap_message_payload(message);
    printf("%.*s\n", (int)body.len, (const char *)body.data);
    fflush(stdout);
    return;
  }
  fprintf(stderr, "the observation ended: %s\n", acoap_strerror(status));
  stop(app);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  app_t app = {.local = NULL};
  acoap_remote_endpoint_t *remote = NULL;
  if (argc != 2) {
    fprintf(stderr, "usage: %s URI\n", argv[0]);
    return 2;
  }
  int status = acoap_local_endpoint_new(loop, NULL, &app.local);
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  status = acoap_remote_endpoint_new(app.local, argv[1], &remote);
  if (status == 0) {
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_observe(desc, NULL); /* order, Max-Age and a server that forgets are looked after */
    acoap_desc_block2(desc, 0);     /* a notification larger than a block is fetched as a whole */
    acoap_desc_collect(desc, 1 << 20);
    status = acoap_send_stream(remote, desc, on_item, &app, &app.stream);
    acoap_remote_endpoint_unref(remote);
  }
  if (status == 0) {
    uv_signal_init(loop, &app.interrupt);
    app.interrupt.data = &app;
    uv_signal_start(&app.interrupt, on_interrupt, SIGINT);
    uv_run(loop, UV_RUN_DEFAULT);
  } else {
    fprintf(stderr, "%s: %s\n", argv[1], acoap_strerror(status));
  }
  acoap_local_endpoint_close(app.local, NULL, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
  return status < 0;
}
