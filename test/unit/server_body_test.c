/*
 * Bodies piece by piece: the window of what is read, the byte ahead, ends that show themselves
 * late, readers that wait, ETags, lent and borrowed memory.
 * SPDX-License-Identifier: MIT
 */
#include "server/body.h"

#include <string.h>

#include "check_main.h"

#define LEN_MAX 5000

typedef struct source {
  size_t len;        /* bytes it has */
  unsigned reads;    /* calls */
  unsigned released; /* calls */
  uint64_t at;       /* of the last call */
  size_t cap;        /* likewise */
  bool wait;         /* the next call answers ACOAP_EAGAIN */
  bool ready_inside; /* and says acoap_body_ready before */
  int status;        /* the next call answers this; 0: bytes */
  size_t lie;        /* says so many bytes more than there is room for */
  bool drops;        /* gives its last reference back in the call */
} source_t;

static uint8_t byte_at(uint64_t n) {
  return (uint8_t)(n * 31 + (n >> 8));
}

static int read_source(void *user_data, acoap_body_t *body, uint64_t offset, uint8_t *room,
                       size_t cap) {
  source_t *source = user_data;
  source->reads++;
  source->at = offset;
  source->cap = cap;
  if (source->drops) {
    source->drops = false;
    acoap_body_unref(body);
  }
  if (source->wait) {
    source->wait = false;
    if (source->ready_inside) {
      acoap_body_ready(body);
    }
    return ACOAP_EAGAIN;
  }
  if (source->status != 0) {
    return source->status;
  }
  if (source->lie > 0) {
    return (int)(cap + source->lie);
  }
  size_t left = offset < source->len ? source->len - (size_t)offset : 0;
  size_t given = left < cap ? left : cap;
  for (size_t i = 0; i < given; i++) {
    room[i] = byte_at(offset + i);
  }
  return (int)given;
}

static void release_source(void *user_data) {
  ((source_t *)user_data)->released++;
}

static const acoap_body_ops_t ops = {sizeof(ops), read_source, release_source, false};
static const acoap_body_ops_t once = {sizeof(once), read_source, release_source, true};

/* The piece has to be these bytes. */
static void expect(acoap_body_t *body, uint64_t offset, size_t size, size_t len, bool more) {
  acoap__piece_t piece;
  ck_assert_int_eq(acoap__body_piece(body, offset, size, &piece), 0);
  ck_assert_uint_eq(piece.bytes.len, len);
  ck_assert_int_eq(piece.more, more);
  for (size_t i = 0; i < len; i++) {
    ck_assert_uint_eq(piece.bytes.data[i], byte_at(offset + i));
  }
}

static void expect_status(acoap_body_t *body, uint64_t offset, size_t size, int status) {
  acoap__piece_t piece;
  ck_assert_int_eq(acoap__body_piece(body, offset, size, &piece), status);
}

/* ---- memory ---------------------------------------------------------------------------------- */

START_TEST(a_copy_is_cut_anywhere) {
  uint8_t bytes[300];
  for (size_t i = 0; i < sizeof(bytes); i++) {
    bytes[i] = byte_at(i);
  }
  acoap_body_t *body = acoap_body_copy(bytes, sizeof(bytes));
  memset(bytes, 0, sizeof(bytes));
  expect(body, 0, 128, 128, true);
  expect(body, 256, 128, 44, false);
  expect(body, 172, 128, 128, false);
  expect(body, 299, 16, 1, false);
  expect_status(body, 300, 16, ACOAP_CODE_BAD_REQUEST);
  expect_status(body, UINT64_MAX - 1, 16, ACOAP_CODE_BAD_REQUEST);
  ck_assert_uint_ge(acoap__body_cost(body), 300);
  ck_assert_ptr_null(acoap_body_unref(body));
}
END_TEST

