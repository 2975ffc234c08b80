/*
 * Child processes on loopback. The child's death is tied to the test's by PR_SET_PDEATHSIG; its
 * output goes to an unlinked file, so that no pipe fills up. Knows nothing of what the child is.
 * SPDX-License-Identifier: MIT
 */
#include "spawn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(int ms) {
  struct timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&pause, NULL);
}

bool spawn_have(const char *program) {
  if (strchr(program, '/') != NULL) {
    return access(program, X_OK) == 0;
  }
  const char *path = getenv("PATH");
  while (path != NULL && *path != '\0') {
    const char *end = strchr(path, ':');
    size_t len = end == NULL ? strlen(path) : (size_t)(end - path);
    char file[4096];
    snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, program);
    struct stat info;
    if (stat(file, &info) == 0 && S_ISREG(info.st_mode) && access(file, X_OK) == 0) {
      return true;
    }
    path = end == NULL ? NULL : end + 1;
  }
  return false;
}

static bool port_is_free(int type, uint16_t port) {
  int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool free_port = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
  if (fd >= 0) {
    close(fd);
  }
  return free_port;
}

uint16_t spawn_free_port(void) {
  static uint16_t next;
  if (next == 0) {
    next = (uint16_t)(10000 + (unsigned)getpid() * 131u % 20000u);
  }
  for (int tries = 0; tries < 10000; tries++) {
    next = next >= 30000 ? 10000 : (uint16_t)(next + 1);
    if (port_is_free(SOCK_DGRAM, next) && port_is_free(SOCK_STREAM, next)) {
      return next;
    }
  }
  return 0;
}

static int open_output(void) {
  char name[] = "/tmp/acoap-interop-XXXXXX";
  int fd = mkstemp(name);
  if (fd >= 0) {
    unlink(name);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_APPEND);
  }
  return fd;
}

static void become(const char *const argv[], int output, pid_t parent, spawn_prepare_cb prepare,
                   void *user_data) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) {
    _exit(126);
  }
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  int null = open("/dev/null", O_RDONLY);
  if (null >= 0) {
    dup2(null, STDIN_FILENO);
  }
  if (prepare != NULL && prepare(user_data) != 0) {
    _exit(126);
  }
  execvp(argv[0], (char *const *)(uintptr_t)argv);
  _exit(127);
}

int spawn_start_prepared(spawn_t *child, const char *const argv[], spawn_prepare_cb prepare,
                         void *user_data) {
  memset(child, 0, sizeof(*child));
  child->output_fd = open_output();
  if (child->output_fd < 0) {
    return -errno;
  }
  pid_t parent = getpid();
  pid_t pid = fork();
  if (pid == 0) {
    become(argv, child->output_fd, parent, prepare, user_data);
  }
  if (pid < 0) {
    int error = errno;
    close(child->output_fd);
    child->output_fd = -1;
    return -error;
  }
  child->pid = pid;
  return 0;
}

int spawn_start(spawn_t *child, const char *const argv[]) {
  return spawn_start_prepared(child, argv, NULL, NULL);
}

bool spawn_ended(spawn_t *child) {
  if (child->pid == 0) {
    return true;
  }
  if (waitpid(child->pid, &child->status, WNOHANG) == child->pid) {
    child->pid = 0;
    return true;
  }
  return false;
}

int spawn_exit_status(const spawn_t *child) {
  return child->pid == 0 && WIFEXITED(child->status) ? WEXITSTATUS(child->status) : -1;
}

acoap_address_t spawn_loopback(bool ipv6, uint16_t port) {
  acoap_address_t address = {.family = ipv6 ? ACOAP_FAMILY_IPV6 : ACOAP_FAMILY_IPV4, .port = port};
  if (ipv6) {
    address.ip[15] = 1;
  } else {
    address.ip[0] = 127;
    address.ip[3] = 1;
  }
  return address;
}

