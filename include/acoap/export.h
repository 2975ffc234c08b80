/*
 * Which functions the shared library exports. The only public header with platform conditions.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_EXPORT_H
#define ACOAP_EXPORT_H

#if defined(ACOAP_STATIC)
#define ACOAP_API
#elif defined(_WIN32)
#if defined(ACOAP_BUILDING)
#define ACOAP_API __declspec(dllexport)
#else
#define ACOAP_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define ACOAP_API __attribute__((visibility("default")))
#else
#define ACOAP_API
#endif

#ifdef __cplusplus
#define ACOAP_BEGIN_DECLS extern "C" {
#define ACOAP_END_DECLS }
#else
#define ACOAP_BEGIN_DECLS
#define ACOAP_END_DECLS
#endif

#endif
