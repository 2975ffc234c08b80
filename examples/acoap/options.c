/*
 * Walks argv: options may stand anywhere, "--" ends them, -oFILE and --name=VALUE are fine, flags
 * may be joined (-qN). The rule: the first mistake is named in one line, and nothing has happened
 * by then. What an argument means is option_table.c's business.
 * SPDX-License-Identifier: MIT
 */
#include "options.h"

#include <stdlib.h>
#include <string.h>

#include "exit.h"
#include "option_table.h"

/* Where a walk over argv stands. */
typedef struct walk {
  options_t *options;
  unsigned set; /* the command's own bit */
  int argc;
  char **argv;
  int at; /* the word in hand */
} walk_t;

static const option_spec_t *find_letter(char letter) {
  for (size_t i = 0; i < option_table_count; i++) {
    if (option_table[i].letter == letter) {
      return &option_table[i];
    }
  }
  return NULL;
}

static const option_spec_t *find_name(const char *name, size_t len) {
  for (size_t i = 0; i < option_table_count; i++) {
    const char *known = option_table[i].name;
    if (known != NULL && strlen(known) == len && memcmp(known, name, len) == 0) {
      return &option_table[i];
    }
  }
  return NULL;
}

/* Hand the option its argument; `shown` is what the user wrote, "-o" or "--json". */
static int take(walk_t *walk, const option_spec_t *spec, const char *shown, const char *argument) {
  options_t *o = walk->options;
  if ((spec->set & walk->set) == 0) {
    return exit_usage(o->command, "option %s does not belong to this command", shown);
  }
  if (spec->take == NULL) {
    if (o->not_built == NULL) {
      o->not_built = spec->name;
    }
    return 0;
  }
  const char *wrong = spec->take(o, argument);
  if (wrong == NULL) {
    return 0;
  }
  return argument != NULL ? exit_usage(o->command, "%s %s: %s", shown, argument, wrong)
                          : exit_usage(o->command, "%s: %s", shown, wrong);
}

static int walk_long(walk_t *walk) {
  options_t *o = walk->options;
  const char *word = walk->argv[walk->at];
  const char *name = word + 2;
  const char *equals = strchr(name, '=');
  size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
  char shown[40];
  snprintf(shown, sizeof(shown), "--%.*s", (int)(len < 32 ? len : 32), name);
  const option_spec_t *spec = find_name(name, len);
  if (spec == NULL) {
    return exit_usage(o->command, "unknown option %s", shown);
  }
  if (spec->argument == NULL) {
    return equals != NULL ? exit_usage(o->command, "option %s takes no argument", shown)
                          : take(walk, spec, shown, NULL);
  }
  if (equals != NULL) {
    return take(walk, spec, shown, equals + 1);
  }
  if (walk->at + 1 >= walk->argc) {
    return exit_usage(o->command, "option %s needs %s", shown, spec->argument);
  }
  walk->at++;
  return take(walk, spec, shown, walk->argv[walk->at]);
}

static int walk_letters(walk_t *walk) {
  options_t *o = walk->options;
  const char *word = walk->argv[walk->at];
  for (const char *letter = word + 1; *letter != '\0'; letter++) {
    char shown[3] = {'-', *letter, '\0'};
    const option_spec_t *spec = find_letter(*letter);
    if (spec == NULL) {
      return exit_usage(o->command, "unknown option %s", shown);
    }
    if (spec->argument == NULL) {
      int status = take(walk, spec, shown, NULL);
      if (status != 0) {
        return status;
      }
      continue;
    }
    if (letter[1] != '\0') {
      return take(walk, spec, shown, letter + 1);
    }
    if (walk->at + 1 >= walk->argc) {
      return exit_usage(o->command, "option %s needs %s", shown, spec->argument);
    }
    walk->at++;
    return take(walk, spec, shown, walk->argv[walk->at]);
  }
  return 0;
}

int options_parse(options_t *options, const char *command, unsigned set, int argc, char **argv) {
  *options = (options_t){.command = command,
                         .accept = ACOAP_FORMAT_NONE,
                         .content_format = ACOAP_FORMAT_NONE,
                         .max_retransmit = -1};
  options->arguments = calloc((size_t)argc + 1, sizeof(*options->arguments));
  if (options->arguments == NULL) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "out of memory");
  }
  walk_t walk = {.options = options, .set = set, .argc = argc, .argv = argv};
  bool ended = false;
  for (; walk.at < argc; walk.at++) {
    const char *word = argv[walk.at];
    int status = 0;
    if (ended || word[0] != '-' || word[1] == '\0') {
      options->arguments[options->argument_count++] = word;
    } else if (strcmp(word, "--") == 0) {
      ended = true;
    } else if (word[1] == '-') {
      status = walk_long(&walk);
    } else {
      status = walk_letters(&walk);
    }
    if (status != 0) {
      return status;
    }
  }
  if (options->not_built != NULL && !options->help) {
    return exit_fail(options, EXIT_STATUS_USAGE, "--%s is not built yet", options->not_built);
  }
  return 0;
}

void options_done(options_t *options) {
  for (size_t i = 0; i < options->extra_count; i++) {
    free(options->extra[i].bytes);
  }
  free(options->extra);
  free(options->psk_key);
  free(options->interfaces);
  free(options->arguments);
}

void options_print_help(FILE *out, unsigned set) {
  for (size_t i = 0; i < option_table_count; i++) {
    const option_spec_t *spec = &option_table[i];
    if ((spec->set & set) == 0 || spec->take == NULL) {
      continue;
    }
    char left[48];
    char letter[4] = "";
    if (spec->letter != 0) {
      snprintf(letter, sizeof(letter), "-%c", spec->letter);
    }
    snprintf(left, sizeof(left), "%s%s%s%s%s%s", letter,
             spec->letter != 0 && spec->name != NULL ? ", " : "", spec->name != NULL ? "--" : "",
             spec->name != NULL ? spec->name : "", spec->argument != NULL ? " " : "",
             spec->argument != NULL ? spec->argument : "");
    fprintf(out, "  %-24s %s\n", left, spec->help);
  }
}
