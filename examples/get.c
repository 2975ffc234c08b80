/*
 * GET a representation, however large, and print it: a descriptor, a callback, a loop.
 * usage: get coap://[::1]/hello
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <uv.h>

/* The one final callback: with a 4.xx or 5.xx there is a status and the message too. */
static void on_response(void *user_data, int status, acoap_message_t *message) {
  acoap_local_endpoint_t *local = user_data;
  if (message != NULL) {
    char code[5];
    acoap_bytes_t body = acoap_message_payload(message);
    acoap_code_format(acoap_message_code(message), code);
    fprintf(stderr, "%s, %zu bytes, %u ms\n", code, body.len,
            (unsigned)acoap_message_elapsed_ms(message));
    fwrite(body.data, 1, body.len, stdout);
  } else {
    fprintf(stderr, "%s\n", acoap_strerror(status));
  }
  acoap_local_endpoint_close(local, NULL, NULL); /* the loop ends when everything is settled */
}

int main(int argc, char **argv) {
  acoap_local_endpoint_t *local = NULL;
  acoap_remote_endpoint_t *remote = NULL;
  if (argc != 2) {
    fprintf(stderr, "usage: %s URI\n", argv[0]);
    return 2;
  }
  int status = acoap_local_endpoint_new(uv_default_loop(), NULL, &local);
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  status = acoap_remote_endpoint_new(local, argv[1], &remote);
  if (status == 0) {
    acoap_desc_t *desc = acoap_desc_get(); /* no check needed: the first failure sticks ... */
    acoap_desc_block2(desc, 0);            /* fetch the remaining blocks */
    acoap_desc_collect(desc, 16 << 20);    /* and join them, at most 16 MiB */
    status = acoap_send(remote, desc, on_response, local, NULL); /* ... and is returned here */
    acoap_remote_endpoint_unref(remote); /* the send has its own reference */
  }
  if (status < 0) {
    fprintf(stderr, "%s: %s\n", argv[1], acoap_strerror(status));
    acoap_local_endpoint_close(local, NULL, NULL);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return status < 0;
}
