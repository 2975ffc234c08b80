/*
 * The host of a libuv loop where the system has neither timerfd nor netlink: the tests of
 * socket_host_test.c over alarm_uv.c and interfaces_poll.c, which are compiled in here and so take
 * the place of what the library has for Linux.
 * SPDX-License-Identifier: MIT
 */
#define HOST_SUITE "socket_host_fallback"

#include "transport/alarm_uv.c"
#include "transport/interfaces_poll.c"

#include "socket_host_test.c"
