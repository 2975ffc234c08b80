/*
 * The lists of observers (RFC 7641 section 4.1) as observe.c keeps them and notify.c goes through
 * them: an observer is a registration, a target is what observers with the same question share.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_OBSERVE_H
#define ACOAP_SERVER_OBSERVE_H

#include "server/server.h"

/* The Content-Format of an observer that has been told of none yet. */
#define ACOAP__FORMAT_UNTOLD (-2)

/* NON notifications before the newest that a RST is known to mean. */
#define ACOAP__EARLIER_MAX 8

typedef struct acoap__notice acoap__notice_t;

/* The registrations of one endpoint. */
typedef struct acoap__observing_peer {
  acoap__map_node_t node;  /* by (socket, address) */
  acoap_address_t address; /* of the peer */
  uint16_t socket;         /* that it came through */
  uint32_t count;          /* registrations */
  acoap__list_t observers; /* they */
} acoap__observing_peer_t;

/*
 * All observers of a resource that asked the same: one cache key (RFC 7252 section 5.6, with the
 * payload of a FETCH) whoever asks. The handler is asked once for all of them. Lives while it has
 * observers or somebody is going through them.
 */
typedef struct acoap__target {
  acoap__map_node_t map_node; /* by key */
  acoap__key_t key;
  acoap__list_t node;         /* among the resource's */
  acoap__list_t marked_node;  /* among those whose handler is to be asked */
  acoap_server_t *server;     /* whose */
  acoap_resource_t *resource; /* whose; NULL once it was taken away */
  acoap__list_t observers;    /* oldest first */
  uint64_t path_hash;         /* of the Uri-Path options */
  uint64_t changed;           /* the last change: a count of all changes */
  uint64_t pass;              /* the last one that went through the targets */
  acoap__round_t *round;      /* the question that is open; NULL: none */
  acoap__notice_t *owed;      /* the last answer, while somebody waits for it; NULL: nobody does */
  acoap__timer_t timer;       /* asks later: interval_ms, or what failed */
  uint32_t holders;           /* observers, and who goes through them */
} acoap__target_t;

/* A registration. */
typedef struct acoap__observer {
  acoap__map_node_t token_node;         /* by (endpoint, token) */
  acoap__map_node_t target_node;        /* by (endpoint, target) */
  acoap__key_t key;                     /* of the latter */
  acoap__list_t node;                   /* in the target's list */
  acoap__target_t *target;              /* never NULL while it is registered */
  acoap__observing_peer_t *peer;        /* likewise */
  acoap__list_t peer_node;              /* in its list */
  acoap_request_t *request;             /* the registration, kept for its notifications */
  uint64_t seen;                        /* the change that the last notification told of */
  uint64_t pass;                        /* the last one that went through the observers */
  int content_format;                   /* of the first response that had one (section 4.2) */
  uint32_t unconfirmed;                 /* NON notifications since the last CON */
  bool acknowledged;                    /* a CON was acknowledged: the client is there */
  acoap_time_t confirmed;               /* when the client last showed its interest */
  acoap_time_t sent;                    /* when the last notification was sent */
  uint16_t earlier[ACOAP__EARLIER_MAX]; /* Message IDs of NON ones before that, a ring */
  uint32_t earlier_count;               /* so far */
} acoap__observer_t;

struct acoap__observers {
  acoap__map_t by_token;       /* observers */
  acoap__map_t by_target;      /* observers */
  acoap__map_t targets;        /* targets */
  acoap__map_t peers;          /* observing peers */
  acoap__map_node_t **buckets; /* of all four; NULL until somebody registers */
  size_t bucket_count;         /* of each */
  uint32_t count;              /* registrations */
  uint64_t changes;            /* so far, of all resources */
  uint64_t passes;             /* through lists that may change meanwhile, so far */
  acoap__list_t marked;        /* targets whose handler is to be asked */
  acoap__deferred_t ask;       /* asks them */
  acoap_server_t *server;      /* whose */
  uint32_t number;             /* the last one given */
  acoap_time_t numbered;       /* when; 0: never */
};

