#include "kernels.h"
#include "arm_nnfunctions.h"
#include "port.h"
#include <string.h>

/* Define how functions of a type are called. What the counter counts beside the function is the
 * same for all functions of the type. */
#define CALLER(type, ...)                                                                          \
    static outcome call_##type(any_function *function, const argument *a) {                        \
        type *typed = (type *)function;                                                            \
        port_counter_start();                                                                      \
        int32_t value = (int32_t)typed(__VA_ARGS__);                                               \
        return (outcome){value, port_counter_stop()};                                              \
    }
#define CALLER_VOID(type, ...)                                                                     \
    static outcome call_##type(any_function *function, const argument *a) {                        \
        type *typed = (type *)function;                                                            \
        port_counter_start();                                                                      \
        typed(__VA_ARGS__);                                                                        \
        return (outcome){0, port_counter_stop()};                                                  \
    }
#define P(index) a[index].tensor
#define H(index) (uint16_t)a[index].number
#define W(index) a[index].number

typedef uint16_t u16;

/* in, dim_in, ch_in, weights, ch_out, dim_kernel, padding, stride, bias, bias_shift, out_shift,
 * out, dim_out, buffer_a, buffer_b */
typedef arm_status convolution_q7(const q7_t *, u16, u16, const q7_t *, u16, u16, u16, u16,
                                  const q7_t *, u16, u16, q7_t *, u16, q15_t *, q7_t *);
typedef arm_status convolution_q15(const q15_t *, u16, u16, const q15_t *, u16, u16, u16, u16,
                                   const q15_t *, u16, u16, q15_t *, u16, q15_t *, q7_t *);
#define CONVOLUTION "sphhphhhhphhphpp"
#define CONVOLUTION_ARGUMENTS                                                                      \
    P(0), H(1), H(2), P(3), H(4), H(5), H(6), H(7), P(8), H(9), H(10), P(11), H(12), P(13), P(14)
CALLER(convolution_q7, CONVOLUTION_ARGUMENTS)
CALLER(convolution_q15, CONVOLUTION_ARGUMENTS)

/* The same with x and y. */
typedef arm_status nonsquare_q7(const q7_t *, u16, u16, u16, const q7_t *, u16, u16, u16, u16, u16,
                                u16, u16, const q7_t *, u16, u16, q7_t *, u16, u16, q15_t *,
                                q7_t *);
typedef arm_status nonsquare_q15(const q15_t *, u16, u16, u16, const q15_t *, u16, u16, u16, u16,
                                 u16, u16, u16, const q15_t *, u16, u16, q15_t *, u16, u16, q15_t *,
                                 q7_t *);
#define NONSQUARE "sphhhphhhhhhhphhphhpp"
#define NONSQUARE_ARGUMENTS                                                                        \
    P(0), H(1), H(2), H(3), P(4), H(5), H(6), H(7), H(8), H(9), H(10), H(11), P(12), H(13), H(14), \
        P(15), H(16), H(17), P(18), P(19)
CALLER(nonsquare_q7, NONSQUARE_ARGUMENTS)
CALLER(nonsquare_q15, NONSQUARE_ARGUMENTS)

/* vec, weights, dim_vec, rows, bias_shift, out_shift, bias, out, vec_buffer */
typedef arm_status connected_q7(const q7_t *, const q7_t *, u16, u16, u16, u16, const q7_t *,
                                q7_t *, q15_t *);
typedef arm_status connected_q15(const q15_t *, const q15_t *, u16, u16, u16, u16, const q15_t *,
                                 q15_t *, q15_t *);
typedef arm_status connected_mixed(const q15_t *, const q7_t *, u16, u16, u16, u16, const q7_t *,
                                   q15_t *, q15_t *);
#define CONNECTED "spphhhhppp"
#define CONNECTED_ARGUMENTS P(0), P(1), H(2), H(3), H(4), H(5), P(6), P(7), P(8)
CALLER(connected_q7, CONNECTED_ARGUMENTS)
CALLER(connected_q15, CONNECTED_ARGUMENTS)
CALLER(connected_mixed, CONNECTED_ARGUMENTS)

