/*
 * What the files of the server share: the server, its resources, and what is known of a request on
 * its way from the endpoint to a handler and back (RFC 7252 section 5).
 *
 *     IN   dispatch.c: rate, load -> the options, once (request_options.c) -> resource -> what of
 *          them matters: options -> echo -> formats -> block2 (a later block) -> block1 (not the
 * last block) -> preconditions -> observe -> HANDLER OUT  answer.c: HANDLER -> notification |
 * validation (2.03) -> observe -> block1, block2 -> what the address may get -> the endpoint
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_SERVER_H
#define ACOAP_SERVER_SERVER_H

#include <acoap/block.h>
#include <acoap/resource.h>

#include "base/list.h"
#include "base/map.h"
#include "endpoint/endpoint.h"
#include "message/method.h"
#include "server/request_options.h"

/* ---- resources ------------------------------------------------------------------------------- */

/* One handler of a method's group. */
typedef struct acoap__handler {
  uint8_t method; /* 0: methods without a handler of their own */
  acoap_request_cb call;
  void *user_data;
} acoap__handler_t;

/* One attribute of the link. */
typedef struct acoap__attribute {
  char *name;  /* "rt" */
  char *value; /* NULL: a flag */
} acoap__attribute_t;

/* A segment of its path that has a name. */
typedef struct acoap__parameter {
  const char *name; /* borrowed from the resource's path, not terminated */
  size_t name_len;  /* bytes */
  size_t segment;   /* which Uri-Path option */
} acoap__parameter_t;

/* Whom to tell when it goes. */
typedef struct acoap__destroy {
  void (*call)(void *user_data);
  void *user_data;
} acoap__destroy_t;

/* A resource lives as long as it is in the tree or somebody holds it. */
struct acoap_resource {
  uint32_t refs;                        /* holders: the tree, requests, transfers, observers */
  acoap_server_t *server;               /* NULL once removed */
  struct acoap__segment *place;         /* in the tree (tree.c); NULL once removed */
  acoap__list_t node;                   /* in the server's list, in the order they were made */
  char *target;                         /* of its link: the path, or "/." and the path "//..." */
  char *path;                           /* as it was given; in target */
  acoap__parameter_t *parameters;       /* segments of the path under a name, in order */
  size_t parameter_count;               /* how many */
  acoap__handler_t *handlers;           /* in the order they were added */
  size_t handler_count;                 /* how many */
  uint32_t methods;                     /* bit m: one for method m; bit 0: for those without */
  uint64_t wants;                       /* what it demands, of ACOAP__WANTS_ (request_options.h) */
  acoap__attribute_t *attributes;       /* in the order they were set */
  size_t attribute_count;               /* how many */
  uint16_t *gives;                      /* Content-Formats; none: not checked */
  size_t gives_count;                   /* how many */
  uint16_t *takes;                      /* likewise of request bodies */
  size_t takes_count;                   /* how many */
  uint16_t *understands;                /* critical options that handlers know */
  size_t understands_count;             /* how many */
  acoap_resource_version_cb version;    /* NULL: nobody tells */
  void *version_data;                   /* handed to it */
  acoap_multicast_policy_t multicast;   /* zero: the defaults */
  uint32_t fresh_ms;                    /* age of an Echo that is wanted; 0: none is */
  unsigned secure;                      /* whom it answers, of acoap_secure_t; 0: everybody */
  size_t body_max_bytes;                /* 0: the server's */
  const acoap_upload_ops_t *upload_ops; /* NULL: bodies are joined */
  void *upload_data;                    /* handed to it */
  bool acknowledge_at_once;             /* see acoap_server_options_t; from the server's at first */
  bool hidden;                          /* not listed */
  bool listed;                          /* has neither parameters nor a sub-tree: may be listed */
  bool lists_root;                      /* a sub-tree that is listed by the path above it */
  bool observable;                      /* takes observers */
  acoap_observable_options_t observe;   /* how, defaults filled in */
  acoap__list_t observers;              /* targets with their registrations (observe.h) */
  size_t observer_count;                /* registrations */
  uint64_t changed;                     /* the last change that was told of (observe.h) */
  acoap__destroy_t *destroys;           /* told when it is freed, in the order they were added */
  size_t destroy_count;                 /* how many */
};

