/*
 * Remote endpoints: made from URIs, addresses and references (RFC 7252 section 6.4, RFC 3986
 * section 5), the options they write, names looked up once for everybody who waits, addresses tried
 * in turn, source ports in turn, and peers watched by pings.
 * SPDX-License-Identifier: MIT
 */
#include "check_main.h"
#include "endpoint/remote.h"
#include "fail_alloc.h"
#include "sim_pair.h"

/* ---- made ------------------------------------------------------------------------------------ */

static const struct {
  const char *uri;
  int status;
} bad_uris[] = {
    {"http://example.com/", ACOAP_ESCHEME},
    {"coap+tcp://example.com/", ACOAP_ESCHEME},
    {"coap+tcp://192.0.2.1/", ACOAP_ESCHEME},
    {"coap://", ACOAP_EURI},
    {"coap:///path", ACOAP_EURI},
    {"/path", ACOAP_EURI},
    {"coap://h/a%2", ACOAP_EURI},
    {"coap://h/a?b%zz", ACOAP_EURI},
    {"coap://h/#f", ACOAP_EURI},
    {"coap://h:0/", ACOAP_EURI},
    {"coap://h:65536/", ACOAP_EURI},
    {"coap://a%00b/", ACOAP_EURI},
    {"coap://[fe80::1%25nowhere]/", ACOAP_ENOTFOUND},
    {"coap://[::1/", ACOAP_EURI},
    {"", ACOAP_EURI},
};

START_TEST(bad_uri_is_said) {
  sim_pair_t pair;
  acoap_remote_endpoint_t *remote = (acoap_remote_endpoint_t *)&pair;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_msg(acoap_remote_endpoint_new(pair.client, bad_uris[_i].uri, &remote) ==
                    bad_uris[_i].status,
                "%s", bad_uris[_i].uri);
  ck_assert_ptr_eq(remote, (acoap_remote_endpoint_t *)&pair);
  sim_pair_close(&pair);
}
END_TEST

/* URI, mode, and what the options are (as acoap_view_format writes them), in order. */
static const struct {
  const char *uri;
  acoap_uri_host_mode_t mode;
  const char *options;
} option_table[] = {
    /* section 6.4 step 5: no Uri-Host for a literal; steps 6 and 7: no Uri-Port for the
       destination's port */
    {"coap://192.0.2.1/", ACOAP_URI_HOST_NAMES, ""},
    {"coap://[2001:db8::1]:61616/a/b?c=1&d", ACOAP_URI_HOST_NAMES,
     "Uri-Path:a Uri-Path:b Uri-Query:c=1 Uri-Query:d"},
    {"coap://Example.COM/%E2%82%AC", ACOAP_URI_HOST_NAMES, "Uri-Host:example.com Uri-Path:\u20ac"},
    {"coap://example.com:61616", ACOAP_URI_HOST_NAMES, "Uri-Host:example.com"},
    {"coap://ex%41mple/x", ACOAP_URI_HOST_NAMES, "Uri-Host:example Uri-Path:x"},
    {"coap://example.com:61616/x", ACOAP_URI_HOST_NEVER, "Uri-Path:x"},
    {"coap://192.0.2.1/x", ACOAP_URI_HOST_ALWAYS, "Uri-Host:192.0.2.1 Uri-Port:5683 Uri-Path:x"},
    {"coap://[2001:db8::1]:61616/x", ACOAP_URI_HOST_ALWAYS,
     "Uri-Host:[2001:db8::1] Uri-Port:61616 Uri-Path:x"},
    /* a zone is ours alone and never sent */
    {"coap://[fe80::1%25sim0]/x", ACOAP_URI_HOST_NAMES, "Uri-Path:x"},
    {"coap://[fe80::1%25sim0]/x", ACOAP_URI_HOST_ALWAYS,
     "Uri-Host:[fe80::1] Uri-Port:5683 Uri-Path:x"},
};

static void list_options(const acoap_view_t *view, char *text, size_t cap) {
  acoap_option_iter_t iter;
  acoap_option_t option;
  size_t at = 0;
  text[0] = '\0';
  acoap_option_iter_init(&iter, view);
  while (acoap_option_next(&iter, &option)) {
    char value[128];
    acoap_option_format_value(&option, value, sizeof(value));
    at += (size_t)snprintf(text + at, cap - at, "%s%s:%s", at > 0 ? " " : "",
                           acoap_option_lookup(option.number)->name, value);
  }
}

