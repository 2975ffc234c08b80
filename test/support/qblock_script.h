/*
 * The shortest server of RFC 9177: a bare socket on the simulated network that sends a body of
 * QBLOCK_SCRIPT_LEN bytes in sets with Q-Block2, and takes one with Q-Block1. It loses block 3 of
 * each body once. What it cannot send is lost too, so it may run where memory is short.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_QBLOCK_SCRIPT_H
#define ACOAP_TEST_QBLOCK_SCRIPT_H

#include <acoap/acoap.h>

#define QBLOCK_SCRIPT_ADDRESS "192.0.2.9:5683"

enum { QBLOCK_SCRIPT_LEN = 25 * 64 + 7, QBLOCK_SCRIPT_SET = 10 };

typedef struct qblock_script {
  acoap_socket_t *socket;
  acoap_address_t client; /* who sent the last request */
  uint8_t token[8];       /* of it */
  uint16_t message_id;    /* of the next message of our own */
  uint32_t there;         /* bit n: block n of what is uploaded */
  uint32_t end;           /* one behind its last block; 0: not known */
  bool lost;              /* block 3 has been */
} qblock_script_t;

void qblock_script_open(qblock_script_t *script, acoap_sim_t *sim);
void qblock_script_close(qblock_script_t *script);

#endif
