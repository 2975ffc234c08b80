/*
 * A DTLS socket without an endpoint (see secure_peer.h).
 * SPDX-License-Identifier: MIT
 */
#include "support/secure_peer.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "support/sim_pair.h"

static void on_closed(void *user_data) {
  secure_peer_t *peer = user_data;
  peer->closed++;
}

void secure_peer_close(secure_peer_t *peer) {
  acoap_socket_t *socket = peer->socket;
  if (socket != NULL) {
    peer->socket = NULL;
    peer->inner = NULL;
    acoap_socket_close(socket, on_closed, peer);
  }
}

static void act(secure_peer_t *peer, secure_peer_deed_t deed, const acoap_path_t *path,
                acoap_bytes_t bytes) {
  acoap_outgoing_datagram_t answer = {.path = path, .bytes = bytes};
  if (deed == SECURE_PEER_CLOSE) {
    secure_peer_close(peer);
  } else if (deed == SECURE_PEER_DISCONNECT && peer->socket != NULL) {
    (void)acoap_dtls_socket_disconnect(peer->socket, &path->peer);
  } else if (deed == SECURE_PEER_ANSWER && peer->socket != NULL) {
    ck_assert_int_eq(peer->socket->ops->send(peer->socket, &answer, 1), 1);
  }
}

static void on_received(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  secure_peer_t *peer = user_data;
  peer->batches++;
  for (size_t i = 0; i < count && peer->socket != NULL; i++) {
    const acoap_identity_t *identity = datagrams[i].path.identity;
    acoap_bytes_t psk = acoap_identity_psk(identity);
    acoap_bytes_t bytes = datagrams[i].bytes;
    ck_assert_ptr_nonnull(identity);
    ck_assert_uint_ne(datagrams[i].path.session, 0);
    if (peer->received < SECURE_PEER_KEPT) {
      ck_assert_uint_lt(bytes.len, sizeof(peer->bytes[0]));
      memcpy(peer->bytes[peer->received], bytes.data, bytes.len);
      peer->bytes[peer->received][bytes.len] = 0;
      peer->len[peer->received] = bytes.len;
    }
    peer->received++;
    peer->path = datagrams[i].path;
    snprintf(peer->who, sizeof(peer->who), "%.*s%s", (int)psk.len, (const char *)psk.data,
             acoap_identity_subject(identity));
    act(peer, peer->on_received, &datagrams[i].path, bytes);
  }
}

static void on_peer(void *user_data, const acoap_peer_notice_t *notice) {
  secure_peer_t *peer = user_data;
  acoap_bytes_t none = {NULL, 0};
  switch (notice->event) {
  case ACOAP_PEER_ESTABLISHED:
    peer->established++;
    peer->session = notice->path.session;
    act(peer, peer->on_established, &notice->path, none);
    return;
  case ACOAP_PEER_FAILED:
    peer->failed++;
    break;
  case ACOAP_PEER_CLOSED:
    peer->ended++;
    break;
  case ACOAP_PEER_ICMP:
    peer->refused++;
    return;
  default:
    ck_abort_msg("no such event");
  }
  peer->status = notice->status;
  snprintf(peer->reason, sizeof(peer->reason), "%s", notice->reason != NULL ? notice->reason : "");
  act(peer, peer->on_ended, &notice->path, none);
}

static const acoap_socket_events_t events = {
    .size = sizeof(acoap_socket_events_t), .received = on_received, .peer = on_peer};

void secure_peer_wrap(secure_peer_t *peer, acoap_host_t *host, acoap_socket_t *inner,
                      acoap_credentials_t *credentials, const acoap_dtls_options_t *options) {
  acoap_dtls_options_t dtls = {.size = sizeof(dtls)};
  if (options != NULL) {
    dtls = *options;
  }
  memset(peer, 0, sizeof(*peer));
  dtls.credentials = credentials;
  peer->inner = inner;
  ck_assert_int_eq(acoap_dtls_socket_new(host, inner, &dtls, &peer->socket), 0);
  acoap_credentials_unref(credentials);
  ck_assert_int_eq(peer->socket->ops->start(peer->socket, &events, peer), 0);
}

void secure_peer_open(secure_peer_t *peer, acoap_sim_t *sim, const char *address,
                      acoap_credentials_t *credentials, const acoap_dtls_options_t *options) {
  acoap_address_t bound = sim_address(address);
  acoap_socket_t *inner = NULL;
  ck_assert_int_eq(acoap_sim_socket_new(sim, &bound, &inner), 0);
  secure_peer_wrap(peer, acoap_sim_host(sim), inner, credentials, options);
}

int secure_peer_send(secure_peer_t *peer, const char *to, const void *bytes, size_t len) {
  acoap_path_t path = {.peer = sim_address(to)};
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {bytes, len}};
  return peer->socket->ops->send(peer->socket, &datagram, 1);
}

int secure_peer_send_text(secure_peer_t *peer, const char *to, const char *text) {
  return secure_peer_send(peer, to, text, strlen(text));
}

const char *secure_peer_text(secure_peer_t *peer, unsigned n) {
  ck_assert_uint_lt(n, peer->received);
  return (const char *)peer->bytes[n];
}

void secure_peer_run(acoap_sim_t *sim, secure_peer_t *const *peers, size_t count, acoap_time_t ms) {
  acoap_time_t end = acoap_sim_now(sim) + ms;
  for (;;) {
    acoap_time_t next = end;
    for (size_t i = 0; i < count; i++) {
      acoap_socket_t *socket = peers[i]->socket;
      acoap_time_t due = socket != NULL ? socket->ops->next_wake(socket) : ACOAP_TIME_NEVER;
      next = due < next ? due : next;
    }
    next = next < acoap_sim_now(sim) ? acoap_sim_now(sim) : next;
    /* In steps, since what arrives may bring a timer forward. */
    acoap_time_t step = acoap_sim_now(sim) + 5;
    acoap_sim_run_until(sim, next < step ? next : step);
    for (size_t i = 0; i < count; i++) {
      acoap_socket_t *socket = peers[i]->socket;
      if (socket != NULL && socket->ops->next_wake(socket) <= acoap_sim_now(sim)) {
        socket->ops->run(socket, acoap_sim_now(sim));
      }
    }
    if (acoap_sim_now(sim) >= end) {
      return;
    }
  }
}

acoap_dtls_stats_t secure_peer_stats(const secure_peer_t *peer) {
  acoap_dtls_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_dtls_socket_stats(peer->socket, &stats), 0);
  return stats;
}
