/* Networks that are loaded at run time: files in OpenMV's `.network` format, used where they lie.
 *
 *   qrig_network_needs    looks at every byte of a file, computes nothing, says what it takes
 *   qrig_network_load     lays the network out in an arena of the caller's; the file stays in use
 *   qrig_network_forward  runs it on an image, or a region of one
 *   qrig_network_run      runs it on pixels of its own shape
 *
 * A file may hold anything: what is not a network that the kernels compute is refused with a status
 * and the place, before anything is computed or a byte is read behind the file. There is no heap
 * and no recursion, nothing but the kernels is needed, and all work is bounded by the sizes in a
 * file that was accepted. The format and its rules are in docs/network-files.md.
 */
#ifndef QRIG_NETWORK_FILE_H
#define QRIG_NETWORK_FILE_H

#include "arm_nnfunctions.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The most layers of a file, the input among them. */
#define QRIG_NETWORK_MAX_LAYERS 1024u

/* The most elements of one tensor or of one layer's weights. */
#define QRIG_NETWORK_MAX_ELEMENTS (1u << 26)

/* What the arena's address and sizes in it are multiples of. */
#define QRIG_NETWORK_ALIGNMENT 8u

typedef enum {
    QRIG_NETWORK_OK = 0,
    QRIG_NETWORK_TRUNCATED = 1, /* the file ends before the field does */
    QRIG_NETWORK_MAGIC = 2,     /* it does not begin with CAFE */
    QRIG_NETWORK_LAYERS = 3,    /* fewer than 2 layers, or more than QRIG_NETWORK_MAX_LAYERS */
    QRIG_NETWORK_TYPE = 4,      /* no type, or an input that is not the first layer */
    QRIG_NETWORK_SHAPE = 5,     /* out of range, or not what follows from the layer before */
    QRIG_NETWORK_SIZE = 6,      /* the number of weights or biases does not follow from shapes */
    QRIG_NETWORK_SHIFT = 7,     /* beyond 31 */
    QRIG_NETWORK_WINDOW = 8,    /* a window, padding, stride or method that no kernel computes */
    QRIG_NETWORK_SCALE = 9,     /* a mean beyond 1023, or an input scale that is not 1 to 31 */
    QRIG_NETWORK_TRAILING = 10, /* the file goes on behind its last layer */
    QRIG_NETWORK_ARENA = 11,    /* too small, or not aligned */
    QRIG_NETWORK_DIALECT = 12,  /* unknown, or not that of the kernels this is linked with */
    QRIG_NETWORK_IMAGE = 13,    /* no such format, no pixels, or a region beside the image */
    QRIG_NETWORK_KERNEL = 14,   /* a kernel refused what it was called with */
} qrig_network_status;

/* Whose results are meant. */
typedef enum {
    /* Those of the kernels as they are. An input scale below 4, which would leave little but black
     * and white, is taken as OpenMV's converter wrote it for pixels times 1/256. */
    QRIG_NETWORK_CORRECT = 0,
    /* Those of OpenMV's firmware of 2018 to 2020: the scale as it stands; a max pooling of square
     * maps that leaves out the last bytes of rows that are no multiple of 4; pooling of other maps
     * with each window at once; a ReLU that counts values in 16 bits; the softmax of CMSIS 5.4. */
    QRIG_NETWORK_OPENMV = 1,
} qrig_network_dialect;

typedef struct {
    qrig_network_dialect dialect;
} qrig_network_options;

typedef struct {
    uint16_t height;
    uint16_t width;
    uint16_t channels;
} qrig_network_shape;

/* What a network takes. */
typedef struct {
    uint32_t arena_bytes; /* tables, tensors and scratch memory; weights stay in the file */
    qrig_network_shape input;
    qrig_network_shape output;
    uint16_t stages; /* the input and all layers */
} qrig_network_demand;

/* Where a file was found to be wrong: the layer, from 0, and the byte at which the field begins. */
typedef struct {
    uint16_t layer;
    uint32_t offset;
} qrig_network_failure;

/* A network that is loaded; its members are not the caller's. */
typedef struct {
    const void *layers;
    q7_t *tensors;
    uint32_t tensor_bytes;
    qrig_network_shape input;
    qrig_network_shape output;
    int16_t mean[3];
    uint16_t stages;
    uint8_t shift;
    uint8_t is_openmv;
} qrig_network;

typedef enum {
    QRIG_NETWORK_GRAY = 0,   /* a byte a pixel */
    QRIG_NETWORK_RGB565 = 1, /* two: 5, 6 and 5 bits, the high byte first */
    QRIG_NETWORK_RGB888 = 2, /* three: red, green, blue */
} qrig_network_format;

typedef struct {
    const uint8_t *pixels; /* row by row, no gaps */
    qrig_network_format format;
    uint16_t width;
    uint16_t height;
} qrig_network_image;

/* A part of an image; what of it lies beside the image is left out. */
typedef struct {
    uint16_t x;
    uint16_t y;
    uint16_t width;
    uint16_t height;
} qrig_network_roi;

/* What a status says is wrong, in a few words. */
const char *qrig_network_text(qrig_network_status status);

/* Look at all of a file, and say what it takes. *failure is filled in where it is refused. */
qrig_network_status qrig_network_needs(const void *file, uint32_t bytes,
                                       const qrig_network_options *options,
                                       qrig_network_demand *demand, qrig_network_failure *failure);

/* Do the same and lay the network out in the arena, of demand.arena_bytes at least. File and arena
 * are in use for as long as the network is. */
qrig_network_status qrig_network_load(const void *file, uint32_t bytes,
                                      const qrig_network_options *options, void *arena,
                                      uint32_t arena_bytes, qrig_network *network,
                                      qrig_network_failure *failure);

/* Whether images of a format and size have pixels at all, and their bytes; 0 if not. */
uint64_t qrig_network_image_bytes(qrig_network_format format, uint16_t width, uint16_t height);

/* Run a network on the nearest pixels of a region of an image, which are brought to its number of
 * channels. output has a byte for every element of the output's shape; with softmax, at most 65,535
 * of them, these become Q0.7 numbers. */
qrig_network_status qrig_network_forward(const qrig_network *network,
                                         const qrig_network_image *image,
                                         const qrig_network_roi *roi, int softmax, q7_t *output);

/* Run it on uint8 pixels (height, width, channel) of the input's shape. */
qrig_network_status qrig_network_run(const qrig_network *network, const uint8_t *pixels,
                                     int softmax, q7_t *output);

/* Compute one stage so many times by itself, on what the network's memory holds, without any
 * report: 0 is the input, which is made from pixels, the number of stages a softmax of the last
 * tensor, to output; a larger number does nothing. */
qrig_network_status qrig_network_stage(const qrig_network *network, uint16_t stage, uint32_t times,
                                       const uint8_t *pixels, q7_t *output);

#ifdef NETWORK_HOOK
/* Provided by the caller: called behind every stage with its tensor, as in generated code. The
 * softmax counts as one more stage. */
void network_stage_done(uint16_t stage, const q7_t *tensor, uint32_t bytes);
#endif

#ifdef __cplusplus
}
#endif

#endif