acoap_resource_t *acoap__resource_ref(acoap_resource_t *resource);
void acoap__resource_unref(acoap_resource_t *resource);
/* Is this a critical option that the handlers understand? */
bool acoap__resource_understands(const acoap_resource_t *resource, uint16_t option);

/* ---- tree.c: paths ----------------------------------------------------------------------------
 */

typedef struct acoap__serving acoap__serving_t;

/* What a path means to the resource it leads to; which segment has which name: its parameters. */
typedef struct acoap__match {
  acoap_resource_t *resource; /* borrowed; NULL: none */
  size_t depth;               /* Uri-Path options that its own path covers */
} acoap__match_t;

struct acoap__tree; /* tree.h */
void acoap__tree_find(const acoap_server_t *server, const acoap__asked_path_t *path,
                      acoap__match_t *match);

/* ---- resource.c -------------------------------------------------------------------------------
 */

/* The server goes: take all resources away, without a word to anybody. */
void acoap__resources_free(acoap_server_t *server);

/* ---- multicast.c ------------------------------------------------------------------------------
 */

/* A request that came by multicast: set what is suppressed and how long the answer may wait. */
void acoap__multicast_admit(acoap__serving_t *serving);
/* Does this answer say too little to be sent to one who asked by multicast? */
bool acoap__multicast_unwanted(const acoap__serving_t *serving, const acoap_builder_t *builder,
                               bool has_body);

/* ---- keys (key.c) ------------------------------------------------------------------------------
 */

/*
 * Who asks for what: a keyed hash of 128 bits over the peer's endpoint (address, port, identity),
 * the socket it reached, and the request's method and options but Block1, Block2, Q-Block1,
 * Q-Block2, Observe (5.4.2: those that are NoCacheKey, too), with the payload of a FETCH where it
 * has one. Tokens and Message IDs are no part of it.
 */
typedef struct acoap__key {
  uint64_t low, high;
} acoap__key_t;

/* Which parts a key is made of. */
enum {
  ACOAP__KEY_PEER = 1,        /* the endpoint that asks */
  ACOAP__KEY_PAYLOAD = 2,     /* the body (of a FETCH) */
  ACOAP__KEY_REQUEST_TAG = 4, /* the Request-Tag option (RFC 9175 section 3) */
  ACOAP__KEY_WITHOUT_BODY = 8 /* not what is said of the body: it is left out, or not */
};
acoap__key_t acoap__key_make(const acoap_server_t *server, const acoap_request_t *request,
                             unsigned parts);
bool acoap__key_equal(const acoap__key_t *a, const acoap__key_t *b);

/* ---- a request on its way (serving.c) ----------------------------------------------------------
 */

typedef struct acoap__transfer acoap__transfer_t; /* block1.h, block2.h */
typedef struct acoap__round acoap__round_t;       /* notify.c: one question for the newest state */

/* What the server knows of a request beside the endpoint. Pooled; lives as long as the request. */
struct acoap__serving {
  acoap_server_t
      *server;        /* held by pointer; NULL once it was freed: the request stays answerable */
  acoap__list_t node; /* in the server's list of what is open */
  acoap_request_t *request;        /* the object it belongs to */
  const acoap_view_t *view;        /* its message */
  const acoap__inbound_t *inbound; /* where it came from */
  acoap_time_t started;            /* when it was received */
  size_t allowance; /* bytes that all answers to it may have together; SIZE_MAX: no limit */

  acoap_resource_t *resource;  /* referenced; NULL: the default handler */
  acoap__serving_t *next_free; /* in the server's store, while it is there */

