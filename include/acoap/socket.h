/*
 * The datagram socket: what an endpoint needs from whatever carries its messages (UDP, DTLS
 * around another socket, a simulated network, a serial line of the user's own). A small versioned
 * table of functions goes down, a table of events comes up. A socket belongs to one endpoint and
 * one loop's thread.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SOCKET_H
#define ACOAP_SOCKET_H

#include <acoap/address.h>
#include <acoap/error.h>

ACOAP_BEGIN_DECLS

struct uv_loop_s;

/**
 * A reference-counted run of bytes. Whoever makes one fills in `release`. Not atomic: it stays on
 * its loop's thread.
 */
typedef struct acoap_buffer {
  uint8_t *bytes;                               /* the storage */
  size_t cap;                                   /* its size in bytes */
  size_t len;                                   /* bytes in use */
  uint32_t refs;                                /* holders; 1 when made */
  void (*release)(struct acoap_buffer *buffer); /* called when refs falls to 0 */
  void *owner;                                  /* for release: a pool, say */
} acoap_buffer_t;

/** Credentials and host name for secure sockets; opaque here (<acoap/dtls.h>). */
typedef struct acoap_credentials acoap_credentials_t;
/** Who a secure peer proved to be; opaque here. */
typedef struct acoap_identity acoap_identity_t;

/** The way of one datagram. Sending: what is wished for. Received: what was seen. */
typedef struct acoap_path {
  acoap_address_t peer; /* the other side; for sending possibly a group */
  /* Our side: the wished source (family NONE: any), or the destination it was sent to. */
  acoap_address_t local;
  uint32_t interface; /* interface index; 0 any or unknown */
  uint8_t hop_limit;  /* TTL for sending; 0: the system's default (for groups: the endpoint's) */
  bool multicast;     /* received: it was sent to a group */
  uint16_t socket;    /* the endpoint's number of the socket; sockets leave it alone */
  const char *host;   /* secure sockets: name for SNI and certificate check; borrowed, or NULL */
  const acoap_credentials_t *credentials; /* secure sockets: what to prove; borrowed, or NULL */
  const acoap_identity_t *identity;       /* received: what the peer proved; borrowed, or NULL */
  /* Secure sockets, received: the number of the session, never the same twice. Sending: this
   * session or none (ACOAP_ECLOSED). 0: none, or whichever there is. */
  uint64_t session;
} acoap_path_t;

/** One datagram on its way out: borrowed for the call. */
typedef struct acoap_outgoing_datagram {
  const acoap_path_t *path; /* where to */
  acoap_bytes_t bytes;      /* what */
} acoap_outgoing_datagram_t;

/** One datagram that came in. */
typedef struct acoap_incoming_datagram {
  acoap_path_t path;      /* where from, and how it came */
  acoap_buffer_t *buffer; /* the storage of `bytes`; add to refs to keep it after the callback */
  acoap_bytes_t bytes;    /* the datagram */
  /*
   * It was longer than the socket takes and its end is missing. A request whose options are whole
   * is answered with 4.13 (RFC 7252 section 4.6), anything else is dropped
   */
  bool truncated;
} acoap_incoming_datagram_t;

/** What can happen to a peer as a whole. */
typedef enum acoap_peer_event {
  ACOAP_PEER_ESTABLISHED = 1, /* a secure session stands */
  ACOAP_PEER_FAILED,          /* the handshake failed; status and reason say why */
  ACOAP_PEER_CLOSED,          /* the peer closed the session */
  /**
   * A datagram did not get through: the network said so (an ICMP error), or the system refused it
   * after send() had taken it. `quote` holds the start of that datagram as far as known. Hints that
   * end no exchange (time exceeded, packet too big) are not reported at all, so whatever comes here
   * ends the one exchange that the quote shows.
   */
  ACOAP_PEER_ICMP
} acoap_peer_event_t;

/** An event about a peer: borrowed for the callback. */
typedef struct acoap_peer_notice {
  acoap_peer_event_t event; /* what happened */
  acoap_path_t path;        /* to whom */
  /*
   * A negative error; 0 where none. ACOAP_PEER_ICMP: ACOAP_EUNREACHABLE for host, net or port
   * unreachable; libuv's code (UV_EPERM, UV_EMSGSIZE ...) for what the system refused.
   */
  int status;
  const char *reason;  /* a sentence, or NULL */
  acoap_bytes_t quote; /* ICMP: our own datagram, CoAP header first; len 0 when unknown */
} acoap_peer_notice_t;

