/*
 * A progress bar on stderr: bytes, total, rate, remaining time. rate = bytes seen since the first
 * block / time since then; remaining = (total - bytes) / rate. Moves no bytes itself.
 * SPDX-License-Identifier: MIT
 */
#include "progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>

#define DRAW_EVERY_NS 100000000u
#define BAR_MAX 40

/* Columns that everything but the bar takes: " 46% [] 480.0 KiB of 999.9 MiB  314.1 KiB/s  12:34
 * left". */
#define FIGURES_MAX 58

void progress_init(progress_t *progress, const options_t *options) {
  *progress = (progress_t){.total = -1};
  progress->always = options->progress == PROGRESS_ALWAYS;
  progress->on = progress->always || (options->progress == PROGRESS_AUTO && !options->quiet &&
                                      !options->verbose && isatty(STDERR_FILENO));
}

static size_t terminal_columns(void) {
  struct winsize size;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20) {
    return size.ws_col;
  }
  return 80;
}

/* "64.0 KiB" */
static void format_bytes(double bytes, char *text, size_t cap) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1000.0 && unit < 4) {
    bytes /= 1024.0;
    unit++;
  }
  snprintf(text, cap, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

/* "0:07", "1:02:03" */
static void format_seconds(double seconds, char *text, size_t cap) {
  if (seconds > 359999.0) {
    snprintf(text, cap, "days");
    return;
  }
  /* Rounded up: nothing is left only when nothing is left. */
  unsigned long whole = (unsigned long)seconds;
  whole += seconds > (double)whole ? 1 : 0;
  if (whole >= 3600) {
    snprintf(text, cap, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    snprintf(text, cap, "%lu:%02lu", whole / 60, whole % 60);
  }
}

/* "  45% [====>    ]", as wide as fits; without a total nothing. */
static size_t format_bar(const progress_t *progress, size_t columns, char *text, size_t cap) {
  text[0] = '\0';
  if (progress->total <= 0) {
    return 0;
  }
  double part = (double)progress->bytes / (double)progress->total;
  part = part > 1.0 ? 1.0 : part;
  int len = snprintf(text, cap, "%3d%% ", (int)(part * 100.0));
  size_t width = columns > FIGURES_MAX ? columns - FIGURES_MAX : 0;
  width = width > BAR_MAX ? BAR_MAX : width;
  size_t at = (size_t)len;
  if (width < 5 || at + width + 4 > cap) {
    return at;
  }
  size_t full = (size_t)(part * (double)width);
  text[at++] = '[';
  for (size_t i = 0; i < width; i++) {
    text[at++] = i < full ? '=' : i == full ? '>' : ' ';
  }
  text[at++] = ']';
  text[at++] = ' ';
  text[at] = '\0';
  return at;
}

size_t progress_format(const progress_t *progress, double elapsed_s, bool over, size_t columns,
                       char *text, size_t cap) {
  char bar[80];
  char done[24];
  char all[32] = "";
  char rate[32] = "";
  char time[48] = "";
  format_bar(progress, columns, bar, sizeof(bar));
  format_bytes((double)progress->bytes, done, sizeof(done));
  if (progress->total >= 0 && !(over && (uint64_t)progress->total == progress->bytes)) {
    char total[24];
    format_bytes((double)progress->total, total, sizeof(total));
    snprintf(all, sizeof(all), " of %s", total);
  }
  double measured = (double)(progress->bytes - progress->first_bytes);
  double per_second = elapsed_s > 0.0 ? measured / elapsed_s : 0.0;
  if (per_second > 0.0) {
    char number[24];
    format_bytes(per_second, number, sizeof(number));
    snprintf(rate, sizeof(rate), "  %s/s", number);
  }
  if (over) {
    snprintf(time, sizeof(time), "  in %.2f s", elapsed_s);
  } else if (per_second > 0.0 && progress->total >= 0 &&
             (uint64_t)progress->total >= progress->bytes) {
    char left[32];
    format_seconds(((double)progress->total - (double)progress->bytes) / per_second, left,
                   sizeof(left));
    snprintf(time, sizeof(time), "  %s left", left);
  }
  int len = snprintf(text, cap, "%s%s%s%s%s", bar, done, all, rate, time);
  return len < 0 ? 0 : (size_t)len < cap ? (size_t)len : cap - 1;
}

static void draw(progress_t *progress, uint64_t now, bool over) {
  char line[256];
  double elapsed_s = (double)(now - progress->started_ns) / 1e9;
  size_t columns = terminal_columns();
  size_t len = progress_format(progress, elapsed_s, over, columns, line, sizeof(line));
  if (len >= columns) {
    line[columns - 1] = '\0';
  }
  /* To the first column, the line, and clear what an earlier and longer one left. */
  fprintf(stderr, "\r%s%s", line, isatty(STDERR_FILENO) ? "\033[K" : "");
  fflush(stderr);
  progress->drawn = true;
  progress->drawn_ns = now;
}

void progress_update(progress_t *progress, const acoap_progress_t *state) {
  if (!progress->on || (state->block_size == 0 && !progress->always)) {
    return;
  }
  uint64_t now = uv_hrtime();
  if (progress->started_ns == 0 || progress->upload != state->upload) {
    /* A PUT has sent its body and fetches the answer's: what was drawn stays, a new line begins. */
    progress_end(progress);
    progress->upload = state->upload;
    progress->started_ns = now;
    progress->first_bytes = state->bytes;
    progress->drawn_ns = 0;
  }
  bool one_block = state->total >= 0 && (uint64_t)state->total <= state->block_size;
  progress->bytes = state->bytes;
  progress->total = state->total;
  if (progress->bytes < progress->first_bytes) {
    progress->first_bytes = progress->bytes; /* the transfer started again */
  }
  if ((one_block && !progress->always) || now - progress->drawn_ns < DRAW_EVERY_NS) {
    return;
  }
  draw(progress, now, false);
}

void progress_end(progress_t *progress) {
  if (!progress->on || !progress->drawn) {
    return;
  }
  draw(progress, uv_hrtime(), true);
  fputc('\n', stderr);
  progress->drawn = false;
}
