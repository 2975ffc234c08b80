/*
 * A group: a ready resource whose GET gives links to the resources below its path, in link-format,
 * filtered as /.well-known/core is (RFC 6690 section 4.1). What comes and goes below it comes and
 * goes in the answer. Lists neither itself nor what is hidden.
 * SPDX-License-Identifier: MIT
 */
#include <acoap/ready.h>

#include "server/attributes.h"

/* acoap_request_cb */
static void get_links(void *group, acoap_request_t *request) {
  const acoap_resource_t *resource = group;
  if (resource->server != NULL) {
    acoap__links_answer(resource->server, resource, request);
  }
}

acoap_resource_t *acoap_resource_new_group(acoap_server_t *server, const char *path) {
  acoap_resource_t *group = acoap_resource_new(server, path);
  if (group == NULL) {
    return NULL;
  }
  if (!group->listed) {
    /* A path for many resources has none below it. */
    (void)acoap__server_fail(server, ACOAP_EINVAL);
    return acoap_resource_remove(group);
  }
  if (acoap_resource_on(group, ACOAP_CODE_GET, get_links, group) != 0 ||
      acoap_resource_gives(group, ACOAP_FORMAT_LINK_FORMAT) != 0) {
    return acoap_resource_remove(group);
  }
  return group;
}
