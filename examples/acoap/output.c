/*
 * Where a response body goes. The rule: all or nothing. A file is written under another name in the
 * same folder and renamed when complete; what goes to a pipe is held back until complete, in
 * memory, from 1 MiB on in a nameless file. So a transfer that fails, or starts again because the
 * representation changed, leaves nothing half-written. Does not look at the body.
 * SPDX-License-Identifier: MIT
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"
#include "pretty.h"

/* The temporary file to be removed when a signal ends the program; read by the handler. */
static char guarded[4096];
static volatile sig_atomic_t guarding;

static void on_signal(int number) {
  if (guarding) {
    unlink(guarded);
  }
  /* The handler was reset on entry (SA_RESETHAND): this ends the program as the signal would have.
   */
  raise(number);
}

void output_guard_signals(void) {
  struct sigaction action = {0};
  action.sa_handler = on_signal;
  action.sa_flags = (int)SA_RESETHAND | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
}

static void guard(const char *name) {
  guarding = 0;
  if (name != NULL && strlen(name) < sizeof(guarded)) {
    memcpy(guarded, name, strlen(name) + 1);
    guarding = 1;
  }
}

bool output_is_terminal(const options_t *options) {
  return options->output == NULL && !options->json && isatty(STDOUT_FILENO);
}

static int fail(output_t *output, const char *what, int number) {
  if (output->failed == NULL) {
    output->failed = what;
    output->failed_errno = number;
  }
  return number == 0 ? ACOAP_ETOOBIG : ACOAP_ECANCELED;
}

/* The mode a new file gets: that of the file it replaces, else what the umask leaves. */
static mode_t target_mode(const struct stat *replaced) {
  if (replaced != NULL) {
    return replaced->st_mode & 07777;
  }
  mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

static int open_temporary(output_t *output, const struct stat *replaced) {
  static const char suffix[] = ".acoap-XXXXXX";
  size_t len = strlen(output->target);
  output->temporary = malloc(len + sizeof(suffix));
  if (output->temporary == NULL) {
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "out of memory");
  }
  memcpy(output->temporary, output->target, len);
  memcpy(output->temporary + len, suffix, sizeof(suffix));
  int fd = mkostemp(output->temporary, O_CLOEXEC);
  if (fd < 0) {
    int why = errno;
    free(output->temporary);
    output->temporary = NULL;
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", output->target, strerror(why));
  }
  guard(output->temporary);
  output->file = fdopen(fd, "wb");
  if (output->file == NULL || fchmod(fd, target_mode(replaced)) != 0) {
    int why = errno;
    if (output->file == NULL) {
      close(fd);
    }
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", output->target, strerror(why));
  }
  return 0;
}

static int open_target(output_t *output) {
  const char *name = output->options->output;
  struct stat info;
  bool there = stat(name, &info) == 0;
  /* A link is followed, so that what it points to is replaced and not the link. */
  output->target = there ? realpath(name, NULL) : strdup(name);
  if (output->target == NULL) {
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", name, strerror(errno));
  }
  if (there && S_ISDIR(info.st_mode)) {
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", name, strerror(EISDIR));
  }
  if (there && !S_ISREG(info.st_mode)) {
    return 0; /* a device or a named pipe: held back like standard output */
  }
  return open_temporary(output, there ? &info : NULL);
}

int output_open(output_t *output, const options_t *options) {
  *output = (output_t){.options = options};
  output->keep = options->output == NULL && (options->json || output_is_terminal(options));
  if (options->output == NULL) {
    return 0;
  }
  int status = open_target(output);
  if (status != 0) {
    output_close(output);
  }
  return status;
}

static int grow(output_t *output, size_t len) {
  if (output->len + len <= output->cap) {
    return 0;
  }
  size_t cap = output->cap == 0 ? 4096 : output->cap;
  while (cap < output->len + len) {
    cap *= 2;
  }
  uint8_t *more = realloc(output->bytes, cap);
  if (more == NULL) {
    return fail(output, "the body", ENOMEM);
  }
  output->bytes = more;
  output->cap = cap;
  return 0;
}

static int restart(output_t *output) {
  output->total = 0;
  output->len = 0;
  FILE *file = output->file != NULL ? output->file : output->spill;
  if (file == NULL) {
    return 0;
  }
  if (fseek(file, 0, SEEK_SET) != 0 || fflush(file) != 0 || ftruncate(fileno(file), 0) != 0) {
    return fail(output, output->file != NULL ? output->target : "a temporary file", errno);
  }
  return 0;
}

static int write_memory(output_t *output, const uint8_t *bytes, size_t len) {
  int status = grow(output, len);
  if (status == 0) {
    memcpy(output->bytes + output->len, bytes, len);
    output->len += len;
  }
  return status;
}

