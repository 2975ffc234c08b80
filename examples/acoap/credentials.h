/*
 * The credentials of the command line, for coaps://.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_CREDENTIALS_H
#define TOOL_CREDENTIALS_H

#include "options.h"

/*
 * What --psk-identity, --psk-key, --psk-file, --ca, --cert, --key and --insecure say; a client that
 * is told nothing trusts whom this system trusts. The keys of --psk-file are read once and freed
 * with credentials_done, after the credentials. 0, or an exit status after saying why.
 */
int credentials_read(const options_t *options, bool server, acoap_credentials_t **credentials);
void credentials_done(void);

#endif
