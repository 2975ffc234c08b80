/*
 * Who is there? One request to All CoAP Nodes on every interface, IPv4 and IPv6; each responder's
 * links as they come.
 * usage: discover [QUERY]      discover rt=temperature
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <stdio.h>
#include <uv.h>

static void print_links(acoap_bytes_t document) {
  acoap_link_iter_t iter;
  acoap_link_t link;
  acoap_link_iter_init(&iter, document.data, document.len);
  while (acoap_link_next(&iter, &link, NULL) == 1) {
    acoap_link_attr_t rt;
    printf("  %.*s", (int)link.target.len, (const char *)link.target.data);
    if (acoap_link_attr_find(&link, "rt", &rt)) {
      printf("  %.*s", (int)rt.value.len, (const char *)rt.value.data);
    }
    putchar('\n');
  }
}

/* An item per responder, once each; the end when the time to wait is over. */
static void on_item(void *user_data, int status, acoap_message_t *message) {
  acoap_local_endpoint_t *local = user_data;
  char from[ACOAP_ADDRESS_TEXT_MAX];
  if (status == 0) {
    acoap_address_format(acoap_message_peer(message), from, sizeof(from));
    printf("%s on interface %u\n", from, (unsigned)acoap_message_path(message)->interface);
    print_links(acoap_message_payload(message));
    return;
  }
  if (message == NULL) {
    if (status != ACOAP_EEND) {
      fprintf(stderr, "%s\n", acoap_strerror(status));
    }
    acoap_local_endpoint_close(local, NULL, NULL);
  }
}

int main(int argc, char **argv) {
  acoap_local_endpoint_t *local = NULL;
  acoap_remote_endpoint_t *everyone = NULL;
  int status = acoap_local_endpoint_new(uv_default_loop(), NULL, &local);
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    return 1;
  }
  status = acoap_remote_endpoint_all_coap_nodes(local, 0, "/.well-known/core", &everyone);
  if (status == 0) {
    acoap_multicast_options_t options = {.size = sizeof(options), .wait_ms = 6000};
    acoap_desc_t *desc = acoap_desc_get();
    if (argc > 1) {
      acoap_desc_query(desc, argv[1]);
    }
    acoap_desc_multicast(desc, &options);
    acoap_desc_block2(desc, 0); /* what does not fit one answer is fetched from its responder */
    acoap_desc_collect(desc, 64 << 10);
    status = acoap_send_stream(everyone, desc, on_item, local, NULL);
    acoap_remote_endpoint_unref(everyone);
  }
  if (status < 0) {
    fprintf(stderr, "%s\n", acoap_strerror(status));
    acoap_local_endpoint_close(local, NULL, NULL);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return status < 0;
}
