/*
 * Remote endpoints and their authorities, as the files of this room share them. An authority is the
 * part of a URI that says who is asked (scheme, host, port); remotes with the same authority share
 * it and with it what was looked up.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_REMOTE_H
#define ACOAP_ENDPOINT_REMOTE_H

#include "endpoint/local_endpoint.h"

/* Addresses of one name that are remembered. */
#define ACOAP__AUTHORITY_ADDRESSES_MAX 16

typedef struct acoap__authority {
  acoap__list_t node;               /* in the endpoint's authorities */
  uint32_t refs;                    /* remotes, and the lookup that calls back just now */
  acoap_local_endpoint_t *endpoint; /* held */
  acoap_scheme_t scheme;            /* which transport */
  uint16_t port;                    /* of every address */
  char *name; /* to be looked up, lower-case; NULL: addresses are given and never change */
  acoap_address_t addresses[ACOAP__AUTHORITY_ADDRESSES_MAX]; /* best first */
  bool bad[ACOAP__AUTHORITY_ADDRESSES_MAX];                  /* failed since the lookup */
  size_t count;                                              /* addresses known */
  acoap_time_t fresh_until;       /* names: then they are looked up again */
  acoap_lookup_t *lookup;         /* under way; NULL: none */
  acoap__list_t waiting;          /* acoap__resolution_t */
  acoap__qblock_support_t qblock; /* what it answered to Q-Block options */
} acoap__authority_t;

/* Credentials that were replaced (secure.c). */
typedef struct acoap__former_credentials {
  struct acoap__former_credentials *next; /* NULL: the last */
  acoap_credentials_t *credentials;       /* referenced */
} acoap__former_credentials_t;

struct acoap_remote_endpoint {
  uint32_t refs;                  /* holders */
  acoap__authority_t *authority;  /* referenced */
  char *uri;                      /* as text; parsed points into it */
  acoap_uri_t parsed;             /* path, query, host */
  acoap_uri_host_mode_t uri_host; /* when Uri-Host is sent */
  bool own_params;                /* params instead of the endpoint's */
  acoap_params_t params;
  const acoap_credentials_t *credentials; /* coaps: to prove; referenced. NULL: the socket's */
  acoap__former_credentials_t *former;    /* those before: sends under way borrow them */
  char host[ACOAP_ADDRESS_TEXT_MAX];      /* coaps: a literal as certificates name it; "": a name */
  char interface[48];                     /* to send through; "": the system's choice */
  acoap_address_t local;                  /* to send from; family NONE: any */
  uint32_t source_turn;                   /* which source port is next */
};

/* ---- secure.c -------------------------------------------------------------------------------- */

void acoap__remote_inherit_credentials(acoap_remote_endpoint_t *remote,
                                       const acoap_remote_endpoint_t *from);
void acoap__remote_drop_credentials(acoap_remote_endpoint_t *remote);

/* ---- authority.c ----------------------------------------------------------------------------- */

/*
 * The authority of these addresses, or of this name (looked up when needed; `addresses` NULL then);
 * an equal one is shared. The caller owns a reference; NULL without memory.
 */
acoap__authority_t *acoap__authority_get(acoap_local_endpoint_t *endpoint, acoap_scheme_t scheme,
                                         const char *name, uint16_t port,
                                         const acoap_address_t *addresses, size_t count);
acoap__authority_t *acoap__authority_ref(acoap__authority_t *authority);
void acoap__authority_unref(acoap__authority_t *authority);

#endif
