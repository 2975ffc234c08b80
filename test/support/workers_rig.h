/*
 * Workers for tests: what each of them serves and counts, and peers on plain sockets that ask them.
 * Nothing here waits for time, only for conditions; a peer that hears nothing for 30 s fails its
 * test.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_WORKERS_RIG_H
#define ACOAP_TEST_WORKERS_RIG_H

#include <acoap/acoap.h>

#include <netinet/in.h>
#include <uv.h>

#define WORKERS_MOST 8

/* What the workers have done, as counted by their callbacks; guarded. */
typedef struct workers_rig {
  uv_mutex_t mutex;
  uv_cond_t changed;
  acoap_workers_t *workers;
  acoap_local_endpoint_options_t endpoint;
  acoap_workers_options_t options;
  acoap_address_t bind;
  unsigned set_up[WORKERS_MOST];    /* successful setups */
  unsigned torn_down[WORKERS_MOST]; /* teardowns */
  unsigned events[WORKERS_MOST][5]; /* by kind */
  unsigned handled[WORKERS_MOST];   /* requests */
  unsigned calls;                   /* posted calls that ran */
  unsigned answers;                 /* to requests that workers sent */
  unsigned state;                   /* of the resource that is observed */
  int last_status[WORKERS_MOST];    /* of the last failure */
  int failing;                      /* bit n: the setup of worker n fails */
  bool groups;                      /* the setup joins one */
  unsigned stopped;                 /* calls of the stopped callback */
  int stopped_status;               /* its status */
} workers_rig_t;

/* udp: 0 the best socket, 1 the portable one. What is in `options` and `endpoint` may be changed
 * before the start. */
workers_rig_t *workers_rig_new(size_t count_of_workers, int udp);
void workers_rig_start(workers_rig_t *rig, uv_loop_t *owner);
/* Stop, join, free. */
void workers_rig_stop(workers_rig_t *rig);
/* They have been joined already; every setup has had its teardown. */
void workers_rig_free(workers_rig_t *rig);
uint16_t workers_rig_port(workers_rig_t *rig);

/* Counters of the rig, from any thread. */
void workers_rig_count(workers_rig_t *rig, unsigned *counter);
unsigned workers_rig_read(workers_rig_t *rig, const unsigned *counter);
void workers_rig_wait(workers_rig_t *rig, const unsigned *counter, unsigned least);
/* acoap_worker_call_cb that counts itself in `calls`. */
void workers_rig_called(void *rig, acoap_worker_t *worker);
/* Each loop that is up has taken two whole turns after what was sent before. */
void workers_rig_barrier(workers_rig_t *rig);

/* A socket on loopback. */
int workers_peer_new(void);
void workers_peer_send(int fd, uint32_t address, uint16_t port, const uint8_t *bytes, size_t len);
/* GET /a or /a/b, the token is the Message ID. */
void workers_peer_get(int fd, uint32_t address, uint16_t port, acoap_type_t type, uint16_t id,
                      const char *a, const char *b, bool observe);
/* The payload's digit of the next response with content; a CON is acknowledged. */
int workers_peer_digit(int fd, struct sockaddr_in *from);
/* The number of the worker that answers. */
int workers_peer_ask(int fd, uint16_t port, uint16_t id);

#endif
