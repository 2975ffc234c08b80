/*
 * The batched UDP socket where the system has no recvmmsg and no error queue: it says so, and
 * acoap_udp_socket_new takes the portable one.
 * SPDX-License-Identifier: MIT
 */
#include "transport/udp_kinds.h"

int acoap__udp_batched_new(uv_loop_t *loop, const acoap_udp_options_t *options,
                           acoap_socket_t **socket) {
  (void)loop;
  (void)options;
  (void)socket;
  return ACOAP_ENOTSUP;
}

const acoap_socket_ops_t *acoap__udp_batched_ops(void) {
  return NULL;
}
