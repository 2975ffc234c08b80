/*
 * The command line, parsed and checked.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_OPTIONS_H
#define TOOL_OPTIONS_H

#include <stdio.h>

#include <acoap/acoap.h>

typedef enum progress_mode { PROGRESS_AUTO, PROGRESS_ALWAYS, PROGRESS_NEVER } progress_mode_t;

/* One -O. */
typedef struct extra_option {
  uint16_t number; /* option number */
  uint8_t *bytes;  /* its value, owned */
  size_t len;      /* bytes */
} extra_option_t;

/* What the command line said. Strings are borrowed from argv. */
typedef struct options {
  const char *command;          /* "get" */
  const char **arguments;       /* what is no option */
  size_t argument_count;        /* how many */
  bool help;                    /* --help */
  const char *not_built;        /* an option whose feature is not built, or NULL */
  const char *output;           /* -o; NULL: stdout */
  const char *text;             /* -d */
  const char *input;            /* -i */
  int accept;                   /* -a, or ACOAP_FORMAT_NONE */
  int content_format;           /* -f, or ACOAP_FORMAT_NONE */
  extra_option_t *extra;        /* -O, in order */
  size_t extra_count;           /* how many */
  bool nonconfirmable;          /* -N */
  size_t block_size;            /* -b in bytes; 0: not given */
  size_t window;                /* --window; 0: not given */
  bool qblock;                  /* --qblock */
  uint32_t deadline_ms;         /* -t; 0: none */
  uint32_t ack_timeout_ms;      /* --ack-timeout; 0: not given */
  int max_retransmit;           /* --max-retransmit; -1: not given */
  uint32_t nstart;              /* --nstart; 0: not given */
  const char *bind;             /* --bind */
  const char **interfaces;      /* --interface, in order */
  size_t interface_count;       /* how many */
  uint32_t wait_ms;             /* --wait; 0: not given */
  uint64_t count;               /* --count; 0: no end */
  uint32_t for_ms;              /* --for; 0: no end */
  size_t connections;           /* --connections; 0: not given */
  int server_pid;               /* --server-pid; 0: not given */
  const char *method;           /* --method; NULL: not given */
  size_t size;                  /* --size in bytes; 0: no payload */
  bool json;                    /* --json */
  progress_mode_t progress;     /* --progress */
  bool quiet;                   /* -q */
  bool verbose;                 /* -v */
  bool demo;                    /* serve --demo */
  bool plugtest;                /* --plugtest */
  const char *directory;        /* --dir */
  bool writable;                /* --writable */
  uint32_t amplification;       /* --amplification N; 0: not given */
  bool amplification_off;       /* --amplification off */
  const char *psk_identity;     /* --psk-identity */
  uint8_t *psk_key;             /* --psk-key, owned; NULL: not given */
  size_t psk_key_len;           /* bytes */
  const char *psk_file;         /* --psk-file */
  const char *trust_file;       /* --ca */
  const char *certificate_file; /* --cert */
  const char *key_file;         /* --key */
  bool insecure;                /* --insecure */
} options_t;

/* Sets of commands, for the tables. */
enum command_set {
  COMMAND_GET = 1 << 0,
  COMMAND_DELETE = 1 << 1,
  COMMAND_BODY = 1 << 2, /* put post fetch patch ipatch */
  COMMAND_OBSERVE = 1 << 3,
  COMMAND_DISCOVER = 1 << 4,
  COMMAND_PING = 1 << 5,
  COMMAND_SERVE = 1 << 6,
  COMMAND_BENCH = 1 << 7,
  COMMAND_DECODE = 1 << 8,
  COMMAND_REQUEST = COMMAND_GET | COMMAND_DELETE | COMMAND_BODY,
  COMMAND_SEND =
      COMMAND_REQUEST | COMMAND_OBSERVE | COMMAND_DISCOVER | COMMAND_PING | COMMAND_BENCH,
  COMMAND_EVERY = COMMAND_SEND | COMMAND_SERVE | COMMAND_DECODE
};

/*
 * Parse what stands behind the command's name. Returns 0, or EXIT_STATUS_USAGE or EXIT_STATUS_LOCAL
 * after saying why. options_done is needed either way.
 */
int options_parse(options_t *options, const char *command, unsigned set, int argc, char **argv);
void options_done(options_t *options);

/* Print the options that a set of commands takes. */
void options_print_help(FILE *out, unsigned set);

#endif