START_TEST(an_empty_body_has_a_first_piece) {
  acoap_body_t *body = acoap_body_copy(NULL, 0);
  expect(body, 0, 64, 0, false);
  expect_status(body, 16, 16, ACOAP_CODE_BAD_REQUEST);
  ck_assert_uint_eq(acoap__body_etag(body).len, 8);
  acoap_body_unref(body);
  ck_assert_ptr_null(acoap_body_copy(NULL, 1));
  ck_assert_ptr_null(acoap_body_ref(NULL));
  ck_assert_ptr_null(acoap_body_unref(NULL));
}
END_TEST

START_TEST(what_was_lent_is_released_once) {
  source_t source = {0};
  static const uint8_t bytes[40] = {1};
  acoap_body_t *body = acoap_body_lend(bytes, sizeof(bytes), release_source, &source);
  acoap_body_ref(body);
  acoap_body_unref(body);
  ck_assert_uint_eq(source.released, 0);
  acoap_body_unref(body);
  ck_assert_uint_eq(source.released, 1);
  ck_assert_ptr_null(acoap_body_lend(NULL, 5, release_source, &source));
  ck_assert_uint_eq(source.released, 2);
  /* What stays for ever takes none of our memory. */
  acoap_body_t *constant = acoap_body_lend(bytes, sizeof(bytes), NULL, NULL);
  acoap_body_t *lent = acoap_body_lend(bytes, sizeof(bytes), release_source, &source);
  ck_assert_uint_eq(acoap__body_cost(lent) - acoap__body_cost(constant), sizeof(bytes));
  acoap_body_unref(constant);
  acoap_body_unref(lent);
}
END_TEST

START_TEST(borrowed_bytes_are_copied_when_they_are_to_stay) {
  uint8_t bytes[20];
  for (size_t i = 0; i < sizeof(bytes); i++) {
    bytes[i] = byte_at(i);
  }
  acoap_body_t *body = acoap__body_borrow(bytes, sizeof(bytes));
  ck_assert_int_eq(acoap__body_own(body), 0);
  ck_assert_int_eq(acoap__body_own(body), 0);
  acoap_body_ref(body);
  acoap__body_return(body);
  memset(bytes, 0, sizeof(bytes));
  expect(body, 0, 32, 20, false);
  acoap_body_unref(body);
  /* Nobody owned it: it is gone, whoever still refers to it. */
  body = acoap__body_borrow(bytes, sizeof(bytes));
  acoap_body_ref(body);
  acoap__body_return(body);
  expect_status(body, 16, 16, ACOAP_CODE_BAD_REQUEST);
  acoap_body_unref(body);
}
END_TEST

/* ---- ETags ----------------------------------------------------------------------------------- */

START_TEST(the_etag_of_memory_is_made_of_its_bytes) {
  acoap_body_t *a = acoap_body_copy("hello", 5);
  acoap_body_t *b = acoap_body_lend("hello", 5, NULL, NULL);
  acoap_body_t *c = acoap_body_copy("hellp", 5);
  uint8_t etag[8];
  memcpy(etag, acoap__body_etag(a).data, 8);
  ck_assert_mem_eq(acoap__body_etag(b).data, etag, 8);
  ck_assert_mem_ne(acoap__body_etag(c).data, etag, 8);
  acoap__body_number(a, 5);
  ck_assert_mem_eq(acoap__body_etag(a).data, etag, 8);
  ck_assert(acoap__body_etag_lasts(a) && !acoap__body_etag_given(a));
  acoap_body_unref(a);
  acoap_body_unref(b);
  acoap_body_unref(c);
}
END_TEST

