/*
 * A directory that clients read and, when it is said to be writable, write: PUT replaces a file
 * atomically, block by block in constant memory, DELETE removes it. Nothing outside is reached.
 * usage: directory DIR [writable]
 *     acoap get coap://[::1]/files/notes.txt
 *     acoap put coap://[::1]/files/notes.txt -f notes.txt
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static int serve(acoap_server_t *server, const char *directory, bool writable) {
  acoap_directory_options_t options = {
      .size = sizeof(options), .writable = writable, .file_max_bytes = 16 << 20};
  acoap_resource_t *files = acoap_resource_new_directory(server, "/files", directory, &options);
  acoap_multicast_policy_t policy = {.size = sizeof(policy), .silent = true};
  acoap_resource_multicast(files, &policy); /* files are no answer to a group */
  acoap_resource_new_stats(server, "/stats");
  return acoap_server_status(server);
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
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .port = 5683};
  if (argc < 2) {
    fprintf(stderr, "usage: %s DIR [writable]\n", argv[0]);
    return 2;
  }
  int status = acoap_local_endpoint_new(loop, &options, &local);
  if (status == 0) {
    status = acoap_server_new(local, NULL, &server);
  }
  if (status == 0) {
    status = serve(server, argv[1], argc > 2 && strcmp(argv[2], "writable") == 0);
  }
  if (status < 0) {
    fprintf(stderr, "%s: %s\n", argv[1], acoap_strerror(status));
    return 1;
  }
  uv_signal_init(loop, &interrupt);
  interrupt.data = local;
  uv_signal_start(&interrupt, on_interrupt, SIGINT);
  uv_run(loop, UV_RUN_DEFAULT);
  acoap_server_free(server);
  return 0;
}
