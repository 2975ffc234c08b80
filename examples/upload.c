/*
 * PUT a file block by block in constant memory, with a line of progress.
 * usage: upload FILE coap://[::1]/upload
 * SPDX-License-Identifier: MIT
 */
#include <acoap/acoap.h>

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

/* Asked for the bytes of a block when it is sent; the same ones again if the server wants smaller
 * blocks. */
static int read_file(void *user_data, uint64_t offset, uint8_t *room, size_t cap) {
  const int *fd = user_data;
  ssize_t got = pread(*fd, room, cap, (off_t)offset);
  return got < 0 ? ACOAP_ECANCELED : (int)got;
}

static void on_progress(void *user_data, const acoap_progress_t *progress,
                        acoap_message_t *message) {
  (void)user_data;
  (void)message;
  bool over = (int64_t)progress->bytes == progress->total;
  if (progress->upload && (progress->bytes % 65536 == 0 || over)) {
    fprintf(stderr, "\r%llu of %lld bytes, %u retransmissions ",
            (unsigned long long)progress->bytes, (long long)progress->total,
            (unsigned)progress->retransmissions);
  }
}

static void close_file(void *user_data) {
  const int *fd = user_data;
  close(*fd);
}

static acoap_desc_t *describe(int *fd, int64_t size) {
  acoap_desc_t *desc = acoap_desc_put();
  acoap_desc_content_format(desc, ACOAP_FORMAT_OCTET_STREAM);
  acoap_desc_block1_reader(desc, 1024, size, read_file, fd);
  acoap_desc_inspect(desc, on_progress, NULL);
  acoap_desc_deadline(desc, 10 * 60 * 1000);
  acoap_desc_on_destroy(desc, close_file, fd); /* exactly once, whatever happens */
  return desc;
}

int main(int argc, char **argv) {
  acoap_local_endpoint_t *local = NULL;
  acoap_remote_endpoint_t *remote = NULL;
  acoap_future_t *future = NULL;
  struct stat info;
  int fd = argc == 3 ? open(argv[1], O_RDONLY) : -1;
  if (fd < 0 || fstat(fd, &info) != 0) {
    fprintf(stderr, "usage: %s FILE URI\n", argv[0]);
    return 2;
  }
  acoap_desc_t *desc = describe(&fd, info.st_size);
  int status = acoap_local_endpoint_new(uv_default_loop(), NULL, &local);
  if (status == 0) {
    status = acoap_remote_endpoint_new(local, argv[2], &remote);
  }
  if (status < 0) {
    acoap_desc_free(desc); /* what is not sent is given up */
  } else {
    status = acoap_send(remote, desc, NULL, NULL, &future);
  }
  if (status == 0) {
    status = acoap_future_wait(future); /* runs the loop; for tools and tests */
  }
  fprintf(stderr, "\n%s\n", acoap_strerror(status));
  acoap_future_unref(future);
  acoap_remote_endpoint_unref(remote);
  if (local != NULL) {
    acoap_local_endpoint_close(local, NULL, NULL);
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  uv_loop_close(uv_default_loop());
  return status < 0;
}