/* in, dim_in, ch, dim_kernel, padding, stride, dim_out, buffer, out */
typedef arm_status pool(q7_t *, u16, u16, u16, u16, u16, u16, q7_t *, q7_t *);
#define POOL "sphhhhhhpp"
CALLER(pool, P(0), H(1), H(2), H(3), H(4), H(5), H(6), P(7), P(8))
typedef arm_status pool_nonsquare(q7_t *, u16, u16, u16, u16, u16, u16, u16, u16, u16, u16, u16,
                                  q7_t *, q7_t *);
#define POOL_NONSQUARE "sphhhhhhhhhhhpp"
CALLER(pool_nonsquare, P(0), H(1), H(2), H(3), H(4), H(5), H(6), H(7), H(8), H(9), H(10), H(11),
       P(12), P(13))

/* data, size */
typedef void relu_q7(q7_t *, uint32_t);
typedef void relu_q15(q15_t *, uint32_t);
#define RELU "vpw"
CALLER_VOID(relu_q7, P(0), W(1))
CALLER_VOID(relu_q15, P(0), W(1))

/* in, dim_vec, out */
typedef void softmax_q7(const q7_t *, u16, q7_t *);
typedef void softmax_q15(const q15_t *, u16, q15_t *);
#define SOFTMAX "vphp"
CALLER_VOID(softmax_q7, P(0), H(1), P(2))
CALLER_VOID(softmax_q15, P(0), H(1), P(2))

/* data, size, int_width, type */
typedef arm_status activation_q7(q7_t *, uint32_t, u16, arm_nn_activation_type);
typedef arm_status activation_q15(q15_t *, uint32_t, u16, arm_nn_activation_type);
#define ACTIVATION "spwhh"
CALLER(activation_q7, P(0), W(1), H(2), (arm_nn_activation_type)W(3))
CALLER(activation_q15, P(0), W(1), H(2), (arm_nn_activation_type)W(3))

/* pixels, size, mean, mean_length, multiplier, shift, out */
typedef arm_status preprocess(const uint8_t *, uint32_t, const int16_t *, uint32_t, int32_t, u16,
                              q7_t *);
#define PREPROCESS "spwpwwhp"
CALLER(preprocess, P(0), W(1), P(2), W(3), (int32_t)W(4), H(5), P(6))

/* The first count of three: tensors, their channels, their shifts; count, pixels, out */
typedef arm_status concat(const q7_t *const *, const u16 *, const u16 *, u16, uint32_t, q7_t *);
#define THREE_TENSORS ((const q7_t *const[]){P(0), P(1), P(2)})
#define THREE_NUMBERS(first) ((const u16[]){H(first), H((first) + 1), H((first) + 2)})
#define CONCAT "sppphhhhhhhwp"
CALLER(concat, THREE_TENSORS, THREE_NUMBERS(3), THREE_NUMBERS(6), H(9), W(10), P(11))

/* The first count of three: tensors, their shifts; count, size, out_shift, out */
typedef arm_status eltwise_sum(const q7_t *const *, const u16 *, u16, uint32_t, u16, q7_t *);
#define ELTWISE_SUM "sppphhhhwhp"
CALLER(eltwise_sum, THREE_TENSORS, THREE_NUMBERS(3), H(6), W(7), H(8), P(9))

/* in, size, out */
typedef void copy(const q7_t *, uint32_t, q7_t *);
#define COPY "vpwp"
CALLER_VOID(copy, P(0), W(1), P(2))

/* The functions that size buffers. */
typedef size_t bytes_1(u16);
typedef size_t bytes_2(u16, u16);
typedef size_t bytes_3(u16, u16, u16);
#define BYTES_1 "zh"
#define BYTES_2 "zhh"
#define BYTES_3 "zhhh"
CALLER(bytes_1, H(0))
CALLER(bytes_2, H(0), H(1))
CALLER(bytes_3, H(0), H(1), H(2))

