/*
 * The descriptor's stack of layers, the methods, destroy callbacks, and users' own layers. RFC 7252
 * section 5.8, RFC 8132 (FETCH, PATCH, iPATCH).
 *
 * The rule: the first failure sticks, later calls do nothing but destroy what they were given;
 * whatever happens, each layer is destroyed exactly once, the outermost first. Sends nothing.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include <string.h>

#include "base/mem.h"
#include "client/send.h"

bool acoap__desc_usable(const acoap_desc_t *desc) {
  return desc != NULL && desc->error == 0;
}

void acoap__desc_fail(acoap_desc_t *desc, int status) {
  if (acoap__desc_usable(desc)) {
    desc->error = status;
  }
}

/* ---- the stack ------------------------------------------------------------------------------ */

/* Where a layer of this rank belongs: below the lowest one of a higher rank. */
static size_t place_of(const acoap_desc_t *desc, acoap__rank_t rank) {
  if (rank != ACOAP__RANK_FREE) {
    for (size_t i = 0; i < desc->count; i++) {
      if (desc->layers[i].rank > (uint8_t)rank) {
        return i;
      }
    }
  }
  return desc->count;
}

static bool grow(acoap_desc_t *desc) {
  if (desc->count < desc->cap) {
    return true;
  }
  size_t cap = desc->cap * 2;
  acoap__layer_t *layers = acoap__malloc(cap * sizeof(*layers));
  if (layers == NULL) {
    return false;
  }
  memcpy(layers, desc->layers, desc->count * sizeof(*layers));
  if (desc->layers != desc->room) {
    acoap__free(desc->layers);
  }
  desc->layers = layers;
  desc->cap = cap;
  return true;
}

/* Put a layer at its place; false without memory. */
static bool insert(acoap_desc_t *desc, const acoap__layer_t *layer) {
  if (!grow(desc)) {
    return false;
  }
  size_t place = place_of(desc, (acoap__rank_t)layer->rank);
  memmove(desc->layers + place + 1, desc->layers + place,
          (desc->count - place) * sizeof(*desc->layers));
  desc->layers[place] = *layer;
  desc->count++;
  return true;
}

/* Zeroed memory for a layer's object; says in `memory` who frees it. */
static void *object_new(acoap_desc_t *desc, size_t size, uint8_t *memory) {
  size_t unit = sizeof(max_align_t);
  size_t rounded = (size + unit - 1) / unit * unit;
  if (rounded <= sizeof(desc->arena) - desc->arena_used) {
    void *object = (uint8_t *)desc->arena + desc->arena_used;
    desc->arena_used += rounded;
    *memory = ACOAP__LAYER_ARENA;
    memset(object, 0, size);
    return object;
  }
  *memory = ACOAP__LAYER_MALLOC;
  return acoap__calloc(1, size);
}

/* As acoap__desc_add, also to a descriptor that has failed. */
static void *add(acoap_desc_t *desc, const acoap_layer_ops_t *ops, size_t size, acoap__rank_t rank,
                 bool shared) {
  acoap__layer_t layer = {ops, NULL, ACOAP_TIME_NEVER, (uint8_t)rank, 0, shared};
  layer.object = object_new(desc, size, &layer.memory);
  if (layer.object == NULL || !insert(desc, &layer)) {
    if (layer.memory == ACOAP__LAYER_MALLOC) {
      acoap__free(layer.object);
    }
    acoap__desc_fail(desc, ACOAP_ENOMEM);
    return NULL;
  }
  return layer.object;
}

void *acoap__desc_add(acoap_desc_t *desc, const acoap_layer_ops_t *ops, size_t size,
                      acoap__rank_t rank, bool shared) {
  return acoap__desc_usable(desc) ? add(desc, ops, size, rank, shared) : NULL;
}

void acoap__layer_destroy(acoap__layer_t *layer) {
  if (layer->ops == NULL || layer->memory == ACOAP__LAYER_BORROWED) {
    return;
  }
  void (*destroy)(void *) = ACOAP__LAYER_OP(layer->ops, destroy);
  if (destroy != NULL) {
    destroy(layer->object);
  }
  if (layer->memory == ACOAP__LAYER_MALLOC) {
    acoap__free(layer->object);
  }
  layer->ops = NULL;
}

void acoap__desc_destroy_layers(acoap_desc_t *desc) {
  while (desc->count > 0) {
    acoap__layer_t layer = desc->layers[--desc->count];
    acoap__layer_destroy(&layer);
  }
  if (desc->layers != desc->room) {
    acoap__free(desc->layers);
    desc->layers = desc->room;
    desc->cap = ACOAP__DESC_LAYERS;
  }
}

