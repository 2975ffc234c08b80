/*
 * acoap: the Constrained Application Protocol (RFC 7252) on libuv loops. This header includes all
 * others.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_ACOAP_H
#define ACOAP_ACOAP_H

#include <acoap/alloc.h>
#include <acoap/body.h>
#include <acoap/core.h>
#include <acoap/desc.h>
#include <acoap/dtls.h>
#include <acoap/endpoint.h>
#include <acoap/host.h>
#include <acoap/message.h>
#include <acoap/ready.h>
#include <acoap/remote.h>
#include <acoap/resource.h>
#include <acoap/send.h>
#include <acoap/sim.h>
#include <acoap/socket.h>
#include <acoap/workers.h>

#endif
