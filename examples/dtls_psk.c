/*
 * GET over coaps:// with a pre-shared key (RFC 7252 section 9.1.3.1).
 * usage: dtls_psk coaps://[::1]/hello IDENTITY KEY
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <string.h>
#include <uv.h>

static void on_response(void *user_data, int status, acoap_message_t *message) {
  if (message != NULL) {
    acoap_bytes_t body = acoap_message_payload(message);
    fwrite(body.data, 1, body.len, stdout);
  } else {
    fprintf(stderr, "%s\n", acoap_strerror(status));
  }
  acoap_local_endpoint_close(user_data, NULL, NULL);
}

/* A handshake that failed says why; the request only which error it is. */
static void on_event(void *user_data, const acoap_event_t *event) {
  (void)user_data;
  if (event->kind == ACOAP_EVENT_PEER_FAILED) {
    fprintf(stderr, "handshake: %s\n", event->reason);
  }
}

static int get(acoap_local_endpoint_t *local, const char *uri) {
  acoap_remote_endpoint_t *remote = NULL;
  int status = acoap_remote_endpoint_new(local, uri, &remote);
  if (status == 0) {
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_block2(desc, 0);
    acoap_desc_collect(desc, 16 << 20);
    status = acoap_send(remote, desc, on_response, local, NULL);
    acoap_remote_endpoint_unref(remote);
  }
  return status;
}

int main(int argc, char **argv) {
  acoap_credentials_t *key = NULL;
  acoap_local_endpoint_t *local = NULL;
  if (argc != 4) {
    fprintf(stderr, "usage: %s URI IDENTITY KEY\n", argv[0]);
    return 2;
  }
  int status = acoap_credentials_new_psk(argv[2], argv[3], strlen(argv[3]), &key);
  if (status == 0) {
    acoap_dtls_options_t dtls = {.size = sizeof(dtls), .credentials = key, .client_only = true};
    acoap_local_endpoint_options_t options = {
        .size = sizeof(options), .dtls = &dtls, .secure_only = true};
    status = acoap_local_endpoint_new(uv_default_loop(), &options, &local);
    acoap_credentials_unref(key);
  }
  if (status == 0) {
    acoap_local_endpoint_on_event(local, on_event, NULL);
    status = get(local, argv[1]);
    if (status < 0) {
      acoap_local_endpoint_close(local, NULL, NULL);
    }
  }
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return status < 0;
}
