/*
 * Files as bodies, for those ready resources that serve files.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_SERVER_BODY_FILE_H
#define ACOAP_SERVER_BODY_FILE_H

#include "endpoint/files.h"
#include "server/server.h"

/* The open, regular file as a body with its ETag; takes the reference on every path. NULL without
 * memory. */
acoap_body_t *acoap__body_of_file(acoap__file_t *file);
/* As acoap_request_respond_file, of a path below a root. */
int acoap__request_respond_file(acoap_request_t *request, uint8_t code, int content_format,
                                acoap__file_root_t *root, const char *path);
/* An answer for a failure of a file: its code with a sentence. */
void acoap__request_refuse_file(acoap_request_t *request, int status, bool writing);

#endif