/* A target's observers are about to be gone through, and have been. */
void acoap__target_hold(acoap__target_t *target);
void acoap__target_release(acoap__target_t *target);
/* End a registration. `stop`: forget what is under way to it, too. */
void acoap__observer_end(acoap__observer_t *observer, bool stop);
/* End all registrations of a target that the caller holds, with a code or (0) silently. */
void acoap__target_end(acoap__target_t *target, uint8_t code);
/* The handler of this target shall be asked in the next turn. */
void acoap__target_mark(acoap__target_t *target);
/* The Content-Format option of a message; ACOAP_FORMAT_NONE. */
int acoap__content_format_of(const acoap_view_t *view);
/* The hash of a path: of Uri-Path options, or of a text "/a/b" (false: it is no path). */
uint64_t acoap__path_hash(const acoap_server_t *server, const acoap_view_t *request);
bool acoap__path_hash_text(const acoap_server_t *server, const char *path, uint64_t *hash);

/* ---- notification.c ---------------------------------------------------------------------------
 */

/* What all observers of a target are told. */
struct acoap__notice {
  acoap__target_t *target;
  uint8_t *copy;       /* of the answer, which is lost as notifications are built */
  acoap_view_t answer; /* the handler's; into the copy */
  acoap_bytes_t etag;  /* of the answer or its body; len 0: none */
  acoap_body_t *given; /* the handler's body, referenced; NULL: the answer's payload */
  acoap_body_t *lent;  /* that payload as a body, once somebody wants it in blocks */
  uint64_t change;     /* what it tells of */
  uint32_t number;     /* its place in the order */
  acoap_time_t now;    /* when it is sent */
  acoap_time_t later;  /* when the first of those that are left out is due; NEVER: none is */
  bool owed; /* somebody may be told only when what is under way to him was acknowledged */
};

/* Of what a handler built; NULL without memory. */
acoap__notice_t *acoap__notice_new(acoap__target_t *target, const acoap_builder_t *builder,
                                   acoap_body_t *body);
/* NULL is fine. */
void acoap__notice_free(acoap__notice_t *notice);
/* The code that this observer gets. */
uint8_t acoap__notice_code(const acoap__notice_t *notice, const acoap__observer_t *observer);
/* Has this one to be acknowledged? */
bool acoap__notice_is_confirmable(const acoap__notice_t *notice, const acoap__observer_t *observer);
/*
 * Build what this observer gets and send it. 0, also when its body is waited for; ACOAP_ENOSPACE:
 * an address that nobody has verified may not have so much; ACOAP_ENOMEM, ACOAP_EEXHAUSTED: not
 * now; another negative error: the body cannot be read.
 */
int acoap__notice_send(acoap__notice_t *notice, acoap__observer_t *observer, uint8_t code,
                       bool con);
/* Note in the registration that it was sent. */
void acoap__notice_was_sent(const acoap__notice_t *notice, acoap__observer_t *observer,
                            uint8_t code, bool con);

/* ---- notify.c ---------------------------------------------------------------------------------
 */

/* acoap__deferred_t.call: ask the handlers of all marked targets. */
void acoap__notify_ask(acoap__deferred_t *deferred);
/* acoap__timer_cb: the target's time has come. */
void acoap__notify_due(acoap__timer_t *timer, acoap_time_t now);
/* The target's observers have all ended: whoever is asked need not answer any more. */
void acoap__round_forsake(acoap__round_t *round);
/* What was on its way was acknowledged: tell the observer what it does not know yet. */
void acoap__notify_owed(acoap__observer_t *observer);
/* Send a code alone as the last notification (section 4.2); the registration is ended by others. */
void acoap__notify_farewell(acoap__observer_t *observer, uint8_t code);

#endif
