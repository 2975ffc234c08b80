/*
 * Which acoap this is: at compile time in macros, at run time by a function, so that a program can
 * tell the two apart.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_VERSION_H
#define ACOAP_VERSION_H

#include <acoap/export.h>

ACOAP_BEGIN_DECLS

/** Grows when programs have to be changed. */
#define ACOAP_VERSION_MAJOR 0
/** Grows with additions (and, before 1.0, with changes). */
#define ACOAP_VERSION_MINOR 1
/** Grows with corrections. */
#define ACOAP_VERSION_PATCH 0

/** One number that grows with every release, for comparisons by the preprocessor. */
#define ACOAP_VERSION_NUMBER                                                                       \
  ((ACOAP_VERSION_MAJOR * 10000) + (ACOAP_VERSION_MINOR * 100) + ACOAP_VERSION_PATCH)

/**
 * The version of the library that is running, "0.1.0".
 *
 * Ownership:  a static string.
 * Since:      0.1
 */
ACOAP_API const char *acoap_version(void);

ACOAP_END_DECLS

#endif