START_TEST(an_etag_has_1_to_8_bytes) {
  source_t source = {.len = 5};
  acoap_body_t *body = acoap_body_read(&ops, 5, &source);
  ck_assert_uint_eq(acoap__body_etag(body).len, 0);
  ck_assert(!acoap__body_etag_lasts(body));
  ck_assert_int_eq(acoap_body_set_etag(body, "123456789", 9), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_body_set_etag(body, "", 0), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_body_set_etag(body, NULL, 1), ACOAP_EINVAL);
  ck_assert_int_eq(acoap_body_set_etag(NULL, "1", 1), ACOAP_EINVAL);
  acoap__body_number(body, 0x0807060504030201);
  ck_assert_mem_eq(acoap__body_etag(body).data, "\1\2\3\4\5\6\7\10", 8);
  acoap__body_number(body, 9);
  ck_assert_mem_eq(acoap__body_etag(body).data, "\1\2\3\4\5\6\7\10", 8);
  ck_assert_int_eq(acoap_body_set_etag(body, "v", 1), 0);
  ck_assert_uint_eq(acoap__body_etag(body).len, 1);
  ck_assert(acoap__body_etag_lasts(body));
  acoap_body_unref(body);
}
END_TEST

/* ---- reading --------------------------------------------------------------------------------- */

START_TEST(one_byte_ahead_tells_whether_more_follows) {
  source_t source = {.len = 128};
  acoap_body_t *body = acoap_body_read(&ops, ACOAP_BODY_SIZE_UNKNOWN, &source);
  expect(body, 0, 64, 64, true);
  ck_assert_uint_eq(source.cap, 65);
  expect(body, 64, 64, 64, false);
  /* The byte ahead was not read again. */
  ck_assert_uint_eq(source.at, 65);
  ck_assert_uint_eq(source.cap, 64);
  ck_assert_uint_eq(acoap__body_len(body), 128);
  expect_status(body, 128, 64, ACOAP_CODE_BAD_REQUEST);
  unsigned reads = source.reads;
  expect(body, 64, 64, 64, false);
  ck_assert_uint_eq(source.reads, reads);
  acoap_body_unref(body);
  ck_assert_uint_eq(source.released, 1);
}
END_TEST

START_TEST(a_known_size_needs_no_byte_ahead_at_the_end) {
  source_t source = {.len = 128};
  acoap_body_t *body = acoap_body_read(&ops, 128, &source);
  expect(body, 64, 64, 64, false);
  ck_assert_uint_eq(source.cap, 64);
  expect(body, 0, 1024, 128, false);
  expect(body, 16, 16, 16, true);
  expect(body, 96, 1024, 32, false);
  acoap_body_unref(body);
}
END_TEST

START_TEST(less_than_was_told_is_an_error) {
  source_t source = {.len = 100};
  acoap_body_t *body = acoap_body_read(&ops, 128, &source);
  expect(body, 0, 64, 64, true);
  expect_status(body, 64, 64, ACOAP_EINCOMPLETE);
  expect_status(body, 112, 16, ACOAP_EINCOMPLETE);
  acoap_body_unref(body);
}
END_TEST

START_TEST(more_than_was_told_is_not_asked_for) {
  source_t source = {.len = 1000};
  acoap_body_t *body = acoap_body_read(&ops, 128, &source);
  expect(body, 64, 64, 64, false);
  expect_status(body, 128, 64, ACOAP_CODE_BAD_REQUEST);
  acoap_body_unref(body);
}
END_TEST

START_TEST(a_reader_that_says_more_than_there_was_room_for_fails) {
  source_t source = {.len = 1000, .lie = 1};
  acoap_body_t *body = acoap_body_read(&ops, 1000, &source);
  expect_status(body, 0, 64, ACOAP_EINVAL);
  acoap_body_unref(body);
}
END_TEST

START_TEST(a_reader_that_failed_is_asked_again) {
  source_t source = {.len = 100, .status = ACOAP_ESECURITY};
  acoap_body_t *body = acoap_body_read(&ops, 100, &source);
  expect_status(body, 0, 64, ACOAP_ESECURITY);
  source.status = 0;
  expect(body, 0, 64, 64, true);
  acoap_body_unref(body);
}
END_TEST

