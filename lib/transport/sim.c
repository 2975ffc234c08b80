/*
 * A network in one process under virtual time: its conditions, its clock and its life. What will
 * happen stands in one queue; a step takes the earliest out, moves the clock there and lets it
 * happen.
 *   now(n+1) = max(now(n), at(earliest)), never backwards
 * Carries no datagrams (sim_flight.c), binds no sockets (sim_socket.c), wakes nobody
 * (sim_host.c).
 * SPDX-License-Identifier: MIT
 */
#include <acoap/sim.h>

#include <string.h>

#include "base/mem.h"
#include "transport/sim_net.h"

#define PPM_MAX 1000000U
#define FIRST_EPHEMERAL_PORT 49152

static uint64_t draw(acoap_sim_t *sim) {
  uint8_t bytes[8];
  uint64_t number = 0;
  acoap__seeded_fill(&sim->chance, bytes, sizeof(bytes));
  for (size_t i = 0; i < sizeof(bytes); i++) {
    number = number << 8 | bytes[i];
  }
  return number;
}

bool acoap__sim_chance(acoap_sim_t *sim, uint32_t ppm) {
  return draw(sim) % PPM_MAX < ppm;
}

acoap_time_t acoap__sim_delay(acoap_sim_t *sim) {
  uint64_t span = (uint64_t)sim->conditions.delay_max_ms - sim->conditions.delay_min_ms + 1;
  return (acoap_time_t)(sim->conditions.delay_min_ms + draw(sim) % span);
}

bool acoap__sim_same_host(const acoap_address_t *a, const acoap_address_t *b) {
  return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* Interfaces. */

static const acoap_interface_t default_interfaces[] = {
    {.name = "sim0",
     .index = 1,
     .address = {.family = ACOAP_FAMILY_IPV4, .ip = {192, 0, 2, 1}},
     .multicast = true},
    {.name = "sim0",
     .index = 1,
     .address = {.family = ACOAP_FAMILY_IPV6, .ip = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}},
     .multicast = true},
};

static int replace_interfaces(acoap_sim_t *sim, const acoap_interface_t *list, size_t count) {
  if (count > SIZE_MAX / sizeof(*list)) {
    return ACOAP_EINVAL;
  }
  acoap_interface_t *copy = acoap__malloc(count * sizeof(*list));
  if (copy == NULL) {
    return ACOAP_ENOMEM;
  }
  if (count > 0) {
    memcpy(copy, list, count * sizeof(*list));
  }
  acoap__free(sim->interfaces);
  sim->interfaces = copy;
  sim->interface_count = count;
  return 0;
}

int acoap_sim_set_interfaces(acoap_sim_t *sim, const acoap_interface_t *list, size_t count) {
  if (sim == NULL || (list == NULL && count > 0)) {
    return ACOAP_EINVAL;
  }
  int status = replace_interfaces(sim, list, count);
  if (status == 0) {
    acoap__sim_tell_watchers(sim);
  }
  return status;
}

uint32_t acoap__sim_group_interface(const acoap_sim_t *sim, uint8_t family, uint32_t wished) {
  for (size_t i = 0; i < sim->interface_count; i++) {
    const acoap_interface_t *each = &sim->interfaces[i];
    if (each->multicast && each->address.family == family &&
        (wished == 0 || wished == each->index)) {
      return each->index;
    }
  }
  return 0;
}

uint32_t acoap__sim_interface_of(const acoap_sim_t *sim, const acoap_address_t *address) {
  for (size_t i = 0; i < sim->interface_count; i++) {
    if (acoap__sim_same_host(&sim->interfaces[i].address, address)) {
      return sim->interfaces[i].index;
    }
  }
  return sim->interface_count > 0 ? sim->interfaces[0].index : 0;
}

bool acoap__sim_is_interface_address(const acoap_sim_t *sim, const acoap_address_t *address) {
  for (size_t i = 0; i < sim->interface_count; i++) {
    if (acoap__sim_same_host(&sim->interfaces[i].address, address)) {
      return true;
    }
  }
  return false;
}

/* Conditions. */

int acoap_sim_set_conditions(acoap_sim_t *sim, const acoap_sim_conditions_t *conditions) {
  static const acoap_sim_conditions_t perfect = {.size = sizeof(perfect)};
  if (conditions == NULL) {
    conditions = &perfect;
  }
  if (sim == NULL || conditions->size < sizeof(*conditions) || conditions->loss_ppm > PPM_MAX ||
      conditions->duplicate_ppm > PPM_MAX || conditions->delay_min_ms > conditions->delay_max_ms) {
    return ACOAP_EINVAL;
  }
  sim->conditions = *conditions;
  return 0;
}

