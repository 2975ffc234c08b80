/*
 * The board mps2-an386 (Cortex-M4), as QEMU emulates it: start-up, UART0 with SLIP framing (RFC
 * 1055), SysTick as a clock of milliseconds. What stands in for entropy is QEMU's alone: a real
 * device has a generator of random numbers.
 * SPDX-License-Identifier: MIT
 */
#include "board.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))
#define UART_DATA REGISTER(0x40004000)
#define UART_STATE REGISTER(0x40004004)
#define UART_CONTROL REGISTER(0x40004008)
#define UART_BAUD_DIVIDER REGISTER(0x40004010)
#define TIMER_VALUE REGISTER(0x40000004)
#define SYSTICK_CONTROL REGISTER(0xe000e010)
#define SYSTICK_RELOAD REGISTER(0xe000e014)
#define SYSTICK_VALUE REGISTER(0xe000e018)

enum { CLOCK_HZ = 25000000, BAUD = 115200, TX_FULL = 1, RX_FULL = 2 };
enum { SLIP_END = 0xc0, SLIP_ESC = 0xdb, SLIP_ESC_END = 0xdc, SLIP_ESC_ESC = 0xdd };

int main(void);

static volatile uint32_t milliseconds;
static uint32_t mixed; /* of the moments at which bytes came */
static size_t received;
static bool escaped, overlong;

/* ---- start-up -------------------------------------------------------------------------------- */

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];

void reset_handler(void);
void systick_handler(void);

void reset_handler(void) {
  size_t data_len = (uintptr_t)data_end - (uintptr_t)data_start;
  size_t bss_len = (uintptr_t)bss_end - (uintptr_t)bss_start;

  for (size_t i = 0; i < data_len / sizeof(uint32_t); i++) {
    data_start[i] = data_load[i];
  }
  for (size_t i = 0; i < bss_len / sizeof(uint32_t); i++) {
    bss_start[i] = 0;
  }
  main();
  for (;;) {
  }
}

void systick_handler(void) {
  milliseconds++;
}

static void fault_handler(void) {
  for (;;) {
  }
}

__attribute__((section(".vectors"), used)) static void (*const vectors[15])(void) = {
    [0] = reset_handler,  [1] = fault_handler,  [2] = fault_handler,
    [3] = fault_handler,  [4] = fault_handler,  [5] = fault_handler,
    [10] = fault_handler, [13] = fault_handler, [14] = systick_handler};

/* ---- the board ------------------------------------------------------------------------------- */

void board_init(void) {
  UART_BAUD_DIVIDER = CLOCK_HZ / BAUD;
  UART_CONTROL = 3;
  SYSTICK_RELOAD = CLOCK_HZ / 1000 - 1;
  SYSTICK_VALUE = 0;
  SYSTICK_CONTROL = 7;
}

static void put_byte(uint8_t byte) {
  while ((UART_STATE & TX_FULL) != 0) {
  }
  UART_DATA = byte;
}

void board_send(const uint8_t *bytes, size_t len) {
  put_byte(SLIP_END);
  for (size_t i = 0; i < len; i++) {
    if (bytes[i] == SLIP_END || bytes[i] == SLIP_ESC) {
      put_byte(SLIP_ESC);
      put_byte(bytes[i] == SLIP_END ? SLIP_ESC_END : SLIP_ESC_ESC);
    } else {
      put_byte(bytes[i]);
    }
  }
  put_byte(SLIP_END);
}

/* A datagram that is longer than the buffer, or badly escaped, is left out. */
size_t board_receive(uint8_t *bytes, size_t cap) {
  while ((UART_STATE & RX_FULL) != 0) {
    uint8_t byte = (uint8_t)UART_DATA;
    mixed = (mixed ^ byte ^ SYSTICK_VALUE) * 16777619u;
    if (byte == SLIP_END) {
      size_t len = overlong || escaped ? 0 : received;
      received = 0;
      escaped = overlong = false;
      if (len > 0) {
        return len;
      }
      continue;
    }
    if (byte == SLIP_ESC && !escaped) {
      escaped = true;
      continue;
    }
    if (escaped) {
      overlong = overlong || (byte != SLIP_ESC_END && byte != SLIP_ESC_ESC);
      byte = byte == SLIP_ESC_END ? SLIP_END : SLIP_ESC;
      escaped = false;
    }
    if (received < cap) {
      bytes[received++] = byte;
    } else {
      overlong = true;
    }
  }
  return 0;
}

acoap_time_t board_now(void) {
  return milliseconds;
}

void board_entropy(uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) {
    mixed = (mixed ^ SYSTICK_VALUE ^ TIMER_VALUE ^ milliseconds) * 16777619u + 1;
    bytes[i] = (uint8_t)(mixed >> 24);
  }
}

void board_idle(acoap_time_t wake) {
  if (wake > milliseconds && (UART_STATE & RX_FULL) == 0) {
    __asm volatile("wfi"); /* the next millisecond at the latest */
  }
}
