/*
 * CPU time of another process, for acoap bench.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_BENCH_PROCESS_H
#define TOOL_BENCH_PROCESS_H

/* Microseconds that all its threads have used, user and system; 0: no process, or not known. */
double bench_process_cpu_us(int pid);

#endif
