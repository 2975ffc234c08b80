/*
 * Whole endpoints over real UDP on loopback, each test over both kinds of socket: the default
 * sockets, ports that are taken, source ports in turn, the loop kept alive, groups on the loopback
 * interface, ICMP.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/dtls.h>
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "endpoint/remote.h"
#include "interop_main.h"
#include "sim_pair.h"

#define PATIENCE_MS 5000

typedef struct site {
  uv_loop_t loop;
  uv_timer_t patience; /* ends a run that waits in vain; does not keep the loop alive */
  acoap_local_endpoint_t *server;
  acoap_local_endpoint_t *client;
  unsigned closed;
  acoap_address_t reached; /* the address of ours that the last request came to */
} site_t;

static void out_of_patience(uv_timer_t *timer) {
  (void)timer;
  ck_abort_msg("waited in vain");
}

static void respond(void *user_data, acoap_request_t *request) {
  site_t *site = user_data;
  site->reached = acoap_message_path(acoap_request_message(request))->local;
  ck_assert_int_eq(
      acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, "udp", 3), 0);
}

static void site_open(site_t *site, int kind, const acoap_local_endpoint_options_t *client) {
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .udp = (acoap_udp_kind_t)kind};
  memset(site, 0, sizeof(*site));
  ck_assert_int_eq(uv_loop_init(&site->loop), 0);
  ck_assert_int_eq(uv_timer_init(&site->loop, &site->patience), 0);
  ck_assert_int_eq(uv_timer_start(&site->patience, out_of_patience, PATIENCE_MS, 0), 0);
  uv_unref((uv_handle_t *)&site->patience);
  ck_assert_int_eq(acoap_local_endpoint_new(&site->loop, &options, &site->server), 0);
  if (client != NULL) {
    options = *client;
    options.udp = (acoap_udp_kind_t)kind;
  }
  ck_assert_int_eq(acoap_local_endpoint_new(&site->loop, &options, &site->client), 0);
  acoap_local_endpoint_receive(site->server, respond, site);
}

static void count_closed(void *user_data) {
  site_t *site = user_data;
  site->closed++;
}

