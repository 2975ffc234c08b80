/*
 * What the programs of this folder want of a board: a line of datagrams, a clock, random numbers.
 * SPDX-License-Identifier: MIT
 */
#ifndef BOARD_H
#define BOARD_H

#include <acoap/types.h>

void board_init(void);
/* A datagram that has come in whole, or 0. */
size_t board_receive(uint8_t *bytes, size_t cap);
void board_send(const uint8_t *bytes, size_t len);
/* Monotonic milliseconds. */
acoap_time_t board_now(void);
/* Unpredictable bytes: Message IDs, tokens and hash keys depend on them. */
void board_entropy(uint8_t *bytes, size_t len);
/* Sleep until `wake` or until something comes in. */
void board_idle(acoap_time_t wake);

#endif
