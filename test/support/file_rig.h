/*
 * A server with a directory of its own and a client, face to face on a simulated network: requests
 * with bodies of any size, and what came of them. Virtual time only; work beside the loop is done
 * in the simulation's steps.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_FILE_RIG_H
#define ACOAP_TEST_FILE_RIG_H

#include <acoap/acoap.h>

#include "client_rig.h"
#include "scratch.h"

typedef struct file_rig {
  client_rig_t client;              /* without a server of its own */
  acoap_local_endpoint_t *endpoint; /* the server's; NULL: a test has closed it */
  acoap_server_t *server;           /* NULL: a test has freed it */
  scratch_t scratch;                /* "root": what is served; beside it "secret.txt" */
  char root[300];                   /* its path */
  unsigned closed;                  /* closed callbacks */
} file_rig_t;

/** What is asked; zero: nothing of the kind. */
typedef struct file_ask {
  uint8_t method;       /* ACOAP_CODE_GET ... */
  const char *uri;      /* "/files/a.txt?x" */
  const void *body;     /* sent in blocks when it is long */
  size_t len;           /* bytes */
  size_t block_size;    /* of blocks, both ways; 0: 1024 */
  const void *etag;     /* option ETag, 8 bytes */
  const void *if_match; /* option If-Match, 8 bytes */
  bool if_exists;       /* an empty If-Match */
  bool if_none_match;   /* option If-None-Match */
  bool has_accept;      /* option Accept: */
  int accept;           /* which */
  bool has_format;      /* option Content-Format: */
  int format;           /* which */
} file_ask_t;

/** What came. */
typedef struct file_answer {
  unsigned finals;          /* final callbacks */
  int status;               /* of the last */
  uint8_t code;             /* of the last message; 0 without one */
  acoap_message_t *message; /* the last, referenced */
  acoap_bytes_t body;       /* its payload */
  uint8_t etag[8];          /* its ETag */
  size_t etag_len;          /* bytes */
  acoap_future_t *future;   /* while it is under way */
} file_answer_t;

/** options NULL: the defaults, without a limit to what unverified addresses get. */
void file_rig_open(file_rig_t *rig, uint64_t seed, const acoap_server_options_t *options);
/** Free the server, close both, run until it is quiet, remove the directory. */
void file_rig_close(file_rig_t *rig);
/** Serve "root" under "/files". */
acoap_resource_t *file_rig_serve(file_rig_t *rig, bool writable);
/** Close the server's endpoint. */
void file_rig_close_endpoint(file_rig_t *rig);
/** Begin to ask. */
void file_rig_start(file_rig_t *rig, const file_ask_t *ask, file_answer_t *answer);
/** As file_rig_start, but a failure is returned. */
int file_rig_try(file_rig_t *rig, const file_ask_t *ask, file_answer_t *answer);
/** Begin to send a descriptor of the test's own, to the server's root. */
void file_rig_send(file_rig_t *rig, acoap_desc_t *desc, file_answer_t *answer);
/** Run until the answer is there; fails the test after an hour. */
void file_rig_finish(file_rig_t *rig, file_answer_t *answer);
/** Both. */
void file_rig_ask(file_rig_t *rig, const file_ask_t *ask, file_answer_t *answer);
/** Ask, expect this code, forget the answer. */
void file_rig_expect(file_rig_t *rig, const file_ask_t *ask, uint8_t code);
/** Forget, or give up, an answer. */
void file_answer_done(file_answer_t *answer);
/** A file below the root has exactly these bytes. */
void file_rig_has(file_rig_t *rig, const char *name, const void *bytes, size_t len);
/** Write a file below the root, in place. */
void file_rig_write(file_rig_t *rig, const char *name, const void *bytes, size_t len);
/** Bytes that differ everywhere, the same for the same seed. */
void file_rig_fill(uint8_t *bytes, size_t len, uint8_t seed);

#endif
