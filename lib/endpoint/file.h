/*
 * What file.c, file_root.c and file_change.c share.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ENDPOINT_FILE_H
#define ACOAP_ENDPOINT_FILE_H

#include "endpoint/files.h"
#include "endpoint/job.h"
#include "transport/files.h"

/* The name the root was made with; any thread. */
const char *acoap__file_root_name(const acoap__file_root_t *root);
/* For a change's last step; in a job's thread. */
void acoap__file_root_lock(acoap__file_root_t *root);
void acoap__file_root_unlock(acoap__file_root_t *root);
/* The ETag of a version. */
void acoap__file_etag_make(const acoap__file_facts_t *facts, uint8_t etag[ACOAP__FILE_ETAG]);
/* A copy from acoap__malloc; NULL without memory. */
char *acoap__file_text(const char *text);

#endif
