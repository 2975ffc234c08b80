/*
 * The resources of serve --demo.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_DEMO_H
#define TOOL_DEMO_H

#include <uv.h>

#include <acoap/acoap.h>

/* Observers at most; one more is answered without being registered (RFC 7641 section 4.1). */
#define DEMO_OBSERVERS_MAX 64

/* Requests to /separate that wait at the same time; one more is answered with 5.03. */
#define DEMO_WAITING_MAX 64

/* Largest body that /upload takes, bytes. */
#define DEMO_UPLOAD_MAX ((size_t)1 << 20)

/* Uploads under way at the same time; the one longest unheard of goes. */
#define DEMO_TRANSFERS_MAX 8

/* Bytes of /large. */
#define DEMO_LARGE_SIZE ((size_t)64 << 10)

/* A representation, ready to be sent block by block. Borrowed until the resource changes. */
typedef struct demo_body {
  const void *bytes;  /* what */
  size_t len;         /* bytes */
  int content_format; /* its Content-Format */
  uint32_t max_age_s; /* 60 is the default and not sent */
  uint32_t etag;      /* tells this version from others; 0: to be computed */
} demo_body_t;

/* A request in hand. */
typedef struct demo_call {
  struct demo *demo;
  acoap_request_t *request;
  const acoap_view_t *view; /* of its message */
  uint8_t method;           /* its code */
  bool multicast;           /* it came to a group: only what is found is told */
} demo_call_t;

/* One resource: a row of the table in demo_resources.c. */
typedef struct demo_resource {
  const char *path;  /* below the root, segments joined by '/' */
  const char *rt;    /* resource type (RFC 6690 section 3.1), or NULL */
  const char *title; /* for people */
  int formats[2];    /* Content-Formats it has; the first one is the default */
  bool observable;   /* changes every second */
  uint32_t delay_ms; /* answered separately after that long; 0: at once */
  int (*get)(struct demo *demo, int content_format,
             demo_body_t *body);           /* 0 or an error code; NULL: no GET */
  void (*change)(const demo_call_t *call); /* PUT, POST, DELETE, FETCH; NULL: none */
  unsigned changes;                        /* methods that `change` takes: 1 << code */
} demo_resource_t;

extern const demo_resource_t demo_resources[];
extern const size_t demo_resource_count;

/* A client that observes. */
typedef struct demo_observer {
  acoap_request_t *request;        /* its request; NULL: the place is free */
  const demo_resource_t *resource; /* what it observes */
  uint32_t sent;                   /* notifications so far */
} demo_observer_t;

/* A request that is answered later. */
typedef struct demo_waiting {
  uv_timer_t timer; /* when */
  struct demo *demo;
  acoap_request_t *request;        /* NULL: the place is free */
  const demo_resource_t *resource; /* what was asked for */
} demo_waiting_t;

/* A body that comes in block by block (RFC 7959 section 2.5). */
typedef struct demo_transfer {
  acoap_address_t peer; /* who sends it; family NONE: the place is free */
  uint8_t *bytes;       /* so far */
  size_t len;           /* bytes */
  uint64_t heard_ms;    /* when the last block came */
} demo_transfer_t;

typedef struct demo {
  uv_loop_t *loop;
  acoap_local_endpoint_t *endpoint;
  uv_timer_t second;    /* counter, time and notifications */
  uint64_t started_ms;  /* uv_now at the start */
  uint64_t requests;    /* so far */
  uint32_t counter;     /* seconds counted */
  uint32_t sequence;    /* of notifications; 24 bits on the wire (RFC 7641 section 4.4) */
  char *large;          /* DEMO_LARGE_SIZE bytes of text */
  uint32_t large_etag;  /* of it */
  char text[512];       /* the small representation in hand */
  char links[4096];     /* the links in hand */
  uint8_t *upload;      /* what was put; NULL: nothing */
  size_t upload_len;    /* bytes */
  uint32_t upload_etag; /* of it */
  int upload_format;    /* its Content-Format, or ACOAP_FORMAT_NONE */
  demo_observer_t observers[DEMO_OBSERVERS_MAX];
  demo_waiting_t waiting[DEMO_WAITING_MAX];
  demo_transfer_t transfers[DEMO_TRANSFERS_MAX];
} demo_t;

/* Answer the endpoint's requests from now on. 0 or ACOAP_ENOMEM. */
int demo_open(demo_t *demo, uv_loop_t *loop, acoap_local_endpoint_t *endpoint);
/* Stop; the loop has to run on until the handles are closed. Then demo_done. */
void demo_close(demo_t *demo);
void demo_done(demo_t *demo);

/* ---- between the demo's files -------------------------------------------------------------- */

/* demo_body.c: answer with an error code and a diagnostic payload; to a group with silence. */
void demo_error(const demo_call_t *call, uint8_t code, const char *diagnostic);
/* Answer with a code and no payload; a Block1 option is echoed when block is not NULL. */
void demo_answer(const demo_call_t *call, uint8_t code, const acoap_block_t *block1);
/* Answer GET with a representation: ETag, Block2, Size2, 2.03 as the request asks for. observe < 0:
 * no Observe option. */
void demo_represent(const demo_call_t *call, const demo_body_t *body, int64_t observe,
                    acoap_reliability_t reliability);
/* FNV-1a: tells versions of one representation apart, nothing more. */
uint32_t demo_etag(const void *bytes, size_t len);
/* The Content-Format among the resource's that Accept asks for; ACOAP_EINVAL: none. */
int demo_choose_format(const demo_resource_t *resource, const acoap_view_t *view);

/* demo_observe.c */
void demo_observe_register(const demo_call_t *call, const demo_resource_t *resource);
void demo_observe_remove(demo_t *demo, const acoap_message_t *message);
bool demo_observe_has(const demo_t *demo, const acoap_request_t *request);
void demo_observe_notify(demo_t *demo);
void demo_observe_close(demo_t *demo);

/* demo_upload.c */
int demo_upload_get(demo_t *demo, int content_format, demo_body_t *body);
void demo_upload_change(const demo_call_t *call);
void demo_upload_done(demo_t *demo);

/* demo_core.c: GET /.well-known/core with its filter (RFC 6690 section 4). */
void demo_core(const demo_call_t *call);

#endif
