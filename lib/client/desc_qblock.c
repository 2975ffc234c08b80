/*
 * The wish for Q-Block1 and Q-Block2 (RFC 9177). A layer without functions, as what it asks for
 * stands below all layers: see qblock.c.
 * SPDX-License-Identifier: MIT
 */
#include "client/body.h"
#include "client/desc.h"

#include <string.h>

static const acoap_layer_ops_t qblock_ops = {.size = sizeof(acoap_layer_ops_t)};

void acoap_desc_qblock(acoap_desc_t *desc, const acoap_qblock_params_t *params) {
  if (params != NULL && acoap_qblock_params_check(params) < 0) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  acoap__qblock_wish_t *wish =
      acoap__desc_add(desc, &qblock_ops, sizeof(*wish), ACOAP__RANK_FREE, true);
  if (desc == NULL || wish == NULL) {
    return;
  }
  wish->has_params = params != NULL;
  if (params != NULL) {
    wish->params = *params;
  }
  desc->qblock = wish;
  acoap__need_block2(desc);
}
