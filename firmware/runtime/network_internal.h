/* What the parts of the runtime share: a layer as it is kept, a file as it is read. */
#ifndef QRIG_NETWORK_INTERNAL_H
#define QRIG_NETWORK_INTERNAL_H

#include "qrig_network.h"

#define NETWORK_MAX_SHIFT 31u

/* Pixels less their mean are shifted to the left by so much before the scale shifts them back. */
#define NETWORK_INPUT_BITS 7

/* Types of layers, as files number them. */
enum {
    NETWORK_DATA = 0,
    NETWORK_CONVOLUTION = 1,
    NETWORK_RELU = 2,
    NETWORK_POOLING = 3,
    NETWORK_INNER_PRODUCT = 4,
    NETWORK_TYPES = 5,
};

/* A layer; what its type has not is zero. */
typedef struct {
    const q7_t *weights; /* in the file */
    const q7_t *bias;
    qrig_network_shape out;
    uint16_t kernel;
    uint16_t padding;
    uint16_t stride;
    uint8_t type;
    uint8_t is_average;
    uint8_t bias_shift;
    uint8_t out_shift;
} network_layer;

/* What the input makes of pixels: sat8(((pixel - mean) * 128 + round) >> scale). */
typedef struct {
    int16_t mean[3];
    uint8_t scale;
} network_input;

/* A file and how far it is read. Behind the first failure every number that is read is the least
 * there may be. */
typedef struct {
    const uint8_t *file;
    uint32_t bytes;
    uint32_t offset;
    uint16_t layer; /* the one that is read */
    qrig_network_status status;
    qrig_network_failure failure;
} network_reader;

/* Note what is wrong with the field at offset, unless something was wrong before. */
void network_fail(network_reader *reader, qrig_network_status status, uint32_t offset);

/* The next number; one that is not least to most is a failure of that status. */
uint32_t network_number(network_reader *reader, uint32_t least, uint32_t most,
                        qrig_network_status status);

/* The next int8 array, which has to have as many elements; its own number stands before it. */
const q7_t *network_array(network_reader *reader, uint32_t elements);

/* What is known of a file while it is read: the layer, the tensor it reads, and the input. */
typedef struct {
    network_layer layer;
    qrig_network_shape in;
    qrig_network_shape first; /* of the network's input */
    network_input input;
    uint32_t batch;
    uint32_t shape_offset; /* of the layer's channels; height and width follow */
} network_record;

/* Read the next layer and check that it goes with the one before. */
void network_read_layer(network_reader *reader, network_record *record);

/* The same behind its shape, by type. */
typedef void network_read_rest(network_reader *reader, network_record *record);
network_read_rest network_read_data;
network_read_rest network_read_convolution;
network_read_rest network_read_relu;
network_read_rest network_read_pooling;
network_read_rest network_read_inner_product;

/* Fail unless the layer's shape is the one given. */
void network_expect_shape(network_reader *reader, const network_record *record, uint32_t height,
                          uint32_t width, uint32_t channels);

/* Read kernel, padding and stride; fails if the kernel is larger than image and padding. */
void network_read_window(network_reader *reader, network_record *record);

/* What a whole file comes to. */
typedef struct {
    network_input input;
    qrig_network_demand demand;
    uint32_t table_bytes; /* of the arena; tensors follow */
} network_summary;

/* Read a file; layers, if it is not NULL, gets all but the input. */
qrig_network_status network_read(const void *file, uint32_t bytes, network_layer *layers,
                                 network_summary *summary, qrig_network_failure *failure);

/* Whether a dialect can be computed. */
int network_has_dialect(const qrig_network_options *options);

/* A layer that is computed. */
typedef struct {
    const network_layer *layer;
    qrig_network_shape shape; /* of in */
    q7_t *in;
    q7_t *scratch;
    q7_t *out; /* in itself for a ReLU */
    int is_openmv;
} network_call;

/* A layer's scratch memory. */
uint32_t network_scratch_bytes(const network_layer *layer, qrig_network_shape in);

arm_status network_compute_layer(const network_call *call);

/* Where a layer finds its input, at one end of the memory for tensors, and what it leaves at the
 * other; scratch memory lies between. */
network_call network_place(const qrig_network *network, const network_layer *layer,
                           qrig_network_shape shape, q7_t *in);

/* The first tensor from pixels of the input's shape. */
arm_status network_take_pixels(const qrig_network *network, const uint8_t *pixels);

/* The output from the last tensor. */
qrig_network_status network_finish(const qrig_network *network, const q7_t *last, int softmax,
                                   q7_t *output);

/* A part of an axis: first to stop, without stop. */
typedef struct {
    uint32_t first;
    uint32_t stop;
} network_range;

/* The part of window i that lies in an image of that size. */
static inline network_range network_span(const network_layer *layer, uint32_t i, uint32_t size) {
    uint32_t begin = i * layer->stride, stop = begin + layer->kernel - layer->padding;
    return (network_range){begin < layer->padding ? 0 : begin - layer->padding,
                           stop < size ? stop : size};
}

/* Pooling as OpenMV's firmware had it: the maximum over square maps, and both over others. */
void network_openmv_max(const network_call *call);
void network_openmv_windows(const network_call *call);

/* The softmax of CMSIS 5.4. */
void network_openmv_softmax(const q7_t *in, uint32_t size, q7_t *out);

/* Compute all layers from the first tensor on, which is at the begin of the network's tensors. */
qrig_network_status network_compute(const qrig_network *network, int softmax, q7_t *output);

/* The product, or UINT32_MAX if it is more than QRIG_NETWORK_MAX_ELEMENTS. None of a and b is
 * more than 16 bits. */
static inline uint32_t network_elements(uint32_t a, uint32_t b, uint32_t c) {
    uint64_t product = (uint64_t)(a * b) * c;
    return product <= QRIG_NETWORK_MAX_ELEMENTS ? (uint32_t)product : UINT32_MAX;
}

static inline uint32_t network_size(qrig_network_shape shape) {
    return (uint32_t)shape.height * shape.width * shape.channels;
}

/* Bytes as they are laid out. */
static inline uint32_t network_aligned(uint32_t bytes) {
    return (bytes + QRIG_NETWORK_ALIGNMENT - 1) / QRIG_NETWORK_ALIGNMENT * QRIG_NETWORK_ALIGNMENT;
}

#endif
