/*
 * The version of the library as text, made of the numbers in <acoap/version.h>, the only place
 * where they are written in C. Does not compare versions.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/version.h>

#define TEXT_OF(number) #number
#define DOTTED(major, minor, patch) TEXT_OF(major) "." TEXT_OF(minor) "." TEXT_OF(patch)

const char *acoap_version(void) {
  return DOTTED(ACOAP_VERSION_MAJOR, ACOAP_VERSION_MINOR, ACOAP_VERSION_PATCH);
}
