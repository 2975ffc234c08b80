/*
 * A secure server and secure clients on a simulated network (see dtls_pair.h).
 * SPDX-License-Identifier: MIT
 */
#include "support/dtls_pair.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "support/sim_pair.h"
#include "support/virtual_clock.h"

acoap_credentials_t *dtls_credentials(const acoap_credentials_options_t *options) {
  acoap_credentials_t *credentials = NULL;
  char reason[200] = "";
  int status = acoap_credentials_new_explained(options, &credentials, reason, sizeof(reason));
  ck_assert_msg(status == 0, "credentials: %s (%s)", acoap_err_name(status), reason);
  return credentials;
}

acoap_credentials_t *dtls_psk(const char *identity, const char *key) {
  acoap_credentials_t *credentials = NULL;
  ck_assert_int_eq(acoap_credentials_new_psk(identity, key, strlen(key), &credentials), 0);
  return credentials;
}

acoap_credentials_t *dtls_server_credentials(const char *name) {
  char certificate[512];
  char key[512];
  acoap_credentials_options_t options = {.size = sizeof(options)};
  snprintf(certificate, sizeof(certificate), PKI("%s.pem"), name);
  snprintf(key, sizeof(key), PKI("%s.key"), name);
  options.certificate_file = certificate;
  options.key_file = key;
  options.psk_identity = (acoap_bytes_t){(const uint8_t *)"lamp", 4};
  options.psk_key = (acoap_bytes_t){(const uint8_t *)"secret", 6};
  return dtls_credentials(&options);
}

static void on_event(void *user_data, const acoap_event_t *event) {
  dtls_end_t *end = user_data;
  end->established += event->kind == ACOAP_EVENT_PEER_ESTABLISHED;
  if (event->kind == ACOAP_EVENT_PEER_FAILED || event->kind == ACOAP_EVENT_PEER_CLOSED) {
    end->failed += event->kind == ACOAP_EVENT_PEER_FAILED;
    end->ended += event->kind == ACOAP_EVENT_PEER_CLOSED;
    end->status = event->status;
    snprintf(end->reason, sizeof(end->reason), "%s", event->reason != NULL ? event->reason : "");
  }
}

static void on_request(void *user_data, acoap_request_t *request) {
  dtls_pair_t *pair = user_data;
  const acoap_identity_t *identity = acoap_request_identity(request);
  acoap_bytes_t psk = acoap_identity_psk(identity);
  char text[128];
  int len = snprintf(text, sizeof(text), "nobody");
  pair->requests++;
  if (acoap_identity_kind(identity) == ACOAP_IDENTITY_PSK) {
    len = snprintf(text, sizeof(text), "psk:%.*s", (int)psk.len, (const char *)psk.data);
  } else if (acoap_identity_kind(identity) == ACOAP_IDENTITY_CERTIFICATE) {
    len = snprintf(text, sizeof(text), "certificate:%s", acoap_identity_subject(identity));
  }
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, text, (size_t)len);
}

void dtls_end_open(dtls_pair_t *pair, dtls_end_t *end, const char *address,
                   acoap_credentials_t *credentials, const acoap_dtls_options_t *options) {
  acoap_dtls_options_t dtls = {.size = sizeof(dtls)};
  acoap_local_endpoint_options_t local = {.size = sizeof(local)};
  acoap_address_t bound = sim_address(address);
  acoap_socket_t *inner = NULL;
  if (options != NULL) {
    dtls = *options;
  }
  memset(end, 0, sizeof(*end));
  dtls.credentials = credentials;
  ck_assert_int_eq(acoap_sim_socket_new(pair->sim, &bound, &inner), 0);
  ck_assert_int_eq(acoap_dtls_socket_new(acoap_sim_host(pair->sim), inner, &dtls, &end->socket), 0);
  end->inner = inner;
  acoap_credentials_unref(credentials);
  local.sockets = &end->socket;
  local.socket_count = 1;
  local.host = acoap_sim_host(pair->sim);
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &local, &end->endpoint), 0);
  acoap_local_endpoint_on_event(end->endpoint, on_event, end);
}

static void on_closed(void *user_data) {
  ++*(unsigned *)user_data;
}

void dtls_end_close(dtls_pair_t *pair, dtls_end_t *end) {
  unsigned before = pair->closed;
  if (end->endpoint != NULL) {
    acoap_local_endpoint_close(end->endpoint, on_closed, &pair->closed);
    end->endpoint = NULL;
    dtls_pair_run(pair, 1);
    ck_assert_uint_eq(pair->closed, before + 1);
  }
}

void dtls_pair_open(dtls_pair_t *pair, uint64_t seed, acoap_credentials_t *server,
                    acoap_credentials_t *client, const acoap_dtls_options_t *options) {
  memset(pair, 0, sizeof(*pair));
  ck_assert_int_eq(acoap_sim_new(seed, 1000, &pair->sim), 0);
  virtual_clock_follow(pair->sim);
  dtls_end_open(pair, &pair->server, DTLS_SERVER, server, options);
  dtls_end_open(pair, &pair->client, "192.0.2.2:40000", client, options);
  acoap_local_endpoint_receive(pair->server.endpoint, on_request, pair);
}

void dtls_pair_close(dtls_pair_t *pair) {
  dtls_end_close(pair, &pair->client);
  dtls_end_close(pair, &pair->server);
  virtual_clock_follow(NULL);
  acoap_sim_free(pair->sim);
}

void dtls_pair_run(dtls_pair_t *pair, acoap_time_t ms) {
  acoap_sim_run_until(pair->sim, acoap_sim_now(pair->sim) + ms);
}

void dtls_end_send_raw(dtls_end_t *end, const char *to, const void *bytes, size_t len) {
  acoap_path_t path = {.peer = sim_address(to)};
  acoap_outgoing_datagram_t datagram = {.path = &path, .bytes = {bytes, len}};
  ck_assert_int_eq(end->inner->ops->send(end->inner, &datagram, 1), 1);
}

static void on_answer(void *user_data, int status, acoap_message_t *message) {
  dtls_answer_t *answer = user_data;
  answer->called++;
  answer->status = status;
  if (message != NULL) {
    acoap_bytes_t payload = acoap_message_payload(message);
    answer->code = acoap_message_code(message);
    snprintf(answer->payload, sizeof(answer->payload), "%.*s", (int)payload.len,
             (const char *)payload.data);
  }
}

void dtls_get(dtls_end_t *end, const char *uri, dtls_answer_t *answer) {
  acoap_remote_endpoint_t *remote = NULL;
  memset(answer, 0, sizeof(*answer));
  ck_assert_int_eq(acoap_remote_endpoint_new(end->endpoint, uri, &remote), 0);
  ck_assert_int_eq(acoap_send(remote, acoap_desc_get(), on_answer, answer, NULL), 0);
  acoap_remote_endpoint_unref(remote);
}

void dtls_stats(const dtls_end_t *end, acoap_dtls_stats_t *stats) {
  memset(stats, 0, sizeof(*stats));
  stats->size = sizeof(*stats);
  ck_assert_int_eq(acoap_dtls_socket_stats(end->socket, stats), 0);
}
