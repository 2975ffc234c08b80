/*
 * The peers that messages are sent to: a lent table keyed by (socket, address) with a keyed hash,
 * and per peer the queue for NSTART (RFC 7252 section 4.7) and the supply of Message IDs
 * (section 4.4).
 *
 * A peer is busy while it has an outstanding interaction or a waiting message, or its queue is
 * being emptied. Idle peers form a list in the order of their last use; when a new one needs
 * an entry the oldest idle one is forgotten, and counted when lifetimes of its Message IDs still
 * ran. Only sending makes an entry: a stranger's datagrams push no peer out. All groups together
 * are one peer that is never forgotten, since two of them may share members.
 *
 * Decides nothing about congestion, sends nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXCHANGE_PEER_H
#define ACOAP_EXCHANGE_PEER_H

#include "exchange/engine.h"
#include "exchange/message_id.h"

/* What belongs to a peer where messages may have to wait (exchange/queue.h). */
typedef struct acoap__peer_queue {
  acoap__list_t
      waiting_place;        /* messages that need a place of NSTART, then a Message ID; in order */
  acoap__list_t waiting_id; /* messages that need a Message ID only; in order */
  acoap__timer_t timer;     /* when the queue is looked at next */
  acoap_time_t heard;       /* when something valid last came; 0 never */
  acoap_time_t expected_until; /* PROBING_RATE: when what was sent without an answer is paid for */
  acoap_time_t quiet_until;    /* PROBING_RATE: no NON request before this; 0 none */
  bool exhausted;              /* messages wait because no Message ID is free */
} acoap__peer_queue_t;

struct acoap__peer {
  acoap__map_node_t node;      /* by (socket, address) */
  acoap__list_t idle_node;     /* among the idle ones, oldest first */
  acoap__engine_t *engine;     /* the one that it belongs to */
  acoap__message_id_t ids;     /* towards this peer */
  acoap_address_t address;     /* of the peer; family NONE: an entry without a peer */
  uint32_t outstanding;        /* interactions that hold a place of NSTART */
  uint32_t queued;             /* messages in both queues */
  uint16_t socket;             /* number of the socket */
  bool used;                   /* stands in the map */
  bool pumping;                /* its queue is being emptied right now */
  acoap__peer_queue_t queue[]; /* one; none when the engine's config.queue is NULL */
};

typedef struct acoap__peer_table {
  acoap__map_t map;     /* by (socket, address) */
  acoap__list_t idle;   /* entries that may be taken, unused ones and oldest first */
  acoap__peer_t *group; /* all groups; NULL: nothing is sent to groups */
  /* Leave out the Message IDs that requests to groups hold, towards a group those that any peer
   * does; NULL until a group is asked. */
  void (*skip_ids)(acoap__peer_t *peer, acoap_time_t now);
} acoap__peer_table_t;

/* What names a message between two endpoints; without padding, so that its bytes can be hashed. */
typedef struct acoap__message_key {
  acoap_address_t peer; /* the other side */
  uint16_t socket;      /* number of our socket */
  uint16_t message_id;  /* 0 in the key of a peer */
} acoap__message_key_t;

/* What a message that came is found by, and told apart by from another of the same key. */
typedef struct acoap__identity {
  acoap__message_key_t key;
  uint32_t fingerprint; /* keyed hash of type, code, token and length */
  uint64_t hash;        /* of the key */
} acoap__identity_t;

/* Bytes of a peer in a table; `queues`: with what belongs to waiting messages. */
static inline size_t acoap__peer_size(bool queues) {
  return sizeof(acoap__peer_t) + (queues ? sizeof(acoap__peer_queue_t) : 0);
}

void acoap__message_key(acoap__message_key_t *key, const acoap_path_t *path, uint16_t message_id);
/* The hash of that, as the engine's tables have it. */
uint64_t acoap__message_hash(const acoap__engine_t *engine, const acoap_path_t *path,
                             uint16_t message_id);
/* The same socket and peer address, and not different sessions? */
bool acoap__path_same_peer(const acoap_path_t *a, const acoap_path_t *b);

void acoap__peer_table_init(acoap__engine_t *engine, acoap__peer_table_t *table,
                            acoap__peer_t *entries, size_t count, acoap__peer_t *group,
                            acoap__map_node_t **buckets, size_t bucket_count);
/* From now on groups and peers leave each other's Message IDs out; needs a group. */
void acoap__peer_table_use_groups(acoap__peer_table_t *table);
/* acoap__peer_find where there are any. */
acoap__peer_t *acoap__peer_find_among(const acoap__engine_t *engine, const acoap_path_t *path);
/* NULL when it is not known; groups are not found here. Who has sent to nobody but in ACKs, as most
 * servers, knows none. */
static inline acoap__peer_t *acoap__peer_find(const acoap__engine_t *engine,
                                              const acoap_path_t *path) {
  return engine->peers->map.count > 0 ? acoap__peer_find_among(engine, path) : NULL;
}
/* Find or make; for a group address the one peer of all groups. NULL: every entry is busy, or there
 * are no groups. Counts as a use. */
acoap__peer_t *acoap__peer_get(acoap__engine_t *engine, acoap_time_t now, const acoap_path_t *path);
/* Something valid came from it at `now`: whatever was awaited by PROBING_RATE is paid for. */
void acoap__peer_heard(acoap__peer_t *peer, acoap_time_t now);

/*
 * When the next Message ID towards this peer may be taken (`now`: at once), and taking it. A
 * request to a group goes to this peer as well, so an ID that a group request still holds is left
 * out, and a group leaves out those of every peer; unless the other uses so many (a quarter of all)
 * that too few would be left.
 */
acoap_time_t acoap__peer_id_when(acoap__peer_t *peer, acoap_time_t now);
bool acoap__peer_take_id(acoap__peer_t *peer, acoap_time_t now, uint32_t lifetime_ms,
                         uint16_t *message_id);

/* Busy or idle: call it after outstanding, queued or pumping changed. */
void acoap__peer_settle(acoap__peer_t *peer);

#endif
