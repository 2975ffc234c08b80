/*
 * A send under way. One object holds the descriptor, the main exchange (a series of requests under
 * one stack of layers), the future or stream, and the datagram; it was allocated when the
 * descriptor was made. Follow-ups are further exchanges that fetch the remaining blocks of one
 * notification or of one responder (RFC 7959 sections 2.6 and 2.8).
 *
 * Life: BUILDING (a descriptor) -> RUNNING -> ENDED (settled or dropped). In ENDED the layers are
 * destroyed as soon as none of their functions and no callback runs (`busy` is 0) and the end of a
 * paused stream was given; the memory goes when nobody holds the future or stream either.
 *
 * Events of the engine, timers and deferred calls come from the loop and end in acoap__send_handle
 * or acoap__send_wake: one walk through the layers and what its verdict asks for. None of these
 * nests in another of the same send.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_SEND_H
#define ACOAP_CLIENT_SEND_H

#include <acoap/send.h>

#include "client/desc.h"
#include "client/future.h"
#include "client/qblock.h"
#include "client/stream.h"
#include "client/window.h"
#include "endpoint/endpoint.h"

typedef struct acoap__send acoap__send_t;

/* What the server gave us to return (RFC 9175 section 2). */
typedef struct acoap__echo {
  uint8_t value[40]; /* the newest */
  uint8_t len;       /* bytes; 0: none */
  uint8_t in_a_row;  /* challenges since the last other response */
} acoap__echo_t;

/* One series of requests: the main one, or a follow-up. */
struct acoap_exchange {
  acoap__send_t *send;              /* of which */
  bool follow_up;                   /* not the main one */
  acoap__list_t node;               /* a follow-up: among its send's */
  acoap__layer_t *layers;           /* innermost first */
  size_t count;                     /* of them */
  size_t boundary;                  /* index of the observe or multicast layer; count without one */
  size_t at;                        /* index of the layer whose function runs */
  acoap__interaction_t interaction; /* the request under way; for a ping only its `tx` */
  acoap_path_t way;                 /* where that went */
  acoap_path_t path;                /* where requests go */
  bool has_path;                    /* `path` is set */
  uint8_t *bytes;                   /* the request as it is lent to the engine */
  size_t cap;                       /* bytes */
  uint8_t *own_bytes;               /* when the inline room was too small; otherwise NULL */
  size_t len;                       /* bytes of the request */
  uint8_t token[8];                 /* of the last request */
  size_t token_len;                 /* bytes */
  bool has_token;                   /* there was one */
  acoap_timing_t timing;            /* of the last request */
  acoap__timer_t pause;             /* before the next request, or between copies of one */
  acoap__timer_t wake;              /* the earliest wake_at of the layers */
  acoap__deferred_t failing;        /* reports `failure` in the next turn */
  int failure;                      /* what acoap__send_handle is told then */
  uint32_t delay_ms;                /* acoap_exchange_delay */
  uint32_t copies_left;             /* of a burst */
  uint32_t requests;                /* built */
  uint32_t retransmissions;         /* of the requests that are over */
  bool counted;                     /* those of the last one are in there */
  bool pinging;                     /* a ping is under way */
  bool held;                        /* the next request waits for acoap_stream_resume */
  bool resending;                   /* `pause` is for the next copy, not the next request */
  bool upload;                      /* the request in hand carries a block of a request body */
  bool upload_more;                 /* further blocks follow it */
  uint64_t upload_offset;           /* where its block starts */
  uint64_t upload_end;              /* and ends */
  int64_t upload_total;             /* bytes of the request body; -1: unknown */
  uint32_t upload_size;             /* block size of the request body */
  int64_t download_total;           /* bytes of the response body; -1: unknown */
  acoap__ahead_t ahead;             /* how far the next request may be gone ahead of */
  uint32_t skip;                    /* the request being written is so many blocks ahead */
  acoap__window_t *window;          /* what is in flight ahead; NULL: none ever was */
  acoap__qblock_t qblock;           /* RFC 9177 */
  int verdict;                      /* a follow-up: what its own layers said */
  acoap__echo_t echo;               /* goes with its requests */
};

typedef enum acoap__send_phase {
  ACOAP__SEND_BUILDING = 0, /* a descriptor */
  ACOAP__SEND_RUNNING,      /* the result is to come */
  ACOAP__SEND_ENDED         /* it is there, or nobody wants it any more */
} acoap__send_phase_t;

#define ACOAP__SEND_DATAGRAM 1152 /* bytes without a further allocation (RFC 7252 section 4.6) */

