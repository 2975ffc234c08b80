/*
 * The server that is measured: what an application would write with <acoap/resource.h>, with the
 * defaults but for more peers and sessions to be remembered and larger bodies.
 *
 *     GET /0 /16 /1024   2.05 with that many bytes
 *     PUT to the same    2.04; the payload is read, not kept
 *     GET /body          10 MiB, block by block; PUT takes as many
 *
 * usage: server ADDRESS PORT [SECURE_PORT]
 * The second port speaks DTLS: identity "bench", key "benchmark".
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>
#include <acoap/dtls.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define BODY_BYTES ((size_t)10 << 20)
#define PEERS 16384 /* peers that NON are sent to, remembered with their Message IDs */
#define SESSIONS_MAX 4096

static const size_t sizes[] = {0, 16, 1024};
static uint8_t body_bytes[BODY_BYTES];

static void get(void *user_data, acoap_request_t *request) {
  const size_t *size = user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, body_bytes, *size);
}

static void put(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
}

static void get_body(void *user_data, acoap_request_t *request) {
  acoap_body_t **body = user_data;
  acoap_request_respond_body(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_NONE, acoap_body_ref(*body));
}

static int add_resources(acoap_server_t *server, acoap_body_t **body) {
  char path[8];
  for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
    snprintf(path, sizeof(path), "/%zu", sizes[i]);
    acoap_resource_t *resource = acoap_resource_new(server, path);
    acoap_resource_on(resource, ACOAP_CODE_GET, get, (void *)(uintptr_t)&sizes[i]);
    acoap_resource_on(resource, ACOAP_CODE_PUT, put, NULL);
  }
  acoap_resource_t *resource = acoap_resource_new(server, "/body");
  acoap_resource_on(resource, ACOAP_CODE_GET, get_body, body);
  acoap_resource_on(resource, ACOAP_CODE_PUT, put, NULL);
  acoap_resource_body_max(resource, BODY_BYTES);
  return acoap_server_status(server);
}

static int serve(uv_loop_t *loop, char **argv, int argc, acoap_local_endpoint_t **local) {
  acoap_address_t address;
  acoap_credentials_options_t psk = {.size = sizeof(psk),
                                     .psk_identity = {(const uint8_t *)"bench", 5},
                                     .psk_key = {(const uint8_t *)"benchmark", 9}};
  acoap_dtls_options_t dtls = {.size = sizeof(dtls), .sessions_max = SESSIONS_MAX};
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .bind = &address, .bind_count = 1, .peers = PEERS};
  int status = acoap_address_parse(argv[1], strlen(argv[1]), &address);
  options.port = (uint16_t)strtoul(argv[2], NULL, 10);
  if (status == 0 && argc > 3) {
    options.secure_port = (uint16_t)strtoul(argv[3], NULL, 10);
    options.dtls = &dtls;
    status = acoap_credentials_new(&psk, &dtls.credentials);
  }
  if (status == 0) {
    status = acoap_local_endpoint_new(loop, &options, local);
  }
  acoap_credentials_unref(dtls.credentials);
  return status;
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  acoap_local_endpoint_close(handle->data, NULL, NULL);
  uv_close((uv_handle_t *)handle, NULL);
}

int main(int argc, char **argv) {
  uv_loop_t *loop = uv_default_loop();
  uv_signal_t end;
  acoap_local_endpoint_t *local = NULL;
  acoap_server_t *server = NULL;
  if (argc < 3) {
    fputs("usage: server ADDRESS PORT [SECURE_PORT]\n", stderr);
    return 2;
  }
  for (size_t i = 0; i < sizeof(body_bytes); i++) {
    body_bytes[i] = (uint8_t)('a' + i % 26);
  }
  acoap_body_t *body = acoap_body_lend(body_bytes, sizeof(body_bytes), NULL, NULL);
  int status = serve(loop, argv, argc, &local);
  if (status == 0) {
    acoap_server_options_t bodies = {.size = sizeof(bodies), .bodies_max_bytes = 4 * BODY_BYTES};
    status = acoap_server_new(local, &bodies, &server);
  }
  if (status == 0) {
    status = add_resources(server, &body);
  }
  if (status < 0) {
    fprintf(stderr, "server: %s\n", acoap_strerror(status));
    return 1;
  }
  uv_signal_init(loop, &end);
  end.data = local;
  uv_signal_start(&end, on_signal, SIGTERM);
  uv_run(loop, UV_RUN_DEFAULT);
  acoap_server_free(server);
  acoap_body_unref(body);
  return uv_loop_close(loop) < 0;
}
