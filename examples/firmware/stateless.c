/*
 * The smallest CoAP server for a Cortex-M: remembers nothing, so every handler is idempotent.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/core.h>

#include "board.h"

static bool light;

static int get_light(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  acoap_builder_payload(answer, light ? "1" : "0", 1);
  return ACOAP_TINY_SEND;
}

static int put_light(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  acoap_bytes_t payload = request->view->payload;

  if (payload.len != 1 || (payload.data[0] != '0' && payload.data[0] != '1')) {
    acoap_tiny_error(answer, ACOAP_CODE_BAD_REQUEST);
  } else {
    light = payload.data[0] == '1';
  }
  return ACOAP_TINY_SEND;
}

static const acoap_tiny_resource_t resources[] = {
    {"/light", ACOAP_CODE_GET, 0, 0, get_light, ";rt=\"light\"", NULL},
    {"/light", ACOAP_CODE_PUT, 0, 0, put_light, NULL, NULL},
    ACOAP_TINY_WELL_KNOWN(acoap_tiny_well_known),
    {0},
};

static acoap_tiny_stateless_t server = {.resources = resources, .serve = acoap_tiny_serve};
static uint8_t datagram[128];
static uint8_t out[128];

int main(void) {
  static const acoap_address_t line = {.family = ACOAP_FAMILY_OTHER};

  board_init();
  board_entropy((uint8_t *)&server.message_id, sizeof(server.message_id));
  for (;;) {
    size_t len = board_receive(datagram, sizeof(datagram));
    int answer = len == 0 ? 0
                          : acoap_tiny_stateless_answer(&server, board_now(), &line, false,
                                                        datagram, len, out, sizeof(out));
    if (answer > 0) {
      board_send(out, (size_t)answer);
    }
    board_idle(ACOAP_TIME_NEVER);
  }
}