/* A kernel; one of another type does not compile. */
#define KERNEL(type, letters, name)                                                                \
    {#name, letters, call_##type, _Generic(&name, type *: (any_function *)name)}
#define WITH_BUFFER(type, letters, bytes_type, bytes_letters, name)                                \
    KERNEL(type, letters, name), KERNEL(bytes_type, bytes_letters, name##_buffer_bytes)
#define SQUARE_KERNEL(type, name) WITH_BUFFER(type, CONVOLUTION, bytes_2, BYTES_2, name)
#define NONSQUARE_KERNEL(type, name) WITH_BUFFER(type, NONSQUARE, bytes_3, BYTES_3, name)
#define CONNECTED_KERNEL(type, name) WITH_BUFFER(type, CONNECTED, bytes_1, BYTES_1, name)

static const kernel kernels[] = {
    SQUARE_KERNEL(convolution_q7, arm_convolve_HWC_q7_basic),
    NONSQUARE_KERNEL(nonsquare_q7, arm_convolve_HWC_q7_basic_nonsquare),
    SQUARE_KERNEL(convolution_q7, arm_convolve_HWC_q7_RGB),
    SQUARE_KERNEL(convolution_q7, arm_convolve_HWC_q7_fast),
    NONSQUARE_KERNEL(nonsquare_q7, arm_convolve_HWC_q7_fast_nonsquare),
    NONSQUARE_KERNEL(nonsquare_q7, arm_convolve_1x1_HWC_q7_fast_nonsquare),
    SQUARE_KERNEL(convolution_q7, arm_depthwise_separable_conv_HWC_q7),
    NONSQUARE_KERNEL(nonsquare_q7, arm_depthwise_separable_conv_HWC_q7_nonsquare),
    SQUARE_KERNEL(convolution_q15, arm_convolve_HWC_q15_basic),
    SQUARE_KERNEL(convolution_q15, arm_convolve_HWC_q15_fast),
    NONSQUARE_KERNEL(nonsquare_q15, arm_convolve_HWC_q15_fast_nonsquare),
    CONNECTED_KERNEL(connected_q7, arm_fully_connected_q7),
    CONNECTED_KERNEL(connected_q7, arm_fully_connected_q7_opt),
    CONNECTED_KERNEL(connected_q15, arm_fully_connected_q15),
    CONNECTED_KERNEL(connected_q15, arm_fully_connected_q15_opt),
    CONNECTED_KERNEL(connected_mixed, arm_fully_connected_mat_q7_vec_q15),
    CONNECTED_KERNEL(connected_mixed, arm_fully_connected_mat_q7_vec_q15_opt),
    KERNEL(pool, POOL, arm_maxpool_q7_HWC),
    KERNEL(pool_nonsquare, POOL_NONSQUARE, arm_maxpool_q7_HWC_nonsquare),
    WITH_BUFFER(pool, POOL, bytes_2, BYTES_2, arm_avepool_q7_HWC),
    WITH_BUFFER(pool_nonsquare, POOL_NONSQUARE, bytes_2, BYTES_2, arm_avepool_q7_HWC_nonsquare),
    KERNEL(relu_q7, RELU, arm_relu_q7),
    KERNEL(relu_q15, RELU, arm_relu_q15),
    KERNEL(softmax_q7, SOFTMAX, arm_softmax_q7),
    KERNEL(softmax_q15, SOFTMAX, arm_softmax_q15),
    KERNEL(activation_q7, ACTIVATION, arm_nn_activations_direct_q7),
    KERNEL(activation_q15, ACTIVATION, arm_nn_activations_direct_q15),
    KERNEL(preprocess, PREPROCESS, qrig_preprocess_q7),
    KERNEL(concat, CONCAT, qrig_concat_q7),
    KERNEL(eltwise_sum, ELTWISE_SUM, qrig_eltwise_sum_q7),
    KERNEL(copy, COPY, qrig_copy_q7),
};

#define KERNELS (sizeof kernels / sizeof kernels[0])

const kernel *kernel_numbered(uint32_t number) {
    return number < KERNELS ? &kernels[number] : NULL;
}

static int is_named(const kernel *candidate, const uint8_t *text, size_t length) {
    size_t name = strlen(candidate->name);
    size_t letters = strlen(candidate->letters);
    return length == name + 1 + letters && memcmp(text, candidate->name, name) == 0 &&
           text[name] == ' ' && memcmp(text + name + 1, candidate->letters, letters) == 0;
}

uint32_t kernel_find(const uint8_t *text, size_t length) {
    uint32_t number = 0;
    while (number < KERNELS && !is_named(&kernels[number], text, length)) {
        number++;
    }
    return number;
}