static bool cut_covers(const acoap_address_t *pattern, const acoap_address_t *address) {
  return pattern->family == ACOAP_FAMILY_NONE || acoap__sim_same_host(pattern, address);
}

bool acoap__sim_is_cut(const acoap_sim_t *sim, const acoap_address_t *a, const acoap_address_t *b) {
  for (acoap__list_t *node = sim->cuts.next; node != &sim->cuts; node = node->next) {
    const acoap__sim_cut_t *cut = ACOAP__CONTAINER(node, acoap__sim_cut_t, node);
    if ((cut_covers(&cut->a, a) && cut_covers(&cut->b, b)) ||
        (cut_covers(&cut->a, b) && cut_covers(&cut->b, a))) {
      return true;
    }
  }
  return false;
}

static acoap__sim_cut_t *find_cut(acoap_sim_t *sim, const acoap_address_t *a,
                                  const acoap_address_t *b) {
  for (acoap__list_t *node = sim->cuts.next; node != &sim->cuts; node = node->next) {
    acoap__sim_cut_t *cut = ACOAP__CONTAINER(node, acoap__sim_cut_t, node);
    if ((acoap__sim_same_host(&cut->a, a) && acoap__sim_same_host(&cut->b, b)) ||
        (acoap__sim_same_host(&cut->a, b) && acoap__sim_same_host(&cut->b, a))) {
      return cut;
    }
  }
  return NULL;
}

int acoap_sim_partition(acoap_sim_t *sim, const acoap_address_t *a, const acoap_address_t *b,
                        bool cut) {
  static const acoap_address_t everybody = {.family = ACOAP_FAMILY_NONE};
  if (sim == NULL) {
    return ACOAP_EINVAL;
  }
  a = a != NULL ? a : &everybody;
  b = b != NULL ? b : &everybody;
  acoap__sim_cut_t *found = find_cut(sim, a, b);
  if (!cut && found != NULL) {
    acoap__list_remove(&found->node);
    acoap__free(found);
  }
  if (!cut || found != NULL) {
    return 0;
  }
  found = acoap__calloc(1, sizeof(*found));
  if (found == NULL) {
    return ACOAP_ENOMEM;
  }
  found->a = *a;
  found->b = *b;
  acoap__list_append(&sim->cuts, &found->node);
  return 0;
}

bool acoap__sim_is_unreachable(const acoap_sim_t *sim, const acoap_address_t *address) {
  for (acoap__list_t *node = sim->unreachables.next; node != &sim->unreachables;
       node = node->next) {
    const acoap__sim_unreachable_t *each = ACOAP__CONTAINER(node, acoap__sim_unreachable_t, node);
    if (acoap__sim_same_host(&each->address, address) &&
        (each->address.port == 0 || each->address.port == address->port)) {
      return true;
    }
  }
  return false;
}

int acoap_sim_set_unreachable(acoap_sim_t *sim, const acoap_address_t *address, bool unreachable) {
  if (sim == NULL || address == NULL || acoap_address_is_multicast(address)) {
    return ACOAP_EINVAL;
  }
  for (acoap__list_t *node = sim->unreachables.next; node != &sim->unreachables;
       node = node->next) {
    acoap__sim_unreachable_t *each = ACOAP__CONTAINER(node, acoap__sim_unreachable_t, node);
    if (acoap_address_equal(&each->address, address)) {
      if (!unreachable) {
        acoap__list_remove(&each->node);
        acoap__free(each);
      }
      return 0;
    }
  }
  if (!unreachable) {
    return 0;
  }
  acoap__sim_unreachable_t *added = acoap__calloc(1, sizeof(*added));
  if (added == NULL) {
    return ACOAP_ENOMEM;
  }
  added->address = *address;
  acoap__list_append(&sim->unreachables, &added->node);
  return 0;
}

int acoap_sim_set_name(acoap_sim_t *sim, const char *name, const acoap_address_t *addresses,
                       size_t count, uint32_t delay_ms) {
  if (sim == NULL || name == NULL || (addresses == NULL && count > 0)) {
    return ACOAP_EINVAL;
  }
  return acoap__sim_name_set(sim, name, addresses, count, delay_ms);
}

