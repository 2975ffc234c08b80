/*
 * A server in a few lines: three resources, which discovery lists.
 *     GET /hello, GET and PUT /light (0 or 1), GET /rooms/NAME/temperature
 * usage: server [PORT]
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static void get_hello(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "Hello, world!", 13);
}

static void get_light(void *user_data, acoap_request_t *request) {
  const bool *on = user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, *on ? "1" : "0", 1);
}

static void put_light(void *user_data, acoap_request_t *request) {
  bool *on = user_data;
  acoap_bytes_t body = acoap_request_body(request);
  if (body.len != 1 || (body.data[0] != '0' && body.data[0] != '1')) {
    acoap_request_respond(request, ACOAP_CODE_BAD_REQUEST, ACOAP_FORMAT_NONE, "0 or 1", 6);
    return;
  }
  *on = body.data[0] == '1';
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

/* One resource for every room: the segment of the path has a name. */
static void get_temperature(void *user_data, acoap_request_t *request) {
  char text[300];
  acoap_bytes_t room = acoap_request_parameter(request, "room");
  (void)user_data;
  int len = snprintf(text, sizeof(text), "21.5 in %.*s", (int)room.len, (const char *)room.data);
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
}

/* No checks in between: the first failure is the server's status. */
static int serve(acoap_local_endpoint_t *local, bool *light_on, acoap_server_t **server) {
  int status = acoap_server_new(local, NULL, server);
  if (status < 0) {
    return status;
  }
  acoap_resource_on(acoap_resource_new(*server, "/hello"), ACOAP_CODE_GET, get_hello, NULL);
  acoap_resource_t *light = acoap_resource_new(*server, "/light");
  acoap_resource_on(light, ACOAP_CODE_GET, get_light, light_on);
  acoap_resource_on(light, ACOAP_CODE_PUT, put_light, light_on);
  acoap_resource_attribute(light, "rt", "light");
  acoap_resource_gives(light, ACOAP_FORMAT_TEXT_PLAIN);
  acoap_resource_t *rooms = acoap_resource_new(*server, "/rooms/:room/temperature");
  acoap_resource_on(rooms, ACOAP_CODE_GET, get_temperature, NULL);
  return acoap_server_status(*server);
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
  bool light_on = false;
  acoap_local_endpoint_options_t options = {.size = sizeof(options),
                                            .port = argc > 1 ? (uint16_t)atoi(argv[1]) : 5683};
  int status = acoap_local_endpoint_new(loop, &options, &local);
  if (status == 0) {
    status = serve(local, &light_on, &server);
  }
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  uv_signal_init(loop, &interrupt);
  interrupt.data = local;
  uv_signal_start(&interrupt, on_interrupt, SIGINT);
  uv_run(loop, UV_RUN_DEFAULT);
  acoap_server_free(server);
  return uv_loop_close(loop) < 0;
}