static int write_file(output_t *output, FILE *file, const uint8_t *bytes, size_t len) {
  if (fwrite(bytes, 1, len, file) != len) {
    return fail(output, output->file != NULL ? output->target : "a temporary file", errno);
  }
  return 0;
}

/* What waits in memory for its pipe has become too much: move it to a nameless file. */
static int spill(output_t *output) {
  output->spill = tmpfile();
  if (output->spill == NULL) {
    return fail(output, "a temporary file", errno);
  }
  int status = write_file(output, output->spill, output->bytes, output->len);
  output->len = 0;
  return status;
}

int output_write(void *user_data, uint64_t offset, const uint8_t *bytes, size_t len,
                 int64_t total) {
  output_t *output = user_data;
  (void)total;
  if (len == 0 && offset != 0) {
    return 0;
  }
  if (offset == 0) {
    int status = restart(output);
    if (status < 0 || len == 0) {
      return status;
    }
  } else if (offset != output->total) {
    return fail(output, "the body", EINVAL);
  }
  output->total += len;
  if (output->file != NULL) {
    return write_file(output, output->file, bytes, len);
  }
  if (output->keep) {
    return output->total > OUTPUT_SHOWN_MAX ? fail(output, "the body", 0)
                                            : write_memory(output, bytes, len);
  }
  if (output->spill == NULL && output->total > OUTPUT_MEMORY_MAX) {
    int status = spill(output);
    if (status < 0) {
      return status;
    }
  }
  return output->spill != NULL ? write_file(output, output->spill, bytes, len)
                               : write_memory(output, bytes, len);
}

static int commit_file(output_t *output) {
  FILE *file = output->file;
  output->file = NULL;
  bool written = fflush(file) == 0 && fsync(fileno(file)) == 0;
  written = fclose(file) == 0 && written;
  if (!written || rename(output->temporary, output->target) != 0) {
    int why = errno;
    unlink(output->temporary);
    guard(NULL);
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", output->target, strerror(why));
  }
  guard(NULL);
  free(output->temporary);
  output->temporary = NULL;
  return 0;
}

static bool copy_spill(FILE *from, FILE *out) {
  uint8_t piece[16384];
  if (fseek(from, 0, SEEK_SET) != 0) {
    return false;
  }
  for (;;) {
    size_t got = fread(piece, 1, sizeof(piece), from);
    if (got == 0) {
      return !ferror(from);
    }
    if (fwrite(piece, 1, got, out) != got) {
      return false;
    }
  }
}

/* Hand on what was held back, untouched. */
static int commit_stream(output_t *output, FILE *out, const char *name) {
  errno = 0;
  bool written = true;
  if (output->spill != NULL) {
    written = copy_spill(output->spill, out);
  } else if (output->len > 0) {
    written = fwrite(output->bytes, 1, output->len, out) == output->len;
  }
  if (!written || fflush(out) != 0) {
    int why = errno;
    clearerr(out);
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", name, strerror(why));
  }
  return 0;
}

static int commit_device(output_t *output) {
  FILE *out = fopen(output->target, "wb");
  if (out == NULL) {
    return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", output->target, strerror(errno));
  }
  int status = commit_stream(output, out, output->target);
  fclose(out);
  return status;
}

int output_commit(output_t *output, int content_format) {
  if (output->temporary != NULL) {
    return commit_file(output);
  }
  if (output->target != NULL) {
    return commit_device(output);
  }
  if (output->options->json) {
    return 0; /* the body stands in the object */
  }
  if (output_is_terminal(output->options)) {
    pretty_print(stdout, content_format, output->bytes, output->len);
    return 0;
  }
  return commit_stream(output, stdout, "standard output");
}

int output_failure(const output_t *output) {
  if (output->failed == NULL) {
    return 0;
  }
  if (output->failed_errno == 0) {
    return exit_fail(output->options, EXIT_STATUS_LOCAL,
                     "the body is larger than %zu MiB: write it to a file with -o",
                     OUTPUT_SHOWN_MAX >> 20);
  }
  return exit_fail(output->options, EXIT_STATUS_LOCAL, "%s: %s", output->failed,
                   strerror(output->failed_errno));
}

void output_close(output_t *output) {
  if (output->file != NULL) {
    fclose(output->file);
    output->file = NULL;
  }
  if (output->temporary != NULL) {
    unlink(output->temporary);
    guard(NULL);
  }
  if (output->spill != NULL) {
    fclose(output->spill);
    output->spill = NULL;
  }
  free(output->temporary);
  free(output->target);
  free(output->bytes);
  output->temporary = NULL;
  output->target = NULL;
  output->bytes = NULL;
}
