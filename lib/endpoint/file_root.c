/*
 * The name of a directory that is served, with the lock under which its files change: what a change
 * was judged by (If-Match) still holds when it is done, as far as this program is concerned. And
 * what the failures of files mean to a client. Opens nothing.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/file.h"

#include <errno.h>
#include <uv.h>

#include "base/mem.h"

struct acoap__file_root {
  uint32_t refs;   /* holders, all on the loop */
  uv_mutex_t lock; /* of the last steps of changes */
  char *name;      /* as the application gave it */
};

acoap__file_root_t *acoap__file_root_new(const char *name) {
  acoap__file_root_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return NULL;
  }
  made->name = acoap__file_text(name);
  if (made->name == NULL || uv_mutex_init(&made->lock) != 0) {
    acoap__free(made->name);
    acoap__free(made);
    return NULL;
  }
  made->refs = 1;
  return made;
}

acoap__file_root_t *acoap__file_root_ref(acoap__file_root_t *root) {
  root->refs++;
  return root;
}

void acoap__file_root_unref(acoap__file_root_t *root) {
  if (root == NULL || --root->refs > 0) {
    return;
  }
  uv_mutex_destroy(&root->lock);
  acoap__free(root->name);
  acoap__free(root);
}

const char *acoap__file_root_name(const acoap__file_root_t *root) {
  return root->name;
}

void acoap__file_root_lock(acoap__file_root_t *root) {
  uv_mutex_lock(&root->lock);
}

void acoap__file_root_unlock(acoap__file_root_t *root) {
  uv_mutex_unlock(&root->lock);
}

/* ---- response codes ---------------------------------------------------------------------------
 */

typedef struct meaning {
  int status;
  uint8_t reading; /* 0: 5.00 */
  uint8_t writing; /* likewise */
} meaning_t;

static const meaning_t meanings[] = {
    {UV_ENOENT, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_CONFLICT}, /* a directory that has to be there */
    {UV_ENOTDIR, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_CONFLICT},
    {UV_ELOOP, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_FORBIDDEN},
    {UV_EXDEV, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_FORBIDDEN},
    {UV_EINVAL, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_FORBIDDEN},
    {UV_ENAMETOOLONG, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_FORBIDDEN},
    {UV_ENXIO, ACOAP_CODE_NOT_FOUND, ACOAP_CODE_FORBIDDEN},
    {UV_EACCES, ACOAP_CODE_FORBIDDEN, ACOAP_CODE_FORBIDDEN},
    {UV_EPERM, ACOAP_CODE_FORBIDDEN, ACOAP_CODE_FORBIDDEN},
    {UV_EROFS, ACOAP_CODE_FORBIDDEN, ACOAP_CODE_FORBIDDEN},
    {UV_EISDIR, ACOAP_CODE_METHOD_NOT_ALLOWED, ACOAP_CODE_METHOD_NOT_ALLOWED},
    {UV_EEXIST, 0, ACOAP_CODE_PRECONDITION_FAILED},
    {UV_EFBIG, 0, ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE},
    {UV_ENOSPC, 0, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {UV_EMFILE, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {UV_ENFILE, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {UV_ENOMEM, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {UV_EAGAIN, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {ACOAP_ENOMEM, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {ACOAP_ECANCELED, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {ACOAP_ECLOSED, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {ACOAP_ECHANGED, ACOAP_CODE_SERVICE_UNAVAILABLE, ACOAP_CODE_SERVICE_UNAVAILABLE},
    {ACOAP_ENOTSUP, ACOAP_CODE_NOT_IMPLEMENTED, ACOAP_CODE_NOT_IMPLEMENTED},
};

uint8_t acoap__file_code(int status, bool writing) {
  uint8_t code = 0;
  for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
    if (meanings[i].status == status) {
      code = writing ? meanings[i].writing : meanings[i].reading;
    }
  }
#ifdef EDQUOT
  /* libuv has no name for it. */
  if (status == uv_translate_sys_error(EDQUOT)) {
    code = ACOAP_CODE_SERVICE_UNAVAILABLE;
  }
#endif
  return code != 0 ? code : ACOAP_CODE_INTERNAL_SERVER_ERROR;
}

bool acoap__file_is_absent(int status) {
  return status == UV_ENOENT || status == UV_ENOTDIR;
}
