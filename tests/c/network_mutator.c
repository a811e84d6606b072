/* A mutator for libFuzzer: it changes bytes as ever, then mostly makes a network of what is left.
 *
 * A file of arbitrary bytes is refused at its first number that does not follow from others. So
 * every number is read as what it says modulo what it may be, and written again with the sizes that
 * follow from it; now and then the numbers are left wrong. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 8u
#define MAX_BYTES 4096u
#define MAX_LAYERS 9u

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

static uint8_t source[MAX_BYTES];
static size_t source_bytes, source_at;
static uint8_t *made;
static size_t made_bytes, made_most;
static uint32_t height, width, channels;

/* The next number of the source, brought into a range. */
static uint32_t take(uint32_t least, uint32_t most) {
    uint32_t value = 0;
    if (source_at + 4 <= source_bytes) {
        memcpy(&value, source + source_at, 4);
        source_at += 4;
    }
    return value >= least && value <= most ? value : least + value % (most - least + 1);
}

static void put(uint32_t value) {
    if (made_bytes + 4 <= made_most) {
        memcpy(made + made_bytes, &value, 4);
    }
    made_bytes += 4;
}

/* An array of so many bytes, from that of the source as far as it goes. */
static void put_array(uint32_t bytes) {
    uint32_t there = take(0, 1024);
    put(bytes);
    for (uint32_t i = 0; i < bytes; i++, made_bytes++) {
        uint8_t value = (uint8_t)(i * 29 + bytes);
        if (i < there && source_at + i < source_bytes) {
            value = source[source_at + i];
        }
        if (made_bytes < made_most) {
            made[made_bytes] = value;
        }
    }
    source_at = source_at + there < source_bytes ? source_at + there : source_bytes;
}

static void put_shape(uint32_t type, uint32_t batch) {
    put(type);
    put(batch);
    put(channels);
    put(height);
    put(width);
}

static uint32_t shorter(void) {
    return height < width ? height : width;
}

static void mend_data(uint32_t batch) {
    channels = take(0, 3) == 1 ? 1 : 3;
    height = take(1, 24);
    width = take(1, 24);
    put_shape(0, batch);
    for (int i = 0; i < 3; i++) {
        put(take(0, 255));
    }
    put(take(1, 31));
}

static void mend_convolution(uint32_t batch) {
    uint32_t before = channels;
    channels = take(1, 9);
    (void)take(0, 1);
    (void)take(0, 1);
    uint32_t bias_shift = take(0, 31), out_shift = take(0, 31);
    uint32_t kernel = take(1, 5), padding = take(0, 6), stride = take(1, 4);
    kernel = kernel > shorter() + 2 * padding ? 1 : kernel;
    height = (height + 2 * padding - kernel) / stride + 1;
    width = (width + 2 * padding - kernel) / stride + 1;
    put_shape(1, batch);
    put(bias_shift);
    put(out_shift);
    put(kernel);
    put(padding);
    put(stride);
    put_array(kernel * kernel * before * channels);
    put_array(channels);
}

static void mend_relu(uint32_t batch) {
    source_at += source_at + 12 <= source_bytes ? 12 : 0;
    put_shape(2, batch);
}

/* Rounded up where that is what the source says and every window begins inside. */
static uint32_t pooled(uint32_t size, uint32_t said, uint32_t kernel, uint32_t padding,
                       uint32_t stride) {
    uint32_t span = size + 2 * padding - kernel;
    uint32_t steps = span / stride, limit = (size + padding - 1) / stride;
    steps += said == steps + 2 && span % stride ? 1 : 0;
    return (steps < limit ? steps : limit) + 1;
}

static void mend_pooling(uint32_t batch) {
    (void)take(0, 1);
    uint32_t high = take(1, 24), wide = take(1, 24);
    uint32_t method = take(0, 1), kernel = take(1, 5), padding = take(0, 3), stride = take(1, 4);
    padding = padding >= kernel || padding >= stride ? 0 : padding;
    kernel = kernel > shorter() + 2 * padding ? 1 : kernel;
    padding = padding >= kernel ? 0 : padding;
    height = pooled(height, high, kernel, padding, stride);
    width = pooled(width, wide, kernel, padding, stride);
    put_shape(3, batch);
    put(method);
    put(kernel);
    put(padding);
    put(stride);
}

static void mend_inner_product(uint32_t batch) {
    uint32_t inputs = height * width * channels;
    channels = take(1, 12);
    (void)take(0, 1);
    (void)take(0, 1);
    height = width = 1;
    put_shape(4, batch);
    put(take(0, 31));
    put(take(0, 31));
    put_array(inputs * channels);
    put_array(channels);
}

/* Write the source as a network; returns its bytes. */
static size_t mend(uint32_t seed) {
    static void (*const mends[])(uint32_t) = {mend_convolution, mend_relu, mend_pooling,
                                              mend_inner_product};
    uint32_t batch = 0, layers = 0;
    size_t good = 0;
    source_at = 4;
    uint32_t count = take(2, MAX_LAYERS);
    put(0x45464143u);
    put(count);
    for (; layers < count; layers++) {
        uint32_t type = take(0, 4);
        uint32_t said = take(1, 100);
        batch = layers == 0 ? said : batch;
        if (layers == 0) {
            mend_data(batch);
        } else {
            mends[type ? type - 1 : seed % 4](batch);
        }
        if (made_bytes > made_most) {
            break;
        }
        good = made_bytes;
    }
    memcpy(made + 4, &layers, 4);
    return good;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed) {
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 4 == 0 || size < HEAD_BYTES + 8 || most < HEAD_BYTES + 64) {
        return size;
    }
    source_bytes = size - HEAD_BYTES < MAX_BYTES ? size - HEAD_BYTES : MAX_BYTES;
    memcpy(source, data + HEAD_BYTES, source_bytes);
    made = data + HEAD_BYTES;
    made_bytes = 0;
    made_most = most - HEAD_BYTES;
    size = HEAD_BYTES + mend(seed);
    if (seed % 16 == 1) { /* one number is wrong */
        size_t at = HEAD_BYTES + (seed / 16 % ((size - HEAD_BYTES) / 4)) * 4;
        data[at] = (uint8_t)(data[at] + (seed >> 8) % 5);
    }
    return size;
}
