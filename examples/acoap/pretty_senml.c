/*
 * SenML (RFC 8428) in JSON and CBOR as a table, records resolved (section 4.6): name = bn + n,
 * value = bv + v, unit = u or bu, time = bt + t; times below 2^28 are relative to now
 * (section 4.5.3). A pack that is malformed is refused as a whole.
 * SPDX-License-Identifier: MIT
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cbor_reader.h"
#include "json_reader.h"
#include "pretty.h"
#include "table.h"

/* Longest name or string value shown, bytes. */
#define FIELD_MAX 512

/* Labels of RFC 8428 section 6 (CBOR numbers); names in JSON. */
typedef enum label {
  LABEL_BS = -6,
  LABEL_BV = -5,
  LABEL_BU = -4,
  LABEL_BT = -3,
  LABEL_BN = -2,
  LABEL_BVER = -1,
  LABEL_N = 0,
  LABEL_U = 1,
  LABEL_V = 2,
  LABEL_VS = 3,
  LABEL_VB = 4,
  LABEL_S = 5,
  LABEL_T = 6,
  LABEL_UT = 7,
  LABEL_VD = 8,
  LABEL_OTHER = 99
} label_t;

/* One field's value, whatever the encoding. */
typedef struct field {
  enum { FIELD_NUMBER, FIELD_STRING, FIELD_BOOL, FIELD_BYTES } kind;
  double number;        /* FIELD_NUMBER, FIELD_BOOL */
  char text[FIELD_MAX]; /* FIELD_STRING; of FIELD_BYTES the hexadecimal */
} field_t;

/* What carries over from record to record, and the record in hand. */
typedef struct pack {
  table_t table;
  char base_name[FIELD_MAX];
  char base_unit[64];
  double base_time;
  double base_value;
  double base_sum;
  char name[FIELD_MAX]; /* of the record */
  char unit[64];
  double time;
  char value[FIELD_MAX + 32]; /* shown; empty: none */
  double number;              /* v */
  bool has_number;
  double sum; /* s */
  bool has_sum;
} pack_t;

static const char *const titles[] = {"NAME", "VALUE", "UNIT", "TIME"};

static label_t label_of(const char *name, size_t len) {
  static const struct {
    const char *name;
    label_t label;
  } labels[] = {{"bs", LABEL_BS}, {"bv", LABEL_BV},     {"bu", LABEL_BU}, {"bt", LABEL_BT},
                {"bn", LABEL_BN}, {"bver", LABEL_BVER}, {"n", LABEL_N},   {"u", LABEL_U},
                {"v", LABEL_V},   {"vs", LABEL_VS},     {"vb", LABEL_VB}, {"s", LABEL_S},
                {"t", LABEL_T},   {"ut", LABEL_UT},     {"vd", LABEL_VD}};
  for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
    if (strlen(labels[i].name) == len && memcmp(labels[i].name, name, len) == 0) {
      return labels[i].label;
    }
  }
  return LABEL_OTHER;
}

static void record_begin(pack_t *pack) {
  pack->name[0] = '\0';
  pack->unit[0] = '\0';
  pack->value[0] = '\0';
  pack->time = 0.0;
  pack->has_number = false;
  pack->has_sum = false;
}

static void record_field(pack_t *pack, label_t label, const field_t *field) {
  bool number = field->kind == FIELD_NUMBER;
  bool string = field->kind == FIELD_STRING;
  if (number && label == LABEL_BT) {
    pack->base_time = field->number;
  } else if (number && label == LABEL_BV) {
    pack->base_value = field->number;
  } else if (number && label == LABEL_BS) {
    pack->base_sum = field->number;
  } else if (number && label == LABEL_T) {
    pack->time = field->number;
  } else if (number && label == LABEL_V) {
    pack->number = field->number;
    pack->has_number = true;
  } else if (number && label == LABEL_S) {
    pack->sum = field->number;
    pack->has_sum = true;
  } else if (string && label == LABEL_BN) {
    snprintf(pack->base_name, sizeof(pack->base_name), "%s", field->text);
  } else if (string && label == LABEL_BU) {
    snprintf(pack->base_unit, sizeof(pack->base_unit), "%.63s", field->text);
  } else if (string && label == LABEL_N) {
    snprintf(pack->name, sizeof(pack->name), "%s", field->text);
  } else if (string && label == LABEL_U) {
    snprintf(pack->unit, sizeof(pack->unit), "%.63s", field->text);
  } else if (label == LABEL_VS || label == LABEL_VD) {
    snprintf(pack->value, sizeof(pack->value), "%s", field->text);
  } else if (field->kind == FIELD_BOOL && label == LABEL_VB) {
    snprintf(pack->value, sizeof(pack->value), "%s", field->number > 0.0 ? "true" : "false");
  }
}