struct acoap__send {
  acoap_desc_t desc;         /* first: a descriptor is a send that has not begun */
  acoap__send_phase_t phase; /* see above */
  bool streaming;            /* `stream` is in use, otherwise `future` */
  bool group;                /* the main exchange is with a group */
  bool starting;             /* inside acoap_send: failures are returned */
  bool resolving;            /* waits for addresses */
  bool heard;                /* something came from the address in use */
  bool delivered;            /* the final callback was called, or is not wanted */
  bool released;             /* layers, remote and user are gone */
  bool notification;         /* what is handled came to the main exchange, which is kept open */
  bool piggybacked;          /* what is handled came in an ACK */
  uint32_t busy;             /* walks and callbacks under way */
  size_t tried;              /* addresses that failed */
  acoap_local_endpoint_t *endpoint; /* where it lives, until released */
  acoap_remote_endpoint_t *remote;  /* who is asked; a reference, until released */
  acoap__endpoint_user_t user;      /* learns when the endpoint closes */
  acoap__resolution_t resolution;   /* waits for addresses */
  acoap__deferred_t resume;         /* goes on after acoap_stream_resume */
  acoap__timer_t deadline;          /* acoap_desc_deadline */
  int status;                       /* in hand: the error, or 0 */
  acoap_message_t *message;         /* in hand: a reference, or NULL */
  acoap_exchange_t *in_hand;     /* the follow-up that it belongs to, or NULL: the main exchange */
  acoap_exchange_t main;         /* the exchange with the remote endpoint */
  acoap__list_t follow_ups;      /* acoap_exchange_t */
  acoap_response_cb on_response; /* of acoap_send; may be NULL */
  void *user_data;               /* handed to it */
  acoap_future_t future;         /* unless streaming */
  acoap_stream_t stream;         /* when streaming */
  uint8_t datagram[ACOAP__SEND_DATAGRAM]; /* the main exchange's */
};

/* ---- send.c: the life of a send ------------------------------------------------------------- */

/* A send in BUILDING, or NULL without memory. */
acoap__send_t *acoap__send_new(void);
/* Nobody uses it any more: destroy its layers when that has not been done, free it when nobody
 * holds it. */
void acoap__send_settle_up(acoap__send_t *send);
/* The result is there. */
void acoap__send_end(acoap__send_t *send, int status, acoap_message_t *message);
/* Nobody wants it any more. */
void acoap__send_cancel(acoap__send_t *send);
/* A response or an error of this exchange goes through the layers, and what they decide is done. */
void acoap__send_handle(acoap_exchange_t *exchange, int status, acoap_message_t *message);
/* The time that the layer with this index asked for has come. */
void acoap__send_wake(acoap_exchange_t *exchange, size_t index);
/* Go on with the next request of this exchange, or wait as far as it was paused or delayed. */
void acoap__send_next(acoap_exchange_t *exchange);
/* Is nothing more to be asked for until the stream is resumed? */
bool acoap__send_is_paused(const acoap_exchange_t *exchange);
/* Give the final result to its callback; only from acoap__send_end and the stream. */
void acoap__send_include_address(const acoap__send_t *send, const acoap_message_t *message);

/* ---- exchange.c: walks through the layers --------------------------------------------------- */

void acoap__exchange_init(acoap_exchange_t *exchange, acoap__send_t *send, acoap__layer_t *layers,
                          size_t count);
/* Begin a walk at the outermost layer of the main exchange. */
int acoap__exchange_walk(acoap__send_t *send);
/* `timing` of all layers over the defaults. */
void acoap__exchange_timing(acoap_exchange_t *exchange, acoap_timing_t *timing);
/* `write` of all layers. 0 or the first error. */
int acoap__exchange_write(acoap_exchange_t *exchange, acoap_builder_t *builder);
/* Does anything come that will end its waiting: a request, a timer? */
bool acoap__exchange_waits(const acoap_exchange_t *exchange);
/* Set the timer for the earliest wake_at. */
void acoap__exchange_arm(acoap_exchange_t *exchange);
/* As acoap_exchange_wake_at, for the layer with this object. */
void acoap__exchange_wake_layer(acoap_exchange_t *exchange, const void *object, acoap_time_t at);
/* What the engine is told about its requests. */
acoap__request_options_t acoap__exchange_options(const acoap_exchange_t *exchange);
/* No request, no timer. */
void acoap__exchange_stop(acoap_exchange_t *exchange);
/* The exchange that the message in hand belongs to. */
acoap_exchange_t *acoap__exchange_in_hand(const acoap_exchange_t *exchange);

