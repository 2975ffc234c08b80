/*
 * Closing a socket that no endpoint owns, whatever kind it is.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/socket.h>

void acoap_socket_close(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data) {
  if (socket != NULL) {
    socket->ops->close(socket, closed, user_data);
  }
}
