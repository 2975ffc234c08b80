/*
 * Resources: made, taken away, and told how to serve (RFC 7252 section 5). The rule: a resource
 * lives while it is in the tree or somebody holds it (a request, a transfer, an observer); taking
 * it away cuts it from the server at once, and what still refers to it finds `server` NULL. Runs no
 * handlers and checks no requests (dispatch.c).
 * SPDX-License-Identifier: MIT
 */
#include <string.h>

#include "base/mem.h"
#include "server/attributes.h"
#include "server/tree.h"

/* ---- life ------------------------------------------------------------------------------------ */

acoap_resource_t *acoap__resource_ref(acoap_resource_t *resource) {
  if (resource != NULL) {
    resource->refs++;
  }
  return resource;
}

static void resource_free(acoap_resource_t *resource) {
  for (size_t i = 0; i < resource->destroy_count; i++) {
    resource->destroys[i].call(resource->destroys[i].user_data);
  }
  for (size_t i = 0; i < resource->attribute_count; i++) {
    acoap__free(resource->attributes[i].name);
    acoap__free(resource->attributes[i].value);
  }
  acoap__free(resource->destroys);
  acoap__free(resource->attributes);
  acoap__free(resource->handlers);
  acoap__free(resource->gives);
  acoap__free(resource->takes);
  acoap__free(resource->understands);
  acoap__free(resource->parameters);
  acoap__free(resource->target);
  acoap__free(resource);
}

void acoap__resource_unref(acoap_resource_t *resource) {
  if (resource != NULL && --resource->refs == 0) {
    resource_free(resource);
  }
}

static acoap_resource_t *resource_alloc(acoap_server_t *server, const char *path) {
  /* A reference that begins with "//" would name a host (RFC 3986 section 4.2). */
  size_t prefix = path[0] == '/' && path[1] == '/' ? 2 : 0;
  size_t size = strlen(path) + 1;
  acoap_resource_t *resource = acoap__calloc(1, sizeof(*resource));
  if (resource == NULL) {
    return NULL;
  }
  resource->target = acoap__malloc(prefix + size);
  if (resource->target == NULL) {
    acoap__free(resource);
    return NULL;
  }
  resource->path = resource->target + prefix;
  memcpy(resource->target, "/.", prefix);
  memcpy(resource->path, path, size);
  resource->refs = 1;
  resource->server = server;
  resource->acknowledge_at_once = server->options.acknowledge_at_once;
  acoap__list_init(&resource->node);
  acoap__list_init(&resource->observers);
  return resource;
}

acoap_resource_t *acoap_resource_new(acoap_server_t *server, const char *path) {
  if (server == NULL || path == NULL) {
    (void)acoap__server_fail(server, ACOAP_EINVAL);
    return NULL;
  }
  acoap_resource_t *resource = resource_alloc(server, path);
  if (resource == NULL) {
    (void)acoap__server_fail(server, ACOAP_ENOMEM);
    return NULL;
  }
  int status = acoap__tree_add(server, resource);
  if (status != 0) {
    (void)acoap__server_fail(server, status);
    acoap__resource_unref(resource);
    return NULL;
  }
  acoap__list_append(&server->resources, &resource->node);
  server->resource_count++;
  return resource;
}

/* Nobody finds it any more. */
static void take_out(acoap_resource_t *resource) {
  acoap_server_t *server = resource->server;
  acoap__tree_remove(server, resource);
  acoap__list_remove(&resource->node);
  server->resource_count--;
}

acoap_resource_t *acoap_resource_remove(acoap_resource_t *resource) {
  if (resource == NULL || resource->place == NULL) {
    return NULL;
  }
  take_out(resource);
  /* What is told of the end may do anything, free the server, too: the tree's reference is ours. */
  acoap__observe_end(resource, ACOAP_CODE_NOT_FOUND);
  if (resource->server != NULL) {
    acoap__transfers_end(resource);
  }
  resource->server = NULL;
  acoap__resource_unref(resource);
  return NULL;
}

void acoap__resources_free(acoap_server_t *server) {
  acoap__list_t *node;
  while ((node = acoap__list_first(&server->resources)) != NULL) {
    acoap_resource_t *resource = ACOAP__CONTAINER(node, acoap_resource_t, node);
    take_out(resource);
    resource->server = NULL;
    acoap__resource_unref(resource);
  }
}

/* ---- what is known of it --------------------------------------------------------------------- */

acoap_resource_t *acoap_server_resource(const acoap_server_t *server, const char *path) {
  return server != NULL ? acoap__tree_resource(server, path) : NULL;
}

const char *acoap_resource_path(const acoap_resource_t *resource) {
  return resource != NULL ? resource->path : NULL;
}

acoap_server_t *acoap_resource_server(const acoap_resource_t *resource) {
  return resource != NULL ? resource->server : NULL;
}

bool acoap__resource_understands(const acoap_resource_t *resource, uint16_t option) {
  for (size_t i = 0; resource != NULL && i < resource->understands_count; i++) {
    if (resource->understands[i] == option) {
      return true;
    }
  }
  return false;
}

/* ---- how it serves --------------------------------------------------------------------------- */

/* The first failure sticks in the server; a resource that is not there says nothing. */
static int fail(const acoap_resource_t *resource, int status) {
  return resource != NULL ? acoap__server_fail(resource->server, status) : status;
}

static bool is_there(const acoap_resource_t *resource) {
  return resource != NULL && resource->server != NULL;
}