  /* Zero at first, up to `asked`. */
  acoap_upload_t
      *upload; /* the complete body's writer or store, freed with this; NULL: the payload */
  struct acoap__qjob *qjob; /* payloads that are sent with its token; NULL */
  acoap__round_t *round;    /* it is a question for the newest state, nobody's request; owned */
  struct acoap__observer *observer; /* it is a registration; NULL: none */
  acoap_body_t *body;    /* the answer's body while it is being read (ACOAP_EAGAIN); referenced,
                            and so is the request then */
  acoap_block_t block1;  /* repeated in the answer */
  acoap_block_t block2;  /* a block size or a block of the response */
  bool has_block1;       /* its body is (the last block of) a block-wise one */
  bool has_block2;       /* it asked with block2 */
  uint8_t qblock;        /* what of RFC 9177 it has (qblock.h); has_block1 and has_block2 are false
                            then, and block1 is which payload of its body it brings, block2 what it
                            asks for first; 0: nothing */
  uint32_t next_handler; /* of the group */
  bool answered;         /* the handler has answered (compare: acoap__request_is_answered) */
  bool settled;          /* the handlers are done with it (answered is one way), or it has ended */
  bool slow;             /* was counted and reported as that */
  bool observe;          /* asks to be registered, and may be */
  bool verified;         /* the address has shown that it is there */
  bool has_body_key;     /* body_key is made, */
  bool body_key_is_bare; /* without what is said of the request's own body */

  acoap__asked_t asked;          /* its options; of a round none */
  acoap__match_t match;          /* depth (its resource may be gone; ask `resource`) */
  acoap__list_t body_node;       /* among those that wait for a body; to itself while it does not */
  acoap__deferred_t body_resume; /* the body has something: on to acoap__answer_resume */
  uint64_t verifications; /* while there is an allowance: of the addresses when it was looked for */
  /* These hold while it is a registration, waits for a body, or asked for a later block. */
  uint64_t observe_since;          /* changes that were told of when it came */
  acoap_reliability_t reliability; /* how the answer will be sent */
  uint8_t *options;                /* the answer without its body, as a message; acoap__malloc */
  size_t options_len;              /* bytes of `options` */
  acoap__key_t body_key;           /* of the body that it asks a block of (block2.c) */
};

/* Is it about a body that was begun, not about the resource as it is now? (4: qblock.h) */
static inline bool acoap__serving_asks_later(const acoap__serving_t *serving) {
  return (serving->has_block2 && serving->block2.num > 0) || (serving->qblock & 4) != 0;
}

/* The serving of a request, NULL when no server has it. */
acoap__serving_t *acoap__serving_of(const acoap_request_t *request);
/* NULL without memory. Sets the request's filter. */
acoap__serving_t *acoap__serving_new(acoap_server_t *server, acoap_request_t *request);
/*
 * The request is complete: register the wish to observe, judge preconditions, run the handlers of
 * its method. Afterwards it is answered, kept or dropped. Also for a round (notify.c).
 */
void acoap__serving_run(acoap__serving_t *serving);
/* As that, where server and request are held already, as they are while a request is received. */
void acoap__serving_run_held(acoap__serving_t *serving);
/* Let go of a body that was waited for, and of the reference that was held meanwhile. */
void acoap__serving_stop_waiting(acoap__serving_t *serving);
/* Let go of the server: it is freed. The request stays answerable. */
void acoap__serving_detach(acoap__serving_t *serving);
/* Put one that was made for acoap__request_again on its way: resource and match of the other. */
acoap__serving_t *acoap__serving_again(const acoap__serving_t *of, acoap_request_t *again);
/* Has its method (or the default) a handler? */
bool acoap__serving_has_handler(const acoap__serving_t *serving);
/* Note that the answer comes: ACOAP_EINVAL when there was one; dropped: it is the endpoint's 5.00.
 */
int acoap__serving_answers(acoap__serving_t *serving, bool dropped);
extern const acoap__request_filter_t acoap__serving_filter;

