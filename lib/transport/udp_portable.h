/*
 * The inside of the portable UDP socket, shared by udp_portable.c (life), udp_portable_handle.c
 * (one uv_udp_t), udp_portable_send.c, udp_portable_route.c (which handle sends) and
 * udp_portable_group.c.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TRANSPORT_UDP_PORTABLE_H
#define ACOAP_TRANSPORT_UDP_PORTABLE_H

#include "transport/buffer_pool.h"
#include "transport/udp_kinds.h"

#define ACOAP__UDP_ROUTES 16

typedef struct acoap__udp_portable acoap__udp_portable_t;

/* One interface on which a group is joined. */
typedef struct acoap__udp_membership {
  acoap__list_t node;
  uint32_t interface; /* as given; 0: the system's choice */
} acoap__udp_membership_t;

/* One uv_udp_t: bound to an address of ours, or to a group. */
typedef struct acoap__udp_handle {
  acoap__list_t node;           /* in owner->handles or owner->groups */
  uv_udp_t uv;                  /* freed when closed */
  acoap__udp_portable_t *owner; /* outlives it */
  acoap_address_t local;        /* what it is bound to; family NONE: adopted on the any-address */
  uint32_t interface;           /* whose address it is; 0: unknown */
  bool group;                   /* bound to a group: what it hears came by multicast */
  bool seen;                    /* refresh: its address is still there */
  acoap__list_t memberships;    /* acoap__udp_membership_t of a group */
  acoap_buffer_t *filling;      /* lent to libuv for one datagram */
  uint8_t scratch[1];           /* lent instead when there is no memory */
  uint32_t aimed_at;            /* interface that multicasts leave by; 0: the system's choice */
  uint8_t hops;                 /* TTL set for unicast; 0: the system's */
  uint8_t group_hops;           /* TTL set for groups; 0: the system's */
} acoap__udp_handle_t;

/* The source address that the system takes towards a peer, remembered for a short while. */
typedef struct acoap__udp_route {
  acoap_address_t peer;   /* port 0; family NONE: empty */
  acoap_address_t source; /* port 0 */
  uint64_t at;            /* loop time when it was asked */
} acoap__udp_route_t;

struct acoap__udp_portable {
  acoap__udp_t udp;                             /* first */
  uv_loop_t *loop;                              /* borrowed */
  acoap_udp_options_t options;                  /* whole */
  acoap_address_t local;                        /* as asked for, with the real port */
  bool wildcard;                                /* handles are one per local address */
  bool dual;                                    /* adopted IPv6 that carries IPv4 too */
  bool ref;                                     /* handles keep the loop alive */
  acoap__buffer_pool_t *pool;                   /* of datagram_max_bytes each */
  acoap__list_t handles;                        /* acoap__udp_handle_t of our addresses */
  acoap__list_t groups;                         /* acoap__udp_handle_t of groups */
  uv_udp_t *probe;                              /* asks for routes; NULL until needed */
  acoap__udp_route_t routes[ACOAP__UDP_ROUTES]; /* what it said */
  size_t next_route;                            /* the oldest of them */
  size_t queued;                                /* datagrams that libuv holds */
  bool refused;                                 /* a send found no room: `writable` is owed */
  bool closing;                                 /* close was called */
  int open_handles;                             /* not yet closed */
  void (*closed)(void *user_data);              /* may be NULL */
  void *closed_data;                            /* for closed */
};

/* udp_portable.c: one handle less; the last one frees the socket. */
void acoap__udp_portable_closed(acoap__udp_portable_t *udp);
/* udp_portable.c: look at the interfaces again: handles for new addresses, none for those that have
 * gone. */
void acoap__udp_portable_refresh(acoap_socket_t *socket);

/* udp_portable_handle.c: open and bind, receiving when started; appended to list. 0 or a negative
 * error. */
int acoap__udp_handle_open(acoap__udp_portable_t *udp, acoap__list_t *list,
                           const acoap_address_t *local, uint32_t interface,
                           acoap__udp_handle_t **handle);
/* Take a descriptor over; on failure it stays the caller's. */
int acoap__udp_handle_adopt(acoap__udp_portable_t *udp, int fd);
int acoap__udp_handle_receive(acoap__udp_handle_t *handle);
/* Off its list at once, freed later. */
void acoap__udp_handle_close(acoap__udp_handle_t *handle);

/* udp_portable_send.c */
int acoap__udp_portable_send(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch,
                             size_t count);

/* udp_portable_route.c: the handle that a datagram leaves by. 0 or a negative error. */
int acoap__udp_route(acoap__udp_portable_t *udp, const acoap_path_t *path,
                     acoap__udp_handle_t **handle);
void acoap__udp_routes_forget(acoap__udp_portable_t *udp);

/* udp_portable_group.c */
int acoap__udp_portable_join(acoap_socket_t *socket, const acoap_address_t *group,
                             uint32_t interface);
int acoap__udp_portable_leave(acoap_socket_t *socket, const acoap_address_t *group,
                              uint32_t interface);
/*
 * How libuv wants an interface named: one of its addresses for IPv4, "::%eth0" for IPv6. text: at
 * least ACOAP__UDP_INTERFACE_TEXT. False: no such interface, or without such an address.
 */
#define ACOAP__UDP_INTERFACE_TEXT 64
bool acoap__udp_interface_text(uint32_t interface, uint8_t family, char *text);

#endif