START_TEST(options_are_those_of_section_6_4) {
  sim_pair_t pair;
  acoap_remote_endpoint_t *remote = NULL;
  uint8_t bytes[256];
  char text[256];
  acoap_builder_t builder;
  acoap_view_t view;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(acoap_remote_endpoint_new(pair.client, option_table[_i].uri, &remote), 0);
  ck_assert_int_eq(acoap_remote_endpoint_set_uri_host(remote, option_table[_i].mode), 0);
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap__remote_write_options(remote, &builder);
  ck_assert_int_gt(acoap_builder_finish(&builder), 0);
  acoap_builder_view(&builder, &view);
  list_options(&view, text, sizeof(text));
  ck_assert_str_eq(text, option_table[_i].options);
  ck_assert_str_eq(acoap_remote_endpoint_uri(remote), option_table[_i].uri);
  ck_assert_int_eq(acoap_remote_endpoint_set_uri_host(remote, (acoap_uri_host_mode_t)9),
                   ACOAP_EINVAL);
  acoap_remote_endpoint_unref(remote);
  sim_pair_close(&pair);
}
END_TEST

static const struct {
  const char *address;
  const char *reference;
  int status;
  const char *uri;
  const char *back; /* the address it has then */
} address_table[] = {
    {"192.0.2.1", NULL, 0, "coap://192.0.2.1", "192.0.2.1:5683"},
    {"192.0.2.1:61616", "/a/../b?c", 0, "coap://192.0.2.1:61616/b?c", "192.0.2.1:61616"},
    {"2001:db8::1", "x", 0, "coap://[2001:db8::1]/x", "[2001:db8::1]:5683"},
    {"fe80::1%3", "/x", 0, "coap://[fe80::1%253]/x", "[fe80::1%3]:5683"},
    {"224.0.1.187", "/x", 0, "coap://224.0.1.187/x", "224.0.1.187:5683"},
    {"192.0.2.1", "coap://192.0.2.2/x", ACOAP_EURI, NULL, NULL},
    {"192.0.2.1", "//192.0.2.2/x", ACOAP_EURI, NULL, NULL},
    {"192.0.2.1", "/%", ACOAP_EURI, NULL, NULL},
    {"0.0.0.0", NULL, ACOAP_EADDRESS, NULL, NULL},
    {"::", NULL, ACOAP_EADDRESS, NULL, NULL},
};

