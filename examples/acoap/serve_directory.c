/*
 * serve --dir: a folder and everything below it at the root of the server, with --writable to be
 * changed by PUT, POST and DELETE. The library's directory resource does all of it.
 * SPDX-License-Identifier: MIT
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "exit.h"
#include "serve.h"

static int open_directory(site_t *site) {
  const options_t *options = site->options;
  const acoap_directory_options_t directory = {.size = sizeof(directory),
                                               .writable = options->writable};
  struct stat metadata;
  if (stat(options->directory, &metadata) != 0) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "%s: %s", options->directory, strerror(errno));
  }
  if (!S_ISDIR(metadata.st_mode)) {
    return exit_fail(options, EXIT_STATUS_LOCAL, "%s: not a folder", options->directory);
  }
  site_describe(acoap_resource_new_directory(site->server, "/", options->directory, &directory),
                NULL, "Files");
  return site_status(site);
}

const serve_mode_t serve_directory = {open_directory, NULL, NULL};