int acoap_resource_on_destroy(acoap_resource_t *resource, void (*destroy)(void *user_data),
                              void *user_data) {
  acoap__destroy_t *destroys = NULL;
  if (destroy == NULL) {
    return fail(resource, ACOAP_EINVAL);
  }
  if (!is_there(resource)) {
    destroy(user_data); /* there will be no later occasion */
    return ACOAP_EINVAL;
  }
  destroys = acoap__realloc(resource->destroys, (resource->destroy_count + 1) * sizeof(*destroys));
  if (destroys == NULL) {
    destroy(user_data);
    return fail(resource, ACOAP_ENOMEM);
  }
  destroys[resource->destroy_count++] = (acoap__destroy_t){destroy, user_data};
  resource->destroys = destroys;
  return 0;
}

int acoap_resource_on(acoap_resource_t *resource, uint8_t method, acoap_request_cb handler,
                      void *user_data) {
  if (!is_there(resource) || handler == NULL || ACOAP_CODE_CLASS(method) != 0) {
    return fail(resource, ACOAP_EINVAL);
  }
  acoap__handler_t *handlers =
      acoap__realloc(resource->handlers, (resource->handler_count + 1) * sizeof(*handlers));
  if (handlers == NULL) {
    return fail(resource, ACOAP_ENOMEM);
  }
  handlers[resource->handler_count++] = (acoap__handler_t){method, handler, user_data};
  resource->methods |= UINT32_C(1) << method;
  resource->handlers = handlers;
  return 0;
}

int acoap_resource_hide(acoap_resource_t *resource) {
  if (!is_there(resource)) {
    return ACOAP_EINVAL;
  }
  resource->hidden = true;
  return 0;
}

static void want(acoap_resource_t *resource, uint64_t what, bool wanted) {
  resource->wants = wanted ? resource->wants | what : resource->wants & ~what;
}

/* Add a number to a list of them, once. */
static int list_add(const acoap_resource_t *resource, uint16_t **list, size_t *count,
                    uint16_t number) {
  for (size_t i = 0; i < *count; i++) {
    if ((*list)[i] == number) {
      return 0;
    }
  }
  if (*count == ACOAP__FORMATS_MAX) {
    return fail(resource, ACOAP_EINVAL);
  }
  uint16_t *longer = acoap__realloc(*list, (*count + 1) * sizeof(*longer));
  if (longer == NULL) {
    return fail(resource, ACOAP_ENOMEM);
  }
  longer[(*count)++] = number;
  *list = longer;
  return 0;
}

int acoap_resource_gives(acoap_resource_t *resource, int content_format) {
  if (!is_there(resource) || content_format < 0 || content_format > UINT16_MAX) {
    return fail(resource, ACOAP_EINVAL);
  }
  return list_add(resource, &resource->gives, &resource->gives_count, (uint16_t)content_format);
}

int acoap_resource_takes(acoap_resource_t *resource, int content_format) {
  if (!is_there(resource) || content_format < 0 || content_format > UINT16_MAX) {
    return fail(resource, ACOAP_EINVAL);
  }
  int status =
      list_add(resource, &resource->takes, &resource->takes_count, (uint16_t)content_format);
  want(resource, ACOAP__WANTS_FORMATS, resource->takes_count > 0);
  return status;
}

int acoap_resource_understands(acoap_resource_t *resource, uint16_t option) {
  if (!is_there(resource) || !acoap_option_is_critical(option)) {
    return fail(resource, ACOAP_EINVAL);
  }
  return list_add(resource, &resource->understands, &resource->understands_count, option);
}

int acoap_resource_on_version(acoap_resource_t *resource, acoap_resource_version_cb version,
                              void *user_data) {
  if (!is_there(resource)) {
    return ACOAP_EINVAL;
  }
  resource->version = version;
  resource->version_data = user_data;
  return 0;
}

int acoap_resource_multicast(acoap_resource_t *resource, const acoap_multicast_policy_t *options) {
  acoap_multicast_policy_t policy = {sizeof(policy), false, false, false, 0};
  if (!is_there(resource) || (options != NULL && options->size < sizeof(options->size))) {
    return fail(resource, ACOAP_EINVAL);
  }
  if (options != NULL) {
    memcpy(&policy, options, options->size < sizeof(policy) ? options->size : sizeof(policy));
    policy.size = sizeof(policy);
  }
  resource->multicast = policy;
  return 0;
}

int acoap_resource_fresh(acoap_resource_t *resource, uint32_t max_age_ms) {
  if (!is_there(resource)) {
    return ACOAP_EINVAL;
  }
  resource->fresh_ms = max_age_ms;
  want(resource, ACOAP__WANTS_FRESHNESS, max_age_ms != 0);
  return 0;
}

int acoap_resource_secure(acoap_resource_t *resource, unsigned kinds) {
  if (!is_there(resource) || (kinds & ~(unsigned)ACOAP_SECURE_ANY) != 0) {
    return fail(resource, ACOAP_EINVAL);
  }
  resource->secure = kinds;
  want(resource, ACOAP__WANTS_IDENTITY, kinds != 0);
  return 0;
}

int acoap_resource_body_max(acoap_resource_t *resource, size_t body_max_bytes) {
  if (!is_there(resource)) {
    return ACOAP_EINVAL;
  }
  resource->body_max_bytes = body_max_bytes;
  return 0;
}

int acoap_resource_on_upload(acoap_resource_t *resource, const acoap_upload_ops_t *ops,
                             void *user_data) {
  if (!is_there(resource) || (ops != NULL && (ops->size < sizeof(*ops) || ops->begin == NULL ||
                                              ops->write == NULL || ops->abort == NULL))) {
    return fail(resource, ACOAP_EINVAL);
  }
  resource->upload_ops = ops;
  resource->upload_data = user_data;
  return 0;
}

int acoap_resource_acknowledge_at_once(acoap_resource_t *resource, bool at_once) {
  if (!is_there(resource)) {
    return ACOAP_EINVAL;
  }
  resource->acknowledge_at_once = at_once;
  return 0;
}