/**
 * The table that comes up: the endpoint fills it in. A socket calls it from the loop, never inside
 * a call of its own table.
 */
typedef struct acoap_socket_events {
  size_t size; /* sizeof(acoap_socket_events_t) */
  /** Datagrams have come; called from the loop only. */
  void (*received)(void *user_data, const acoap_incoming_datagram_t *datagrams, size_t count);
  /** Something happened to a peer. */
  void (*peer)(void *user_data, const acoap_peer_notice_t *notice);
  /** A send was refused with ACOAP_EAGAIN before; now there is room. */
  void (*writable)(void *user_data);
  /** The socket's next_wake() may have become earlier than it last said. */
  void (*wake_changed)(void *user_data);
} acoap_socket_events_t;

typedef struct acoap_socket acoap_socket_t;

/** What a secure socket would do with a datagram. */
typedef enum acoap_session_fit {
  ACOAP_SESSION_OTHER = 0, /* end a session with this peer that proves something else */
  ACOAP_SESSION_NEW,       /* begin a session */
  ACOAP_SESSION_STANDS     /* use one that stands or begins */
} acoap_session_fit_t;

/** The table that goes down. Functions marked optional may be NULL. */
typedef struct acoap_socket_ops {
  size_t size; /* sizeof(acoap_socket_ops_t) */
  /** Begin to receive. The events table is borrowed until close. Returns 0 or a negative error. */
  int (*start)(acoap_socket_t *socket, const acoap_socket_events_t *events, void *user_data);
  /**
   * Send a batch, in order; the bytes are borrowed for the call only (a socket that sends later
   * copies). Returns how many were taken: the rest is offered again after `writable`. A negative
   * error speaks of the first one alone (ACOAP_EAGAIN: wait for `writable`; another: that datagram
   * cannot be sent; leave it out and offer the next). What is found wrong with a datagram after it
   * was taken comes as a notice (ACOAP_PEER_ICMP) and costs the others nothing. The wished
   * interface counts for groups and link-local peers; for others the routing table chooses.
   */
  int (*send)(acoap_socket_t *socket, const acoap_outgoing_datagram_t *batch, size_t count);
  /** Optional: hand what was queued to the system now; called once at the end of a turn. */
  void (*flush)(acoap_socket_t *socket);
  /**
   * Optional: join or leave a group on an interface (0: the system's choice). Joining twice is one
   * join; leaving what was not joined is 0.
   */
  int (*join)(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface);
  /** Optional: see join. */
  int (*leave)(acoap_socket_t *socket, const acoap_address_t *group, uint32_t interface);
  /** The bound address. */
  int (*local_address)(acoap_socket_t *socket, acoap_address_t *address);
  /** Optional: can this socket reach such an address (family, scheme)? NULL: yes. */
  bool (*reaches)(acoap_socket_t *socket, const acoap_address_t *address);
  /** Optional: largest datagram in bytes towards this peer; NULL: 1152 (RFC 7252 section 4.6). */
  size_t (*mtu)(acoap_socket_t *socket, const acoap_address_t *peer);
  /** Optional, with run: when the socket's own timers are due. */
  acoap_time_t (*next_wake)(acoap_socket_t *socket);
  /** Optional: do what was due by `now`. */
  void (*run)(acoap_socket_t *socket, acoap_time_t now);
  /** Optional: should it keep the loop alive? (uv_ref, uv_unref) */
  void (*set_ref)(acoap_socket_t *socket, bool ref);
  /**
   * Stop and free; `closed` is called later, from the loop (or at once when there is none). No
   * event comes after this call.
   */
  void (*close)(acoap_socket_t *socket, void (*closed)(void *user_data), void *user_data);
  /** Optional: interfaces or their addresses have changed; the caller joins its groups again. */
  void (*refresh)(acoap_socket_t *socket);
  /** Optional: are its datagrams protected, so that it serves coaps:// and nothing else? NULL: no.
   */
  bool (*secure)(acoap_socket_t *socket);
  /**
   * Optional, secure sockets: what would come of a request with this path, its host and its
   * credentials? Changes nothing. NULL: ACOAP_SESSION_NEW.
   */
  acoap_session_fit_t (*session_fit)(acoap_socket_t *socket, const acoap_path_t *path);
} acoap_socket_ops_t;

