/*
 * ping: an Empty CON, answered by a RST (RFC 7252 section 4.3); the round-trip time between the
 * two.
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "address.h"
#include "commands.h"
#include "exit.h"
#include "json.h"
#include "session.h"

static int report(const session_t *session, const acoap_message_t *message) {
  char from[ADDRESS_TEXT_MAX];
  double elapsed_ms = session_elapsed_ms(session);
  address_text(acoap_message_peer(message), from);
  if (!session->options->json) {
    printf("%s: %.3f ms", from, elapsed_ms);
    if (acoap_message_retransmissions(message) > 0) {
      printf(", %u retransmissions", (unsigned)acoap_message_retransmissions(message));
    }
    putchar('\n');
    return EXIT_STATUS_OK;
  }
  json_t json;
  json_init(&json, stdout);
  json_object_begin(&json, NULL);
  json_null(&json, "code");
  json_text(&json, "from", from);
  json_real(&json, "elapsed_ms", elapsed_ms);
  json_int(&json, "retransmissions", acoap_message_retransmissions(message));
  json_object_end(&json);
  json_line_end(&json);
  return EXIT_STATUS_OK;
}

static int ping(session_t *session, const char *uri) {
  const options_t *options = session->options;
  acoap_remote_endpoint_t *remote = NULL;
  acoap_future_t *future = NULL;
  const char *interface = options->interface_count > 0 ? options->interfaces[0] : NULL;
  int status = session_remote(session, uri, interface, &remote);
  if (status != 0) {
    return status;
  }
  acoap_desc_t *desc = acoap_desc_ping();
  session_describe(options, desc);
  if (options->deadline_ms != 0) {
    acoap_desc_deadline(desc, options->deadline_ms);
  }
  status = acoap_send(remote, desc, NULL, NULL, &future);
  if (status == 0) {
    status = acoap_future_wait(future);
  }
  if (status == 0 && acoap_future_message(future) != NULL) {
    status = report(session, acoap_future_message(future));
  } else {
    status = exit_send(options, status, uri);
  }
  acoap_future_unref(future);
  acoap_remote_endpoint_unref(remote);
  return status;
}

int ping_run(const options_t *options) {
  session_t session;
  acoap_uri_t uri;
  int status = session_check_uri(options, options->arguments[0], &uri);
  if (status != 0) {
    return status;
  }
  if (session_uri_is_group(&uri)) {
    return exit_fail(options, EXIT_STATUS_USAGE, "a group cannot be pinged: %s",
                     options->arguments[0]);
  }
  status = session_open(&session, options);
  if (status == 0) {
    status = ping(&session, options->arguments[0]);
    session_close(&session);
  }
  return status;
}