static void site_close(site_t *site) {
  acoap_local_endpoint_close(site->server, count_closed, site);
  acoap_local_endpoint_close(site->client, count_closed, site);
  uv_close((uv_handle_t *)&site->patience, NULL);
  ck_assert_int_eq(uv_run(&site->loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(site->closed, 2);
  ck_assert_int_eq(uv_loop_close(&site->loop), 0);
}

/* Where the server is, as seen from this machine: the n-th socket's port at this address. */
static acoap_address_t server_at(const site_t *site, const char *ip) {
  acoap_address_t wanted = sim_address(ip);
  acoap_address_t bound;
  for (size_t n = 0; acoap_local_endpoint_address(site->server, n, &bound) == 0; n++) {
    if (bound.family == wanted.family) {
      wanted.port = bound.port;
      return wanted;
    }
  }
  ck_abort_msg("the server has no socket for %s", ip);
  return wanted;
}

static void get(site_t *site, sim_ask_t *ask, acoap_remote_endpoint_t *remote) {
  size_t count = 0;
  acoap_path_t path;
  const acoap_address_t *addresses = acoap__remote_addresses(remote, &count);
  acoap_address_t first = addresses[0];
  ck_assert_int_eq(acoap__remote_path(remote, &first, &path), 0);
  sim_ask_init(ask, site->client, ACOAP_CODE_GET);
  acoap__remote_write_options(remote, &ask->builder);
  ck_assert_int_eq(sim_ask_send_path(ask, &path, ACOAP_CON), 0);
}

static void wait_for(site_t *site, const sim_ask_t *ask) {
  while (ask->responses + ask->failures == 0) {
    uv_run(&site->loop, UV_RUN_ONCE);
  }
}

START_TEST(default_sockets_serve_both_families) {
  static const char *const ips[] = {"127.0.0.1", "::1", "127.0.0.5"};
  site_t site;
  site_open(&site, _i, NULL);
  /* An address that no interface lists is known to the batched socket alone: the datagram says it.
   */
  size_t count = _i == ACOAP_UDP_BATCHED ? 3 : 2;
  for (size_t i = 0; i < count; i++) {
    sim_ask_t ask;
    acoap_remote_endpoint_t *remote = NULL;
    acoap_address_t address = server_at(&site, ips[i]);
    ck_assert_int_eq(acoap_remote_endpoint_from_address(site.client, &address, "/t", &remote), 0);
    get(&site, &ask, remote);
    wait_for(&site, &ask);
    ck_assert_str_eq(ask.payload, "udp");
    /* The reply leaves from the address that the request was sent to. */
    ck_assert(acoap_address_equal(&ask.from.peer, &address));
    ck_assert(memcmp(site.reached.ip, address.ip, sizeof(address.ip)) == 0);
    sim_ask_done(&ask);
    acoap_remote_endpoint_unref(remote);
  }
  site_close(&site);
}
END_TEST

START_TEST(port_in_use_fails_and_leaves_nothing) {
  site_t site;
  acoap_local_endpoint_t *endpoint = NULL;
  site_open(&site, _i, NULL);
  acoap_address_t taken = server_at(&site, "127.0.0.1");
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .udp = (acoap_udp_kind_t)_i, .port = taken.port};
  ck_assert_int_eq(acoap_local_endpoint_new(&site.loop, &options, &endpoint), UV_EADDRINUSE);
  ck_assert_ptr_null(endpoint);
  site_close(&site);
}
END_TEST

START_TEST(source_ports_are_used_in_turn) {
  site_t site;
  acoap_local_endpoint_options_t options = {.size = sizeof(options), .source_ports = 2};
  acoap_remote_endpoint_t *remote = NULL;
  uint16_t ports[6];
  site_open(&site, _i, &options);
  acoap_address_t bound;
  ck_assert_int_eq(acoap_local_endpoint_address(site.client, 5, &bound), 0);
  ck_assert_int_eq(acoap_local_endpoint_address(site.client, 6, &bound), ACOAP_EINVAL);
  acoap_address_t address = server_at(&site, "127.0.0.1");
  ck_assert_int_eq(acoap_remote_endpoint_from_address(site.client, &address, NULL, &remote), 0);
  for (size_t i = 0; i < 6; i++) {
    sim_ask_t ask;
    get(&site, &ask, remote);
    wait_for(&site, &ask);
    ck_assert_uint_eq(ask.responses, 1);
    ck_assert_int_eq(acoap_local_endpoint_address(site.client, ask.from.socket, &bound), 0);
    ports[i] = bound.port;
    sim_ask_done(&ask);
  }
  ck_assert(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2]);
  ck_assert(ports[0] == ports[3] && ports[1] == ports[4] && ports[2] == ports[5]);
  acoap_remote_endpoint_unref(remote);
  site_close(&site);
}
END_TEST

static size_t key_of_all(void *user_data, acoap_bytes_t identity, uint8_t *key, size_t cap) {
  (void)user_data;
  (void)cap;
  memcpy(key, "secret", 6);
  return identity.len > 0 ? 6 : 0;
}

static void respond_who(void *user_data, acoap_request_t *request) {
  acoap_bytes_t psk = acoap_identity_psk(acoap_request_identity(request));
  (void)user_data;
  acoap_request_respond(request, ACOAP_CODE_CONTENT, ACOAP_FORMAT_TEXT_PLAIN, psk.data, psk.len);
}