START_TEST(a_table_without_read_is_none) {
  source_t source = {0};
  acoap_body_ops_t bad = ops;
  bad.read = NULL;
  ck_assert_ptr_null(acoap_body_read(&bad, 5, &source));
  ck_assert_uint_eq(source.released, 1);
  bad = ops;
  bad.size = sizeof(bad.size);
  ck_assert_ptr_null(acoap_body_read(&bad, 5, &source));
  ck_assert_ptr_null(acoap_body_read(NULL, 5, &source));
}
END_TEST

START_TEST(random_pieces_of_random_sizes_are_right) {
  uint64_t dice = 12345;
  for (unsigned round = 0; round < 40; round++) {
    source_t source = {.len = 1 + (round * 977) % LEN_MAX};
    bool known = round % 2 == 0;
    acoap_body_t *body =
        acoap_body_read(&ops, known ? source.len : ACOAP_BODY_SIZE_UNKNOWN, &source);
    for (unsigned i = 0; i < 200; i++) {
      dice = dice * 6364136223846793005u + 1442695040888963407u;
      size_t size = (size_t)16 << ((dice >> 40) % 7);
      uint64_t offset = (dice >> 48) % (source.len / size + 3) * size;
      if (offset >= source.len && offset > 0) {
        expect_status(body, offset, size, ACOAP_CODE_BAD_REQUEST);
      } else {
        size_t left = source.len - (size_t)offset;
        expect(body, offset, size, left < size ? left : size, left > size);
      }
    }
    acoap_body_unref(body);
  }
}
END_TEST

START_TEST(a_sequence_goes_forward_only) {
  source_t source = {.len = 400};
  acoap_body_t *body = acoap_body_read(&once, ACOAP_BODY_SIZE_UNKNOWN, &source);
  expect(body, 0, 64, 64, true);
  expect(body, 0, 64, 64, true);
  ck_assert_uint_eq(source.reads, 1);
  expect(body, 64, 64, 64, true);
  expect(body, 96, 32, 32, true); /* within what is there */
  ck_assert_uint_eq(source.reads, 2);
  expect(body, 64, 64, 64, true);
  ck_assert_uint_eq(source.reads, 2);
  expect_status(body, 0, 64, ACOAP_CODE_BAD_REQUEST);
  for (uint64_t offset = 128; offset < 384; offset += 64) {
    expect(body, offset, 64, 64, true);
  }
  expect(body, 384, 64, 16, false);
  expect_status(body, 320, 64, ACOAP_CODE_BAD_REQUEST);
  acoap_body_unref(body);
}
END_TEST

/* ---- waiting --------------------------------------------------------------------------------- */

START_TEST(a_sequence_leaves_nothing_out) {
  source_t source = {.len = 1000};
  acoap_body_t *body = acoap_body_read(&once, ACOAP_BODY_SIZE_UNKNOWN, &source);
  expect(body, 0, 64, 64, true);
  unsigned reads = source.reads;
  expect_status(body, 128, 64, ACOAP_CODE_BAD_REQUEST);
  expect_status(body, 4096, 64, ACOAP_CODE_BAD_REQUEST);
  ck_assert_uint_eq(source.reads, reads);
  expect(body, 64, 64, 64, true); /* it goes on where it was */
  acoap_body_unref(body);
}
END_TEST

START_TEST(one_read_waits_at_a_time_and_is_asked_again) {
  source_t source = {.len = 400, .wait = true};
  acoap_body_t *body = acoap_body_read(&ops, 400, &source);
  expect_status(body, 128, 64, ACOAP_EAGAIN);
  expect_status(body, 0, 64, ACOAP_EAGAIN);
  ck_assert_uint_eq(source.reads, 1);
  acoap_body_ready(body);
  /* Whoever asks first: what was asked before is read first. */
  expect(body, 0, 64, 64, true);
  ck_assert_uint_eq(source.reads, 3);
  expect(body, 128, 64, 64, true);
  acoap_body_ready(body); /* nobody waits */
  acoap_body_ready(NULL);
  acoap_body_unref(body);
}
END_TEST

