/*
 * The time of day as OpenSSL's DTLS timers see it: that of a simulated network. A program that uses
 * this has a gettimeofday of its own, which shared libraries it is linked with call, too.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_TEST_VIRTUAL_CLOCK_H
#define ACOAP_TEST_VIRTUAL_CLOCK_H

#include <acoap/sim.h>

/** From now on the time of day is that of this network; NULL: the system's again. */
void virtual_clock_follow(const acoap_sim_t *sim);

#endif
