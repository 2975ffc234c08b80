/*
 * serve's parts: where requests are taken, and what is served. A mode (--demo, --plugtest, --dir)
 * fills a server with resources; everything else is common to them.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_SERVE_H
#define TOOL_SERVE_H

#include <uv.h>

#include <acoap/ready.h>

#include "session.h"

/* ---- serve_sockets.c: where requests are taken ----------------------------------------------- */

/* Sockets at most: URIs, and one per group and interface. */
#define SERVE_SOCKETS_MAX 64

typedef struct serve_sockets {
  const options_t *options;
  uv_loop_t *loop;
  acoap_socket_t *sockets[SERVE_SOCKETS_MAX];
  bool secure[SERVE_SOCKETS_MAX];   /* which of them serve coaps:// */
  acoap_host_t *host;               /* their clock */
  acoap_credentials_t *credentials; /* NULL: none is secure */
  size_t count;                     /* how many */
  size_t listening;                 /* the first so many are where requests are addressed to */
  bool wildcard[2]; /* one listens on every IPv4, every IPv6 address: it hears groups too */
  bool families[2]; /* one of that family is there */
} serve_sockets_t;

/* Open what the command line asks for. 0, or an exit status after saying why. */
int serve_sockets_open(serve_sockets_t *sockets, uv_loop_t *loop, const options_t *options);
/* Close them: for when no endpoint has taken them over. */
void serve_sockets_close(serve_sockets_t *sockets);
/* Join the groups All CoAP Nodes on the interfaces of the command line. 0 or an exit status. */
int serve_sockets_join(const serve_sockets_t *sockets, acoap_local_endpoint_t *endpoint);

/* ---- what is served ------------------------------------------------------------------------- */

/* A server in the hands of a mode. */
typedef struct site {
  const options_t *options;
  uv_loop_t *loop;
  acoap_server_t *server;
  struct site_later *later; /* answers to come */
  void *data;               /* the mode's own */
} site_t;

typedef struct serve_mode {
  int (*open)(site_t *site);   /* 0, or an exit status after saying why */
  void (*close)(site_t *site); /* closes the handles; NULL: there are none */
  void (*done)(site_t *site);  /* frees the rest, when the loop has ended; NULL: nothing */
} serve_mode_t;

extern const serve_mode_t serve_demo;      /* serve_demo.c */
extern const serve_mode_t serve_plugtest;  /* serve_plugtest.c */
extern const serve_mode_t serve_directory; /* serve_directory.c */

/* ---- serve_site.c: what modes share ---------------------------------------------------------- */

/* The status of the server so far, as an exit status. */
int site_status(const site_t *site);

/* An attribute of text. */
void site_describe(acoap_resource_t *resource, const char *rt, const char *title);

/* What goes with a payload. */
typedef struct site_answer {
  uint8_t code;       /* 2.05 ... */
  int content_format; /* or ACOAP_FORMAT_NONE */
  uint32_t max_age_s; /* 60 is the default and not sent */
  const void *etag;   /* borrowed; NULL: none */
  size_t etag_len;    /* bytes */
} site_answer_t;

/* Answer with what fits a message. */
void site_answer(acoap_request_t *request, const site_answer_t *answer, const void *payload,
                 size_t len);
/* Answer with a body of any size; takes the reference. */
void site_answer_body(acoap_request_t *request, const site_answer_t *answer, acoap_body_t *body);
/* The Content-Format of the request's body, or ACOAP_FORMAT_NONE. */
int site_content_format(const acoap_request_t *request);
/* The request's Accept, or `otherwise`. */
int site_accept(const acoap_request_t *request, int otherwise);

/* Keep the request and hand it to `answer` so many milliseconds later. Without memory it is left
 * unanswered (5.00). */
void site_answer_later(site_t *site, acoap_request_t *request, uint32_t delay_ms,
                       acoap_request_cb answer, void *user_data);
/* Give up the answers to come. */
void site_close_later(site_t *site);

/* Largest body of a store, bytes. */
#define SITE_STORE_MAX ((size_t)1 << 20)

/* A representation that requests write: nothing at first. */
typedef struct site_store {
  acoap_body_t *body;   /* NULL: nothing is there */
  const uint8_t *bytes; /* of it */
  size_t len;           /* bytes */
  int content_format;   /* of it, or ACOAP_FORMAT_NONE */
  uint8_t etag[8];      /* of it */
} site_store_t;

/* Replace what is stored; false without memory. */
bool site_store_set(site_store_t *store, int content_format, const void *bytes, size_t len);
void site_store_clear(site_store_t *store);
/* The handlers, and the version, of a resource whose user_data is a store. GET, PUT (and POST),
 * DELETE. */
void site_store_get(void *store, acoap_request_t *request);
void site_store_put(void *store, acoap_request_t *request);
/* PATCH appends its body to what is there; iPATCH, which may be repeated, does so unless that ends
 * with it already (RFC 8132 section 3). */
void site_store_patch(void *store, acoap_request_t *request);
void site_store_delete(void *store, acoap_request_t *request);
int site_store_version(void *store, acoap_request_t *request, uint8_t etag[8]);

#endif
