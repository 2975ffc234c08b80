/*
 * Bodies in Q-Block1 and Q-Block2 (RFC 9177) as the files of the server share them: what is here of
 * a request's body, and what has left of a response's.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_QBLOCK_H
#define ACOAP_SERVER_QBLOCK_H

#include <acoap/qblock.h>

#include "server/block1.h"

/* serving->qblock: what of RFC 9177 a request has. */
enum {
  ACOAP__QBLOCK1 = 1,       /* it brings a payload of its body */
  ACOAP__QBLOCK2 = 2,       /* it asks for payloads of the response */
  ACOAP__QBLOCK2_LATER = 4, /* which belong to a body under way, unless nobody has that any more */
  ACOAP__QBLOCK1_DONE = 8   /* its payload was the last one: the answer is kept */
};

/* ---- qblock.c: the options ------------------------------------------------------------------- */

/* Is this Q-Block1 or Q-Block2, and are they served? Whether it is in its place is judged below. */
bool acoap__qblock_understands(const acoap__serving_t *serving, uint16_t option);
/*
 * A request has one of both: read them into serving->qblock. True: it was answered (4.02: out of
 * its place; 4.00: malformed, out of order, mixed with Block1 or Block2, a Q-Block1 without
 * Request-Tag or Size1) or ignored (by multicast, section 4.8).
 */
bool acoap__qblock_refuses(acoap__serving_t *serving);
/* A NON_TIMEOUT_RANDOM. */
uint32_t acoap__qblock_random_ms(acoap_server_t *server);

/* ---- qblock1.c: bodies in -------------------------------------------------------------------- */

/* Payloads that may come before their turn. */
#define ACOAP__QWINDOW_MAX 256u
#define ACOAP__QWORD_BITS 64u

/* A body on its way in, or its final answer. Owned by its transfer. */
typedef struct acoap__qreceive {
  acoap__transfer_t *transfer;
  acoap_server_t *server;
  acoap__timer_t timer;    /* not later than due */
  acoap_time_t due;        /* when what is missing is asked for */
  acoap_time_t came;       /* when a payload came last */
  acoap_request_t *newest; /* the request of that payload, referenced, with its answer */
  uint64_t total;          /* bytes of the body: Size1 */
  uint8_t szx;             /* size of all payloads but the last */
  uint32_t count;          /* payloads of the body */
  uint32_t first;          /* those before are in their place; this one is not */
  uint32_t beyond;         /* one more than the greatest number that is here */
  uint32_t handed;         /* how many from `first` on are on their way to their place */
  uint32_t continued;      /* up to here, whole sets, they were acknowledged (2.31) */
  uint32_t complained;     /* first number of the newest set that made us ask for what is missing
                              in those before */
  uint32_t asked;          /* how often what is missing was asked for since there was a gain */
  uint32_t window;         /* payloads that are taken from `first` on, at most */
  uint64_t early[ACOAP__QWINDOW_MAX / ACOAP__QWORD_BITS]; /* bit i: first + i is here, i > 0 */
  uint32_t early_count;                                   /* how many bits are set */
  uint8_t *ring; /* of a writer's body: those that are early, number n at n % window */
  bool done;     /* complete; what is left is the answer: transfer->options */
} acoap__qreceive_t;

/* The request's payload, as acoap__block1_receive. */
bool acoap__qblock1_receive(acoap__serving_t *serving);
/* A write that was waited for is done. */
void acoap__qblock1_written(acoap_upload_t *upload, acoap__serving_t *serving);
/* The final answer, for those who repeat the last payload. */
void acoap__qblock1_keep_answer(acoap__serving_t *serving, const acoap_builder_t *builder);
/* The transfer goes. NULL is fine. */
void acoap__qreceive_free(acoap__qreceive_t *receive);

/* ---- qblock_missing.c ------------------------------------------------------------------------ */

/* Is the payload in its place, or on its way there? */
bool acoap__qreceive_is_here(const acoap__qreceive_t *receive, uint32_t num);
/* Section 5: the numbers before `end` that are not here, in their format, as many as there is room
 * for. False: none, or no room for one. */
bool acoap__qreceive_write_missing(const acoap__qreceive_t *receive, uint32_t end,
                                   acoap_builder_t *builder);
/* A payload came, or what is missing was asked for: when it is next. */
void acoap__qreceive_wait(acoap__qreceive_t *receive, acoap_time_t now);
/* acoap__timer_cb of receive->timer */
void acoap__qreceive_timer(acoap__timer_t *timer, acoap_time_t now);

