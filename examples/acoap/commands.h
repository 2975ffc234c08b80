/*
 * The commands, one function each. Each returns the exit status.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_COMMANDS_H
#define TOOL_COMMANDS_H

#include "options.h"

int request_run(const options_t *options);
int observe_run(const options_t *options);
int discover_run(const options_t *options);
int ping_run(const options_t *options);
int serve_run(const options_t *options);
int bench_run(const options_t *options);
int decode_run(const options_t *options);

#endif
