/*
 * A request body on its way in, as the table of transfers and the requests that bring it share it.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_BLOCK1_H
#define ACOAP_SERVER_BLOCK1_H

#include "server/transfers.h"

/* Owned by its transfer until the body is complete, by its last request from then on. */
struct acoap_upload {
  acoap__list_t node;            /* among all of the server */
  acoap__transfers_t *transfers; /* NULL once the server has gone */
  acoap__transfer_t *transfer;   /* NULL: complete, or it needs no second message */
  acoap_resource_t *resource;    /* referenced; NULL: the default handler's */

  const acoap_upload_ops_t *ops; /* the writer; NULL: the body is joined */
  void *ops_data;                /* handed to it */
  void *data;                    /* its own */
  bool begun;                    /* it said yes: it is owed an end */
  uint32_t calls;                /* of its functions that are running now */
  bool ended;                    /* while one of them ran: */
  int status;                    /* with this */

  uint8_t *bytes;   /* joined so far; acoap__malloc */
  size_t cap;       /* room, reserved in the table */
  uint64_t len;     /* bytes of the body so far */
  uint64_t last_at; /* offset of the last block */
  size_t last_len;  /* its bytes */
  size_t early_len; /* joined: bytes of each block that came early */
  uint64_t early;   /* which did: bit i for the one at len + i * early_len */

  bool asked_later;          /* write answered ACOAP_EAGAIN and has not said more */
  bool ready_early;          /* it said so before it returned: */
  int ready_status;          /* what it said */
  acoap__serving_t *waiting; /* the request of that block, referenced; NULL */
  acoap__deferred_t resume;  /* the write is done */
};

/* Its transfer ends, or the resource, or the server: abort, answer who waits, free. */
void acoap__upload_end(acoap_upload_t *upload, int status);
/* Those that are no transfer, of this resource or (NULL) all: end what is not complete. */
void acoap__uploads_end(acoap__transfers_t *transfers, const acoap_resource_t *resource,
                        int status);
/* The table goes: complete bodies stay with their requests. */
void acoap__uploads_orphan(acoap__transfers_t *transfers);

#endif
