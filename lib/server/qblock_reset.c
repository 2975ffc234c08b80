/*
 * A RST to one of the NON payloads of a body in Q-Block2 (RFC 7252 section 4.2, RFC 9177 section
 * 7.2): who rejects a payload does not know what it is of, so no more of that body leaves; where it
 * is a notification's, the observer has gone, too (RFC 7641 section 4.5).
 *
 *     remembered    the Message IDs of the last two sets
 *     found by      socket and address of the peer and Message ID, while payloads are still to go
 *
 * The engine keeps nothing of a NON that has left, so it tells of such a RST as of a stray one.
 * Sends nothing.
 * SPDX-License-Identifier: MIT
 */
#include "exchange/peer.h"
#include "server/observe.h"
#include "server/qblock.h"

#define NO_OBSERVE UINT32_MAX

static acoap_type_t type_of(const uint8_t *bytes) {
  return (acoap_type_t)(bytes[0] >> 4 & 3);
}

void acoap__qsend_note_sent(acoap__qsend_t *send, const uint8_t *bytes) {
  if (type_of(bytes) == ACOAP_NON) {
    send->ids[send->sent_count++ % send->ids_count] = (uint16_t)(bytes[2] << 8 | bytes[3]);
  }
}

static bool has_sent(const acoap__qsend_t *send, uint16_t message_id) {
  for (uint32_t i = 0; i < send->ids_count && i < send->sent_count; i++) {
    if (send->ids[i] == message_id) {
      return true;
    }
  }
  return false;
}

/* Does this job go on, to this peer? */
static bool is_to(const acoap__qjob_t *job, const acoap_path_t *path) {
  return job->request != NULL &&
         acoap__path_same_peer(acoap__request_inbound(job->request)->path, path);
}

static acoap__qsend_t *find_in(const acoap__list_t *list, const acoap_path_t *path,
                               uint16_t message_id) {
  for (acoap__list_t *node = list->next; node != list; node = node->next) {
    acoap__qsend_t *send = ACOAP__CONTAINER(node, acoap__transfer_t, in_holder)->qsend;
    if (send != NULL && (is_to(&send->stream, path) || is_to(&send->again, path)) &&
        has_sent(send, message_id)) {
      return send;
    }
  }
  return NULL;
}

static acoap__qsend_t *find(const acoap_server_t *server, const acoap_path_t *path,
                            uint16_t message_id) {
  acoap_address_t address = path->peer;
  acoap__qsend_t *send = NULL;
  address.port = 0;
  const acoap__holder_t *holder = acoap__holder_find(server->transfers, &address);
  for (size_t i = 0; holder != NULL && send == NULL && i < ACOAP__STANDINGS; i++) {
    send = find_in(&holder->transfers[i], path, message_id);
  }
  return send;
}

void acoap__qblock2_reset(acoap_server_t *server, const acoap_path_t *path, uint16_t message_id) {
  acoap__qsend_t *send = find(server, path, message_id);
  if (send == NULL) {
    return;
  }
  const acoap__qjob_t *stream = &send->stream;
  acoap_request_t *notified = stream->request != NULL && stream->observe != NO_OBSERVE
                                  ? acoap_request_ref(stream->request)
                                  : NULL;
  acoap__server_hold(server);
  acoap__transfer_end(server, send->transfer, ACOAP_ERESET);
  acoap__observer_t *observer = notified != NULL ? acoap__serving_of(notified)->observer : NULL;
  if (observer != NULL) {
    server->stats.observers_ended++;
    acoap__observer_end(observer, true);
  }
  acoap__server_release(server);
  acoap_request_unref(notified);
}
