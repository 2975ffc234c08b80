/*
 * Network namespaces by unshare(2) and ip(8). Where the user is not root a user namespace is tried
 * around them. The peer's child process unshares, waits until this side has moved the veth end in,
 * then sets up its addresses and becomes the peer.
 * SPDX-License-Identifier: MIT
 */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* GO_FD: where the peer's script waits for its port of the bridge. */
enum { COMMAND_MAX_MS = 10000, GO_FD = 9 };

static bool write_file(const char *name, const char *text) {
  int fd = open(name, O_WRONLY | O_CLOEXEC);
  bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
  if (fd >= 0) {
    close(fd);
  }
  return written;
}

/* A new network namespace; inside a new user namespace, as its root, when we are nobody in
 * particular. */
static bool unshare_network(void) {
  if (unshare(CLONE_NEWNET) == 0) {
    return true;
  }
  uid_t uid = geteuid();
  gid_t gid = getegid();
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return false;
  }
  char map[64];
  write_file("/proc/self/setgroups", "deny");
  snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
  bool mapped = write_file("/proc/self/gid_map", map);
  snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
  return mapped && write_file("/proc/self/uid_map", map);
}

static int shell(const char *script) {
  const char *const argv[] = {"sh", "-ec", script, NULL};
  return spawn_run(argv, COMMAND_MAX_MS) == 0 ? 0 : -1;
}

/* keep0 and keep1 are one port that stays: a bridge without ports is down, and br0 is to be up all
 * the time. */
static const char *const bridge_script =
    "ip link set lo up\n"
    "ip link add br0 type bridge mcast_snooping 0 forward_delay 0\n"
    "ip link set br0 addrgenmode none\n"
    "ip link add keep0 type veth peer name keep1\n"
    "ip link set keep0 master br0 addrgenmode none up\n"
    "ip link set keep1 addrgenmode none multicast off up\n"
    "ip link set br0 up\n"
    "ip addr add 10.77.0.1/24 dev br0\n"
    "ip -6 addr add fd77::1/64 dev br0 nodad\n"
    "ip -6 addr add fe80::77:1/64 dev br0 nodad\n"
    "until ip link show br0 | grep -q 'state UP'; do sleep 0.01; done\n";

const char *netns_unusable(void) {
  if (!spawn_have("ip")) {
    return "ip (iproute2) is not installed";
  }
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    int null = open("/dev/null", O_WRONLY);
    dup2(null, STDERR_FILENO);
    if (!unshare_network()) {
      _exit(1);
    }
    _exit(shell(bridge_script) == 0 && shell("ip link add v0 type veth peer name v1") == 0 ? 0 : 2);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) {
    return "no child process could be made";
  }
  switch (WEXITSTATUS(status)) {
  case 0:
    return NULL;
  case 1:
    return "network namespaces are not permitted (root or user namespaces are needed)";
  default:
    return "bridges or veth pairs are not permitted or not in this kernel";
  }
}

int netns_enter(void) {
  if (!unshare_network()) {
    fprintf(stderr, "unshare: %s\n", strerror(errno));
    return -1;
  }
  return shell(bridge_script);
}

/* Two pipes between the child, which says that it has unshared, and this side, which says that its
 * eth0 is there. */
typedef struct handshake {
  int ready[2];
  int go[2];
} handshake_t;

static int unshare_and_wait(void *user_data) {
  const handshake_t *handshake = user_data;
  char byte = 0;
  if (unshare(CLONE_NEWNET) != 0 || write(handshake->ready[1], &byte, 1) != 1 ||
      dup2(handshake->go[0], GO_FD) != GO_FD) {
    return -1;
  }
  return read(handshake->go[0], &byte, 1) == 1 ? 0 : -1;
}

/* An earlier peer's pair may live on for a moment with its namespace. The hardware address stays,
 * for the neighbour cache. */
static int join_to_bridge(pid_t pid, unsigned number) {
  char script[384];
  snprintf(script, sizeof(script),
           "ip link del v%u 2>/dev/null || true\n"
           "ip link add v%u type veth peer name eth0 address 02:00:00:77:00:1%u netns %d\n"
           "ip link set v%u master br0 addrgenmode none up\n",
           number, number, number, (int)pid, number);
  return shell(script);
}

/* The kernel takes its time to notice that both ends are up; what is sent before is lost. */
static int wait_for_port(unsigned number) {
  char script[128];
  snprintf(script, sizeof(script),
           "until ip -d link show v%u | grep -q 'state forwarding'; do sleep 0.01; done\n", number);
  return shell(script);
}

/* The peer's command line behind the script that gives its namespace addresses. */
static int start_behind_script(spawn_t *child, unsigned number, const char *const argv[],
                               handshake_t *handshake) {
  char script[768];
  snprintf(script, sizeof(script),
           "ip link set lo up\n"
           "ip link set eth0 addrgenmode none up\n"
           "ip addr add 10.77.0.1%u/24 dev eth0\n"
           "ip -6 addr add fd77::1%u/64 dev eth0 nodad\n"
           "ip -6 addr add fe80::77:1%u/64 dev eth0 nodad\n"
           "ip route add 224.0.0.0/4 dev eth0\n"
           "read go <&9\n"
           "exec 9<&-\n"
           "exec \"$@\"\n",
           number, number, number);
  const char *line[32] = {"sh", "-ec", script, "sh"};
  size_t n = 4;
  for (size_t i = 0; argv[i] != NULL && n < 31; i++) {
    line[n++] = argv[i];
  }
  line[n] = NULL;
  return spawn_start_prepared(child, line, unshare_and_wait, handshake);
}

int netns_spawn(spawn_t *child, unsigned number, const char *const argv[]) {
  handshake_t handshake = {{-1, -1}, {-1, -1}};
  if (pipe2(handshake.ready, O_CLOEXEC) != 0) {
    return -1;
  }
  if (pipe2(handshake.go, O_CLOEXEC) != 0) {
    close(handshake.ready[0]);
    close(handshake.ready[1]);
    return -1;
  }
  int status = start_behind_script(child, number, argv, &handshake) == 0 ? 0 : -1;
  /* our copies of the child's ends go, so that a child that dies is an end of file here and not a
   * wait for ever */
  close(handshake.ready[1]);
  close(handshake.go[0]);
  char byte = 0;
  if (status == 0 &&
      (read(handshake.ready[0], &byte, 1) != 1 || join_to_bridge(child->pid, number) != 0 ||
       write(handshake.go[1], &byte, 1) != 1 || wait_for_port(number) != 0 ||
       write(handshake.go[1], "go\n", 3) != 3)) {
    spawn_stop(child, SIGKILL);
    status = -1;
  }
  close(handshake.ready[0]);
  close(handshake.go[1]);
  return status;
}

int netns_add_second_interface(void) {
  return shell("ip link add up0 type veth peer name up1\n"
               "ip link set up1 master br0 addrgenmode none up\n"
               "ip link set up0 addrgenmode none up\n"
               "ip addr add 10.77.0.2/24 dev up0\n"
               "ip -6 addr add fd77::2/64 dev up0 nodad\n"
               "ip -6 addr add fe80::77:2/64 dev up0 nodad\n"
               "until ip link show up0 | grep -q 'state UP'; do sleep 0.01; done\n");
}

void netns_remove_second_interface(void) {
  (void)shell("ip link del up0");
}