static int connect_to(const acoap_address_t *address) {
  struct sockaddr_storage storage;
  socklen_t len;
  memset(&storage, 0, sizeof(storage));
  if (address->family == ACOAP_FAMILY_IPV4) {
    struct sockaddr_in *in = (struct sockaddr_in *)&storage;
    in->sin_family = AF_INET;
    in->sin_port = htons(address->port);
    memcpy(&in->sin_addr, address->ip, 4);
    len = sizeof(*in);
  } else {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(address->port);
    in6->sin6_scope_id = address->scope_id;
    memcpy(&in6->sin6_addr, address->ip, 16);
    len = sizeof(*in6);
  }
  int fd = socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 && connect(fd, (struct sockaddr *)&storage, len) != 0) {
    close(fd);
    fd = -1;
  }
  return fd;
}

bool spawn_wait_answer(spawn_t *child, const acoap_address_t *address, int timeout_ms) {
  /* NON GET /.well-known/core with an empty token; the Message ID counts up */
  uint8_t request[] = {0x50, 1,   0,   0,   0xbb, '.', 'w', 'e', 'l', 'l', '-',
                       'k',  'n', 'o', 'w', 'n',  4,   'c', 'o', 'r', 'e'};
  int64_t end = clock_ms() + timeout_ms;
  int fd = connect_to(address);
  bool answered = false;
  while (fd >= 0 && !answered && clock_ms() < end && !spawn_ended(child)) {
    request[3]++;
    ssize_t sent = send(fd, request, sizeof(request), 0);
    struct pollfd wait = {fd, POLLIN, 0};
    poll(&wait, 1, 25);
    uint8_t answer[2048];
    answered = recv(fd, answer, sizeof(answer), MSG_DONTWAIT) > 0;
    if (!answered && (sent < 0 || wait.revents != 0)) {
      nap(5); /* connection refused: not listening yet */
    }
  }
  if (fd >= 0) {
    close(fd);
  }
  return answered;
}

char *spawn_output(const spawn_t *child) {
  struct stat info;
  if (child->output_fd < 0 || fstat(child->output_fd, &info) != 0) {
    return strdup("");
  }
  char *text = malloc((size_t)info.st_size + 1);
  if (text == NULL) {
    return NULL;
  }
  ssize_t got = pread(child->output_fd, text, (size_t)info.st_size, 0);
  text[got < 0 ? 0 : got] = '\0';
  return text;
}

bool spawn_wait_output(spawn_t *child, const char *text, int timeout_ms) {
  int64_t end = clock_ms() + timeout_ms;
  for (;;) {
    bool ended = spawn_ended(child);
    char *output = spawn_output(child);
    bool found = output != NULL && strstr(output, text) != NULL;
    free(output);
    if (found || ended || clock_ms() >= end) {
      return found;
    }
    nap(5);
  }
}

void spawn_stop(spawn_t *child, int signal_number) {
  if (child->pid != 0) {
    kill(child->pid, signal_number);
    for (int waited = 0; waited < 2000 && !spawn_ended(child); waited += 2) {
      nap(2);
    }
    if (child->pid != 0) {
      kill(child->pid, SIGKILL);
      waitpid(child->pid, &child->status, 0);
      child->pid = 0;
    }
  }
  if (child->output_fd >= 0) {
    close(child->output_fd);
    child->output_fd = -1;
  }
}

int spawn_run(const char *const argv[], int timeout_ms) {
  spawn_t child;
  if (spawn_start(&child, argv) != 0) {
    return -1;
  }
  int64_t end = clock_ms() + timeout_ms;
  while (!spawn_ended(&child) && clock_ms() < end) {
    nap(1);
  }
  int status = spawn_exit_status(&child);
  if (status != 0) {
    char *output = spawn_output(&child);
    fprintf(stderr, "%s: exit status %d: %s\n", argv[0], status, output == NULL ? "" : output);
    free(output);
  }
  spawn_stop(&child, SIGKILL);
  return status;
}
