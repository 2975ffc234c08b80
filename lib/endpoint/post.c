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
  acoap__list_t node; /* in the list of posts */
  void (*call)(void *user_data);
  void *user_data;
} posted_call_t;

struct acoap__posts {
  uv_mutex_t mutex;   /* guards the rest */
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
  acoap__list_init(&made->list);
  *posts = made;
  return 0;
}

void acoap__posts_shut(struct acoap__posts *posts) {
  uv_mutex_lock(&posts->mutex);
  posts->shut = true;
  uv_mutex_unlock(&posts->mutex);
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
  posted->call = call;
  posted->user_data = user_data;
  struct acoap__posts *posts = endpoint->posts;
  uv_mutex_lock(&posts->mutex);
  bool accepted = !posts->shut;
  if (accepted) {
    acoap__list_append(&posts->list, &posted->node);
    endpoint->host->ops->wake_from_thread(endpoint->waker);
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
    posted_call_t *posted = ACOAP__CONTAINER(node, posted_call_t, node);
    acoap__list_remove(node);
    void (*call)(void *user_data) = posted->call;
    void *user_data = posted->user_data;
    acoap__free(posted);
    call(user_data);
  }
}

void acoap__posts_free(struct acoap__posts *posts) {
  if (posts == NULL) {
    return;
  }
  uv_mutex_destroy(&posts->mutex);
  acoap__free(posts);
}