/* ---- dispatch.c, answer.c -----------------------------------------------------------------------
 */

/* acoap_request_cb of the endpoint; user_data is the server. */
void acoap__dispatch(void *server, acoap_request_t *request);
/* The library's own answer: a code and, when `why` is given, a diagnostic payload (section 5.5.2).
 */
void acoap__answer_code(acoap__serving_t *serving, uint8_t code, const char *why);
/*
 * A response goes out: validation, observe, blocks, allowance. `body` NULL: the builder's payload.
 * The builder is the request's. ACOAP_EAGAIN never: what cannot be read yet is kept and sent later.
 */
int acoap__answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                  acoap_reliability_t reliability);
/* As above, and 5.00 when that fails. */
int acoap__answer_or_fail(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                          acoap_reliability_t reliability);
/* 4.01 with an Echo (RFC 9175 section 2.3). */
void acoap__answer_challenge(acoap__serving_t *serving);
/* acoap__request_filter_t.respond */
int acoap__answer_respond(acoap_request_t *request, uint8_t code, int content_format,
                          acoap_bytes_t payload);
/* The body that the answer waited for (serving->body) has something now: send it, or fail. */
void acoap__answer_resume(acoap__serving_t *serving);
/* Keep what was built until the body is ready: 0, ACOAP_ENOMEM. */
int acoap__answer_wait(acoap__serving_t *serving, const acoap_builder_t *builder,
                       acoap_body_t *body, acoap_reliability_t reliability);
/* 4.02, or silence for a NON (RFC 7252 section 5.4.1). */
void acoap__dispatch_bad_option(acoap__serving_t *serving, uint16_t option);
/* Neither Echo nor a precondition keeps its body from being taken; true: it was answered. */
bool acoap__dispatch_begins(acoap__serving_t *serving);
/* Is it as fresh as its resource demands? True: no, and it was answered. */
bool acoap__dispatch_is_stale(acoap__serving_t *serving);
/* A request that is complete: preconditions. True: it was answered. */
bool acoap__dispatch_judge(acoap__serving_t *serving);

/* ---- precondition.c
 * ------------------------------------------------------------------------------ */

/* 0, or the code to answer with (4.12, 2.03 and its etag). */
int acoap__precondition(const acoap_view_t *request, bool exists, const void *etag,
                        size_t etag_len);
/* Is this one of the ETags that the request has (section 5.10.6.2)? */
bool acoap__etag_known(const acoap_view_t *request, acoap_bytes_t etag);

/* ---- block2.c: bodies out
 * ------------------------------------------------------------------------- */

/*
 * Is this a request for a later block of a body under way? Then it is answered from there: true. A
 * later block of a body that nobody has any more is the handler's: it is asked anew and the block
 * is cut from what it answers.
 */
bool acoap__block2_continue(acoap__serving_t *serving);
/*
 * Put the block of the body that was asked for (the first, when none was) into the builder:
 * payload, Block2, Size2, ETag where more than one block is or was needed; remember the body for
 * the blocks to come. `limit`: bytes of the whole message. 0; ACOAP_EAGAIN: the body is not ready,
 * `serving` waits for it and acoap__block2_resume answers; a response code (4.00 a block behind the
 * end, 5.03 no memory); ACOAP_ENOSPACE: not even 16 bytes fit.
 */
int acoap__block2_answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body,
                         size_t limit);
/* The builder's payload is the whole body: Block2 says so to one who asked with it. */
void acoap__block2_whole(const acoap__serving_t *serving, acoap_builder_t *builder);
/* The request ends: it waits for serving->body no longer (body_node). The reference stays. */
void acoap__block2_forget(acoap__serving_t *serving);
/* A body's ETag, set or made; len 0: it has none. Borrowed. */
acoap_bytes_t acoap__body_etag(const acoap_body_t *body);

/* ---- block1.c: bodies in
 * --------------------------------------------------------------------------- */

