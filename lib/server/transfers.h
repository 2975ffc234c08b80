/*
 * The table of block-wise transfers under way (RFC 7959), request bodies on their way in and
 * response bodies kept for the blocks to come, and the memory that they may take.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_TRANSFERS_H
#define ACOAP_SERVER_TRANSFERS_H

#include "server/body.h"

/* Which way the body goes. */
typedef enum acoap__transfer_kind {
  ACOAP__TRANSFER_IN,      /* a request's (block1.c) */
  ACOAP__TRANSFER_IN_SETS, /* likewise, in Q-Block1 (qblock1.c) */
  ACOAP__TRANSFER_OUT      /* a response's (block2.c) */
} acoap__transfer_kind_t;

/* How hard a transfer is to replace. */
typedef enum acoap__standing {
  ACOAP__STANDING_FINISHED = 0, /* its last block was sent; kept in case it is asked for again */
  ACOAP__STANDING_BEGUN,        /* one block: anybody can begin one and leave it */
  ACOAP__STANDING_FOLLOWED,     /* more than one */
  ACOAP__STANDING_VERIFIED,     /* likewise, by an address that has shown that it is there */
  ACOAP__STANDINGS
} acoap__standing_t;

/* What one address holds. */
typedef struct acoap__holder {
  acoap__map_node_t by_address;
  acoap_address_t address;                   /* without a port */
  uint32_t total;                            /* transfers */
  uint32_t count[ACOAP__STANDINGS];          /* of each standing */
  acoap__list_t transfers[ACOAP__STANDINGS]; /* of each standing, the longest unused first */
  acoap__list_t by_count[ACOAP__STANDINGS];  /* among the addresses that hold about as many */
  size_t bytes;                              /* memory of all of them */
  acoap__list_t by_bytes;                    /* among those that hold about as much */
} acoap__holder_t;

struct acoap__transfer {
  acoap__map_node_t by_key;
  acoap__map_node_t by_bare; /* OUT: by the key of a request without a payload; IN_SETS: without its
                                Request-Tag; or in no map */
  acoap__key_t key;          /* see acoap__key_make */
  acoap__key_t bare;         /* likewise */
  acoap__transfer_kind_t kind;
  acoap__standing_t standing;
  acoap__holder_t *holder;    /* whose */
  acoap__list_t in_holder;    /* in holder->transfers */
  acoap__list_t in_age;       /* in active or finished, the longest unused first */
  acoap_time_t used;          /* when a block of it came or went last */
  acoap_resource_t *resource; /* referenced; NULL: the default handler's */
  size_t bytes;               /* memory that its holder is charged with */

  struct acoap_upload *upload;      /* IN, IN_SETS: owned */
  struct acoap__qreceive *qreceive; /* IN_SETS: what is here; owned */
  struct acoap__qsend *qsend;       /* OUT in Q-Block2: what has left; owned; NULL */

  acoap_body_t *body; /* OUT: kept */
  uint8_t *options;   /* OUT: code and options of the first block, a message; IN_SETS: the final
                         answer; acoap__malloc */
  size_t options_len; /* bytes */
};

#define ACOAP__BUCKETS 33

struct acoap__transfers {
  acoap_server_t *server;
  acoap__endpoint_user_t user; /* told when the endpoint closes */
  bool closed;                 /* it has */
  acoap__map_t by_key;         /* all */
  acoap__map_t by_bare;        /* OUT */
  acoap__map_t by_address;     /* holders */
  acoap__map_node_t **buckets; /* of all three maps */
  acoap__list_t active;        /* not finished, the longest unused first */
  acoap__list_t finished;      /* likewise */
  acoap__list_t uploads;       /* bodies on their way in or complete, transfers or not */
  acoap__timer_t timer;        /* for the heads of active and finished */
  size_t count;                /* transfers */
  size_t finished_count;       /* of these */
  size_t bytes;                /* memory of all bodies, each counted once */
  uint64_t serial;             /* ETag of the next body that is read */
  /* addresses by how many they hold: bucket b has 2^(b-1) .. 2^b - 1 */
  acoap__list_t by_count[ACOAP__STANDINGS][ACOAP__BUCKETS];
  acoap__list_t by_bytes[ACOAP__BUCKETS]; /* likewise by KiB */
};
typedef struct acoap__transfers acoap__transfers_t;

acoap__transfer_t *acoap__transfer_find(const acoap_server_t *server, acoap__transfer_kind_t kind,
                                        const acoap__key_t *key);
/* The newest, by what a request without a payload, or without a Request-Tag, says. */
acoap__transfer_t *acoap__transfer_find_bare(const acoap_server_t *server,
                                             const acoap__key_t *bare);
/* It is not found by that any more. */
void acoap__transfer_unbare(const acoap_server_t *server, acoap__transfer_t *transfer);
/*
 * A new one of the request's address, where the bounds allow, others going for it if need be; NULL.
 * `bare` NULL: none. The caller fills in what it is about.
 */
acoap__transfer_t *acoap__transfer_new(const acoap__serving_t *serving, acoap__transfer_kind_t kind,
                                       const acoap__key_t *key, const acoap__key_t *bare);
/* Another block of it came or went. */
void acoap__transfer_follow(acoap__transfer_t *transfer, const acoap__serving_t *serving);
/* Its last block was sent: first to go from now on. */
void acoap__transfer_finish(acoap_server_t *server, acoap__transfer_t *transfer);
/* Forget it; an upload hears of `status`. NULL is fine. */
void acoap__transfer_end(acoap_server_t *server, acoap__transfer_t *transfer, int status);

/*
 * May the bodies take so much more memory? Others go for it if need be, never one of `self`'s own
 * address that is as much in use. False: there is none to be had.
 */
bool acoap__transfers_reserve(acoap__transfers_t *transfers, size_t bytes, acoap__transfer_t *self);
/* Memory that was reserved goes back. */
void acoap__transfers_give_back(acoap__transfers_t *transfers, size_t bytes);
/* Charge the holder for what the transfer takes now. */
void acoap__transfer_charge(acoap__transfers_t *transfers, acoap__transfer_t *transfer,
                            size_t bytes);

/* ---- holder.c -------------------------------------------------------------------------------- */

/* By its address without a port; NULL. */
acoap__holder_t *acoap__holder_find(const acoap__transfers_t *transfers,
                                    const acoap_address_t *address);
/* NULL without memory. */
acoap__holder_t *acoap__holder_new(acoap__transfers_t *transfers, const acoap_address_t *address);
/* Free it when it holds nothing any more. */
void acoap__holder_drop_empty(acoap__transfers_t *transfers, acoap__holder_t *holder);
/* It holds one more (1) or one less (-1) of a standing. */
void acoap__holder_count(acoap__transfers_t *transfers, acoap__holder_t *holder,
                         acoap__standing_t standing, int change);
/* It holds so much memory. */
void acoap__holder_bytes(acoap__transfers_t *transfers, acoap__holder_t *holder, size_t bytes);

#endif
