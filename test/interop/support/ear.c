/*
 * The listener: events into arrays, and the loop run under a guard.
 * SPDX-License-Identifier: MIT
 */
#include "ear.h"

#include <check.h>
#include <string.h>

#include "base/buf.h"
#include "netns.h"
#include "spawn.h"

static void put_text(char out[EAR_TEXT_MAX], acoap_bytes_t bytes) {
  size_t len = bytes.len < EAR_TEXT_MAX ? bytes.len : EAR_TEXT_MAX - 1;
  if (len > 0) {
    memcpy(out, bytes.data, len);
  }
  out[len] = '\0';
}

static void check_promise(ear_t *ear) {
  ear->broken_promises += ear->in_call || ear->closed > 0;
}

static void count_close(void *user_data) {
  ((ear_t *)user_data)->closed++;
}

static void write_down(ear_t *ear, const acoap_incoming_datagram_t *datagram) {
  ck_assert_int_lt(ear->count, EAR_HEARD_MAX);
  put_text(ear->text[ear->count], datagram->bytes);
  ear->len[ear->count] = datagram->bytes.len;
  ear->truncated[ear->count] = datagram->truncated;
  ear->path[ear->count] = datagram->path;
  if (ear->keeps) {
    ear->kept[ear->count] = acoap__buf_ref(datagram->buffer);
  }
  ear->count++;
}

static void heard(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count) {
  ear_t *ear = user_data;
  check_promise(ear);
  ear->calls++;
  for (size_t i = 0; i < count; i++) {
    write_down(ear, &datagrams[i]);
    if (ear->echoes) {
      acoap_path_t back = datagrams[i].path;
      ck_assert_int_eq(ear_say(ear, &back, "echo"), 1);
    }
  }
  if (ear->closes && ear->calls == 1) {
    acoap_socket_close(ear->socket, count_close, ear);
  }
}

static void noticed(void *user_data, const acoap_peer_notice_t *notice) {
  ear_t *ear = user_data;
  check_promise(ear);
  ck_assert_int_lt(ear->notices, EAR_NOTICES_MAX);
  put_text(ear->quote[ear->notices], notice->quote);
  ear->notice[ear->notices++] = *notice;
}

static void writable(void *user_data) {
  ear_t *ear = user_data;
  check_promise(ear);
  ear->writables++;
}

static const acoap_socket_events_t ear_events = {
    .size = sizeof(ear_events), .received = heard, .peer = noticed, .writable = writable};

acoap_address_t ear_address(const char *text) {
  acoap_address_t address;
  ck_assert_msg(acoap_address_parse(text, strlen(text), &address) == 0, "%s", text);
  return address;
}

void ear_start(ear_t *ear, uv_loop_t *loop, acoap_socket_t *socket) {
  memset(ear, 0, sizeof(*ear));
  ear->loop = loop;
  ear->socket = socket;
  ck_assert_int_eq(socket->ops->local_address(socket, &ear->address), 0);
  ck_assert_int_eq(socket->ops->start(socket, &ear_events, ear), 0);
}

void ear_open(ear_t *ear, uv_loop_t *loop, int kind, const char *local,
              const acoap_udp_options_t *options) {
  acoap_udp_options_t whole = {0};
  acoap_socket_t *socket = NULL;
  if (options != NULL) {
    whole = *options;
  }
  whole.size = sizeof(whole);
  whole.local = ear_address(local);
  int status = acoap_udp_socket_new(loop, (acoap_udp_kind_t)kind, &whole, &socket);
  ck_assert_msg(status == 0, "%s: %s", local, acoap_strerror(status));
  ear_start(ear, loop, socket);
}

int ear_say(ear_t *ear, const acoap_path_t *path, const char *text) {
  acoap_outgoing_datagram_t datagram = {path, {(const uint8_t *)text, strlen(text)}};
  bool before = ear->in_call;
  ear->in_call = true;
  int status = ear->socket->ops->send(ear->socket, &datagram, 1);
  ear->in_call = before;
  return status;
}

int ear_say_to(ear_t *ear, const acoap_address_t *to, const char *text) {
  acoap_path_t path = {.peer = *to};
  return ear_say(ear, &path, text);
}

static void time_is_over(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

static void run_until(uv_loop_t *loop, uint64_t ms, const int *counter, int least) {
  uv_timer_t guard;
  bool over = false;
  uv_timer_init(loop, &guard);
  guard.data = &over;
  uv_update_time(loop);
  uv_timer_start(&guard, time_is_over, ms, 0);
  while (!over && (counter == NULL || *counter < least)) {
    uv_run(loop, UV_RUN_ONCE);
  }
  uv_close((uv_handle_t *)&guard, NULL);
  uv_run(loop, UV_RUN_NOWAIT);
}

void ear_wait(uv_loop_t *loop, const int *counter, int least) {
  run_until(loop, EAR_PATIENCE_MS, counter, least);
  ck_assert_int_ge(*counter, least);
}

void ear_run(uv_loop_t *loop, uint64_t ms) {
  run_until(loop, ms, NULL, 0);
}

void ear_close(ear_t *ear) {
  if (ear->closed == 0) {
    acoap_socket_close(ear->socket, count_close, ear);
  }
  ear_wait(ear->loop, &ear->closed, 1);
  ck_assert_int_eq(ear->closed, 1);
  ck_assert_int_eq(ear->broken_promises, 0);
  for (int i = 0; i < ear->count; i++) {
    acoap__buf_unref(ear->kept[i]);
  }
}

acoap_udp_stats_t ear_stats(ear_t *ear) {
  acoap_udp_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_udp_socket_get_stats(ear->socket, &stats), 0);
  return stats;
}

void ear_loop_done(uv_loop_t *loop) {
  uv_run(loop, UV_RUN_DEFAULT);
  ck_assert_int_eq(uv_loop_close(loop), 0);
}

static int shell(const char *script) {
  const char *const argv[] = {"sh", "-ec", script, NULL};
  return spawn_run(argv, EAR_PATIENCE_MS);
}

void ear_shell(const char *script) {
  ck_assert_int_eq(shell(script), 0);
}

const char *ear_enter_network(void) {
  const char *why_not = netns_unusable();
  if (why_not != NULL) {
    return why_not;
  }
  if (netns_enter() != 0 ||
      shell("ip addr add 127.0.0.2/8 dev lo\n"
            "ip link add v0 type veth peer name v1\n"
            "ip link set v1 addrgenmode none up\n"
            "ip link set v0 addrgenmode none up\n"
            "until ip link show v0 | grep -q 'state UP'; do sleep 0.01; done\n"
            "ip addr add 10.78.0.1/24 dev v0\n"
            "ip addr add 10.78.0.2/24 dev v0\n"
            "ip -6 addr add fd78::1/64 dev v0 nodad\n"
            "ip -6 addr add fe80::78:1/64 dev v0 nodad\n") != 0) {
    return "the network could not be set up";
  }
  return NULL;
}