/** The head of every socket: put it first in your own struct. */
struct acoap_socket {
  const acoap_socket_ops_t *ops; /* never NULL */
};

/** How a UDP socket is opened; set `size` and leave the rest zero for the defaults. */
typedef struct acoap_udp_options {
  size_t size;             /* sizeof(acoap_udp_options_t) */
  acoap_address_t local;   /* where to bind: IPv4 or IPv6; the any-address and port 0 are fine */
  bool reuse_address;      /* several processes share the port for groups (SO_REUSEADDR) */
  bool reuse_port;         /* several loops share the port (SO_REUSEPORT) */
  bool multicast_loop_off; /* do not hear our own multicasts */
  int adopt_fd;            /* 1 + a bound UDP descriptor to adopt, then ours; 0: open one */
  size_t receive_buffer_bytes; /* SO_RCVBUF; 0: 4 MiB as far as the system lets us */
  size_t send_buffer_bytes;    /* SO_SNDBUF; 0: 4 MiB likewise */
  size_t datagram_max_bytes;   /* longer ones are handed up truncated and counted; 0: 2048 */
  size_t send_queue_max;       /* datagrams queued while the system refuses; 0: 1024 */
} acoap_udp_options_t;

/** Which implementation acoap_udp_socket_new chooses. */
typedef enum acoap_udp_kind {
  ACOAP_UDP_BEST = 0, /* batched where the system has it */
  ACOAP_UDP_BATCHED,  /* Linux: recvmmsg and sendmmsg; ACOAP_ENOTSUP elsewhere */
  ACOAP_UDP_PORTABLE  /* uv_udp_t */
} acoap_udp_kind_t;

/**
 * Open a UDP socket on a loop. One that is bound to the any-address hears every address of its
 * family and may join groups; one that is bound to a unicast address hears no groups (join answers
 * ACOAP_ENOTSUP). An adopted descriptor that carries IPv4 and IPv6 serves both; of its kind only
 * the batched one joins groups.
 *
 * Errors:     ACOAP_EINVAL, ACOAP_ENOMEM, ACOAP_ENOTSUP, libuv's codes (UV_EADDRINUSE,
 *             UV_EADDRNOTAVAIL no address of the family, and so on).
 * Ownership:  the caller's until an endpoint takes it or acoap_socket_close; a descriptor stays
 *             the caller's on failure, after which the loop must run once to free the rest.
 * Reference:  RFC 7252 section 3 and 6.1.
 * Since:      0.1
 */
ACOAP_API int acoap_udp_socket_new(struct uv_loop_s *loop, acoap_udp_kind_t kind,
                                   const acoap_udp_options_t *options, acoap_socket_t **socket);

/** What a UDP socket has seen since it was opened. */
typedef struct acoap_udp_stats {
  size_t size;                /* sizeof(acoap_udp_stats_t) */
  uint64_t received;          /* datagrams handed up */
  uint64_t receive_calls;     /* system calls that brought at least one */
  uint64_t sent;              /* datagrams the system took */
  uint64_t send_calls;        /* system calls that took at least one */
  uint64_t refused;           /* datagrams the system refused for good; each gave a notice */
  uint64_t dropped_full;      /* outgoing ones lost because a device's queue was full */
  uint64_t dropped_too_long;  /* incoming ones beyond datagram_max_bytes, truncated ones included */
  uint64_t dropped_no_memory; /* incoming ones without a buffer, notices without room */
  uint64_t icmp;              /* ICMP errors handed up */
} acoap_udp_stats_t;

/**
 * Read the counters of a UDP socket.
 *
 * Errors:     ACOAP_EINVAL a socket that acoap_udp_socket_new has not made, or a short stats->size.
 * Ownership:  the caller's struct is filled in.
 * Since:      0.1
 */
ACOAP_API int acoap_udp_socket_get_stats(acoap_socket_t *socket, acoap_udp_stats_t *stats);

/** A socket that swallows what it is sent and hears nothing. */
ACOAP_API int acoap_null_socket_new(acoap_socket_t **socket);

/** Close a socket that no endpoint owns. */
ACOAP_API void acoap_socket_close(acoap_socket_t *socket, void (*closed)(void *user_data),
                                  void *user_data);

ACOAP_END_DECLS

#endif