/* ---- request.c: one request of an exchange -------------------------------------------------- */

/* Resolve, choose an address, build and send the first request; 0 or a negative error. */
int acoap__request_begin(acoap__send_t *send);
/* Build and send the next request of an exchange that has a path. */
int acoap__request_send(acoap_exchange_t *exchange);
/* As acoap__request_send, without asking whether something else is due. */
int acoap__request_alone(acoap_exchange_t *exchange);
/* The message in a response to it, with its times: a reference, or NULL without memory. */
acoap_message_t *acoap__request_take(const acoap_exchange_t *exchange, acoap_time_t now,
                                     const acoap_path_t *from, const acoap_view_t *view);
/* Write the next request into the exchange's room, with a token; 0 or a negative error. */
int acoap__request_build(acoap_exchange_t *exchange);
/* What a response that is about to be handed up tells of the whole body's length. */
void acoap__request_note_total(acoap_exchange_t *exchange, const acoap_view_t *view);
/* acoap__resolution_t.done */
void acoap__request_resolved(acoap__resolution_t *resolution, int status);
/* acoap__timer_t.fire of `pause` */
void acoap__request_pause_over(acoap__timer_t *timer, acoap_time_t now);
/* Is this critical option of a response understood (RFC 7252 section 5.4.1)? Of an exchange. */
bool acoap__request_understands(const void *exchange, uint16_t option);
extern const acoap__interaction_events_t acoap__request_events;
extern const acoap__transmission_events_t acoap__ping_events;

/* ---- echo.c --------------------------------------------------------------------------------- */

/* Note the Echo of a response. True: it is a challenge, and the same request is to be sent again.
 */
bool acoap__echo_asked(acoap_exchange_t *exchange, const acoap_view_t *view);
/* Put what was noted into a request, behind the layers. */
void acoap__echo_write_request(const acoap_exchange_t *exchange, acoap_builder_t *builder);

/* ---- group.c: requests to a group ----------------------------------------------------------- */

/*
 * Send the request that was built on every path, for the first time or (while the interaction is
 * open) once more; ACOAP_ENONET when none could take it.
 */
int acoap__group_send(acoap_exchange_t *exchange);

/* ---- follow_up.c ---------------------------------------------------------------------------- */

/*
 * Begin a follow-up of the main exchange towards `to`; the message in hand becomes its first
 * response. The layers inside the boundary are cloned, those outside of it shared. NULL without
 * memory.
 */
acoap_exchange_t *acoap__follow_up_new(acoap__send_t *send, const acoap_path_t *to);
/* Stop and free it. */
void acoap__follow_up_free(acoap_exchange_t *exchange);
void acoap__follow_up_free_all(acoap__send_t *send);

/* ---- deregister.c --------------------------------------------------------------------------- */

/*
 * Send the request of this exchange again with Observe 1, by an object of its own that lives until
 * it is answered, or for MAX_TRANSMIT_WAIT. The exchange's interaction is closed. Without memory
 * nothing is sent.
 */
void acoap__deregister(acoap_exchange_t *exchange);

/* ---- what the layers ask of each other ------------------------------------------------------ */

/* desc_multicast.c: the last copy has left. */
void acoap__multicast_sent(acoap_exchange_t *exchange, void *layer);
/* Answers of a group kept while its stream is paused. */
size_t acoap__multicast_queue_max(const void *layer);
uint8_t acoap__multicast_hop_limit(const void *layer);
/* desc_block1.c: a block of half the size, since the message had no room; false when there is none
 * smaller. */
bool acoap__block1_shrink(void *layer);
/* The body will be sent once more, from its start. */
void acoap__block1_restart(void *layer);
/* Is its length known? */
bool acoap__block1_has_total(const void *layer);
/* Does it go in more than one block, as far as is known, and is it to be sent yet? */
bool acoap__block1_takes_blocks(const void *layer);
/* How many blocks of the present size it has. */
uint64_t acoap__block1_count(const void *layer);
/* How many bytes the first `count` blocks have. */
uint64_t acoap__block1_end(const void *layer, uint64_t count);
/* Blocks were sent in sets; `all`: none is left to be sent. */
void acoap__block1_note_sent(void *layer, bool all);
/* Blocks of the answer have come: a body of which none is left to be sent is there. */
void acoap__block1_note_answered(void *layer);
/* desc_observe.c: is there an observation to be kept up? */
bool acoap__observe_is_registered(const void *layer);
/* Does the server believe that we observe, and is it to be told otherwise? */
bool acoap__observe_wants_deregistration(const void *layer);

#endif
