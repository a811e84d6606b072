#include "network_internal.h"

/* How pixels become values of the first tensor. */
typedef struct {
    const qrig_network *network;
    const qrig_network_image *image;
    int16_t mean[3];
} sampling;

typedef struct {
    int32_t channel[3];
} colour;

/* sat8(((value - mean) * 128 + round) >> shift) */
static q7_t quantized(const sampling *sample, int32_t value, uint32_t channel) {
    uint32_t shift = sample->network->shift;
    int32_t scaled = (value - sample->mean[channel]) * (1 << NETWORK_INPUT_BITS);
    int32_t result = (scaled + (1 << (shift - 1))) >> shift;
    return (q7_t)(result < INT8_MIN ? INT8_MIN : result > INT8_MAX ? INT8_MAX : result);
}

/* A pixel as red, green and blue of 8 bits; of a gray image the same three times. */
static colour read_pixel(const qrig_network_image *image, uint32_t index) {
    if (image->format == QRIG_NETWORK_GRAY) {
        int32_t value = image->pixels[index];
        return (colour){{value, value, value}};
    }
    if (image->format == QRIG_NETWORK_RGB888) {
        const uint8_t *pixel = image->pixels + (size_t)3 * index;
        return (colour){{pixel[0], pixel[1], pixel[2]}};
    }
    const uint8_t *pixel = image->pixels + (size_t)2 * index;
    int32_t word = pixel[0] << 8 | pixel[1];
    int32_t red = word >> 11, green = word >> 5 & 63, blue = word & 31;
    /* round(x * 255 / 31) and round(x * 255 / 63) */
    return (colour){{(510 * red + 31) / 62, (510 * green + 63) / 126, (510 * blue + 31) / 62}};
}

static int32_t gray_of(colour pixel) {
    return (9770 * pixel.channel[0] + 19182 * pixel.channel[1] + 3736 * pixel.channel[2]) >> 15;
}

static void store(const sampling *sample, uint32_t index, q7_t *out) {
    colour pixel = read_pixel(sample->image, index);
    if (sample->network->input.channels == 1) {
        int is_gray = sample->image->format == QRIG_NETWORK_GRAY;
        *out = quantized(sample, is_gray ? pixel.channel[0] : gray_of(pixel), 0);
        return;
    }
    for (uint32_t channel = 0; channel < 3; channel++) {
        out[channel] = quantized(sample, pixel.channel[channel], channel);
    }
}

/* The means of the channels; a gray image is less the gray of the means in all of three. */
static sampling prepare(const qrig_network *network, const qrig_network_image *image) {
    sampling sample = {network, image, {0}};
    const int16_t *mean = network->mean;
    int is_gray = image->format == QRIG_NETWORK_GRAY && network->input.channels == 3;
    int32_t gray = (30 * mean[0] + 59 * mean[1] + 11 * mean[2]) / 100;
    for (uint32_t channel = 0; channel < 3; channel++) {
        sample.mean[channel] = is_gray ? (int16_t)gray : mean[channel];
    }
    return sample;
}

/* The place along one axis that output i is taken from: nearest, without an offset to centres. */
static uint32_t nearest(uint32_t i, uint32_t size, uint32_t count) {
    uint32_t step = (size << 16) / count + 1;
    uint32_t place = (i * step) >> 16;
    return place < size ? place : size - 1;
}

/* What of a length from begin on lies within size. */
static uint32_t clipped(uint32_t begin, uint32_t length, uint32_t size) {
    return length < size - begin ? length : size - begin;
}

static void take_input(const qrig_network *network, const qrig_network_image *image,
                       const qrig_network_roi *roi) {
    sampling sample = prepare(network, image);
    qrig_network_shape in = network->input;
    uint32_t width = clipped(roi->x, roi->width, image->width);
    uint32_t height = clipped(roi->y, roi->height, image->height);
    q7_t *out = network->tensors;
    for (uint32_t y = 0; y < in.height; y++) {
        uint32_t row = (roi->y + nearest(y, height, in.height)) * image->width + roi->x;
        for (uint32_t x = 0; x < in.width; x++, out += in.channels) {
            store(&sample, row + nearest(x, width, in.width), out);
        }
    }
}

qrig_network_status qrig_network_forward(const qrig_network *network,
                                         const qrig_network_image *image,
                                         const qrig_network_roi *roi, int softmax, q7_t *output) {
    if (qrig_network_image_bytes(image->format, image->width, image->height) == 0 ||
        roi->width == 0 || roi->height == 0 || roi->x >= image->width || roi->y >= image->height) {
        return QRIG_NETWORK_IMAGE;
    }
    take_input(network, image, roi);
    return network_compute(network, softmax, output);
}
