/*
 * The BIO that keeps datagrams apart: each write is one, each read is one, whole or cut, and an
 * empty hand is "later".
 * SPDX-License-Identifier: MIT
 */
#include "security/datagram_bio.h"

#include <check.h>
#include <openssl/bio.h>
#include <string.h>

#include "support/check_main.h"

static struct {
  unsigned count;
  uint8_t bytes[8][64];
  size_t len[8];
} out;
static acoap__datagram_bio_t datagrams;
static BIO_METHOD *method;
static BIO *bio;

static void transmit(void *owner, acoap_bytes_t datagram) {
  ck_assert_ptr_eq(owner, &out);
  memcpy(out.bytes[out.count], datagram.data, datagram.len);
  out.len[out.count++] = datagram.len;
}

static void setup(void) {
  memset(&out, 0, sizeof(out));
  datagrams = (acoap__datagram_bio_t){.mtu = 1232, .transmit = transmit, .owner = &out};
  method = acoap__datagram_bio_method();
  ck_assert_ptr_nonnull(method);
  bio = acoap__datagram_bio_new(method, &datagrams);
  ck_assert_ptr_nonnull(bio);
}

static void teardown(void) {
  BIO_free(bio);
  BIO_meth_free(method);
}

START_TEST(each_write_is_a_datagram) {
  ck_assert_int_eq(BIO_write(bio, "one", 3), 3);
  ck_assert_int_eq(BIO_write(bio, "three", 5), 5);
  ck_assert_uint_eq(out.count, 2);
  ck_assert_uint_eq(datagrams.written, 2);
  ck_assert_uint_eq(out.len[0], 3);
  ck_assert_mem_eq(out.bytes[1], "three", 5);
}
END_TEST

START_TEST(each_read_is_the_datagram_in_hand_once) {
  char room[16];
  datagrams.in = (acoap_bytes_t){(const uint8_t *)"datagram", 8};
  ck_assert_int_eq(BIO_read(bio, room, sizeof(room)), 8);
  ck_assert_mem_eq(room, "datagram", 8);
  ck_assert_int_eq(BIO_read(bio, room, sizeof(room)), -1);
  ck_assert(BIO_should_retry(bio));
  ck_assert(BIO_should_read(bio));
}
END_TEST

START_TEST(what_does_not_fit_is_cut_as_a_socket_does) {
  char room[4];
  datagrams.in = (acoap_bytes_t){(const uint8_t *)"datagram", 8};
  ck_assert_int_eq(BIO_read(bio, room, sizeof(room)), 4);
  ck_assert_int_eq(BIO_read(bio, room, sizeof(room)), -1);
}
END_TEST

START_TEST(questions_about_the_mtu_are_answered) {
  ck_assert_int_eq(BIO_ctrl(bio, BIO_CTRL_DGRAM_QUERY_MTU, 0, NULL), 1232);
  ck_assert_int_eq(BIO_ctrl(bio, BIO_CTRL_DGRAM_GET_MTU_OVERHEAD, 0, NULL), 28);
  ck_assert_int_eq(BIO_flush(bio), 1);
  ck_assert_int_eq(BIO_ctrl(bio, BIO_CTRL_DGRAM_GET_PEER, 0, NULL), 0);
}
END_TEST

static Suite *suite(void) {
  Suite *suite = suite_create("security_datagram_bio");
  TCase *cases = tcase_create("datagrams");
  tcase_add_checked_fixture(cases, setup, teardown);
  tcase_add_test(cases, each_write_is_a_datagram);
  tcase_add_test(cases, each_read_is_the_datagram_in_hand_once);
  tcase_add_test(cases, what_does_not_fit_is_cut_as_a_socket_does);
  tcase_add_test(cases, questions_about_the_mtu_are_answered);
  suite_add_tcase(suite, cases);
  return suite;
}

ACOAP_TEST_MAIN(suite)