/* One port has one session with an address; with a source port there are two, and none is ended. */
START_TEST(source_ports_prove_each_their_own_to_one_address) {
  static const char *const identities[] = {"lamp", "heater"};
  site_t site;
  acoap_remote_endpoint_t *remotes[2] = {NULL, NULL};
  acoap_credentials_options_t known = {.size = sizeof(known), .psk_lookup = key_of_all};
  acoap_dtls_options_t dtls = {.size = sizeof(dtls)};
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .source_ports = 1, .dtls = &dtls, .secure_only = true};
  acoap_address_t bound;
  char uri[64];
  site_open(&site, _i, &options);
  ck_assert_int_eq(acoap_local_endpoint_address(site.client, 3, &bound), 0);
  ck_assert_int_eq(acoap_local_endpoint_address(site.client, 4, &bound), ACOAP_EINVAL);
  acoap_local_endpoint_close(site.server, count_closed, &site);
  ck_assert_int_eq(acoap_credentials_new(&known, &dtls.credentials), 0);
  options.source_ports = 0;
  options.udp = (acoap_udp_kind_t)_i;
  ck_assert_int_eq(acoap_local_endpoint_new(&site.loop, &options, &site.server), 0);
  acoap_local_endpoint_receive(site.server, respond_who, &site);
  acoap_credentials_unref(dtls.credentials);
  snprintf(uri, sizeof(uri), "coaps://127.0.0.1:%u", server_at(&site, "127.0.0.1").port);
  for (size_t i = 0; i < 2; i++) {
    acoap_credentials_t *key = NULL;
    ck_assert_int_eq(acoap_credentials_new_psk(identities[i], "secret", 6, &key), 0);
    ck_assert_int_eq(acoap_remote_endpoint_new(site.client, uri, &remotes[i]), 0);
    ck_assert_int_eq(acoap_remote_endpoint_set_credentials(remotes[i], key), 0);
    acoap_credentials_unref(key);
  }
  uint16_t sockets[6];
  for (size_t i = 0; i < 6; i++) {
    sim_ask_t ask;
    get(&site, &ask, remotes[i % 2]);
    wait_for(&site, &ask);
    ck_assert_str_eq(ask.payload, identities[i % 2]);
    sockets[i] = ask.from.socket;
    sim_ask_done(&ask);
  }
  ck_assert(sockets[0] != sockets[1]);
  ck_assert(sockets[2] == sockets[0] && sockets[4] == sockets[0]);
  ck_assert(sockets[3] == sockets[1] && sockets[5] == sockets[1]);
  acoap_remote_endpoint_unref(remotes[0]);
  acoap_remote_endpoint_unref(remotes[1]);
  site.closed = 0;
  site_close(&site);
}
END_TEST

START_TEST(referenced_endpoint_keeps_the_loop_alive_and_an_unreferenced_one_while_it_waits) {
  site_t site;
  sim_ask_t ask;
  acoap_remote_endpoint_t *remote = NULL;
  site_open(&site, _i, NULL);
  ck_assert_int_ne(uv_loop_alive(&site.loop), 0);
  acoap_local_endpoint_unref(site.server);
  ck_assert_int_ne(uv_loop_alive(&site.loop), 0);
  acoap_local_endpoint_unref(site.client);
  ck_assert_int_eq(uv_loop_alive(&site.loop), 0);
  acoap_address_t address = server_at(&site, "127.0.0.1");
  ck_assert_int_eq(acoap_remote_endpoint_from_address(site.client, &address, NULL, &remote), 0);
  get(&site, &ask, remote);
  ck_assert_int_eq(uv_run(&site.loop, UV_RUN_DEFAULT), 0);
  ck_assert_uint_eq(ask.responses, 1);
  acoap_local_endpoint_ref(site.server);
  ck_assert_int_ne(uv_loop_alive(&site.loop), 0);
  sim_ask_done(&ask);
  acoap_remote_endpoint_unref(remote);
  site_close(&site);
}
END_TEST