/*
 * Take the request's body or a block of it. True: it was answered or is kept (2.31, 4.08, 4.13,
 * ...); false: the body is complete, the handler shall run.
 */
bool acoap__block1_receive(acoap__serving_t *serving);
/* Repeat Block1 in the final answer to a block-wise body (RFC 7959 section 2.3). */
void acoap__block1_answer(const acoap__serving_t *serving, acoap_builder_t *builder);
/*
 * The serving goes: free its upload. A writer whose body is complete but for which no handler ran
 * (next_handler is 0) hears abort.
 */
void acoap__block1_forget(acoap__serving_t *serving);
/* The whole body: joined, or the payload. */
acoap_bytes_t acoap__block1_body(const acoap__serving_t *serving);

/* ---- observe.c, notify.c
 * ----------------------------------------------------------------------------- */

/* A GET or FETCH with Observe: deregister (1), or note the wish (0) where bounds and load allow. */
void acoap__observe_request(acoap__serving_t *serving);
/* A success goes to one who wants to be registered: register and put Observe into the builder. */
void acoap__observe_answer(acoap__serving_t *serving, acoap_builder_t *builder);
/* The answer has left, or another one in its place: who was not sent a success does not observe. */
void acoap__observe_answered(acoap__serving_t *serving);
/* The answer to a round: goes to every observer of it. Takes nothing over. */
int acoap__notify_answer(acoap__serving_t *serving, acoap_builder_t *builder, acoap_body_t *body);
/* The handler gave none (ignored): the round is over. */
void acoap__notify_none(acoap__serving_t *serving);
/* A notification could not be finished: its observer is told again. */
void acoap__notify_failed(acoap__serving_t *serving);
/* The question's request goes. NULL is fine. */
void acoap__round_free(acoap__round_t *round);
/* What became of a response or notification of a request. */
void acoap__observe_delivered(acoap_request_t *request, int status);
/* End all registrations of a resource with this code (0: silently). */
void acoap__observe_end(acoap_resource_t *resource, uint8_t code);
/* The next order number (RFC 7641 section 4.4): grows across restarts. */
uint32_t acoap__observe_number(acoap_server_t *server);

/* ---- protection: address.c, rate.c, load.c, amplification.c, echo.c
 * ----------------------------------- */

/*
 * May this request go on? Decided before anything is allocated for it. 0, or the code to answer
 * with (4.29, 5.03; Max-Age is options.retry_s), ACOAP_ERESET: with RST, or ACOAP_ECANCELED: not at
 * all (a NON, a multicast).
 */
int acoap__protect_admit(acoap_server_t *server, acoap_request_t *request);
/* Note Echo and the address's standing: fills in allowance and verified. */
void acoap__protect_note(acoap__serving_t *serving);
/* Are observers and other lasting work to be taken? */
bool acoap__load_normal(acoap_server_t *server);
/* Put an Echo for the request's address into an answer (4.01, or with a success). */
void acoap__echo_write(const acoap__serving_t *serving, acoap_builder_t *builder);
/* Does the request bring an Echo of ours, for its address, no older than this? */
bool acoap__echo_fresh(const acoap__serving_t *serving, uint32_t max_age_ms);
/* Bytes that the next answer may have (the limit for acoap__block2_answer); SIZE_MAX: no limit. */
size_t acoap__protect_left(acoap__serving_t *serving);
/* Send what was built, as often as the endpoint's parameters say: nothing limits it. */
static inline int acoap__protect_send_unlimited(const acoap__serving_t *serving,
                                                acoap_reliability_t reliability) {
  acoap__request_set_transmissions(serving->request, 0);
  return acoap__request_transmit(serving->request, reliability);
}
int acoap__protect_send_limited(acoap__serving_t *serving, acoap_builder_t *builder,
                                acoap_reliability_t reliability);
/*
 * Send what was built, within the allowance, to which all its transmissions count. What does not
 * fit: 4.01 with Echo in its place, or the code alone (amplification.c); a notification:
 * ACOAP_ENOSPACE and nothing is sent.
 */
