/*
 * Text from the network on a terminal: UTF-8 is checked, control characters never reach the
 * terminal.
 * SPDX-License-Identifier: MIT
 */
#ifndef TOOL_TEXT_H
#define TOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Length of the UTF-8 character at `bytes`, 1 to 4, its number in *character (NULL allowed); 0:
 * none is there. */
size_t text_char(const void *bytes, size_t len, uint32_t *character);

/* Every byte belongs to a UTF-8 character. */
bool text_is_utf8(const void *bytes, size_t len);

/* UTF-8 without control characters but line feed, carriage return and tab: fit to be shown as text.
 */
bool text_is_printable(const void *bytes, size_t len);

/* Print; control characters and bytes that are no UTF-8 become \xNN. Line feeds, also with a
 * carriage return in front, and tabs pass. */
void text_print(FILE *out, const void *bytes, size_t len);

/* As text_print, on one line: line feeds and tabs become \n and \t. */
void text_print_line(FILE *out, const void *bytes, size_t len);

/* Columns that text_print_line takes (a character is one column). */
size_t text_width(const void *bytes, size_t len);

#endif
