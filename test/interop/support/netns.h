/*
 * A small network of namespaces for multicast tests: the test's process moves into a network
 * namespace of its own with a bridge "br0" (10.77.0.1/24, fd77::1/64, fe80::77:1), and every peer
 * process lives in another one, joined to the bridge by a veth pair whose far end is its "eth0"
 * (10.77.0.1N, fd77::1N, fe80::77:1N). No namespace has a name: each goes with the last of its
 * processes, so nothing is left behind whatever happens to the test.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_NETNS_H
#define ACOAP_TEST_INTEROP_NETNS_H

#include "spawn.h"

/** Why namespaces cannot be made here, a static string; NULL when they can. Tried in a child
 * process, leaves no trace. */
const char *netns_unusable(void);

/** Move this process (it must have one thread) into a new network with the bridge; 0 or -1, with a
 * line on stderr. Not to be undone. */
int netns_enter(void);

/** Start a peer in a namespace of its own at the bridge; number 1 to 9 makes its addresses. 0 or
 * -1. */
int netns_spawn(spawn_t *child, unsigned number, const char *const argv[]);

/** Give the test a second interface at the same bridge, "up0" (10.77.0.2/24, fd77::2/64,
 * fe80::77:2). */
int netns_add_second_interface(void);
void netns_remove_second_interface(void);

#endif
