/*
 * acoap, the command-line tool: finds the command in its table and hands it the parsed options.
 * Everything it does goes through the public headers of the library.
 * SPDX-License-Identifier: MIT
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "exit.h"

typedef struct command {
  const char *name;
  unsigned set;                  /* its bit in option_table.c */
  int (*run)(const options_t *); /* NULL: not built yet */
  const char *arguments;         /* as shown in the help */
  size_t arguments_min;          /* fewest */
  size_t arguments_max;          /* most */
  const char *summary;           /* one line */
} command_t;

#define ANY_NUMBER ((size_t)-1)

static const command_t commands[] = {
    {"get", COMMAND_GET, request_run, "URI", 1, 1, "fetch a representation, all blocks"},
    {"put", COMMAND_BODY, request_run, "URI", 1, 1, "put a representation (-d TEXT or -i FILE)"},
    {"post", COMMAND_BODY, request_run, "URI", 1, 1, "have a representation processed"},
    {"fetch", COMMAND_BODY, request_run, "URI", 1, 1, "get with a request body (RFC 8132)"},
    {"patch", COMMAND_BODY, request_run, "URI", 1, 1, "change a part (RFC 8132)"},
    {"ipatch", COMMAND_BODY, request_run, "URI", 1, 1, "change a part, idempotently (RFC 8132)"},
    {"delete", COMMAND_DELETE, request_run, "URI", 1, 1, "delete the resource"},
    {"observe", COMMAND_OBSERVE, observe_run, "URI", 1, 1,
     "follow a resource until Ctrl-C (RFC 7641)"},
    {"discover", COMMAND_DISCOVER, discover_run, "[URI]", 0, 1,
     "who is there? by multicast, or one server's resources"},
    {"ping", COMMAND_PING, ping_run, "URI", 1, 1, "is it there? (RFC 7252 section 4.3)"},
    {"serve", COMMAND_SERVE, serve_run, "[URI...]", 0, ANY_NUMBER,
     "a server; default coap://[::]:5683"},
    {"bench", COMMAND_BENCH, bench_run, "URI", 1, 1, "requests per second and latencies"},
    {"decode", COMMAND_DECODE, decode_run, "[HEX | -]", 0, ANY_NUMBER, "dissect one message"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void print_overview(FILE *out) {
  fputs("usage: acoap COMMAND [OPTION...] [ARGUMENT...]\n\n", out);
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (commands[i].run != NULL) {
      fprintf(out, "  %-9s %-10s %s\n", commands[i].name, commands[i].arguments,
              commands[i].summary);
    }
  }
  fputs("\nacoap COMMAND --help shows the options; acoap --version the version.\n"
        "Exit status: 0 a 2.xx answer, 1 a local failure, 2 wrong usage, 3 no answer, 4 a 4.xx, 5 "
        "a 5.xx answer.\n",
        out);
}

static void print_command_help(const command_t *command) {
  printf("usage: acoap %s [OPTION...] %s\n\n%s\n\n", command->name, command->arguments,
         command->summary);
  options_print_help(stdout, command->set);
}

static const command_t *find_command(const char *name) {
  for (size_t i = 0; i < COMMAND_COUNT; i++) {
    if (strcmp(commands[i].name, name) == 0) {
      return &commands[i];
    }
  }
  return NULL;
}

static int check_arguments(const command_t *command, const options_t *options) {
  if (options->argument_count < command->arguments_min) {
    return exit_usage(command->name, "the %s is missing", command->arguments);
  }
  if (options->argument_count > command->arguments_max) {
    return exit_usage(command->name, "one argument too many: %s",
                      options->arguments[command->arguments_max]);
  }
  return 0;
}

static int run_command(const command_t *command, int argc, char **argv) {
  options_t options;
  int status = options_parse(&options, command->name, command->set, argc, argv);
  if (status == 0 && options.help) {
    print_command_help(command);
  } else if (status == 0 && command->run == NULL) {
    status = exit_fail(&options, EXIT_STATUS_USAGE, "%s is not built yet", command->name);
  } else if (status == 0) {
    status = check_arguments(command, &options);
    if (status == 0) {
      status = command->run(&options);
    }
  }
  options_done(&options);
  if (status == EXIT_STATUS_OK && (fflush(stdout) != 0 || ferror(stdout))) {
    status = exit_fail(NULL, EXIT_STATUS_LOCAL, "standard output: could not be written");
  }
  return status;
}

int main(int argc, char **argv) {
  /* A reader that went away shows as a failed write, which every command handles. */
  signal(SIGPIPE, SIG_IGN);
  if (argc < 2) {
    print_overview(stderr);
    return EXIT_STATUS_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
      strcmp(argv[1], "help") == 0) {
    print_overview(stdout);
    return EXIT_STATUS_OK;
  }
  if (strcmp(argv[1], "--version") == 0) {
    printf("acoap %s\n", acoap_version());
    return EXIT_STATUS_OK;
  }
  const command_t *command = find_command(argv[1]);
  if (command == NULL) {
    return exit_usage(NULL, "unknown command %s", argv[1]);
  }
  return run_command(command, argc - 2, argv + 2);
}