void acoap_sim_set_filter(acoap_sim_t *sim, acoap_sim_filter_cb filter, void *user_data) {
  if (sim != NULL) {
    sim->filter = filter;
    sim->filter_data = user_data;
  }
}

void acoap_sim_get_stats(const acoap_sim_t *sim, acoap_sim_stats_t *stats) {
  if (sim != NULL && stats != NULL) {
    *stats = sim->stats;
  }
}

/* Life. */

int acoap_sim_new(uint64_t seed, acoap_time_t start, acoap_sim_t **sim) {
  if (sim == NULL || start < 0 || start == ACOAP_TIME_NEVER) {
    return ACOAP_EINVAL;
  }
  acoap_sim_t *made = acoap__calloc(1, sizeof(*made));
  if (made == NULL) {
    return ACOAP_ENOMEM;
  }
  size_t count = sizeof(default_interfaces) / sizeof(default_interfaces[0]);
  int status = replace_interfaces(made, default_interfaces, count);
  if (status != 0) {
    acoap__free(made);
    return status;
  }
  made->host.ops = &acoap__sim_host_ops;
  acoap__timer_queue_init(&made->queue);
  made->now = start;
  made->chance.state = seed;
  /* Any fixed difference will do: two streams of one seed that do not run in step. */
  made->entropy.state = seed ^ 0x5bf0363546294ce7U;
  made->conditions.size = sizeof(made->conditions);
  made->next_port = FIRST_EPHEMERAL_PORT;
  atomic_init(&made->signalled, false);
  acoap__list_init(&made->sockets);
  acoap__list_init(&made->flights);
  acoap__list_init(&made->wakers);
  acoap__list_init(&made->lookups);
  acoap__list_init(&made->works);
  acoap__list_init(&made->cuts);
  acoap__list_init(&made->unreachables);
  acoap__list_init(&made->names);
  *sim = made;
  return 0;
}

void acoap_sim_free(acoap_sim_t *sim) {
  if (sim == NULL) {
    return;
  }
  while (acoap__sim_sockets_finish(sim) || acoap__sim_wakers_finish(sim)) {
    /* What one of them calls may close another. */
  }
  acoap__sim_flights_free(sim);
  acoap__sim_sockets_free(sim);
  acoap__sim_host_free(sim);
  for (acoap__list_t *node; (node = acoap__list_first(&sim->cuts)) != NULL;) {
    acoap__list_remove(node);
    acoap__free(ACOAP__CONTAINER(node, acoap__sim_cut_t, node));
  }
  for (acoap__list_t *node; (node = acoap__list_first(&sim->unreachables)) != NULL;) {
    acoap__list_remove(node);
    acoap__free(ACOAP__CONTAINER(node, acoap__sim_unreachable_t, node));
  }
  acoap__free(sim->interfaces);
  acoap__free(sim);
}

/* Time. */

acoap_host_t *acoap_sim_host(acoap_sim_t *sim) {
  return sim != NULL ? &sim->host : NULL;
}

acoap_time_t acoap_sim_now(const acoap_sim_t *sim) {
  return sim != NULL ? sim->now : 0;
}

bool acoap_sim_step(acoap_sim_t *sim, acoap_time_t until) {
  if (sim == NULL) {
    return false;
  }
  if (acoap__sim_wake_signalled(sim)) {
    return true;
  }
  acoap__timer_t *earliest = sim->queue.root;
  if (earliest == NULL || earliest->at > until) {
    if (until != ACOAP_TIME_NEVER && until > sim->now) {
      sim->now = until;
    }
    return false;
  }
  acoap__timer_clear(&sim->queue, earliest);
  if (earliest->at > sim->now) {
    sim->now = earliest->at;
  }
  earliest->fire(earliest, sim->now);
  return true;
}

void acoap_sim_run_until(acoap_sim_t *sim, acoap_time_t until) {
  while (acoap_sim_step(sim, until)) {
    /* step by step */
  }
}

bool acoap_sim_run_idle(acoap_sim_t *sim, acoap_time_t until) {
  if (sim == NULL) {
    return true;
  }
  while (acoap_sim_step(sim, sim->queue.root != NULL ? until : sim->now)) {
    /* Time stays at the last event when it is the last of all. */
  }
  return sim->queue.root == NULL;
}
