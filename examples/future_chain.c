/*
 * Steps that depend on one another: look up which resources there are, read two of them at the same
 * time, give up after five seconds. Futures compose, and a chain needs one check, at its end.
 * usage: future_chain coap://[::1]
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <string.h>
#include <uv.h>

#define PARTS 2

typedef struct chain {
  acoap_remote_endpoint_t *base;
  acoap_future_t *both; /* the two of the second step, to be looked at when all is over */
} chain_t;

/* A GET as a future; NULL without memory, which every combinator takes. */
static acoap_future_t *get(acoap_remote_endpoint_t *base, const char *reference, size_t len) {
  char text[256];
  acoap_remote_endpoint_t *remote = NULL;
  acoap_future_t *future = NULL;
  snprintf(text, sizeof(text), "%.*s", (int)len, reference);
  if (acoap_remote_endpoint_resolve(base, text, &remote) == 0) {
    acoap_desc_t *desc = acoap_desc_get();
    acoap_desc_block2(desc, 0);
    acoap_desc_collect(desc, 1 << 20);
    acoap_send(remote, desc, NULL, NULL, &future);
    acoap_remote_endpoint_unref(remote);
  }
  return future;
}

/* The links are here: ask for the first ones that are plain text, all at the same time. */
static acoap_future_t *read_them(void *user_data, int status, acoap_message_t *message) {
  chain_t *chain = user_data;
  acoap_future_t *parts[PARTS];
  size_t count = 0;
  acoap_link_iter_t iter;
  acoap_link_t link;
  if (status < 0) {
    return NULL; /* the failure stands as it is */
  }
  acoap_bytes_t links = acoap_message_payload(message);
  acoap_link_iter_init(&iter, links.data, links.len);
  while (count < PARTS && acoap_link_next(&iter, &link, NULL) == 1) {
    if (acoap_link_matches(&link, "ct=0", strlen("ct=0"))) {
      parts[count++] = get(chain->base, (const char *)link.target.data, link.target.len);
    }
  }
  chain->both = count > 0 ? acoap_future_all(parts, count) : NULL;
  return acoap_future_ref(chain->both);
}

static void print_part(const acoap_future_t *part) {
  if (part != NULL && acoap_future_status(part) == 0) {
    acoap_bytes_t body = acoap_message_payload(acoap_future_message(part));
    const void *line_end = memchr(body.data, '\n', body.len);
    size_t len = line_end != NULL ? (size_t)((const uint8_t *)line_end - body.data) : body.len;
    printf("%zu bytes: %.*s\n", body.len, (int)len, (const char *)body.data);
  }
}

int main(int argc, char **argv) {
  acoap_local_endpoint_t *local = NULL;
  chain_t chain = {.base = NULL};
  if (argc != 2) {
    fprintf(stderr, "usage: %s URI\n", argv[0]);
    return 2;
  }
  int status = acoap_local_endpoint_new(uv_default_loop(), NULL, &local);
  if (status == 0) {
    status = acoap_remote_endpoint_new(local, argv[1], &chain.base);
  }
  if (status == 0) {
    acoap_future_t *links = get(chain.base, "/.well-known/core", strlen("/.well-known/core"));
    acoap_future_t *bodies = acoap_future_then(links, read_them, &chain);
    acoap_future_t *soon = acoap_future_timeout(bodies, 5000);
    status = acoap_future_wait(soon);
    for (size_t n = 0; status == 0 && n < PARTS; n++) {
      print_part(acoap_future_part(chain.both, n));
    }
    acoap_future_unref(chain.both);
    acoap_future_unref(soon); /* had it not settled, this would cancel all of it */
  }
  fprintf(stderr, "%s\n", acoap_strerror(status));
  acoap_remote_endpoint_unref(chain.base);
  acoap_local_endpoint_close(local, NULL, NULL);
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return status < 0;
}