START_TEST(made_from_an_address_and_a_reference) {
  sim_pair_t pair;
  acoap_remote_endpoint_t *remote = NULL;
  acoap_address_t address = sim_address(address_table[_i].address);
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(acoap_remote_endpoint_from_address(pair.client, &address,
                                                      address_table[_i].reference, &remote),
                   address_table[_i].status);
  if (address_table[_i].status == 0) {
    acoap_address_t back = sim_address(address_table[_i].back);
    acoap_address_t has;
    ck_assert_str_eq(acoap_remote_endpoint_uri(remote), address_table[_i].uri);
    ck_assert_int_eq(acoap_remote_endpoint_address(remote, &has), 0);
    ck_assert(acoap_address_equal(&has, &back));
    ck_assert(acoap__remote_is_group(remote) == acoap_address_is_multicast(&address));
  }
  acoap_remote_endpoint_unref(remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(address_of_a_users_own_socket_has_no_uri_host) {
  sim_pair_t pair;
  acoap_remote_endpoint_t *remote = NULL;
  acoap_address_t address = {.family = ACOAP_FAMILY_OTHER, .port = 1, .ip = {0xab, 1}};
  uint8_t bytes[64];
  acoap_builder_t builder;
  acoap_view_t view;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(acoap_remote_endpoint_from_address(pair.client, &address, "/x", &remote), 0);
  acoap_address_t has;
  ck_assert_int_eq(acoap_remote_endpoint_address(remote, &has), 0);
  ck_assert(acoap_address_equal(&has, &address));
  acoap_builder_init(&builder, bytes, sizeof(bytes), ACOAP_CON, ACOAP_CODE_GET, 1, NULL, 0);
  acoap__remote_write_options(remote, &builder);
  acoap_builder_view(&builder, &view);
  acoap_bytes_t value;
  ck_assert(!acoap_view_option(&view, ACOAP_OPTION_URI_HOST, 0, &value));
  ck_assert(acoap_view_option(&view, ACOAP_OPTION_URI_PATH, 0, &value));
  acoap_remote_endpoint_unref(remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(reference_resolves_and_shares_the_authority) {
  sim_pair_t pair;
  acoap_remote_endpoint_t *base = NULL;
  acoap_remote_endpoint_t *same = NULL;
  acoap_remote_endpoint_t *other = NULL;
  acoap_params_t params;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(acoap_remote_endpoint_new(pair.client, "coap://Dev.example/a/b?q", &base), 0);
  acoap_params_init(&params);
  params.max_retransmit = 7;
  ck_assert_int_eq(acoap_remote_endpoint_set_params(base, &params), 0);
  ck_assert_int_eq(acoap_remote_endpoint_resolve(base, "../c?d", &same), 0);
  ck_assert_str_eq(acoap_remote_endpoint_uri(same), "coap://Dev.example/c?d");
  ck_assert_ptr_eq(base->authority, same->authority);
  ck_assert_uint_eq(acoap__remote_params(same)->max_retransmit, 7);
  ck_assert_int_eq(acoap_remote_endpoint_resolve(base, "coap://other/", &other), 0);
  ck_assert_ptr_ne(base->authority, other->authority);
  ck_assert_uint_eq(acoap__remote_params(other)->max_retransmit, 4);
  acoap_remote_endpoint_unref(other);
  other = NULL;
  ck_assert_int_eq(acoap_remote_endpoint_resolve(base, "http://x/", &other), ACOAP_ESCHEME);
  ck_assert_int_eq(acoap_remote_endpoint_resolve(base, "a b", &other), ACOAP_EURI);
  ck_assert_int_eq(acoap_remote_endpoint_resolve(base, NULL, &other), ACOAP_EINVAL);
  ck_assert_ptr_null(other);
  ck_assert_int_eq(acoap_remote_endpoint_set_params(base, NULL), 0);
  ck_assert_uint_eq(acoap__remote_params(base)->max_retransmit, 4);
  params.max_retransmit = 99;
  ck_assert_int_eq(acoap_remote_endpoint_set_params(base, &params), ACOAP_EINVAL);
  acoap_remote_endpoint_unref(base);
  acoap_remote_endpoint_unref(same);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(every_allocation_of_making_one_may_fail) {
  sim_pair_t pair;
  size_t failures = 0;
  fail_alloc_install();
  sim_pair_open(&pair, 1, NULL);
  size_t before = fail_alloc_live();
  for (size_t n = 1; fail_alloc_again(n); n++) {
    acoap_remote_endpoint_t *remote = NULL;
    acoap_remote_endpoint_t *resolved = NULL;
    fail_alloc_at(n);
    int status = acoap_remote_endpoint_new(pair.client, "coap://dev.example/a", &remote);
    if (status == 0) {
      status = acoap_remote_endpoint_resolve(remote, "b", &resolved);
    }
    ck_assert_int_eq(status, fail_alloc_happened() ? ACOAP_ENOMEM : 0);
    failures += fail_alloc_happened();
    fail_alloc_at(0);
    acoap_remote_endpoint_unref(resolved);
    acoap_remote_endpoint_unref(remote);
    ck_assert_uint_eq(fail_alloc_live(), before);
  }
  ck_assert_uint_ge(failures, 5);
  sim_pair_close(&pair);
  ck_assert_uint_eq(fail_alloc_live(), 0);
  fail_alloc_restore();
}
END_TEST

START_TEST(remote_outlives_its_endpoint) {
  sim_pair_t pair;
  acoap_remote_endpoint_t *remote = NULL;
  acoap_remote_endpoint_t *more = NULL;
  acoap__resolution_t resolution;
  acoap_path_t path;
  sim_pair_open(&pair, 1, NULL);
  acoap_local_endpoint_t *client = pair.client;
  ck_assert_int_eq(acoap_remote_endpoint_new(client, "coap://192.0.2.1/", &remote), 0);
  sim_pair_close_one(&pair, &pair.client);
  ck_assert_int_eq(acoap_remote_endpoint_new(client, "coap://192.0.2.1/", &more), ACOAP_ECLOSED);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(pair.closed, 1);
  acoap__resolution_init(&resolution, NULL);
  ck_assert_int_eq(acoap__remote_resolve_addresses(remote, &resolution), ACOAP_ECLOSED);
  ck_assert_int_eq(acoap_remote_endpoint_resolve(remote, "x", &more), ACOAP_ECLOSED);
  ck_assert_int_eq(acoap__remote_path(remote, &remote->authority->addresses[0], &path),
                   ACOAP_ECLOSED);
  ck_assert_str_eq(acoap_remote_endpoint_uri(remote), "coap://192.0.2.1/");
  acoap_remote_endpoint_unref(remote);
  sim_pair_close(&pair);
}
END_TEST

/* ---- looked up ------------------------------------------------------------------------------- */

typedef struct waiter {
  acoap__resolution_t resolution;
  acoap_remote_endpoint_t *remote;
  unsigned calls;
  int status;
  acoap__resolution_t *cancel;   /* cancelled inside the callback */
  acoap_local_endpoint_t *close; /* closed inside it */
  bool drop;                     /* the remote, inside it */
  bool again;                    /* asks again inside it */
  int again_status;
} waiter_t;

static void resolved(acoap__resolution_t *resolution, int status) {
  waiter_t *waiter = ACOAP__CONTAINER(resolution, waiter_t, resolution);
  waiter->calls++;
  waiter->status = status;
  if (waiter->cancel != NULL) {
    acoap__resolution_cancel(waiter->cancel);
  }
  if (waiter->again) {
    waiter->again = false;
    waiter->again_status = acoap__remote_resolve_addresses(waiter->remote, resolution);
  }
  if (waiter->drop) {
    waiter->remote = acoap_remote_endpoint_unref(waiter->remote);
  }
  if (waiter->close != NULL) {
    acoap_local_endpoint_close(waiter->close, NULL, NULL);
  }
}

static int wait_for(waiter_t *waiter, acoap_local_endpoint_t *endpoint, const char *uri) {
  if (waiter->remote == NULL) {
    ck_assert_int_eq(acoap_remote_endpoint_new(endpoint, uri, &waiter->remote), 0);
  }
  acoap__resolution_init(&waiter->resolution, resolved);
  return acoap__remote_resolve_addresses(waiter->remote, &waiter->resolution);
}

static void set_name(sim_pair_t *pair, const char *name, const char *const *texts, size_t count,
                     uint32_t delay_ms) {
  acoap_address_t addresses[24];
  for (size_t i = 0; i < count; i++) {
    addresses[i] = sim_address(texts[i]);
  }
  ck_assert_int_eq(acoap_sim_set_name(pair->sim, name, addresses, count, delay_ms), 0);
}

START_TEST(literal_needs_no_lookup) {
  sim_pair_t pair;
  waiter_t waiter = {0};
  size_t count = 0;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(wait_for(&waiter, pair.client, "coap://192.0.2.1:7/"), 1);
  const acoap_address_t *addresses = acoap__remote_addresses(waiter.remote, &count);
  acoap_address_t expected = sim_address("192.0.2.1:7");
  ck_assert_uint_eq(count, 1);
  ck_assert(acoap_address_equal(addresses, &expected));
  sim_pair_run(&pair, 1000);
  ck_assert_uint_eq(waiter.calls, 0);
  acoap_remote_endpoint_unref(waiter.remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(one_lookup_serves_everybody_and_is_kept_a_minute) {
  static const char *const texts[] = {"192.0.2.1", "2001:db8::1", "192.0.2.1", "192.0.2.5"};
  static const char *const moved[] = {"192.0.2.8"};
  sim_pair_t pair;
  waiter_t a = {0};
  waiter_t b = {0};
  waiter_t c = {0};
  acoap_address_t address;
  size_t count = 0;
  sim_pair_open(&pair, 1, NULL);
  set_name(&pair, "dev.example", texts, 4, 300);
  ck_assert_int_eq(wait_for(&a, pair.client, "coap://dev.example:99/"), 0);
  ck_assert_int_eq(acoap_remote_endpoint_address(a.remote, &address), ACOAP_EAGAIN);
  sim_pair_run(&pair, 200);
  ck_assert_int_eq(wait_for(&b, pair.client, "coap://DEV.example:99/other"), 0);
  sim_pair_run(&pair, 99);
  ck_assert_uint_eq(a.calls + b.calls, 0);
  sim_pair_run(&pair, 1);
  ck_assert_uint_eq(a.calls, 1);
  ck_assert_uint_eq(b.calls, 1);
  ck_assert_int_eq(a.status, 0);
  /* What no socket reaches (IPv6 here) and what comes twice is left out; the port is the URI's. */
  const acoap_address_t *addresses = acoap__remote_addresses(b.remote, &count);
  acoap_address_t first = sim_address("192.0.2.1:99");
  acoap_address_t second = sim_address("192.0.2.5:99");
  ck_assert_uint_eq(count, 2);
  ck_assert(acoap_address_equal(&addresses[0], &first));
  ck_assert(acoap_address_equal(&addresses[1], &second));
  set_name(&pair, "dev.example", moved, 1, 0);
  sim_pair_run(&pair, 59999);
  ck_assert_int_eq(wait_for(&c, pair.client, "coap://dev.example:99/"), 1);
  sim_pair_run(&pair, 1);
  ck_assert_int_eq(wait_for(&c, pair.client, NULL), 0);
  sim_pair_run(&pair, 1);
  ck_assert_uint_eq(c.calls, 1);
  ck_assert_int_eq(acoap_remote_endpoint_address(a.remote, &address), 0);
  acoap_address_t third = sim_address("192.0.2.8:99");
  ck_assert(acoap_address_equal(&address, &third));
  acoap_remote_endpoint_unref(a.remote);
  acoap_remote_endpoint_unref(b.remote);
  acoap_remote_endpoint_unref(c.remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(failure_is_told_and_not_kept) {
  static const char *const texts[] = {"192.0.2.1"};
  static const char *const only6[] = {"2001:db8::1"};
  sim_pair_t pair;
  waiter_t waiter = {0};
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(wait_for(&waiter, pair.client, "coap://nobody.example/"), 0);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(waiter.calls, 1);
  ck_assert_int_eq(waiter.status, ACOAP_ENOTFOUND);
  set_name(&pair, "nobody.example", only6, 1, 0);
  ck_assert_int_eq(wait_for(&waiter, pair.client, NULL), 0);
  sim_pair_run(&pair, 10);
  ck_assert_int_eq(waiter.status, ACOAP_ENOTSUP);
  set_name(&pair, "nobody.example", texts, 1, 0);
  ck_assert_int_eq(wait_for(&waiter, pair.client, NULL), 0);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(waiter.calls, 3);
  ck_assert_int_eq(waiter.status, 0);
  acoap_remote_endpoint_unref(waiter.remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(more_addresses_than_fit_are_cut) {
  static const char *const texts[] = {
      "192.0.2.1",  "192.0.2.2",  "192.0.2.3",  "192.0.2.4",  "192.0.2.5",  "192.0.2.6",
      "192.0.2.7",  "192.0.2.8",  "192.0.2.9",  "192.0.2.10", "192.0.2.11", "192.0.2.12",
      "192.0.2.13", "192.0.2.14", "192.0.2.15", "192.0.2.16", "192.0.2.17", "192.0.2.18"};
  sim_pair_t pair;
  waiter_t waiter = {0};
  size_t count = 0;
  sim_pair_open(&pair, 1, NULL);
  set_name(&pair, "many.example", texts, 18, 0);
  ck_assert_int_eq(wait_for(&waiter, pair.client, "coap://many.example/"), 0);
  sim_pair_run(&pair, 10);
  (void)acoap__remote_addresses(waiter.remote, &count);
  ck_assert_uint_eq(count, ACOAP__AUTHORITY_ADDRESSES_MAX);
  acoap_remote_endpoint_unref(waiter.remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(good_moves_forward_bad_backward_and_all_bad_asks_again) {
  static const char *const texts[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3"};
  sim_pair_t pair;
  waiter_t waiter = {0};
  size_t count = 0;
  sim_pair_open(&pair, 1, NULL);
  set_name(&pair, "dev.example", texts, 3, 0);
  ck_assert_int_eq(wait_for(&waiter, pair.client, "coap://dev.example/"), 0);
  sim_pair_run(&pair, 10);
  acoap_address_t a[3];
  for (int i = 0; i < 3; i++) {
    a[i] = sim_address(texts[i]);
    a[i].port = 5683;
  }
  const acoap_address_t *now = acoap__remote_addresses(waiter.remote, &count);
  acoap__remote_address_bad(waiter.remote, &a[0]);
  ck_assert(acoap_address_equal(&now[0], &a[1]) && acoap_address_equal(&now[1], &a[2]) &&
            acoap_address_equal(&now[2], &a[0]));
  acoap__remote_address_good(waiter.remote, &a[2]);
  ck_assert(acoap_address_equal(&now[0], &a[2]) && acoap_address_equal(&now[1], &a[1]));
  acoap_address_t stranger = sim_address("192.0.2.77:1");
  acoap__remote_address_bad(waiter.remote, &stranger);
  acoap__remote_address_good(waiter.remote, &stranger);
  acoap__remote_address_bad(waiter.remote, &a[1]);
  ck_assert_int_eq(wait_for(&waiter, pair.client, NULL), 1);
  acoap__remote_address_bad(waiter.remote, &a[2]);
  ck_assert_int_eq(wait_for(&waiter, pair.client, NULL), 0);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(waiter.calls, 2);
  ck_assert(acoap_address_equal(&now[0], &a[0]));
  acoap_remote_endpoint_unref(waiter.remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(lookup_callback_may_do_anything) {
  static const char *const texts[] = {"192.0.2.1"};
  sim_pair_t pair;
  waiter_t a = {.drop = true};
  waiter_t b = {0};
  waiter_t c = {.again = true, .drop = true};
  sim_pair_open(&pair, 1, NULL);
  set_name(&pair, "dev.example", texts, 1, 50);
  ck_assert_int_eq(wait_for(&a, pair.client, "coap://dev.example/"), 0);
  ck_assert_int_eq(wait_for(&b, pair.client, "coap://dev.example/"), 0);
  ck_assert_int_eq(wait_for(&c, pair.client, "coap://dev.example/"), 0);
  b.remote = acoap_remote_endpoint_unref(b.remote);
  a.cancel = &b.resolution;
  c.close = pair.client;
  sim_pair_run(&pair, 100);
  ck_assert_uint_eq(a.calls, 1);
  ck_assert_uint_eq(b.calls, 0);
  ck_assert_uint_eq(c.calls, 1);
  ck_assert_int_eq(c.again_status, 1);
  pair.client = NULL;
  pair.closed++;
  sim_pair_close(&pair);
}
END_TEST

START_TEST(close_cancels_lookups) {
  static const char *const texts[] = {"192.0.2.1"};
  sim_pair_t pair;
  waiter_t waiter = {0};
  sim_pair_open(&pair, 1, NULL);
  set_name(&pair, "slow.example", texts, 1, 50000);
  ck_assert_int_eq(wait_for(&waiter, pair.client, "coap://slow.example/"), 0);
  sim_pair_close_one(&pair, &pair.client);
  ck_assert_uint_eq(waiter.calls, 0);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(waiter.calls, 1);
  ck_assert_int_eq(waiter.status, ACOAP_ECANCELED);
  ck_assert_uint_eq(pair.closed, 1);
  sim_pair_run(&pair, 60000);
  ck_assert_uint_eq(waiter.calls, 1);
  acoap_remote_endpoint_unref(waiter.remote);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(dropped_remote_cancels_its_lookup) {
  static const char *const texts[] = {"192.0.2.1"};
  sim_pair_t pair;
  waiter_t waiter = {0};
  sim_pair_open(&pair, 1, NULL);
  set_name(&pair, "slow.example", texts, 1, 500);
  ck_assert_int_eq(wait_for(&waiter, pair.client, "coap://slow.example/"), 0);
  acoap__resolution_cancel(&waiter.resolution);
  acoap_remote_endpoint_unref(waiter.remote);
  sim_pair_run(&pair, 1000);
  ck_assert_uint_eq(waiter.calls, 0);
  sim_pair_close(&pair);
}
END_TEST

/* ---- ways ------------------------------------------------------------------------------------ */

START_TEST(requests_take_the_sockets_that_reach_their_peer_in_turn) {
  static const char *const addresses[] = {"192.0.2.1:5683", "192.0.2.1:6001", "[2001:db8::1]:6002",
                                          "198.51.100.1:6003"};
  acoap_sim_t *sim = NULL;
  acoap_socket_t *sockets[4];
  acoap_local_endpoint_t *endpoint = NULL;
  acoap_remote_endpoint_t *remote = NULL;
  acoap_remote_endpoint_t *remote6 = NULL;
  unsigned used[4] = {0};
  acoap_path_t path;
  ck_assert_int_eq(acoap_sim_new(1, 0, &sim), 0);
  for (int i = 0; i < 4; i++) {
    acoap_address_t address = sim_address(addresses[i]);
    ck_assert_int_eq(acoap_sim_socket_new(sim, &address, &sockets[i]), 0);
  }
  acoap_local_endpoint_options_t options = {
      .size = sizeof(options), .host = acoap_sim_host(sim), .sockets = sockets, .socket_count = 4};
  ck_assert_int_eq(acoap_local_endpoint_new(NULL, &options, &endpoint), 0);
  ck_assert_int_eq(acoap_remote_endpoint_new(endpoint, "coap://192.0.2.9/", &remote), 0);
  ck_assert_int_eq(acoap_remote_endpoint_new(endpoint, "coap://[2001:db8::9]/", &remote6), 0);
  const acoap_address_t *peer = &remote->authority->addresses[0];
  for (int i = 0; i < 9; i++) {
    ck_assert_int_eq(acoap__remote_path(remote, peer, &path), 0);
    used[path.socket]++;
  }
  ck_assert(used[0] == 3 && used[1] == 3 && used[2] == 0 && used[3] == 3);
  ck_assert_int_eq(acoap__remote_path(remote6, &remote6->authority->addresses[0], &path), 0);
  ck_assert_uint_eq(path.socket, 2);
  acoap_address_t local = sim_address("198.51.100.1");
  ck_assert_int_eq(acoap_remote_endpoint_set_local_address(remote, &local), 0);
  for (int i = 0; i < 3; i++) {
    ck_assert_int_eq(acoap__remote_path(remote, peer, &path), 0);
    ck_assert_uint_eq(path.socket, 3);
  }
  local = sim_address("203.0.113.1");
  ck_assert_int_eq(acoap_remote_endpoint_set_local_address(remote, &local), 0);
  ck_assert_int_eq(acoap__remote_path(remote, peer, &path), ACOAP_ENOTSUP);
  local = sim_address("224.0.1.187");
  ck_assert_int_eq(acoap_remote_endpoint_set_local_address(remote, &local), ACOAP_EADDRESS);
  ck_assert_int_eq(acoap_remote_endpoint_set_local_address(remote, NULL), 0);
  ck_assert_int_eq(acoap__remote_path(remote, peer, &path), 0);
  acoap_remote_endpoint_unref(remote);
  acoap_remote_endpoint_unref(remote6);
  acoap_local_endpoint_close(endpoint, NULL, NULL);
  acoap_sim_run_until(sim, 10);
  acoap_sim_free(sim);
}
END_TEST

/* ---- liveness -------------------------------------------------------------------------------- */

typedef struct watch {
  acoap_liveness_t *liveness;
  unsigned changes;
  bool alive;
  int status;
  bool free_inside;
} watch_t;

static void changed(void *user_data, bool alive, int status) {
  watch_t *watch = user_data;
  watch->changes++;
  watch->alive = alive;
  watch->status = status;
  if (watch->free_inside) {
    acoap_liveness_free(watch->liveness);
    watch->liveness = NULL;
  }
}

static uint64_t pings_of(acoap_local_endpoint_t *endpoint) {
  acoap_stats_t stats = {.size = sizeof(stats)};
  ck_assert_int_eq(acoap_local_endpoint_stats(endpoint, &stats), 0);
  return stats.pings_received;
}

START_TEST(liveness_tells_lost_and_alive_again) {
  sim_pair_t pair;
  watch_t watch = {0};
  acoap_remote_endpoint_t *remote = NULL;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(
      acoap_remote_endpoint_from_address(pair.client, &pair.server_address, NULL, &remote), 0);
  ck_assert_int_eq(acoap_liveness_new(remote, 10000, changed, &watch, &watch.liveness), 0);
  acoap_remote_endpoint_unref(remote);
  ck_assert_uint_eq(watch.changes, 0);
  sim_pair_run(&pair, 10);
  ck_assert_uint_eq(watch.changes, 1);
  ck_assert(watch.alive);
  sim_pair_run(&pair, 95000);
  ck_assert_uint_eq(watch.changes, 1);
  ck_assert_uint_eq(pings_of(pair.server), 10);
  ck_assert_int_eq(acoap_sim_partition(pair.sim, &pair.client_address, &pair.server_address, true),
                   0);
  sim_pair_run(&pair, 10000 + 93000);
  ck_assert_uint_eq(watch.changes, 2);
  ck_assert(!watch.alive);
  ck_assert_int_eq(watch.status, ACOAP_ETIMEDOUT);
  ck_assert_int_eq(acoap_sim_partition(pair.sim, &pair.client_address, &pair.server_address, false),
                   0);
  sim_pair_run(&pair, 103000);
  ck_assert_uint_eq(watch.changes, 3);
  ck_assert(watch.alive);
  ck_assert_int_eq(watch.status, 0);
  acoap_liveness_free(watch.liveness);
  uint64_t pings = pings_of(pair.server);
  sim_pair_run(&pair, 100000);
  ck_assert_uint_eq(pings_of(pair.server), pings);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(liveness_pings_only_in_silence) {
  sim_pair_t pair;
  watch_t watch = {0};
  acoap_remote_endpoint_t *remote = NULL;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(
      acoap_remote_endpoint_from_address(pair.client, &pair.server_address, NULL, &remote), 0);
  ck_assert_int_eq(acoap_liveness_new(remote, 10000, changed, &watch, &watch.liveness), 0);
  acoap_remote_endpoint_unref(remote);
  for (int i = 0; i < 40; i++) {
    sim_ask_t ask;
    sim_pair_get(&pair, &ask, ACOAP_CON);
    sim_pair_run(&pair, 5000);
    sim_ask_done(&ask);
  }
  ck_assert_uint_le(pings_of(pair.server), 1);
  sim_pair_run(&pair, 21000);
  ck_assert_uint_ge(pings_of(pair.server), 2);
  acoap_liveness_free(watch.liveness);
  sim_pair_close(&pair);
}
END_TEST

START_TEST(liveness_may_be_freed_in_its_callback_and_after_the_endpoint) {
  sim_pair_t pair;
  watch_t inside = {.free_inside = true};
  watch_t after = {0};
  acoap_remote_endpoint_t *remote = NULL;
  acoap_remote_endpoint_t *group = NULL;
  acoap_liveness_t *none = NULL;
  sim_pair_open(&pair, 1, NULL);
  ck_assert_int_eq(acoap_remote_endpoint_new(pair.client, "coap://unknown.example/", &remote), 0);
  ck_assert_int_eq(acoap_remote_endpoint_new(pair.client, "coap://224.0.1.187/", &group), 0);
  ck_assert_int_eq(acoap_liveness_new(group, 1000, changed, &inside, &none), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_liveness_new(remote, 0, changed, &inside, &none), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_liveness_new(remote, 1000, NULL, NULL, &none), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_liveness_new(remote, 1000, changed, &inside, &inside.liveness), 0);
  ck_assert_int_eq(acoap_liveness_new(remote, 1000, changed, &after, &after.liveness), 0);
  acoap_remote_endpoint_unref(remote);
  acoap_remote_endpoint_unref(group);
  sim_pair_run(&pair, 5000);
  ck_assert_uint_eq(inside.changes, 1);
  ck_assert_int_eq(inside.status, ACOAP_ENOTFOUND);
  ck_assert_uint_eq(after.changes, 1);
  ck_assert(!after.alive);
  sim_pair_close_one(&pair, &pair.client);
  sim_pair_run(&pair, 5000);
  ck_assert_uint_eq(pair.closed, 1);
  acoap_liveness_free(after.liveness);
  acoap_liveness_free(NULL);
  sim_pair_close(&pair);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

static Suite *suite(void) {
  Suite *s = suite_create("endpoint_remote");
  TCase *made = tcase_create("made");
  tcase_add_loop_test(made, bad_uri_is_said, 0, COUNT(bad_uris));
  tcase_add_loop_test(made, options_are_those_of_section_6_4, 0, COUNT(option_table));
  tcase_add_loop_test(made, made_from_an_address_and_a_reference, 0, COUNT(address_table));
  tcase_add_test(made, address_of_a_users_own_socket_has_no_uri_host);
  tcase_add_test(made, reference_resolves_and_shares_the_authority);
  tcase_add_test(made, every_allocation_of_making_one_may_fail);
  tcase_add_test(made, remote_outlives_its_endpoint);
  suite_add_tcase(s, made);
  TCase *lookups = tcase_create("lookup");
  tcase_add_test(lookups, literal_needs_no_lookup);
  tcase_add_test(lookups, one_lookup_serves_everybody_and_is_kept_a_minute);
  tcase_add_test(lookups, failure_is_told_and_not_kept);
  tcase_add_test(lookups, more_addresses_than_fit_are_cut);
  tcase_add_test(lookups, good_moves_forward_bad_backward_and_all_bad_asks_again);
  tcase_add_test(lookups, lookup_callback_may_do_anything);
  tcase_add_test(lookups, close_cancels_lookups);
  tcase_add_test(lookups, dropped_remote_cancels_its_lookup);
  suite_add_tcase(s, lookups);
  TCase *ways = tcase_create("ways");
  tcase_add_test(ways, requests_take_the_sockets_that_reach_their_peer_in_turn);
  suite_add_tcase(s, ways);
  TCase *alive = tcase_create("liveness");
  tcase_add_test(alive, liveness_tells_lost_and_alive_again);
  tcase_add_test(alive, liveness_pings_only_in_silence);
  tcase_add_test(alive, liveness_may_be_freed_in_its_callback_and_after_the_endpoint);
  suite_add_tcase(s, alive);
  return s;
}

ACOAP_TEST_MAIN(suite)
