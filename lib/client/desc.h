/*
 * The inside of a send descriptor: a stack of layers, the innermost (index 0) being the method. A
 * layer that was called later stands further out, but those with a rank keep their order whatever
 * the order of the calls: a layer is put below the lowest one of a higher rank.
 *
 * Small layers live in the descriptor's own memory, so that an ordinary request is one allocation.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CLIENT_DESC_H
#define ACOAP_CLIENT_DESC_H

#include <acoap/desc.h>

/* The order of the layers that have one, from the inside to the outside. */
typedef enum acoap__rank {
  ACOAP__RANK_FREE = 0, /* on top of what is there */
  ACOAP__RANK_BLOCK1,   /* request body */
  ACOAP__RANK_BLOCK2,   /* response body */
  ACOAP__RANK_BODY,     /* what becomes of its blocks: collect, block_writer */
  ACOAP__RANK_RETRY,    /* asks again for what the above asked for */
  ACOAP__RANK_EMIT,     /* what counts as a result */
  ACOAP__RANK_MANY      /* observe, multicast: many results */
} acoap__rank_t;

/* Who frees the object of a layer. */
typedef enum acoap__layer_memory {
  ACOAP__LAYER_USERS = 0, /* its own `destroy` */
  ACOAP__LAYER_ARENA,     /* it is a part of the descriptor */
  ACOAP__LAYER_MALLOC,    /* the stack, after `destroy` */
  ACOAP__LAYER_BORROWED   /* nobody here: another exchange destroys it */
} acoap__layer_memory_t;

typedef struct acoap__layer {
  const acoap_layer_ops_t *ops; /* NULL: left out (in a follow-up) */
  void *object;                 /* handed to its functions */
  acoap_time_t wake_at;         /* when `wake` is wanted; ACOAP_TIME_NEVER: not at all */
  uint8_t rank;                 /* acoap__rank_t */
  uint8_t memory;               /* acoap__layer_memory_t */
  bool shared;                  /* it keeps nothing between calls: follow-ups use the same object */
} acoap__layer_t;

#define ACOAP__DESC_LAYERS 8  /* without a further allocation */
#define ACOAP__DESC_ARENA 384 /* bytes of layer objects without a further allocation */

/* desc_qblock.c: what acoap_desc_qblock asked for. */
typedef struct acoap__qblock_wish {
  bool has_params;              /* `params` were given */
  acoap_qblock_params_t params; /* otherwise they follow from those of the remote */
} acoap__qblock_wish_t;

struct acoap_desc {
  int error;                               /* the first failure, or 0 */
  bool ping;                               /* an Empty CON */
  bool has_token;                          /* `token` is what requests have */
  uint8_t method;                          /* the code of requests */
  uint8_t token_len;                       /* bytes */
  uint8_t token[8];                        /* acoap_desc_token */
  acoap__layer_t *layers;                  /* innermost first */
  size_t count;                            /* of them */
  size_t cap;                              /* places */
  void *observe;                           /* the object of the observe layer, or NULL */
  void *multicast;                         /* of the multicast layer, or NULL */
  void *block2;                            /* of the block2 layer, or NULL */
  void *block1;                            /* of the block1 layer, or NULL */
  const acoap__qblock_wish_t *qblock;      /* acoap_desc_qblock; NULL: not wanted */
  bool confirmable;                        /* acoap_desc_confirmable was called */
  uint16_t block2_window;                  /* requests in flight; 0 and 1: lock-step */
  uint16_t block1_window;                  /* likewise, of an upload */
  size_t arena_used;                       /* bytes */
  acoap__layer_t room[ACOAP__DESC_LAYERS]; /* for layers */
  max_align_t arena[ACOAP__DESC_ARENA / sizeof(max_align_t)]; /* for their objects */
};

/* The table's functions, absent ones and those of an older table as NULL. */
#define ACOAP__LAYER_OP(ops, member)                                                               \
  ((ops)->size >= offsetof(acoap_layer_ops_t, member) + sizeof((ops)->member) ? (ops)->member      \
                                                                              : NULL)

/* Is there anything to be done to it? False for NULL and failed ones. */
bool acoap__desc_usable(const acoap_desc_t *desc);
/* The first failure sticks. */
void acoap__desc_fail(acoap_desc_t *desc, int status);
/*
 * Add a layer of our own with a zeroed object of `size` bytes; `destroy`, if any, frees what the
 * object holds but not the object. NULL when the descriptor is NULL, has failed, or fails now.
 */
void *acoap__desc_add(acoap_desc_t *desc, const acoap_layer_ops_t *ops, size_t size,
                      acoap__rank_t rank, bool shared);
/* Destroy all layers, from the outside to the inside. */
void acoap__desc_destroy_layers(acoap_desc_t *desc);
/* Destroy one. */
void acoap__layer_destroy(acoap__layer_t *layer);
/* A copy of a layer's object for a follow-up: `size` bytes from acoap__malloc, or NULL. */
void *acoap__layer_copy(const void *object, size_t size);

/* The base layers: method.c of desc.c, and that of desc_ping.c. */
extern const acoap_layer_ops_t acoap__method_ops;
extern const acoap_layer_ops_t acoap__ping_ops;
/* acoap_desc_include_address: a marker that has no functions; send.c looks for it. */
typedef struct acoap__include_address {
  acoap_address_t *address; /* the user's */
} acoap__include_address_t;
extern const acoap_layer_ops_t acoap__include_address_ops;

/* desc_understands.c: did the user say that he understands this option of responses? */
bool acoap__desc_understands(const acoap_desc_t *desc, uint16_t number);

#endif
