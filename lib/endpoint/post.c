/*
 * Calls from other threads: the one thread-safe way in. A mutex guards the list and the flag that
 * closes it, and the waker is signalled under the same mutex, so that no thread signals a waker
 * which the loop's thread has begun to close. Runs nothing in the posting thread and drops nothing:
 * what was accepted runs, in order, before the endpoint's closed callback.
 * SPDX-License-Identifier: MIT
 */
#include "endpoint/local_endpoint.h"

#include <uv.h>

#include "base/mem.h"

typedef struct posted_call {
  acoap__posted_t posted;
  void (*call)(void *user_data);
  void *user_data;
} posted_call_t;

struct acoap__posts {
  uv_mutex_t mutex;   /* guards the rest */
  uint32_t refs;      /* holders: the endpoint, and postings that may outlive it */
  acoap__list_t list; /* calls yet to run */
  bool shut;          /* the endpoint closes */
};

int acoap__posts_new(struct acoap__posts **posts) {
  struct acoap__posts *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  int status = uv_mutex_init(&made->mutex);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  made->refs = 1;
  acoap__list_init(&made->list);
  *posts = made;
  return 0;
}

void acoap__posts_shut(struct acoap__posts *posts) {
  uv_mutex_lock(&posts->mutex);
  posts->shut = true;
  uv_mutex_unlock(&posts->mutex);
}

/* With the mutex held. */
static void append(acoap_local_endpoint_t *endpoint, acoap__list_t *node) {
  acoap__list_append(&endpoint->posts->list, node);
  endpoint->host->ops->wake_from_thread(endpoint->waker);
}

/* acoap__posted_t.run */
static void run_call(acoap__list_t *node) {
  posted_call_t *posted = ACOAP__CONTAINER(node, posted_call_t, posted.node);
  void (*call)(void *user_data) = posted->call;
  void *user_data = posted->user_data;
  acoap__free(posted);
  call(user_data);
}

int acoap_local_endpoint_post(acoap_local_endpoint_t *endpoint, void (*call)(void *user_data),
                              void *user_data) {
  if (endpoint == NULL || call == NULL) {
    return ACOAP_EINVAL;
  }
  posted_call_t *posted = acoap__malloc(sizeof(*posted));
  if (posted == NULL) {
    return ACOAP_ENOMEM;
  }
  posted->posted.run = run_call;
  posted->call = call;
  posted->user_data = user_data;
  struct acoap__posts *posts = endpoint->posts;
  uv_mutex_lock(&posts->mutex);
  bool accepted = !posts->shut;
  if (accepted) {
    append(endpoint, &posted->posted.node);
  }
  uv_mutex_unlock(&posts->mutex);
  if (!accepted) {
    acoap__free(posted);
    return ACOAP_ECLOSED;
  }
  return 0;
}

void acoap__posts_run(acoap_local_endpoint_t *endpoint) {
  acoap__list_t due;
  acoap__list_t *node;
  acoap__list_init(&due);
  uv_mutex_lock(&endpoint->posts->mutex);
  acoap__list_take(&endpoint->posts->list, &due);
  uv_mutex_unlock(&endpoint->posts->mutex);
  while ((node = acoap__list_first(&due)) != NULL) {
    acoap__list_remove(node);
    ACOAP__CONTAINER(node, acoap__posted_t, node)->run(node);
  }
}

void acoap__posts_free(struct acoap__posts *posts) {
  if (posts == NULL) {
    return;
  }
  uv_mutex_lock(&posts->mutex);
  bool last = --posts->refs == 0;
  uv_mutex_unlock(&posts->mutex);
  if (last) {
    uv_mutex_destroy(&posts->mutex);
    acoap__free(posts);
  }
}

/* ---- postings -------------------------------------------------------------------------------- */

/* Both threads have let go of it. */
static void posting_free(acoap__posting_t *posting) {
  struct acoap__posts *posts = posting->posts;
  posting->freed(posting);
  acoap__posts_free(posts);
}

/* The loop's thread lets go; nothing of the posting is touched afterwards unless it was last. */
static void posting_settle(acoap__posting_t *posting, int status) {
  acoap_local_endpoint_t *endpoint = posting->endpoint;
  acoap__endpoint_user_remove(endpoint, &posting->user);
  posting->settle(posting, status);
  uv_mutex_lock(&posting->posts->mutex);
  posting->settled = true;
  bool last = posting->sent;
  uv_mutex_unlock(&posting->posts->mutex);
  if (last) {
    posting_free(posting);
  }
  acoap__local_endpoint_release(endpoint);
}

/* acoap__posted_t.run */
static void run_posting(acoap__list_t *node) {
  posting_settle(ACOAP__CONTAINER(node, acoap__posting_t, posted.node), 0);
}

/* The posts are shut, and those that were accepted have run. */
static void posting_closing(acoap__endpoint_user_t *user) {
  posting_settle(ACOAP__CONTAINER(user, acoap__posting_t, user), ACOAP_ECANCELED);
}

int acoap__posting_init(acoap_local_endpoint_t *endpoint, acoap__posting_t *posting,
                        void (*settle)(acoap__posting_t *posting, int status),
                        void (*freed)(acoap__posting_t *posting)) {
  *posting = (acoap__posting_t){.posted.run = run_posting, .settle = settle, .freed = freed};
  acoap__list_init(&posting->posted.node);
  posting->user.closing = posting_closing;
  int status = acoap__endpoint_user_add(endpoint, &posting->user, false);
  if (status != 0) {
    return status;
  }
  posting->endpoint = acoap__local_endpoint_hold(endpoint);
  posting->posts = endpoint->posts;
  uv_mutex_lock(&posting->posts->mutex);
  posting->posts->refs++;
  uv_mutex_unlock(&posting->posts->mutex);
  return 0;
}

int acoap__posting_send(acoap__posting_t *posting) {
  struct acoap__posts *posts = posting->posts;
  uv_mutex_lock(&posts->mutex);
  bool accepted = !posts->shut;
  bool last = posting->settled;
  posting->sent = true;
  if (accepted) {
    append(posting->endpoint, &posting->posted.node);
  }
  uv_mutex_unlock(&posts->mutex);
  if (last) {
    posting_free(posting);
  }
  return accepted ? 0 : ACOAP_ECLOSED;
}
