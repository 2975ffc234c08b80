/*
 * A datagram socket of your own: a line of messages between two endpoints, here a Unix socket pair.
 * A serial line is the same with framing (RFC 1055) around what is read and written. What the line
 * has no room for is lost, and CoAP sends it again.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

typedef struct line {
  acoap_socket_t socket; /* first: all that the endpoint sees */
  uv_poll_t poll;
  int fd;
  const acoap_socket_events_t *events;
  void *user_data; /* of the events */
  void (*closed)(void *user_data);
  void *closed_data;
} line_t;

/* Each end calls the other so; an OTHER address means what the socket wants it to mean. */
static const acoap_address_t far_end = {.family = ACOAP_FAMILY_OTHER, .port = 5683};

static void free_buffer(acoap_buffer_t *buffer) {
  free(buffer);
}

static void readable(uv_poll_t *poll, int status, int events) {
  line_t *line = poll->data;
  acoap_buffer_t *buffer = malloc(sizeof(*buffer) + 1280);
  if (status != 0 || (events & UV_READABLE) == 0 || buffer == NULL) {
    free(buffer);
    return;
  }
  *buffer = (acoap_buffer_t){.bytes = (uint8_t *)(buffer + 1), .refs = 1, .release = free_buffer};
  ssize_t got = read(line->fd, buffer->bytes, 1280);
  if (got > 0) {
    buffer->cap = buffer->len = (size_t)got;
    acoap_incoming_datagram_t datagram = {
        .path = {.peer = far_end}, .buffer = buffer, .bytes = {buffer->bytes, buffer->len}};
    line->events->received(line->user_data, &datagram, 1);
  }
  if (--buffer->refs == 0) { /* nobody has kept it */
    buffer->release(buffer);
  }
}

static int line_start(acoap_socket_t *socket, const acoap_socket_events_t *events, void *data) {
  line_t *line = (line_t *)socket;
  line->events = events;
  line->user_data = data;
  return uv_poll_start(&line->poll, UV_READABLE, readable);
}

static int line_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (write(((line_t *)socket)->fd, batch[i].bytes.data, batch[i].bytes.len) < 0) {
      perror("line"); /* lost, as on any network */
    }
  }
  return (int)count;
}

static int line_address(acoap_socket_t *socket, acoap_address_t *address) {
  (void)socket;
  *address = far_end;
  return 0;
}

static void poll_closed(uv_handle_t *handle) {
  line_t *line = handle->data;
  close(line->fd);
  line->closed(line->closed_data);
  free(line);
}

static void line_close(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  line_t *line = (line_t *)socket;
  line->closed = closed;
  line->closed_data = user_data;
  uv_close((uv_handle_t *)&line->poll, poll_closed);
}

static const acoap_socket_ops_t line_ops = {.size = sizeof(line_ops),
                                            .start = line_start,
                                            .send = line_send,
                                            .local_address = line_address,
                                            .close = line_close};

static acoap_local_endpoint_t *endpoint_on(uv_loop_t *loop, int fd) {
  line_t *line = calloc(1, sizeof(*line));
  acoap_local_endpoint_t *endpoint = NULL;
  if (line == NULL) {
    abort();
  }
  acoap_socket_t *socket = &line->socket;
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .sockets = &socket, .socket_count = 1};
  *line = (line_t){.socket = {&line_ops}, .fd = fd};
  uv_poll_init(loop, &line->poll, fd);
  line->poll.data = line;
  acoap_local_endpoint_new(loop, &options, &endpoint);
  return endpoint;
}

static void greet(void *user_data, acoap_request_t *request) {
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "hello", 5);
}

static void show(void *user_data, int status, acoap_message_t *message) {
  acoap_bytes_t text = acoap_message_payload(message);
  printf("%s: %.*s\n", acoap_strerror(status), (int)text.len, (const char *)text.data);
  acoap_local_endpoint_close(((acoap_local_endpoint_t **)user_data)[0], NULL, NULL);
  acoap_local_endpoint_close(((acoap_local_endpoint_t **)user_data)[1], NULL, NULL);
}

int main(void) {
  int fds[2];
  uv_loop_t *loop = uv_default_loop();
  acoap_remote_endpoint_t *remote = NULL;
  if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) {
    return EXIT_FAILURE;
  }
  acoap_local_endpoint_t *ends[2] = {endpoint_on(loop, fds[0]), endpoint_on(loop, fds[1])};
  acoap_local_endpoint_receive(ends[0], greet, NULL);
  acoap_remote_endpoint_from_address(ends[1], &far_end, "/greeting", &remote);
  int status = acoap_send(remote, acoap_desc_get(), show, ends, NULL);
  acoap_remote_endpoint_unref(remote);
  if (status == 0) {
    uv_run(loop, UV_RUN_DEFAULT);
  }
  return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
