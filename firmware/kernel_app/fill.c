#include "fill.h"
#include "arena.h"
#include "server.h"
#include <stddef.h>

#define REQUEST_BYTES 18u

typedef struct {
    uint32_t offset;
    uint32_t count;
    uint32_t value;
    uint16_t columns;
    uint8_t element_bytes;
    uint8_t kind;
    uint8_t shift;
    uint8_t order;
} fill;

static fill parse(const uint8_t *bytes) {
    return (fill){frame_u32(bytes),
                  frame_u32(bytes + 4),
                  frame_u32(bytes + 8),
                  frame_u16(bytes + 12),
                  bytes[14],
                  bytes[15],
                  bytes[16],
                  bytes[17]};
}

static int valid(const fill *wanted) {
    uint32_t bits = 8u * wanted->element_bytes;
    return (bits == 8 || bits == 16) && wanted->kind <= FILL_SEQUENCE && wanted->shift < bits &&
           wanted->order <= ORDER_X4_Q15 && wanted->count < UINT32_MAX / 2 &&
           (wanted->order == ORDER_PLAIN ||
            (wanted->columns > 0 && wanted->count % wanted->columns == 0));
}

/* Where in a block of four rows an element stands: row and column count from the block's start. */
static uint32_t in_block(uint8_t order, uint32_t row, uint32_t column) {
    switch (order) {
    case ORDER_X4_Q7:
        return (column & 1u) * 8 + (row & 2u) * 2 + (column & 2u) + (row & 1u);
    case ORDER_X4_MIXED:
        return (row & 2u) * 2 + (column & 1u) * 2 + (row & 1u);
    default:
        return row * 2 + (column & 1u);
    }
}

/* Where the element of a row-major matrix goes. Rows beyond the last four stay as they are. */
static uint32_t place(const fill *wanted, uint32_t row, uint32_t column) {
    uint32_t columns = wanted->columns;
    uint32_t rows = wanted->count / columns;
    uint32_t block = wanted->order == ORDER_X4_Q7 ? 4 : 2;
    if (row >= rows - rows % 4) {
        return row * columns + column;
    }
    uint32_t start = (row - row % 4) * columns;
    if (column >= columns - columns % block) {
        return start + 4 * column + row % 4;
    }
    return start + 4 * (column - column % block) + in_block(wanted->order, row % 4, column % block);
}

static uint32_t next_element(const fill *wanted, uint32_t *state) {
    if (wanted->kind == FILL_CONSTANT) {
        return wanted->value;
    }
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    *state = x;
    int32_t element = (int32_t)x >> (32 - 8 * wanted->element_bytes);
    return (uint32_t)(element >> wanted->shift);
}

uint8_t fill_arena(const frame *request) {
    if (request->length != REQUEST_BYTES) {
        return STATUS_BAD_REQUEST;
    }
    fill wanted = parse(request->payload);
    if (!valid(&wanted)) {
        return STATUS_BAD_REQUEST;
    }
    uint8_t *to = arena_at(wanted.offset, wanted.count * wanted.element_bytes);
    if (to == NULL) {
        return STATUS_BAD_REQUEST;
    }
    uint32_t state = wanted.value;
    uint32_t row = 0, column = 0;
    for (uint32_t i = 0; i < wanted.count; i++) {
        uint32_t element = next_element(&wanted, &state);
        uint32_t index = wanted.order == ORDER_PLAIN ? i : place(&wanted, row, column);
        if (wanted.element_bytes == 1) {
            to[index] = (uint8_t)element;
        } else {
            frame_put_u16(to + 2 * index, (uint16_t)element);
        }
        if (++column == wanted.columns) {
            column = 0;
            row++;
        }
    }
    return STATUS_OK;
}
