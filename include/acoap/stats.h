/*
 * Counters of an endpoint since it was made.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_STATS_H
#define ACOAP_STATS_H

#include <acoap/types.h>

ACOAP_BEGIN_DECLS

/* identifier, what it counts */
#define ACOAP_STATS_MAP(X)                                                                         \
  X(datagrams_received, "datagrams that came in")                                                  \
  X(datagrams_sent, "datagrams handed to the socket, retransmissions included")                    \
  X(send_errors, "datagrams the socket refused")                                                   \
  X(malformed, "datagrams that are no CoAP message (format errors)")                               \
  X(wrong_version, "datagrams of another CoAP version, ignored")                                   \
  X(requests_received, "requests handed up, duplicates not counted")                               \
  X(responses_received, "responses that matched a request")                                        \
  X(requests_sent, "requests sent, retransmissions not counted")                                   \
  X(responses_sent, "responses sent, repetitions not counted")                                     \
  X(retransmissions, "CON messages sent again")                                                    \
  X(duplicates, "duplicates recognised by Message ID")                                             \
  X(replies_repeated, "stored replies sent again for a duplicate")                                 \
  X(acks_received, "empty ACKs that matched")                                                      \
  X(resets_received, "RSTs that matched")                                                          \
  X(resets_sent, "RSTs sent")                                                                      \
  X(pings_received, "CoAP pings answered")                                                         \
  X(unmatched_responses, "responses whose token nobody waits for")                                 \
  X(unmatched_acks, "ACKs and RSTs whose Message ID nobody waits for")                             \
  X(wrong_source, "responses dropped because of their source (RFC 7252 section 5.3.2)")            \
  X(bad_option, "responses rejected because of a critical option (RFC 7252 section 5.4.1)")        \
  X(message_id_reused,                                                                             \
    "messages taken as new although their Message ID was fresh (peer restarted)")                  \
  X(message_id_waits, "messages that had to wait for a free Message ID")                           \
  X(timeouts, "requests and responses given up")                                                   \
  X(unreachable, "exchanges ended by ICMP")                                                        \
  X(dedup_evicted, "deduplication entries dropped before their lifetime")                          \
  X(replies_evicted, "stored replies dropped before their lifetime")                               \
  X(peers_evicted, "peers forgotten before their lifetime")                                        \
  X(queue_refused, "messages refused because a peer's queue was full")

/**
 * The counters; a program compiled against a shorter list gets as many as it knows. As wide as the
 * machine counts with ease: 64 bits on large ones, 32 bits, which come round to 0, on small ones.
 */
typedef struct acoap_stats {
  size_t size; /* sizeof(acoap_stats_t) as the caller knows it */
#define ACOAP_STATS_MEMBER(name, sentence) uint_fast32_t name; /* see ACOAP_STATS_MAP */
  ACOAP_STATS_MAP(ACOAP_STATS_MEMBER)
#undef ACOAP_STATS_MEMBER
} acoap_stats_t;

ACOAP_END_DECLS

#endif
