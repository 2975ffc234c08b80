/*
 * Single files as resources: each is read beside the loop, of any size, in the blocks that the
 * client asks for, with an ETag made of its metadata. /all lists them.
 * usage: file_server FILE...
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

static const char *name_of(const char *file) {
  const char *slash = strrchr(file, '/');
  return slash != NULL ? slash + 1 : file;
}

/* "/all/NAME", percent-encoded as a path is written (RFC 3986 section 3.3). */
static void path_of(const char *file, char *path, size_t cap) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~";
  size_t len = (size_t)snprintf(path, cap, "/all/");
  for (const char *at = name_of(file); *at != '\0' && len + 4 < cap; at++) {
    bool as_it_is = strchr(plain, *at) != NULL || (*at == '.' && at != name_of(file));
    len += (size_t)snprintf(path + len, cap - len, as_it_is ? "%c" : "%%%02X",
                            (unsigned)(unsigned char)*at);
  }
}

static void add_file(acoap_server_t *server, const char *file) {
  char path[800];
  path_of(file, path, sizeof(path));
  acoap_resource_t *resource =
      acoap_resource_new_file(server, path, ACOAP_FORMAT_OCTET_STREAM, file);
  acoap_resource_attribute(resource, "title", name_of(file));
  printf("%s: %s\n", path, resource != NULL ? file : "not served");
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
  int status = acoap_local_endpoint_new(loop, &options, &local);
  if (status == 0) {
    status = acoap_server_new(local, NULL, &server);
  }
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  acoap_resource_new_group(server, "/all");
  for (int i = 1; i < argc; i++) {
    add_file(server, argv[i]);
  }
  status = acoap_server_status(server);
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
  }
  uv_signal_init(loop, &interrupt);
  interrupt.data = local;
  uv_signal_start(&interrupt, on_interrupt, SIGINT);
  uv_run(loop, UV_RUN_DEFAULT);
  acoap_server_free(server);
  return 0;
}
