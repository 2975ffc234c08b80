/*
 * A request body from a file or from standard input, in constant memory. The rule: a file is read
 * where it is asked for; what cannot be read twice (a pipe) keeps its last 64 KiB, since a server
 * may ask for a smaller block size or for the first block again.
 * SPDX-License-Identifier: MIT
 */
#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exit.h"

int input_open(input_t *input, const options_t *options, const char *name) {
  bool standard = strcmp(name, "-") == 0;
  struct stat info;
  input->name = standard ? "standard input" : name;
  input->total = -1;
  input->start = 0;
  input->seekable = false;
  input->error = 0;
  input->window_at = 0;
  input->window_len = 0;
  input->ended = false;
  input->fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
  if (input->fd < 0 || fstat(input->fd, &info) != 0) {
    int failed = exit_fail(options, EXIT_STATUS_LOCAL, "%s: %s", input->name, strerror(errno));
    input_close(input);
    return failed;
  }
  if (S_ISDIR(info.st_mode)) {
    input_close(input);
    return exit_fail(options, EXIT_STATUS_LOCAL, "%s: %s", input->name, strerror(EISDIR));
  }
  off_t at = lseek(input->fd, 0, SEEK_CUR);
  if (S_ISREG(info.st_mode) && at >= 0) {
    input->seekable = true;
    input->start = at;
    input->total = info.st_size > at ? info.st_size - at : 0;
  }
  return 0;
}

/* Read until cap bytes are there or the end; at < 0: where the descriptor stands. */
static ssize_t read_fully(input_t *input, int64_t at, uint8_t *room, size_t cap) {
  size_t len = 0;
  while (len < cap) {
    ssize_t got = at < 0 ? read(input->fd, room + len, cap - len)
                         : pread(input->fd, room + len, cap - len, (off_t)(at + (int64_t)len));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      input->error = errno;
      return -1;
    }
    if (got == 0) {
      break;
    }
    len += (size_t)got;
  }
  return (ssize_t)len;
}

/* Take in bytes until the window reaches `end` or the input ends; the oldest half goes when it is
 * full. */
static bool fill_window(input_t *input, uint64_t end) {
  while (!input->ended && input->window_at + input->window_len < end) {
    if (input->window_len == INPUT_WINDOW) {
      size_t gone = INPUT_WINDOW / 2;
      memmove(input->window, input->window + gone, INPUT_WINDOW - gone);
      input->window_at += gone;
      input->window_len -= gone;
    }
    uint64_t missing = end - (input->window_at + input->window_len);
    size_t room = INPUT_WINDOW - input->window_len;
    size_t want = missing < room ? (size_t)missing : room;
    ssize_t got = read_fully(input, -1, input->window + input->window_len, want);
    if (got < 0) {
      return false;
    }
    input->window_len += (size_t)got;
    input->ended = (size_t)got < want;
  }
  return true;
}

int input_read(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  input_t *input = user_data;
  if (input->seekable) {
    if (offset >= (uint64_t)input->total) {
      return 0;
    }
    uint64_t left = (uint64_t)input->total - offset;
    size_t want = left < cap ? (size_t)left : cap;
    ssize_t got = read_fully(input, input->start + (int64_t)offset, room, want);
    if (got >= 0 && (size_t)got < want) {
      input->error = EIO; /* the file became shorter meanwhile */
      got = -1;
    }
    return got < 0 ? ACOAP_ECANCELED : (int)got;
  }
  if (offset < input->window_at) {
    input->error = -1;
    return ACOAP_ECANCELED;
  }
  if (!fill_window(input, offset + cap)) {
    return ACOAP_ECANCELED;
  }
  if (offset < input->window_at) {
    input->error = -1;
    return ACOAP_ECANCELED;
  }
  uint64_t skip = offset - input->window_at;
  size_t there = skip < input->window_len ? input->window_len - (size_t)skip : 0;
  size_t len = there < cap ? there : cap;
  memcpy(room, input->window + (size_t)(len > 0 ? skip : 0), len);
  return (int)len;
}

const char *input_error(const input_t *input) {
  if (input->error == -1) {
    return "the server asks for a part again that is no longer there; use a file";
  }
  return input->error != 0 ? strerror(input->error) : NULL;
}

void input_close(input_t *input) {
  if (input->fd > STDIN_FILENO) {
    close(input->fd);
  }
  input->fd = -1;
}
