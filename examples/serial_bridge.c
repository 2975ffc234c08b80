/*
 * UDP on loopback in front of a device on a serial line: a datagram socket of one's own (SLIP, RFC
 * 1055, over a terminal) and the library's UDP socket hand each other what they receive. The device
 * sees one peer; answers find their way back by Message ID (ACK, RST) or token.
 *     serial_bridge /dev/pts/3 5683      acoap get coap://localhost/uptime
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <uv.h>

enum { DATAGRAM_MAX = 1280, ROUTES = 64, END = 0xc0, ESC = 0xdb, ESC_END = 0xdc, ESC_ESC = 0xdd };

/* ---- the line, as a socket --------------------------------------------------------------------
 */

typedef struct line {
  acoap_socket_t socket; /* first: all that others see */
  uv_poll_t poll;
  int fd;
  const acoap_socket_events_t *events;
  void *user_data; /* of the events */
  void (*closed)(void *user_data);
  void *closed_data;
  acoap_buffer_t frame; /* what has come in since the last END */
  bool escaped;
  uint8_t storage[DATAGRAM_MAX];
} line_t;

static const acoap_address_t far_end = {.family = ACOAP_FAMILY_OTHER};

static void end_frame(line_t *line) {
  acoap_incoming_datagram_t datagram = {
      .path = {.peer = far_end}, .buffer = &line->frame, .bytes = {line->storage, line->frame.len}};
  if (line->frame.len > 0 && line->frame.len <= DATAGRAM_MAX) {
    line->events->received(line->user_data, &datagram, 1);
  }
  line->frame.len = 0;
}

static void readable(uv_poll_t *poll, int status, int events) {
  line_t *line = poll->data;
  uint8_t bytes[256];
  ssize_t got = status == 0 && (events & UV_READABLE) != 0 ? read(line->fd, bytes, 256) : 0;
  for (ssize_t i = 0; i < got; i++) {
    uint8_t byte = bytes[i];
    if (byte == END) {
      end_frame(line);
    } else if (byte == ESC) {
      line->escaped = true;
    } else {
      byte = !line->escaped ? byte : byte == ESC_END ? END : ESC;
      line->escaped = false;
      if (line->frame.len < DATAGRAM_MAX) {
        line->storage[line->frame.len] = byte;
      }
      line->frame.len += line->frame.len <= DATAGRAM_MAX ? 1 : 0; /* beyond: left out */
    }
  }
  if (got <= 0) {
    uv_poll_stop(poll); /* the device is gone */
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
    uint8_t frame[2 * DATAGRAM_MAX + 2];
    size_t len = 0;
    frame[len++] = END;
    for (size_t at = 0; at < batch[i].bytes.len && at < DATAGRAM_MAX; at++) {
      uint8_t byte = batch[i].bytes.data[at];
      if (byte == END || byte == ESC) {
        frame[len++] = ESC;
        byte = byte == END ? ESC_END : ESC_ESC;
      }
      frame[len++] = byte;
    }
    frame[len++] = END;
    if (write(((line_t *)socket)->fd, frame, len) < 0) {
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

static acoap_socket_t *line_open(uv_loop_t *loop, const char *name) {
  struct termios raw;
  line_t *line = calloc(1, sizeof(*line));
  if (line == NULL || (line->fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)) < 0) {
    free(line);
    return NULL;
  }
  if (tcgetattr(line->fd, &raw) == 0) {
    cfmakeraw(&raw);
    cfsetspeed(&raw, B115200);
    tcsetattr(line->fd, TCSANOW, &raw);
  }
  line->socket.ops = &line_ops;
  line->frame.bytes = line->storage;
  line->frame.refs = 2; /* the line's own besides the receiver's: never released */
  uv_poll_init(loop, &line->poll, line->fd);
  line->poll.data = line;
  return &line->socket;
}

/* ---- the bridge -------------------------------------------------------------------------------
 */

static acoap_socket_t *udp, *line;

/* Who asked what. */
static struct route {
  acoap_path_t path;
  uint16_t message_id;
  uint8_t token[ACOAP_TOKEN_MAX];
  size_t token_len;
} routes[ROUTES];
static size_t asked;

static void to_device(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  (void)user_data;
  for (size_t i = 0; i < count; i++) {
    acoap_view_t view;
    acoap_outgoing_datagram_t out = {&datagrams[i].path, datagrams[i].bytes};
    if (acoap_decode(&view, out.bytes.data, out.bytes.len, ACOAP_TOKEN_MAX, NULL) == 0) {
      struct route *route = &routes[asked++ % ROUTES];
      route->path = datagrams[i].path;
      route->message_id = view.message_id;
      route->token_len = view.token.len;
      memcpy(route->token, view.token.data != NULL ? view.token.data : route->token,
             view.token.len);
    }
    line->ops->send(line, &out, 1);
  }
}

static bool leads_back(const struct route *route, const acoap_view_t *view) {
  if (view->type == ACOAP_ACK || view->type == ACOAP_RST) {
    return route->message_id == view->message_id;
  }
  return route->token_len == view->token.len && view->token.len > 0 &&
         memcmp(route->token, view->token.data, view->token.len) == 0;
}

static void from_device(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  (void)user_data;
  for (size_t i = 0; i < count; i++) {
    acoap_view_t view;
    acoap_bytes_t bytes = datagrams[i].bytes;
    if (acoap_decode(&view, bytes.data, bytes.len, ACOAP_TOKEN_MAX, NULL) != 0) {
      continue;
    }
    for (size_t back = 1; back <= ROUTES && back <= asked; back++) {
      const struct route *route = &routes[(asked - back) % ROUTES];
      if (leads_back(route, &view)) {
        acoap_outgoing_datagram_t out = {&route->path, bytes};
        udp->ops->send(udp, &out, 1);
        break;
      }
    }
  }
  if (udp->ops->flush != NULL) {
    udp->ops->flush(udp);
  }
}

static void ignore_notice(void *user_data, const acoap_peer_notice_t *notice) {
  (void)user_data;
  (void)notice; /* a client that is gone */
}

static void ignore(void *user_data) {
  (void)user_data;
}

int main(int argc, char **argv) {
  static const acoap_socket_events_t udp_events = {sizeof(udp_events), to_device, ignore_notice,
                                                   ignore, ignore};
  static const acoap_socket_events_t line_events = {sizeof(line_events), from_device, ignore_notice,
                                                    ignore, ignore};
  acoap_udp_options_t options = {.size = sizeof(options)};
  uv_loop_t *loop = uv_default_loop();

  acoap_address_parse("127.0.0.1:5683", 14, &options.local);
  options.local.port = (uint16_t)(argc > 2 ? atoi(argv[2]) : 5683);
  if (argc < 2 || (line = line_open(loop, argv[1])) == NULL) {
    fputs("usage: serial_bridge DEVICE [PORT]\n", stderr);
    return 2;
  }
  int status = acoap_udp_socket_new(loop, ACOAP_UDP_BEST, &options, &udp);
  if (status == 0) {
    status = udp->ops->start(udp, &udp_events, NULL);
  }
  if (status == 0) {
    status = line->ops->start(line, &line_events, NULL);
  }
  if (status < 0) {
    fprintf(stderr, "serial_bridge: %s\n", acoap_strerror(status));
    return 1;
  }
  return uv_run(loop, UV_RUN_DEFAULT);
}
