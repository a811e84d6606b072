#include "plane_crc.h"

#if NETWORK_HAS_PLANES
#include "crc32.h"

/* The checksum is linear: that of a tensor is that of zeros, plus (exclusive or) for each channel
 * the remainder of a tensor with this channel alone. */

/* What a remainder becomes by a number of zero bytes, for each value of its eight nibbles. */
typedef struct {
    uint32_t bytes;
    uint32_t of_nibble[8][16];
} zeros;

static uint32_t after_byte(uint32_t remainder, uint8_t byte) {
    return ~crc32_update(~remainder, &byte, 1);
}

static uint32_t after_zeros(uint32_t remainder, uint32_t bytes) {
    while (bytes--) {
        remainder = after_byte(remainder, 0);
    }
    return remainder;
}

static void prepare(zeros *table, uint32_t bytes) {
    if (table->bytes == bytes) {
        return;
    }
    table->bytes = bytes;
    for (uint32_t nibble = 0; nibble < 8; nibble++) {
        for (uint32_t bit = 0; bit < 4; bit++) {
            uint32_t one = after_zeros(1u << (4 * nibble + bit), bytes);
            for (uint32_t value = 0; value < 1u << bit; value++) {
                uint32_t *of_nibble = table->of_nibble[nibble];
                of_nibble[value + (1u << bit)] = of_nibble[value] ^ one;
            }
        }
    }
}

static uint32_t advance(const zeros *table, uint32_t remainder) {
    uint32_t result = 0;
    for (uint32_t nibble = 0; nibble < 8; nibble++) {
        result ^= table->of_nibble[nibble][remainder >> (4 * nibble) & 15u];
    }
    return result;
}

static uint32_t crc_of_zeros(uint32_t bytes) {
    return ~after_zeros(UINT32_MAX, bytes);
}

uint32_t plane_crc_add(uint32_t crc, network_plane plane, const q7_t *data) {
    static zeros between = {.bytes = UINT32_MAX};
    uint32_t remainder = 0;
    prepare(&between, plane.channels - 1u);
    for (uint32_t row = 0; row < plane.height; row++, data += plane.pitch) {
        for (uint32_t column = 0; column < plane.width; column++) {
            remainder = after_byte(advance(&between, remainder), (uint8_t)data[column]);
        }
    }
    remainder = after_zeros(remainder, plane.channels - 1u - plane.channel);
    if (plane.channel == 0) {
        crc = crc_of_zeros((uint32_t)plane.width * plane.height * plane.channels);
    }
    return crc ^ remainder;
}
#endif
