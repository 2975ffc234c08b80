/*
 * A C program outside of the tree: checks that headers and library are of one version, and reads a
 * URI with it.
 * usage: consumer VERSION
 * SPDX-License-Identifier: MIT
 */
#ifdef CONSUMER_CORE
#include <acoap/core.h>
#else
#include <acoap/acoap.h>
#endif

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  const char text[] = "coap://[2001:db8::1]:61616/sensors/temperature?u=Cel";
  acoap_uri_t uri;
  char version[32];

  snprintf(version, sizeof(version), "%d.%d.%d", ACOAP_VERSION_MAJOR, ACOAP_VERSION_MINOR,
           ACOAP_VERSION_PATCH);
  if (argc != 2 || strcmp(argv[1], acoap_version()) != 0 || strcmp(argv[1], version) != 0) {
    fprintf(stderr, "library %s, headers %s\n", acoap_version(), version);
    return 1;
  }
  if (acoap_uri_parse(text, strlen(text), &uri, NULL) != 0 || uri.port != 61616 ||
      uri.path.len != strlen("/sensors/temperature")) {
    fputs("the URI was not read\n", stderr);
    return 1;
  }
  if (strcmp(acoap_strerror(ACOAP_ETIMEDOUT), "timed out") != 0) {
    fputs("the error has another text\n", stderr);
    return 1;
  }
  printf("acoap %s\n", acoap_version());
  return 0;
}
