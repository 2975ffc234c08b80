/*
 * The remote endpoint: who is asked, with a default path; made from a URI or an address.
 * Reference-counted; names are looked up when something is sent, never blocking.
 * SPDX-License-Identifier: MIT
 */
#ifndef ACOAP_REMOTE_H
#define ACOAP_REMOTE_H

#include <acoap/endpoint.h>
#include <acoap/uri.h>

ACOAP_BEGIN_DECLS

/** A remote endpoint. Shared: acoap_remote_endpoint_ref, acoap_remote_endpoint_unref. */
typedef struct acoap_remote_endpoint acoap_remote_endpoint_t;

/**
 * From an absolute URI ("coap://[fe80::1%25eth0]/sensors/t?u=c"); its path and query are the
 * defaults of every request.
 *
 * Errors:     ACOAP_EURI, ACOAP_ESCHEME (no transport for the scheme), ACOAP_ENOTFOUND (no such
 *             zone), ACOAP_ENOMEM.
 * Ownership:  the caller's reference.
 * Reference:  RFC 7252 section 6.4.
 * Since:      0.1
 */
ACOAP_API int acoap_remote_endpoint_new(acoap_local_endpoint_t *local, const char *uri,
                                        acoap_remote_endpoint_t **remote);

/**
 * From an address (port 0: 5683) and a reference for the default path ("/a?b", may be NULL); no
 * Uri-Host is sent.
 */
ACOAP_API int acoap_remote_endpoint_from_address(acoap_local_endpoint_t *local,
                                                 const acoap_address_t *address,
                                                 const char *reference,
                                                 acoap_remote_endpoint_t **remote);

/**
 * All CoAP Nodes: 224.0.1.187, ff02::fd and ff05::fd at `port` (0: 5683), as one group remote. Send
 * to it with acoap_desc_multicast. Reference: RFC 7252 section 12.8.
 */
ACOAP_API int acoap_remote_endpoint_all_coap_nodes(acoap_local_endpoint_t *local, uint16_t port,
                                                   const char *reference,
                                                   acoap_remote_endpoint_t **remote);

/**
 * Another remote endpoint by a reference relative to this one's URI (RFC 3986 section 5): "t2",
 * "../x?y", "coap://other/". What was looked up is shared when the authority is the same.
 */
ACOAP_API int acoap_remote_endpoint_resolve(acoap_remote_endpoint_t *remote, const char *reference,
                                            acoap_remote_endpoint_t **resolved);

/** One reference more; NULL is fine. */
ACOAP_API acoap_remote_endpoint_t *acoap_remote_endpoint_ref(acoap_remote_endpoint_t *remote);
/** One reference less. Returns NULL; NULL is fine. Sends under way hold references of their own. */
ACOAP_API acoap_remote_endpoint_t *acoap_remote_endpoint_unref(acoap_remote_endpoint_t *remote);

/** The URI as text, borrowed. */
ACOAP_API const char *acoap_remote_endpoint_uri(const acoap_remote_endpoint_t *remote);

/** When is Uri-Host (and Uri-Port) sent? */
typedef enum acoap_uri_host_mode {
  ACOAP_URI_HOST_NAMES = 0, /* for names, not for IP literals (section 6.4 step 5) */
  ACOAP_URI_HOST_NEVER,
  ACOAP_URI_HOST_ALWAYS
} acoap_uri_host_mode_t;
/** When Uri-Host and Uri-Port are sent from now on. */
ACOAP_API int acoap_remote_endpoint_set_uri_host(acoap_remote_endpoint_t *remote,
                                                 acoap_uri_host_mode_t mode);
/** Transmission parameters for everything sent to it from now on. Copied; NULL: the endpoint's. */
ACOAP_API int acoap_remote_endpoint_set_params(acoap_remote_endpoint_t *remote,
                                               const acoap_params_t *params);
/**
 * Send through this interface ("eth0"; NULL: the system's choice) and from this local address
 * (NULL: any).
 */
ACOAP_API int acoap_remote_endpoint_set_interface(acoap_remote_endpoint_t *remote,
                                                  const char *interface);
/** Send from this local address (NULL: any). */
ACOAP_API int acoap_remote_endpoint_set_local_address(acoap_remote_endpoint_t *remote,
                                                      const acoap_address_t *local);

/** The address last used, or the first one known; ACOAP_EAGAIN before a lookup. */
ACOAP_API int acoap_remote_endpoint_address(const acoap_remote_endpoint_t *remote,
                                            acoap_address_t *address);

/** Watches whether a peer answers CoAP pings. */
typedef struct acoap_liveness acoap_liveness_t;
/** alive: whether the last ping was answered; called at the first result and at each change. */
typedef void (*acoap_liveness_cb)(void *user_data, bool alive, int status);
/**
 * Ping every interval_ms while nothing else is heard from the peer. Reference: RFC 7252
 * section 4.3.
 */
ACOAP_API int acoap_liveness_new(acoap_remote_endpoint_t *remote, uint32_t interval_ms,
                                 acoap_liveness_cb changed, void *user_data,
                                 acoap_liveness_t **liveness);
/** Stop watching, silently; NULL is fine. */
ACOAP_API void acoap_liveness_free(acoap_liveness_t *liveness);

ACOAP_END_DECLS

#endif
