/*
 * Which peers of other makers are installed here.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_INTEROP_PEERS_H
#define ACOAP_TEST_INTEROP_PEERS_H

/** Why tests with node-coap cannot be run: Node absent or too old, packages not installed; NULL
 * when they can. */
const char *interop_node_unusable(void);

/** A file of test/interop/node, as a static string. */
const char *interop_node_file(const char *name);

/** Name of an installed program among these, NULL when there is none: "coap-server-notls",
 * "coap-server-openssl". */
const char *interop_libcoap_server(void);
const char *interop_libcoap_client(void);

#endif
