/*
 * The heapless core: message format, options, URIs, link-format, transmission parameters, and the
 * endpoint for firmware. For whoever has no heap or needs only the codec; needs no libuv.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_CORE_H
#define ACOAP_CORE_H

#include <acoap/address.h>
#include <acoap/block.h>
#include <acoap/code.h>
#include <acoap/codec.h>
#include <acoap/error.h>
#include <acoap/export.h>
#include <acoap/link.h>
#include <acoap/log.h>
#include <acoap/option.h>
#include <acoap/params.h>
#include <acoap/qblock.h>
#include <acoap/stats.h>
#include <acoap/tiny.h>
#include <acoap/types.h>
#include <acoap/uri.h>
#include <acoap/version.h>

#endif
