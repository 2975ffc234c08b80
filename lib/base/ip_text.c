/*
 * IP addresses as text: parsed as RFC 3986 section 3.2.2 (RFC 4291 section 2.2) has them, written
 * as RFC 5952 wants them. The rule for writing IPv6: lower case, no leading zeros, the leftmost of
 * the longest runs of two or more zero groups becomes "::", and the last 32 bits of an IPv4-mapped
 * address are written as IPv4. Knows no ports, brackets and zones.
 * SPDX-License-Identifier: MIT
 */
#include "base/ip_text.h"

#include <string.h>

enum { GROUPS = 8 };

/* Read one dec-octet at *at; false when there is none. */
static bool read_octet(const char **at, const char *end, uint8_t *octet) {
  const char *first = *at;
  unsigned value = 0;

  while (*at < end && **at >= '0' && **at <= '9' && *at - first < 3) {
    value = value * 10 + (unsigned)(**at - '0');
    ++*at;
  }
  if (*at == first || value > 255 || (*first == '0' && *at - first > 1)) {
    return false;
  }
  *octet = (uint8_t)value;
  return true;
}

bool acoap__ipv4_parse(const char *text, size_t len, uint8_t ip[4]) {
  const char *at = text;
  const char *end = text + len;
  uint8_t octets[4];

  for (size_t i = 0; i < 4; i++) {
    if (i > 0 && (at == end || *at++ != '.')) {
      return false;
    }
    if (!read_octet(&at, end, &octets[i])) {
      return false;
    }
  }
  if (at != end) {
    return false;
  }
  memcpy(ip, octets, sizeof(octets));
  return true;
}

/* Read one to four hexadecimal digits at *at; false when there are none. */
static bool read_group(const char **at, const char *end, uint16_t *group) {
  unsigned value = 0;
  int count = 0;

  while (*at < end && count < 4 && acoap__hex_digit(**at) >= 0) {
    value = value << 4 | (unsigned)acoap__hex_digit(**at);
    ++*at;
    count++;
  }
  *group = (uint16_t)value;
  return count > 0;
}

/* Put the groups behind the gap to the right end and zeros between. */
static void spread(uint16_t groups[GROUPS], size_t count, size_t gap) {
  size_t behind = count - gap;

  for (size_t i = 0; i < behind; i++) {
    groups[GROUPS - 1 - i] = groups[count - 1 - i];
  }
  for (size_t i = gap; i < GROUPS - behind; i++) {
    groups[i] = 0;
  }
}

/*
 * Read groups, at most eight, into groups; *gap is the index of the group in front of which "::"
 * stood, GROUPS + 1 without one. Returns how many there are, 0 when the text is malformed (a lone
 * "::" counts as one group of zero).
 */
static size_t read_groups(const char *at, const char *end, uint16_t groups[GROUPS], size_t *gap) {
  size_t count = 0;
  uint8_t ipv4[4];

  *gap = GROUPS + 1;
  if (end - at >= 2 && at[0] == ':' && at[1] == ':') {
    at += 2;
    *gap = 0;
    if (at == end) {
      groups[count++] = 0;
    }
  }
  while (at < end) {
    if (count + 2 <= GROUPS && acoap__ipv4_parse(at, (size_t)(end - at), ipv4)) {
      groups[count++] = (uint16_t)(ipv4[0] << 8 | ipv4[1]);
      groups[count++] = (uint16_t)(ipv4[2] << 8 | ipv4[3]);
      return count;
    }
    if (count == GROUPS || !read_group(&at, end, &groups[count])) {
      return 0;
    }
    count++;
    if (at == end) {
      return count;
    }
    if (*at++ != ':' || at == end) {
      return 0; /* another character, or a single ':' at the end */
    }
    if (*at == ':') {
      if (*gap <= GROUPS) {
        return 0; /* a second "::" */
      }
      *gap = count;
      at++;
    }
  }
  return count;
}

bool acoap__ipv6_parse(const char *text, size_t len, uint8_t ip[16]) {
  uint16_t groups[GROUPS];
  size_t gap;
  size_t count = read_groups(text, text + len, groups, &gap);

  if (count == 0) {
    return false;
  }
  if (gap > GROUPS ? count != GROUPS : count == GROUPS) {
    return false; /* "::" stands for at least one group */
  }
  if (gap <= GROUPS) {
    spread(groups, count, gap);
  }
  for (size_t i = 0; i < GROUPS; i++) {
    ip[2 * i] = (uint8_t)(groups[i] >> 8);
    ip[2 * i + 1] = (uint8_t)groups[i];
  }
  return true;
}

void acoap__ipv4_put(acoap__text_t *text, const uint8_t ip[4]) {
  for (int i = 0; i < 4; i++) {
    if (i > 0) {
      acoap__text_put(text, ".");
    }
    acoap__text_put_uint(text, ip[i]);
  }
}

/* The leftmost of the longest runs of zero groups, when there are two or more; otherwise a length
 * of 0. */
static size_t longest_zeros(const uint16_t groups[GROUPS], size_t *first) {
  size_t best = 0;
  size_t run = 0;

  *first = 0;
  for (size_t i = 0; i < GROUPS; i++) {
    run = groups[i] == 0 ? run + 1 : 0;
    if (run > best) {
      best = run;
      *first = i + 1 - run;
    }
  }
  return best >= 2 ? best : 0;
}

static void put_group(acoap__text_t *text, uint16_t group) {
  static const char digits[] = "0123456789abcdef";
  int shift = 12;

  while (shift > 0 && group >> shift == 0) {
    shift -= 4;
  }
  for (; shift >= 0; shift -= 4) {
    acoap__text_put_n(text, &digits[(group >> shift) & 15], 1);
  }
}

void acoap__ipv6_put(acoap__text_t *text, const uint8_t ip[16]) {
  static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  uint16_t groups[GROUPS];
  size_t first;

  if (memcmp(ip, mapped, sizeof(mapped)) == 0) {
    acoap__text_put(text, "::ffff:");
    acoap__ipv4_put(text, ip + 12);
    return;
  }
  for (size_t i = 0; i < GROUPS; i++) {
    groups[i] = (uint16_t)(ip[2 * i] << 8 | ip[2 * i + 1]);
  }
  size_t zeros = longest_zeros(groups, &first);
  for (size_t i = 0; i < GROUPS; i++) {
    if (zeros > 0 && i == first) {
      acoap__text_put(text, "::");
      i += zeros - 1;
      continue;
    }
    if (i > 0 && !(zeros > 0 && i == first + zeros)) {
      acoap__text_put(text, ":");
    }
    put_group(text, groups[i]);
  }
}
