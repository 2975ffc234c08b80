/*
 * A server with a certificate, on coap:// and coaps:// side by side; GET /who tells who asks, and
 * only to those who prove it (RFC 7252 section 9.1.3.3).
 * usage: dtls_cert CERTIFICATE KEY TRUST-ANCHORS    (PEM files)
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static void who(void *user_data, acoap_request_t *request) {
  const acoap_identity_t *identity = acoap_request_identity(request);
  const char *subject = acoap_identity_subject(identity);
  (void)user_data;
  if (acoap_identity_kind(identity) != ACOAP_IDENTITY_CERTIFICATE) {
    acoap_request_respond(request, ACOAP_CODE_UNAUTHORIZED, ACOAP_FORMAT_NONE, NULL, 0);
    return;
  }
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, subject,
                        strlen(subject));
}

static void on_event(void *user_data, const acoap_event_t *event) {
  char peer[ACOAP_ADDRESS_TEXT_MAX] = "";
  (void)user_data;
  acoap_address_format(&event->address, peer, sizeof(peer));
  if (event->kind == ACOAP_EVENT_PEER_FAILED) {
    fprintf(stderr, "%s: handshake failed: %s\n", peer, event->reason);
  }
}

static void on_interrupt(uv_signal_t *handle, int number) {
  (void)number;
  acoap_local_endpoint_close(handle->data, NULL, NULL);
  uv_close((uv_handle_t *)handle, NULL);
}

int main(int argc, char **argv) {
  char reason[200] = "";
  acoap_credentials_t *credentials = NULL;
  acoap_local_endpoint_t *local = NULL;
  acoap_server_t *server = NULL;
  uv_signal_t interrupt;
  if (argc != 4) {
    fprintf(stderr, "usage: %s CERTIFICATE KEY TRUST-ANCHORS\n", argv[0]);
    return 2;
  }
  acoap_credentials_options_t proof = {.size = sizeof(proof),
                                       .certificate_file = argv[1],
                                       .key_file = argv[2],
                                       .trust_file = argv[3]};
  int status = acoap_credentials_new_explained(&proof, &credentials, reason, sizeof(reason));
  if (status == 0) {
    acoap_dtls_options_t dtls = {.size = sizeof(dtls), .credentials = credentials};
    acoap_local_endpoint_options_t options = {
        .size = sizeof(options), .port = 5683, .dtls = &dtls, .secure_port = 5684};
    status = acoap_local_endpoint_new(uv_default_loop(), &options, &local);
    acoap_credentials_unref(credentials);
  }
  if (status == 0) {
    acoap_local_endpoint_on_event(local, on_event, NULL);
    status = acoap_server_new(local, NULL, &server);
    acoap_resource_on(acoap_resource_new(server, "/who"), ACOAP_CODE_GET, who, NULL);
    status = status == 0 ? acoap_server_status(server) : status;
  }
  if (status < 0) {
    fprintf(stderr, "%s %s\n", acoap_strerror(status), reason);
    return 1;
  }
  uv_signal_init(uv_default_loop(), &interrupt);
  interrupt.data = local;
  uv_signal_start(&interrupt, on_interrupt, SIGINT);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  acoap_server_free(server);
  uv_loop_close(uv_default_loop());
  return 0;
}