static inline int acoap__protect_transmit(acoap__serving_t *serving, acoap_builder_t *builder,
                                          acoap_reliability_t reliability) {
  return serving->allowance == SIZE_MAX
             ? acoap__protect_send_unlimited(serving, reliability)
             : acoap__protect_send_limited(serving, builder, reliability);
}
/* Not even the smallest block of the answer with this code is within the allowance: what goes
 * instead. */
int acoap__protect_instead(acoap__serving_t *serving, uint8_t code,
                           acoap_reliability_t reliability);
/* What became of a CON of its own; one that was acknowledged renews the allowance. */
void acoap__protect_delivered(acoap__serving_t *serving, int status);

/* ---- the server
 * -------------------------------------------------------------------------------------- */

struct acoap_server {
  acoap_local_endpoint_t *endpoint;     /* held; see `closed` */
  acoap__endpoint_user_t user;          /* told when the endpoint closes */
  bool closed;                          /* the endpoint has closed */
  bool freed;                           /* acoap_server_free was called; a hold is left */
  uint32_t holds;                       /* callbacks of the application that are running */
  acoap_time_t closed_at;               /* the last time that the endpoint told */
  acoap_server_options_t options;       /* defaults filled in */
  acoap_qblock_params_t qblock_params;  /* likewise */
  acoap_time_t slow_after;              /* milliseconds, of options.slow_ms; the greatest: never */
  int status;                           /* first failure since it was last asked */
  acoap_server_stats_t stats;           /* counters; the present numbers are filled in when asked */
  uint8_t hash_key[16];                 /* for keys and tables whose keys a peer chooses */
  acoap__list_t resources;              /* in the order they were made */
  size_t resource_count;                /* how many */
  acoap__list_t open;                   /* servings */
  acoap__handler_t fallback;            /* for paths without a resource; call NULL: none */
  acoap__serving_t *free_servings;      /* kept for reuse; NULL: none */
  size_t free_serving_count;            /* how many */
  struct acoap__tree *tree;             /* tree.c */
  struct acoap__transfers *transfers;   /* block1.c, block2.c */
  struct acoap__observers *observers;   /* observe.c */
  struct acoap__protection *protection; /* address.c, echo.c, rate.c, load.c */
};

/* Keep the first failure; returns status. NULL is fine. */
int acoap__server_fail(acoap_server_t *server, int status);
/* The endpoint's time; once it has closed, when that was. */
acoap_time_t acoap__server_now(const acoap_server_t *server);
/* As it was when it was last read in this turn: see acoap__local_endpoint_recent. */
acoap_time_t acoap__server_recent(const acoap_server_t *server);
/*
 * A callback of the application may free the server: memory and parts stay until the last hold is
 * given back; its resources and requests are let go of at once.
 */
void acoap__server_hold(acoap_server_t *server);
void acoap__server_release(acoap_server_t *server);

/* The parts: made in this order by acoap_server_new, freed in the reverse. `fill` gives the present
 * numbers of stats. */
int acoap__tree_new(acoap_server_t *server);
void acoap__tree_free(acoap_server_t *server);
int acoap__well_known_new(acoap_server_t *server);
int acoap__transfers_new(acoap_server_t *server);
void acoap__transfers_free(acoap_server_t *server);
void acoap__transfers_fill(const acoap_server_t *server, acoap_server_stats_t *stats);
/* Abort the uploads and forget the bodies of a resource that is removed. */
void acoap__transfers_end(acoap_resource_t *resource);
int acoap__observers_new(acoap_server_t *server);
void acoap__observers_free(acoap_server_t *server);
void acoap__observers_fill(const acoap_server_t *server, acoap_server_stats_t *stats);
int acoap__protection_new(acoap_server_t *server);
void acoap__protection_free(acoap_server_t *server);
void acoap__protection_fill(const acoap_server_t *server, acoap_server_stats_t *stats);

#endif