/* ---- qblock2.c: bodies out ------------------------------------------------------------------- */

typedef struct acoap__qsend acoap__qsend_t;

/* Payloads that are sent with one request's token. */
typedef struct acoap__qjob {
  acoap__qsend_t *send;
  acoap_request_t *request;                  /* referenced; NULL: none */
  acoap__serving_t *serving;                 /* of it */
  uint32_t next;                             /* number that goes next */
  uint32_t end;                              /* the first that does not go any more */
  uint32_t picks[ACOAP_QBLOCK_PAYLOADS_MAX]; /* asked for one by one, ascending */
  uint32_t pick_count;                       /* how many */
  uint32_t pick_at;                          /* the next of them */
  uint32_t in_set;                           /* have left since the last wait */
  uint32_t observe; /* the value that all payloads have (section 4.5), or UINT32_MAX */
  bool confirmable; /* they go as CON, one after the other */
} acoap__qjob_t;

/* A body on its way out. Owned by its transfer. */
struct acoap__qsend {
  acoap__transfer_t *transfer;
  acoap_server_t *server;
  acoap__timer_t timer; /* the next set */
  uint32_t random_ms;   /* NON_TIMEOUT_RANDOM of this body */
  acoap_time_t sent;    /* when a set was begun last */
  uint8_t szx;          /* size of all payloads but the last */
  uint32_t count;       /* payloads of the body */
  uint32_t size2;       /* bytes of the body */
  acoap__qjob_t stream; /* the body, set after set */
  acoap__qjob_t again;  /* what was missing of it */
  uint32_t sent_count;  /* NON payloads that have left */
  uint32_t ids_count;   /* how many are remembered: two sets */
  uint16_t ids[];       /* their Message IDs, a ring */
};

/* A request for payloads of a body under way. True: it was answered, or ignored. */
bool acoap__qblock2_continue(acoap__serving_t *serving);
/*
 * Put the first of the payloads that are asked for into the builder, and remember the rest in
 * serving->qjob. 0; ACOAP_ENOTSUP: not in this way, nothing was done; ACOAP_EAGAIN: the body is not
 * ready and the serving waits for it; a code (4.00; 4.01: with Echo); another negative error.
 * `reserve`: bytes that are to be left for other options.
 */
int acoap__qblock2_answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                          size_t reserve);
/* What was built is sent now: the others say the same of Observe. */
void acoap__qblock2_note(acoap__serving_t *serving, acoap_builder_t *builder);
/* It has been, in these bytes: those that follow. */
void acoap__qblock2_go_on(acoap__serving_t *serving, const acoap_builder_t *builder);
/* It could not be. */
void acoap__qblock2_give_up(acoap__serving_t *serving);
/* Its body has something now (serving->qjob). */
void acoap__qblock2_resume(acoap__serving_t *serving);
/* A CON of it was acknowledged, or not. */
void acoap__qblock2_delivered(acoap__serving_t *serving, int status);
/* The transfer goes. NULL is fine. */
void acoap__qsend_free(acoap__qsend_t *send);

/* ---- qblock_reset.c -------------------------------------------------------------------------- */

/* A payload has left in this message. */
void acoap__qsend_note_sent(acoap__qsend_t *send, const uint8_t *bytes);
/* A RST came that is for no message the engine holds: when it is for a payload, the body ends. */
void acoap__qblock2_reset(acoap_server_t *server, const acoap_path_t *path, uint16_t message_id);

/* ---- block2.c: what both ways of sending share ----------------------------------------------- */

/* The body that is kept for later blocks of what is asked for; NULL. */
acoap__transfer_t *acoap__block2_find(acoap__serving_t *serving);
/* Keep it, with code and options of what was built. NULL: no room (or the server was freed). */
acoap__transfer_t *acoap__block2_keep(const acoap__serving_t *serving,
                                      const acoap_builder_t *builder, acoap_body_t *body);
/* Code and options that were kept. NULL: no memory. */
acoap_builder_t *acoap__block2_begin_again(const acoap__serving_t *serving,
                                           const acoap__transfer_t *transfer);
/* Name the body by an ETag, its own or one that is made, and say so. */
void acoap__block2_write_etag(const acoap__serving_t *serving, acoap_builder_t *builder,
                              acoap_body_t *body);

#endif