START_TEST(the_window_is_served_while_a_read_waits) {
  source_t source = {.len = 400};
  acoap_body_t *body = acoap_body_read(&once, 400, &source);
  expect(body, 0, 64, 64, true);
  source.wait = true;
  expect_status(body, 64, 64, ACOAP_EAGAIN);
  expect(body, 0, 64, 64, true);
  acoap_body_ready(body);
  expect(body, 64, 64, 64, true);
  ck_assert_uint_eq(source.at, 65);
  acoap_body_unref(body);
}
END_TEST

START_TEST(ready_may_come_before_the_answer) {
  source_t source = {.len = 100, .wait = true, .ready_inside = true};
  acoap_body_t *body = acoap_body_read(&ops, 100, &source);
  expect_status(body, 0, 64, ACOAP_EAGAIN);
  expect(body, 0, 64, 64, true);
  acoap_body_unref(body);
}
END_TEST

START_TEST(an_error_that_comes_late_is_the_one_who_asked_s) {
  source_t source = {.len = 400, .wait = true};
  acoap_body_t *body = acoap_body_read(&ops, 400, &source);
  expect_status(body, 0, 64, ACOAP_EAGAIN);
  acoap_body_ready(body);
  source.status = ACOAP_ESECURITY;
  expect_status(body, 0, 64, ACOAP_ESECURITY);
  source.status = 0;
  source.wait = true;
  expect_status(body, 0, 64, ACOAP_EAGAIN);
  acoap_body_ready(body);
  expect(body, 320, 64, 64, true);
  acoap_body_unref(body);
}
END_TEST

START_TEST(a_reader_may_let_its_body_go) {
  source_t source = {.len = 400, .drops = true};
  acoap_body_t *body = acoap_body_read(&ops, 400, &source);
  expect_status(body, 0, 64, ACOAP_ECANCELED);
  ck_assert_uint_eq(source.released, 1);
}
END_TEST

static Suite *server_body_suite(void) {
  Suite *suite = suite_create("server_body");
  TCase *memory = tcase_create("memory");
  tcase_add_test(memory, a_copy_is_cut_anywhere);
  tcase_add_test(memory, an_empty_body_has_a_first_piece);
  tcase_add_test(memory, what_was_lent_is_released_once);
  tcase_add_test(memory, borrowed_bytes_are_copied_when_they_are_to_stay);
  tcase_add_test(memory, the_etag_of_memory_is_made_of_its_bytes);
  tcase_add_test(memory, an_etag_has_1_to_8_bytes);
  suite_add_tcase(suite, memory);
  TCase *reading = tcase_create("reading");
  tcase_add_test(reading, one_byte_ahead_tells_whether_more_follows);
  tcase_add_test(reading, a_known_size_needs_no_byte_ahead_at_the_end);
  tcase_add_test(reading, less_than_was_told_is_an_error);
  tcase_add_test(reading, more_than_was_told_is_not_asked_for);
  tcase_add_test(reading, a_reader_that_says_more_than_there_was_room_for_fails);
  tcase_add_test(reading, a_reader_that_failed_is_asked_again);
  tcase_add_test(reading, a_table_without_read_is_none);
  tcase_add_test(reading, random_pieces_of_random_sizes_are_right);
  tcase_add_test(reading, a_sequence_goes_forward_only);
  tcase_add_test(reading, a_sequence_leaves_nothing_out);
  suite_add_tcase(suite, reading);
  TCase *waiting = tcase_create("waiting");
  tcase_add_test(waiting, one_read_waits_at_a_time_and_is_asked_again);
  tcase_add_test(waiting, the_window_is_served_while_a_read_waits);
  tcase_add_test(waiting, ready_may_come_before_the_answer);
  tcase_add_test(waiting, an_error_that_comes_late_is_the_one_who_asked_s);
  tcase_add_test(waiting, a_reader_may_let_its_body_go);
  suite_add_tcase(suite, waiting);
  return suite;
}

ACOAP_TEST_MAIN(server_body_suite)
