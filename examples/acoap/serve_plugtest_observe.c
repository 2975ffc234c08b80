/*
 * The observable resources of serve --plugtest (RFC 7641): what changes every five seconds, by CON
 * and by NON, in one message or several, and what changes faster than a client fetches its blocks.
 * The rules of section 4.2: an observer whose Content-Format is no longer given gets 4.06, one of a
 * deleted resource 4.04, and the registration ends.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "serve_plugtest.h"

/* Changes of /obs, /obs-non and /obs-large. */
#define PERIOD_MS 5000

/* Changes of /obs-pumping and /obs-pumping-non. */
#define PUMP_MS 100

/* The count of changes. */
static size_t write_count(const plugtest_observed_t *observed, char *text, size_t cap) {
  return (size_t)snprintf(text, cap, "%" PRIu32 "\n", observed->changes);
}

static const site_answer_t count_answer = {
    .code = ACOAP_CODE_CONTENT, .content_format = ACOAP_FORMAT_TEXT_PLAIN, .max_age_s = 5};

static void get_obs(void *user_data, acoap_request_t *request) {
  plugtest_observed_t *observed = user_data;
  const site_store_t *put = &observed->put;
  char text[16];
  if (put->body == NULL) {
    site_answer(request, &count_answer, text, write_count(observed, text, sizeof(text)));
    return;
  }
  int accept = site_accept(request, put->content_format);
  const site_answer_t answer = {
      .code = ACOAP_CODE_CONTENT, .content_format = put->content_format, .max_age_s = 5};
  if (accept != put->content_format) {
    acoap_request_respond(request, ACOAP_CODE_NOT_ACCEPTABLE, ACOAP_FORMAT_NONE, NULL, 0);
  } else {
    site_answer_body(request, &answer, acoap_body_ref(put->body));
  }
}

/* The count, and as many letters as make it large. */
static void get_large(void *user_data, acoap_request_t *request) {
  const plugtest_observed_t *observed = user_data;
  char text[PLUGTEST_LARGE];
  size_t len = write_count(observed, text, sizeof(text));
  memset(text + len, 'a' + (int)(observed->changes % 26), sizeof(text) - len);
  text[sizeof(text) - 1] = '\n';
  site_answer_body(request, &count_answer, acoap_body_copy(text, sizeof(text)));
}

/* The observers see it, or the end when they cannot read it. */
static void put_obs(void *user_data, acoap_request_t *request) {
  plugtest_observed_t *observed = user_data;
  int before =
      observed->put.body != NULL ? observed->put.content_format : (int)ACOAP_FORMAT_TEXT_PLAIN;
  int given = site_content_format(request);
  int format = given == ACOAP_FORMAT_NONE ? before : given;
  acoap_bytes_t body = acoap_request_body(request);
  if (!site_store_set(&observed->put, format, body.data, body.len)) {
    return; /* 5.00 */
  }
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
  if (format != before) {
    acoap_resource_end_observations(observed->resource, NULL, ACOAP_CODE_NOT_ACCEPTABLE);
  } else {
    acoap_resource_notify(observed->resource);
  }
}

/* It is gone for those who observe it, and there again for those who ask. */
static void delete_obs(void *user_data, acoap_request_t *request) {
  plugtest_observed_t *observed = user_data;
  site_store_clear(&observed->put);
  observed->changes = 0;
  acoap_request_respond(request, ACOAP_CODE_DELETED, ACOAP_FORMAT_NONE, NULL, 0);
  acoap_resource_end_observations(observed->resource, NULL, ACOAP_CODE_NOT_FOUND);
}

/* /obs counts from the beginning again; its observers see it. */
static void post_reset(void *user_data, acoap_request_t *request) {
  plugtest_t *plugtest = user_data;
  site_store_clear(&plugtest->obs.put);
  plugtest->obs.changes = 0;
  acoap_request_respond(request, ACOAP_CODE_CHANGED, ACOAP_FORMAT_NONE, NULL, 0);
  acoap_resource_notify(plugtest->obs.resource);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void change(plugtest_observed_t *observed) {
  observed->changes++;
  acoap_resource_notify(observed->resource);
}

static void on_period(uv_timer_t *timer) {
  plugtest_t *plugtest = timer->data;
  change(&plugtest->obs);
  change(&plugtest->obs_non);
  change(&plugtest->obs_large);
}

static void on_pump(uv_timer_t *timer) {
  plugtest_t *plugtest = timer->data;
  change(&plugtest->pumping);
  change(&plugtest->pumping_non);
}

/* ---- the resources --------------------------------------------------------------------------- */

static void add(plugtest_t *plugtest, plugtest_observed_t *observed, const char *path,
                const char *title, acoap_request_cb get, acoap_reliability_t reliability) {
  /* Where NON is asked for, only the CON of every 24 hours stays (section 4.5). */
  const acoap_observable_options_t options = {
      .size = sizeof(options), .reliability = reliability, .confirm_every = UINT32_MAX};
  observed->resource = acoap_resource_new(plugtest->site->server, path);
  acoap_resource_on(observed->resource, ACOAP_CODE_GET, get, observed);
  acoap_resource_observable(observed->resource, &options);
  site_describe(observed->resource, NULL, title);
}

static void add_changeable(plugtest_t *plugtest, plugtest_observed_t *observed, const char *path,
                           const char *title, acoap_reliability_t reliability) {
  add(plugtest, observed, path, title, get_obs, reliability);
  acoap_resource_on(observed->resource, ACOAP_CODE_PUT, put_obs, observed);
  acoap_resource_on(observed->resource, ACOAP_CODE_DELETE, delete_obs, observed);
}

void plugtest_add_observed(plugtest_t *plugtest) {
  add_changeable(plugtest, &plugtest->obs, "/obs", "Changes every five seconds, by CON",
                 ACOAP_RELIABLE);
  add_changeable(plugtest, &plugtest->obs_non, "/obs-non", "Changes every five seconds, by NON",
                 ACOAP_UNRELIABLE);
  add(plugtest, &plugtest->obs_large, "/obs-large", "Changes, larger than a block", get_large,
      ACOAP_RELIABLE);
  add(plugtest, &plugtest->pumping, "/obs-pumping", "Changes all the time, by CON", get_large,
      ACOAP_RELIABLE);
  add(plugtest, &plugtest->pumping_non, "/obs-pumping-non", "Changes all the time, by NON",
      get_large, ACOAP_UNRELIABLE);
  acoap_resource_t *reset = acoap_resource_new(plugtest->site->server, "/obs-reset");
  acoap_resource_on(reset, ACOAP_CODE_POST, post_reset, plugtest);
  site_describe(reset, NULL, "POST resets /obs");

  uv_timer_init(plugtest->site->loop, &plugtest->period);
  uv_timer_init(plugtest->site->loop, &plugtest->pump);
  plugtest->period.data = plugtest;
  plugtest->pump.data = plugtest;
  uv_timer_start(&plugtest->period, on_period, PERIOD_MS, PERIOD_MS);
  uv_timer_start(&plugtest->pump, on_pump, PUMP_MS, PUMP_MS);
}

void plugtest_close_observed(plugtest_t *plugtest) {
  uv_close((uv_handle_t *)&plugtest->period, NULL);
  uv_close((uv_handle_t *)&plugtest->pump, NULL);
}

void plugtest_done_observed(plugtest_t *plugtest) {
  site_store_clear(&plugtest->obs.put);
  site_store_clear(&plugtest->obs_non.put);
}
