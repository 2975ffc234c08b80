/*
 * How requests are sent: CON or NON, transmission parameters (RFC 7252 section 4.8), deadline,
 * copies of a NON, the token, where responses may come from.
 *
 * The rule: each layer changes its member of acoap_timing_t; the outermost has the last word. Sets
 * no timers.
 * SPDX-License-Identifier: MIT
 */
#include "client/desc.h"

#include <string.h>

/* ---- CON and NON ------------------------------------------------------------------------------
 */

static void confirmable_timing(void *object, acoap_timing_t *timing) {
  (void)object;
  timing->type = ACOAP_CON;
}

static void nonconfirmable_timing(void *object, acoap_timing_t *timing) {
  (void)object;
  timing->type = ACOAP_NON;
}

static const acoap_layer_ops_t confirmable_ops = {sizeof(acoap_layer_ops_t),
                                                  .timing = confirmable_timing};
static const acoap_layer_ops_t nonconfirmable_ops = {sizeof(acoap_layer_ops_t),
                                                     .timing = nonconfirmable_timing};

void acoap_desc_confirmable(acoap_desc_t *desc) {
  acoap__desc_add(desc, &confirmable_ops, 1, ACOAP__RANK_FREE, true);
  if (acoap__desc_usable(desc)) {
    desc->confirmable = true; /* what is CON by default may travel as NON (RFC 9177) */
  }
}

void acoap_desc_nonconfirmable(acoap_desc_t *desc) {
  acoap__desc_add(desc, &nonconfirmable_ops, 1, ACOAP__RANK_FREE, true);
}

/* ---- parameters --------------------------------------------------------------------------------
 */

static void params_timing(void *object, acoap_timing_t *timing) {
  timing->params = *(const acoap_params_t *)object;
}

static const acoap_layer_ops_t params_ops = {sizeof(acoap_layer_ops_t), .timing = params_timing};

void acoap_desc_params(acoap_desc_t *desc, const acoap_params_t *params) {
  acoap_params_t whole;
  if (params == NULL || params->size < sizeof(size_t) || params->size > sizeof(whole)) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  /* A caller's older and shorter struct leaves the rest at the defaults. */
  acoap_params_init(&whole);
  memcpy(&whole, params, params->size);
  whole.size = sizeof(whole);
  int status = acoap_params_check(&whole);
  if (status < 0) {
    acoap__desc_fail(desc, status);
    return;
  }
  acoap_params_t *layer =
      acoap__desc_add(desc, &params_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    *layer = whole;
  }
}

/* ---- deadline -----------------------------------------------------------------------------------
 */

typedef struct deadline_layer {
  uint32_t deadline_ms; /* of the whole send; 0: none */
} deadline_layer_t;

static void deadline_timing(void *object, acoap_timing_t *timing) {
  timing->deadline_ms = ((const deadline_layer_t *)object)->deadline_ms;
}

static const acoap_layer_ops_t deadline_ops = {sizeof(acoap_layer_ops_t),
                                               .timing = deadline_timing};

void acoap_desc_deadline(acoap_desc_t *desc, uint32_t deadline_ms) {
  deadline_layer_t *layer =
      acoap__desc_add(desc, &deadline_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->deadline_ms = deadline_ms;
  }
}

/* ---- copies --------------------------------------------------------------------------------- */

typedef struct burst_layer {
  uint32_t copies; /* in all */
  uint32_t gap_ms; /* between them */
} burst_layer_t;

static void burst_timing(void *object, acoap_timing_t *timing) {
  const burst_layer_t *layer = object;
  timing->burst_copies = layer->copies;
  timing->burst_gap_ms = layer->gap_ms;
}

static const acoap_layer_ops_t burst_ops = {sizeof(acoap_layer_ops_t), .timing = burst_timing};

void acoap_desc_burst(acoap_desc_t *desc, uint32_t copies, uint32_t gap_ms) {
  if (copies == 0) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  burst_layer_t *layer = acoap__desc_add(desc, &burst_ops, sizeof(*layer), ACOAP__RANK_FREE, true);
  if (layer != NULL) {
    layer->copies = copies;
    layer->gap_ms = gap_ms;
  }
}

/* ---- tokens --------------------------------------------------------------------------------- */

static void keep_token_timing(void *object, acoap_timing_t *timing) {
  (void)object;
  timing->keep_token = true;
}

static const acoap_layer_ops_t keep_token_ops = {sizeof(acoap_layer_ops_t),
                                                 .timing = keep_token_timing};

void acoap_desc_keep_token(acoap_desc_t *desc) {
  acoap__desc_add(desc, &keep_token_ops, 1, ACOAP__RANK_FREE, true);
}

void acoap_desc_token(acoap_desc_t *desc, const void *token, size_t len) {
  if ((token == NULL && len > 0) || len > ACOAP_TOKEN_MAX) {
    acoap__desc_fail(desc, ACOAP_EINVAL);
    return;
  }
  if (!acoap__desc_usable(desc)) {
    return;
  }
  desc->has_token = true;
  desc->token_len = (uint8_t)len;
  if (len > 0) {
    memcpy(desc->token, token, len);
  }
}

/* ---- source --------------------------------------------------------------------------------- */

static void any_source_timing(void *object, acoap_timing_t *timing) {
  (void)object;
  timing->any_source = true;
}

static const acoap_layer_ops_t any_source_ops = {sizeof(acoap_layer_ops_t),
                                                 .timing = any_source_timing};

void acoap_desc_any_source(acoap_desc_t *desc) {
  acoap__desc_add(desc, &any_source_ops, 1, ACOAP__RANK_FREE, true);
}
