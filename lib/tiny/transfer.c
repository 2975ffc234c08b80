/*
 * Block-wise transfers from the client's side (RFC 7959 sections 2.3 to 2.5): which block comes
 * next. Each block is a request of the caller's own; its bytes come from and go to the caller's
 * store, nothing is assembled here.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/tiny.h>

#include <string.h>

/* ---- Block2: fetch --------------------------------------------------------------------------- */

int acoap_tiny_download_init(acoap_tiny_download_t *download, size_t block_size) {
  int szx = acoap_block_szx(block_size);

  if (download == NULL || szx < 0) {
    return ACOAP_EINVAL;
  }
  memset(download, 0, sizeof(*download));
  download->szx = (uint8_t)szx;
  return 0;
}

void acoap_tiny_download_option(const acoap_tiny_download_t *download, acoap_builder_t *request) {
  acoap_block_t block = {.num = (uint32_t)(download->offset / acoap_block_size(download->szx)),
                         .szx = download->szx};

  if (block.num == 0 && block.szx == 0) {
    acoap_builder_option(request, ACOAP_OPTION_BLOCK2, "", 1); /* 0 in one byte */
  } else {
    acoap_builder_block(request, ACOAP_OPTION_BLOCK2, &block);
  }
}

/* The same version as the first block's? */
static bool is_same_version(acoap_tiny_download_t *download, const acoap_view_t *response) {
  acoap_bytes_t etag = {NULL, 0};

  if (!acoap_view_option(response, ACOAP_OPTION_ETAG, 0, &etag) ||
      etag.len > sizeof(download->etag)) {
    etag.len = 0;
  }
  if (download->any) {
    return etag.len == download->etag_len &&
           (etag.len == 0 || memcmp(etag.data, download->etag, etag.len) == 0);
  }
  download->any = true;
  download->etag_len = (uint8_t)etag.len;
  if (etag.len > 0) {
    memcpy(download->etag, etag.data, etag.len);
  }
  return true;
}

int acoap_tiny_download_take(acoap_tiny_download_t *download, const acoap_view_t *response) {
  acoap_block_t block;
  int present = acoap_view_block(response, ACOAP_OPTION_BLOCK2, &block);

  if (present < 0 || (present == 0 && download->offset > 0)) {
    return ACOAP_EBLOCK;
  }
  if (!is_same_version(download, response)) {
    return ACOAP_ECHANGED;
  }
  if (present == 0) {
    return 0;
  }
  size_t size = acoap_block_size(block.szx);
  if (block.num * size != download->offset || block.szx > download->szx ||
      (block.more ? response->payload.len != size : response->payload.len > size) ||
      (block.more && block.num == ACOAP_BLOCK_NUM_MAX)) {
    return ACOAP_EBLOCK;
  }
  download->szx = block.szx;
  if (!block.more) {
    return 0;
  }
  download->offset += (uint32_t)size;
  return 1;
}

/* ---- Block1: send ---------------------------------------------------------------------------- */

int acoap_tiny_upload_init(acoap_tiny_upload_t *upload, uint32_t total, size_t block_size) {
  int szx = acoap_block_szx(block_size);

  if (upload == NULL || szx < 0 || total > ACOAP_BLOCK_NUM_MAX * block_size) {
    return ACOAP_EINVAL;
  }
  upload->total = total;
  upload->offset = 0;
  upload->szx = (uint8_t)szx;
  return 0;
}

static uint32_t rest_of(const acoap_tiny_upload_t *upload) {
  return upload->total - upload->offset;
}

void acoap_tiny_upload_option(const acoap_tiny_upload_t *upload, acoap_builder_t *request,
                              acoap_tiny_slice_t *slice) {
  size_t size = acoap_block_size(upload->szx);
  acoap_block_t block = {
      .num = (uint32_t)(upload->offset / size), .more = rest_of(upload) > size, .szx = upload->szx};

  slice->offset = upload->offset;
  slice->len = block.more ? size : rest_of(upload);
  if (upload->offset > 0 || block.more) {
    acoap_builder_block(request, ACOAP_OPTION_BLOCK1, &block);
  }
}

int acoap_tiny_upload_take(acoap_tiny_upload_t *upload, const acoap_view_t *response) {
  acoap_block_t block;
  size_t size = acoap_block_size(upload->szx);
  int present = acoap_view_block(response, ACOAP_OPTION_BLOCK1, &block);

  if (response->code == ACOAP_CODE_REQUEST_ENTITY_TOO_LARGE && upload->offset == 0 &&
      present == 1 && block.szx < upload->szx) {
    upload->szx = block.szx; /* section 2.9.3: again, in smaller blocks */
    return 1;
  }
  if (response->code == ACOAP_CODE_REQUEST_ENTITY_INCOMPLETE) {
    return ACOAP_EINCOMPLETE;
  }
  if (response->code != ACOAP_CODE_CONTINUE) {
    /* Whoever says that all is well of a body that is not all there took a block for it. */
    return ACOAP_CODE_CLASS(response->code) == 2 && rest_of(upload) > size ? ACOAP_EINCOMPLETE : 0;
  }
  if (present != 1 || rest_of(upload) <= size || block.num != upload->offset / size) {
    return ACOAP_EBLOCK;
  }
  /* What was sent counts in its own size; the next may be smaller (section 2.3). */
  upload->offset += (uint32_t)size;
  if (block.szx < upload->szx) {
    upload->szx = block.szx;
  }
  return 1;
}