void *acoap__layer_copy(const void *object, size_t size) {
  void *copy = acoap__malloc(size);
  if (copy != NULL) {
    memcpy(copy, object, size);
  }
  return copy;
}

/* ---- the method ----------------------------------------------------------------------------- */

/* What a response code means when no layer says otherwise. */
static int method_handle(void *layer, acoap_exchange_t *exchange) {
  (void)layer;
  int status = acoap_exchange_status(exchange);
  const acoap_message_t *message = acoap_exchange_message(exchange);
  if (status < 0 || message == NULL) {
    return status;
  }
  switch (ACOAP_CODE_CLASS(acoap_message_code(message))) {
  case 2:
    return ACOAP_DONE;
  case 4:
    return ACOAP_ECLIENTERROR;
  case 5:
    return ACOAP_ESERVERERROR;
  default:
    return ACOAP_EUNEXPECTED;
  }
}

static int method_write(void *layer, acoap_exchange_t *exchange, acoap_builder_t *builder) {
  (void)layer;
  acoap__remote_write_options(exchange->send->remote, builder);
  return 0;
}

const acoap_layer_ops_t acoap__method_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .write = method_write,
    .handle = method_handle,
};

acoap_desc_t *acoap_desc_new(uint8_t method) {
  acoap__send_t *send = acoap__send_new();
  if (send == NULL) {
    return NULL;
  }
  acoap_desc_t *desc = &send->desc;
  desc->method = method;
  if (!acoap_code_is_request(method)) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
  }
  acoap__desc_add(desc, &acoap__method_ops, 1, ACOAP__RANK_FREE, true);
  return desc;
}

acoap_desc_t *acoap_desc_get(void) {
  return acoap_desc_new(ACOAP_CODE_GET);
}

acoap_desc_t *acoap_desc_post(void) {
  return acoap_desc_new(ACOAP_CODE_POST);
}

acoap_desc_t *acoap_desc_put(void) {
  return acoap_desc_new(ACOAP_CODE_PUT);
}

acoap_desc_t *acoap_desc_delete(void) {
  return acoap_desc_new(ACOAP_CODE_DELETE);
}

acoap_desc_t *acoap_desc_fetch(void) {
  return acoap_desc_new(ACOAP_CODE_FETCH);
}

acoap_desc_t *acoap_desc_patch(void) {
  return acoap_desc_new(ACOAP_CODE_PATCH);
}

acoap_desc_t *acoap_desc_ipatch(void) {
  return acoap_desc_new(ACOAP_CODE_IPATCH);
}

void acoap_desc_free(acoap_desc_t *desc) {
  if (desc == NULL) {
    return;
  }
  acoap__send_t *send = (acoap__send_t *)(void *)desc;
  if (send->phase == ACOAP__SEND_BUILDING) {
    acoap__send_cancel(send);
  }
}

/* ---- layers of the user's ------------------------------------------------------------------- */

void acoap_desc_layer(acoap_desc_t *desc, const acoap_layer_ops_t *ops, void *object) {
  /* A table that lacks even its size cannot say how the object is destroyed. */
  if (ops == NULL || ops->size < sizeof(ops->size)) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  acoap__layer_t layer = {ops,  object, ACOAP_TIME_NEVER, ACOAP__RANK_FREE, ACOAP__LAYER_USERS,
                          false};
  if (desc != NULL) {
    if (insert(desc, &layer)) {
      return; /* also in one that has failed, so that it is destroyed in its turn */
    }
    acoap__desc_fail(desc, ACOAP_ENOMEM);
  }
  acoap__layer_destroy(&layer);
}

typedef struct destroy_layer {
  void (*destroy)(void *user_data); /* the user's */
  void *user_data;                  /* handed to it */
} destroy_layer_t;

static void destroy_destroy(void *object) {
  destroy_layer_t *layer = object;
  layer->destroy(layer->user_data);
}

static const acoap_layer_ops_t destroy_ops = {
    .size = sizeof(acoap_layer_ops_t),
    .destroy = destroy_destroy,
};

void acoap_desc_on_destroy(acoap_desc_t *desc, void (*destroy)(void *user_data), void *user_data) {
  if (destroy == NULL) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  destroy_layer_t *layer = NULL;
  if (desc != NULL) {
    layer = add(desc, &destroy_ops, sizeof(*layer), ACOAP__RANK_FREE, false);
  }
  if (layer == NULL) {
    destroy(user_data); /* without memory there will be no later occasion */
    return;
  }
  layer->destroy = destroy;
  layer->user_data = user_data;
}