START_TEST(group_on_the_loopback_interface) {
  site_t site;
  sim_ask_t ask;
  acoap_remote_endpoint_t *all = NULL;
  acoap_path_t paths[8];
  acoap_address_t group = sim_address("224.0.1.187");
  acoap_params_t params;
  acoap_params_init(&params);
  params.default_leisure_ms = 0;
  site_open(&site, _i, NULL);
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .udp = (acoap_udp_kind_t)_i, .params = &params};
  acoap_local_endpoint_t *member = NULL;
  ck_assert_int_eq(acoap_local_endpoint_new(&site.loop, &options, &member), 0);
  acoap_local_endpoint_receive(member, respond, &site);
  ck_assert_int_eq(acoap_local_endpoint_join(member, &group, "lo"), 0);
  acoap_address_t bound;
  ck_assert_int_eq(acoap_local_endpoint_address(member, 0, &bound), 0);
  ck_assert_int_eq(acoap_remote_endpoint_all_coap_nodes(site.client, bound.port, "/t", &all), 0);
  ck_assert_int_eq(acoap_remote_endpoint_set_interface(all, "lo"), 0);
  ck_assert_uint_ge(acoap__remote_group_paths(all, 0, paths, 8), 1);
  ck_assert(acoap_address_is_multicast(&paths[0].peer));
  sim_ask_init(&ask, site.client, ACOAP_CODE_GET);
  ask.keep = true;
  ck_assert_int_eq(sim_ask_send_path(&ask, &paths[0], ACOAP_NON), 0);
  wait_for(&site, &ask);
  ck_assert_str_eq(ask.payload, "udp");
  ck_assert_int_eq(ask.type, ACOAP_NON);
  ck_assert(!acoap_address_is_multicast(&ask.from.peer));
  sim_ask_done(&ask);
  acoap_remote_endpoint_unref(all);
  acoap_local_endpoint_close(member, NULL, NULL);
  site_close(&site);
}
END_TEST

static int looked_up; /* 1: not yet */

static void note_lookup(acoap__resolution_t *resolution, int status) {
  (void)resolution;
  looked_up = status;
}

START_TEST(name_is_looked_up_by_the_system) {
  site_t site;
  acoap_remote_endpoint_t *remote = NULL;
  sim_ask_t ask;
  char uri[64];
  site_open(&site, _i, NULL);
  acoap_address_t address = server_at(&site, "127.0.0.1");
  snprintf(uri, sizeof(uri), "coap://localhost:%u/t", address.port);
  ck_assert_int_eq(acoap_remote_endpoint_new(site.client, uri, &remote), 0);
  acoap__resolution_t resolution;
  acoap__resolution_init(&resolution, note_lookup);
  looked_up = 1;
  ck_assert_int_eq(acoap__remote_resolve_addresses(remote, &resolution), 0);
  while (looked_up == 1) {
    uv_run(&site.loop, UV_RUN_ONCE);
  }
  ck_assert_int_eq(looked_up, 0);
  ck_assert_int_eq(acoap_remote_endpoint_address(remote, &address), 0);
  ck_assert(acoap_address_is_loopback(&address));
  if (address.family == ACOAP_FAMILY_IPV4) {
    get(&site, &ask, remote);
    wait_for(&site, &ask);
    ck_assert_uint_eq(ask.responses, 1);
    sim_ask_done(&ask);
  }
  acoap_remote_endpoint_unref(remote);
  site_close(&site);
}
END_TEST

int main(int argc, char **argv) {
  const interop_test_t tests[] = {
      {"unicast", default_sockets_serve_both_families, NULL},
      {"unicast", port_in_use_fails_and_leaves_nothing, NULL},
      {"unicast", source_ports_are_used_in_turn, NULL},
      {"unicast", source_ports_prove_each_their_own_to_one_address, NULL},
      {"unicast", referenced_endpoint_keeps_the_loop_alive_and_an_unreferenced_one_while_it_waits,
       NULL},
      {"unicast", name_is_looked_up_by_the_system, NULL},
      {"multicast", group_on_the_loopback_interface, NULL},
      {NULL, NULL, NULL},
  };
  return interop_main(argc, argv, "endpoint_udp", tests);
}