/* Seconds since 1970, or relative to now. */
static void format_time(double seconds, char *text, size_t cap) {
  struct tm parts;
  if (!(fabs(seconds) < 1e12)) {
    snprintf(text, cap, "%g", seconds);
    return;
  }
  if (seconds < 268435456.0) {
    if (fabs(seconds) < 1e-9) {
      text[0] = '\0';
    } else {
      snprintf(text, cap, "now%+.10g s", seconds);
    }
    return;
  }
  int64_t ms = (int64_t)(seconds * 1000.0 + 0.5);
  time_t whole = (time_t)(ms / 1000);
  int thousandths = (int)(ms % 1000);
  gmtime_r(&whole, &parts);
  size_t len = strftime(text, cap, "%Y-%m-%d %H:%M:%S", &parts);
  if (thousandths > 0) {
    len += (size_t)snprintf(text + len, cap - len, ".%03d", thousandths);
  }
  snprintf(text + len, cap - len, "Z");
}

static void record_end(pack_t *pack) {
  char name[2 * FIELD_MAX];
  char value[FIELD_MAX + 80];
  char time[64];
  const char *unit = pack->unit[0] != '\0' ? pack->unit : pack->base_unit;
  if (pack->has_number) {
    snprintf(pack->value, sizeof(pack->value), "%.15g", pack->base_value + pack->number);
  }
  if (pack->value[0] == '\0' && !pack->has_sum) {
    return; /* base fields alone */
  }
  int len = snprintf(name, sizeof(name), "%s%s", pack->base_name, pack->name);
  table_add(&pack->table, name, (size_t)len);
  len = snprintf(value, sizeof(value), "%s", pack->value);
  if (pack->has_sum) {
    len += snprintf(value + len, sizeof(value) - (size_t)len, "%ssum %.15g", len > 0 ? ", " : "",
                    pack->base_sum + pack->sum);
  }
  table_add(&pack->table, value, (size_t)len);
  table_add(&pack->table, unit, strlen(unit));
  format_time(pack->base_time + pack->time, time, sizeof(time));
  table_add(&pack->table, time, strlen(time));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static bool json_field(json_reader_t *reader, field_t *field) {
  char number[64];
  json_token_t token = json_reader_next(reader);
  switch (token) {
  case JSON_NUMBER:
    field->kind = FIELD_NUMBER;
    snprintf(number, sizeof(number), "%.*s", (int)(reader->text_len < 63 ? reader->text_len : 63),
             reader->text);
    field->number = strtod(number, NULL);
    return true;
  case JSON_STRING:
    field->kind = FIELD_STRING;
    json_reader_unescape(reader->text, reader->text_len, field->text, sizeof(field->text));
    return true;
  case JSON_TRUE:
  case JSON_FALSE:
    field->kind = FIELD_BOOL;
    field->number = token == JSON_TRUE ? 1.0 : 0.0;
    return true;
  default:
    return false;
  }
}

static bool json_record(json_reader_t *reader, pack_t *pack) {
  record_begin(pack);
  for (;;) {
    json_token_t token = json_reader_next(reader);
    if (token == JSON_OBJECT_END) {
      record_end(pack);
      return true;
    }
    if (token != JSON_KEY) {
      return false;
    }
    label_t label = label_of(reader->text, reader->text_len);
    field_t field = {.text = ""};
    if (!json_field(reader, &field)) {
      return false;
    }
    record_field(pack, label, &field);
  }
}

static bool json_pack(json_reader_t *reader, pack_t *pack) {
  if (json_reader_next(reader) != JSON_ARRAY_BEGIN) {
    return false;
  }
  for (;;) {
    json_token_t token = json_reader_next(reader);
    if (token == JSON_ARRAY_END) {
      return json_reader_next(reader) == JSON_END;
    }
    if (token != JSON_OBJECT_BEGIN || !json_record(reader, pack)) {
      return false;
    }
  }
}

/* ---- CBOR ------------------------------------------------------------------------------------ */

static void copy_text(const cbor_item_t *item, char *text, size_t cap) {
  size_t len = item->argument < cap - 1 ? (size_t)item->argument : cap - 1;
  memcpy(text, item->bytes, len);
  text[len] = '\0';
}

static void copy_hex(const cbor_item_t *item, char *text, size_t cap) {
  size_t at = (size_t)snprintf(text, cap, "0x");
  for (uint64_t i = 0; i < item->argument && at + 3 < cap; i++) {
    at += (size_t)snprintf(text + at, cap - at, "%02x", (unsigned)item->bytes[i]);
  }
}

/* A decimal fraction, tag 4 (RFC 8949 section 3.4.4), as which SenML may write numbers. */
static bool cbor_decimal(cbor_reader_t *reader, field_t *field) {
  cbor_item_t array;
  cbor_item_t exponent;
  cbor_item_t mantissa;
  double power = 0.0;
  if (!cbor_reader_next(reader, &array) || array.major != CBOR_ARRAY || array.indefinite ||
      array.argument != 2 || !cbor_reader_next(reader, &exponent) ||
      !cbor_reader_next(reader, &mantissa) || exponent.major > CBOR_NEGATIVE ||
      !cbor_item_number(&exponent, &power) || !cbor_item_number(&mantissa, &field->number)) {
    return false;
  }
  /* Beyond 10^400 it is infinite or zero anyway. */
  int steps = (int)(power > 400.0 ? 400.0 : power < -400.0 ? -400.0 : power);
  for (; steps > 0; steps--) {
    field->number *= 10.0;
  }
  for (; steps < 0; steps++) {
    field->number /= 10.0;
  }
  field->kind = FIELD_NUMBER;
  return true;
}

static bool cbor_field(cbor_reader_t *reader, field_t *field) {
  cbor_item_t item;
  if (!cbor_reader_next(reader, &item) || item.indefinite) {
    return false;
  }
  if (item.major == CBOR_TAG && item.argument == 4) {
    return cbor_decimal(reader, field);
  }
  if (cbor_item_number(&item, &field->number)) {
    field->kind = FIELD_NUMBER;
    return true;
  }
  if (item.major == CBOR_TEXT) {
    field->kind = FIELD_STRING;
    copy_text(&item, field->text, sizeof(field->text));
    return true;
  }
  if (item.major == CBOR_BYTES) {
    field->kind = FIELD_BYTES;
    copy_hex(&item, field->text, sizeof(field->text));
    return true;
  }
  if (item.major == CBOR_SIMPLE && (item.argument == 20 || item.argument == 21)) {
    field->kind = FIELD_BOOL;
    field->number = item.argument == 21 ? 1.0 : 0.0;
    return true;
  }
  return false;
}

static bool cbor_label(cbor_reader_t *reader, label_t *label) {
  cbor_item_t item;
  double number = 0.0;
  if (!cbor_reader_next(reader, &item) || item.indefinite) {
    return false;
  }
  if (item.major == CBOR_TEXT) {
    *label = label_of((const char *)item.bytes, (size_t)item.argument);
    return true;
  }
  if (item.major > CBOR_NEGATIVE || !cbor_item_number(&item, &number)) {
    return false;
  }
  *label = number >= -6.0 && number <= 8.0 ? (label_t)(int)number : LABEL_OTHER;
  return true;
}

/* Is a definite or indefinite array or map at its end after `count` elements? Steps over the break.
 */
static bool at_end(cbor_reader_t *reader, const cbor_item_t *parent, uint64_t count) {
  if (!parent->indefinite) {
    return count == parent->argument;
  }
  if (reader->at < reader->end && *reader->at == 0xff) {
    reader->at++;
    return true;
  }
  return false;
}

static bool cbor_record(cbor_reader_t *reader, pack_t *pack) {
  cbor_item_t map;
  if (!cbor_reader_next(reader, &map) || map.major != CBOR_MAP) {
    return false;
  }
  record_begin(pack);
  for (uint64_t i = 0; !at_end(reader, &map, i); i++) {
    label_t label = LABEL_OTHER;
    field_t field = {.text = ""};
    if (!cbor_label(reader, &label) || !cbor_field(reader, &field)) {
      return false;
    }
    record_field(pack, label, &field);
  }
  record_end(pack);
  return true;
}

static bool cbor_pack(cbor_reader_t *reader, pack_t *pack) {
  cbor_item_t array;
  if (!cbor_reader_next(reader, &array) || array.major != CBOR_ARRAY) {
    return false;
  }
  for (uint64_t i = 0; !at_end(reader, &array, i); i++) {
    if (!cbor_record(reader, pack)) {
      return false;
    }
  }
  return reader->at == reader->end;
}

/* ---- both ------------------------------------------------------------------------------------ */

static bool finish(pack_t *pack, bool read, FILE *out) {
  bool printed = read && pack->table.count > 0 && table_print(&pack->table, out, 0);
  table_done(&pack->table);
  return printed;
}

bool pretty_senml_json(FILE *out, const void *bytes, size_t len) {
  pack_t pack = {.base_time = 0.0};
  json_reader_t reader;
  table_init(&pack.table, titles, 4);
  json_reader_init(&reader, bytes, len);
  return finish(&pack, json_pack(&reader, &pack), out);
}

bool pretty_senml_cbor(FILE *out, const void *bytes, size_t len) {
  pack_t pack = {.base_time = 0.0};
  cbor_reader_t reader;
  table_init(&pack.table, titles, 4);
  cbor_reader_init(&reader, bytes, len);
  return finish(&pack, cbor_pack(&reader, &pack), out);
}
