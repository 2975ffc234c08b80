/*
 * A CoAP server for a Cortex-M: four resources, duplicates answered from memory, a separate
 * response, /.well-known/core. One serial line, so one peer.
 *     /uptime  /light (GET, PUT)  /temperature (takes a second)  /name
 * SPDX-License-Identifier: MIT
 */
#include <acoap/core.h>

#include "board.h"

/* The numbers that the memory is made of. */
enum {
  RESPONSES = 1,     /* separate responses under way */
  HEARD = 4,         /* received messages that are remembered */
  PEERS = 1,         /* the other end of the line */
  REPLY_BYTES = 160, /* answers kept for duplicates */
  MESSAGE_BYTES = 128
};

static bool light;
static acoap_tiny_inbound_t measuring; /* who waits for the temperature */
static acoap_time_t measured_at = ACOAP_TIME_NEVER;

/* ---- resources ------------------------------------------------------------------------------- */

static void put_number(acoap_builder_t *answer, uint32_t number) {
  size_t room;
  size_t len = 0;
  char digits[10];
  uint8_t *at = acoap_builder_payload_room(answer, &room);

  do {
    digits[len++] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  if (at != NULL && room >= len) {
    for (size_t i = 0; i < len; i++) {
      at[i] = (uint8_t)digits[len - 1 - i];
    }
    acoap_builder_payload_commit(answer, len);
  }
}

static int get_uptime(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  put_number(answer, (uint32_t)request->now / 1000);
  return ACOAP_TINY_SEND;
}

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

static int get_temperature(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  if (measured_at != ACOAP_TIME_NEVER) {
    acoap_tiny_error(answer, ACOAP_CODE_SERVICE_UNAVAILABLE); /* somebody waits already */
    return ACOAP_TINY_SEND;
  }
  measuring = *request->inbound;
  measured_at = request->now + 1000;
  return ACOAP_TINY_LATER;
}

static int get_name(const acoap_tiny_request_t *request, acoap_builder_t *answer) {
  (void)request;
  acoap_builder_payload(answer, "acoap on a Cortex-M", 19);
  return ACOAP_TINY_SEND;
}

static const acoap_tiny_resource_t resources[] = {
    {"/uptime", ACOAP_CODE_GET, 0, 0, get_uptime, ";rt=\"uptime-s\"", NULL},
    {"/light", ACOAP_CODE_GET, 0, 0, get_light, ";rt=\"light\"", NULL},
    {"/light", ACOAP_CODE_PUT, 0, 0, put_light, NULL, NULL},
    {"/temperature", ACOAP_CODE_GET, 0, 0, get_temperature, ";rt=\"temperature-c\"", NULL},
    {"/name", ACOAP_CODE_GET, 0, 0, get_name, "", NULL},
    ACOAP_TINY_WELL_KNOWN(acoap_tiny_well_known),
    {0},
};

/* ---- the endpoint ---------------------------------------------------------------------------- */

static int send_datagram(void *user_data, const acoap_address_t *peer, acoap_bytes_t bytes) {
  (void)user_data;
  (void)peer;
  board_send(bytes.data, bytes.len);
  return 0;
}

static void draw_entropy(void *user_data, uint8_t *bytes, size_t len) {
  (void)user_data;
  board_entropy(bytes, len);
}

static const acoap_tiny_config_t config = {.responses = RESPONSES,
                                           .exchanges_in = HEARD,
                                           .peers = PEERS,
                                           .reply_bytes = REPLY_BYTES,
                                           .message_bytes = MESSAGE_BYTES,
                                           .send = send_datagram,
                                           .entropy = draw_entropy,
                                           .serve = acoap_tiny_serve,
                                           .resources = resources};

static _Alignas(max_align_t)
    uint8_t memory[ACOAP_TINY_MEMORY(0, RESPONSES, HEARD, PEERS, REPLY_BYTES, MESSAGE_BYTES, 0)];
_Static_assert(sizeof(memory) - REPLY_BYTES - (RESPONSES + 1) * MESSAGE_BYTES <= 1024,
               "1 KiB of RAM besides buffers");
static uint8_t datagram[MESSAGE_BYTES];

static void answer_measurement(acoap_tiny_t *tiny, acoap_time_t now) {
  acoap_builder_t answer;

  if (acoap_tiny_answer_begin(tiny, &measuring, &answer) == 0) {
    acoap_builder_payload(&answer, "21.5", 4);
    acoap_tiny_answer_send(tiny, now, &measuring, &answer);
  }
  measured_at = ACOAP_TIME_NEVER;
}

int main(void) {
  static const acoap_address_t line = {.family = ACOAP_FAMILY_OTHER};
  acoap_tiny_event_t event;
  acoap_tiny_t *tiny;

  board_init();
  if (acoap_tiny_init(memory, sizeof(memory), &config, &tiny) != 0) {
    return 1;
  }
  for (;;) {
    acoap_time_t now = board_now();
    size_t len = board_receive(datagram, sizeof(datagram));
    if (len > 0) {
      acoap_tiny_receive(tiny, now, &line, datagram, len);
    }
    if (measured_at <= now) {
      answer_measurement(tiny, now);
    }
    while (acoap_tiny_poll(tiny, now, &event)) {
    }
    acoap_time_t wake = acoap_tiny_next_wake(tiny);
    board_idle(measured_at < wake ? measured_at : wake);
  }
}
