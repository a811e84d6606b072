/* Fixed-point (q7, q15) neural network kernels with the interface of ARM's legacy CMSIS-NN.
 *
 * Tensors are HWC, channel fastest, batch 1; weights are OHWI. A layer computes
 *   acc = (bias << bias_shift) + round + sum(x * w), 32 bits, wrapping
 *   y   = saturate(acc >> out_shift)
 * where round is half of the output step (zero if built with ARM_NN_TRUNCATE). Results equal
 * CMSIS-NN 5.9.0 on Cortex-M4/M7 bit for bit. Other results of its history are build options:
 *   QRIG_POOLING_C     pooling as on Cortex-M0/M3 (averages differ by a few counts)
 *   QRIG_SOFTMAX_5_4   arm_softmax_q7 as in CMSIS 5.4 to 5.6
 *   ARM_NN_TRUNCATE    no rounding before the output shift
 *
 * Every function checks its arguments; on ARM_MATH_SIZE_MISMATCH nothing has been written. None
 * reads or writes beyond its tensors. Scratch buffers are sized by the function of the same name
 * that ends in _buffer_bytes, never more than CMSIS-NN asks for.
 */
#ifndef QRIG_ARM_NNFUNCTIONS_H
#define QRIG_ARM_NNFUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int8_t q7_t;
typedef int16_t q15_t;
typedef int32_t q31_t;

typedef enum {
    ARM_MATH_SUCCESS = 0,
    ARM_MATH_ARGUMENT_ERROR = -1,
    ARM_MATH_SIZE_MISMATCH = -3,
} arm_status;

typedef enum {
    ARM_SIGMOID = 0,
    ARM_TANH = 1,
} arm_nn_activation_type;

/* Convolution of a square image of any channel counts. buffer_b is unused, here and below. */
arm_status arm_convolve_HWC_q7_basic(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                     const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                     uint16_t padding, uint16_t stride, const q7_t *bias,
                                     uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                     uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_basic_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* The same for an image, kernel, padding and stride of any sides; x before y in every pair. */
arm_status arm_convolve_HWC_q7_basic_nonsquare(const q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y,
                                               uint16_t ch_in, const q7_t *weights, uint16_t ch_out,
                                               uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                               uint16_t padding_x, uint16_t padding_y,
                                               uint16_t stride_x, uint16_t stride_y,
                                               const q7_t *bias, uint16_t bias_shift,
                                               uint16_t out_shift, q7_t *out, uint16_t dim_out_x,
                                               uint16_t dim_out_y, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_basic_nonsquare_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel_x,
                                                        uint16_t dim_kernel_y);

/* Convolution of a square image of three channels; other channel counts are refused. */
arm_status arm_convolve_HWC_q7_RGB(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                   const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                   uint16_t padding, uint16_t stride, const q7_t *bias,
                                   uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                   uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_RGB_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* Convolution for input channels in fours and output channels in twos; others are refused. */
arm_status arm_convolve_HWC_q7_fast(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                    const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                    uint16_t padding, uint16_t stride, const q7_t *bias,
                                    uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                    uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_fast_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* The same for any sides. */
arm_status arm_convolve_HWC_q7_fast_nonsquare(const q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y,
                                              uint16_t ch_in, const q7_t *weights, uint16_t ch_out,
                                              uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                              uint16_t padding_x, uint16_t padding_y,
                                              uint16_t stride_x, uint16_t stride_y,
                                              const q7_t *bias, uint16_t bias_shift,
                                              uint16_t out_shift, q7_t *out, uint16_t dim_out_x,
                                              uint16_t dim_out_y, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_fast_nonsquare_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel_x,
                                                       uint16_t dim_kernel_y);

/* The same for a 1x1 kernel without padding, stride 1; others are refused. */
arm_status arm_convolve_1x1_HWC_q7_fast_nonsquare(
    const q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch_in, const q7_t *weights,
    uint16_t ch_out, uint16_t dim_kernel_x, uint16_t dim_kernel_y, uint16_t padding_x,
    uint16_t padding_y, uint16_t stride_x, uint16_t stride_y, const q7_t *bias, uint16_t bias_shift,
    uint16_t out_shift, q7_t *out, uint16_t dim_out_x, uint16_t dim_out_y, q15_t *buffer_a,
    q7_t *buffer_b);
size_t arm_convolve_1x1_HWC_q7_fast_nonsquare_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel_x,
                                                           uint16_t dim_kernel_y);

/* Depthwise convolution: channel c of the output reads channel c of the input, ch_in = ch_out.
 * Weights are (ky, kx, channel). */
arm_status arm_depthwise_separable_conv_HWC_q7(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                               const q7_t *weights, uint16_t ch_out,
                                               uint16_t dim_kernel, uint16_t padding,
                                               uint16_t stride, const q7_t *bias,
                                               uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                               uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_depthwise_separable_conv_HWC_q7_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* The same for any sides. */
arm_status arm_depthwise_separable_conv_HWC_q7_nonsquare(
    const q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch_in, const q7_t *weights,
    uint16_t ch_out, uint16_t dim_kernel_x, uint16_t dim_kernel_y, uint16_t padding_x,
    uint16_t padding_y, uint16_t stride_x, uint16_t stride_y, const q7_t *bias, uint16_t bias_shift,
    uint16_t out_shift, q7_t *out, uint16_t dim_out_x, uint16_t dim_out_y, q15_t *buffer_a,
    q7_t *buffer_b);
size_t arm_depthwise_separable_conv_HWC_q7_nonsquare_buffer_bytes(uint16_t ch_in,
                                                                  uint16_t dim_kernel_x,
                                                                  uint16_t dim_kernel_y);

/* Convolution in 16 bits: sums of 32 bits, saturated to 16. */
arm_status arm_convolve_HWC_q15_basic(const q15_t *in, uint16_t dim_in, uint16_t ch_in,
                                      const q15_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                      uint16_t padding, uint16_t stride, const q15_t *bias,
                                      uint16_t bias_shift, uint16_t out_shift, q15_t *out,
                                      uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q15_basic_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* The same for channels in twos and an output of an even side; others are refused. */
arm_status arm_convolve_HWC_q15_fast(const q15_t *in, uint16_t dim_in, uint16_t ch_in,
                                     const q15_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                     uint16_t padding, uint16_t stride, const q15_t *bias,
                                     uint16_t bias_shift, uint16_t out_shift, q15_t *out,
                                     uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q15_fast_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* The same for any sides, also an odd output. */
arm_status arm_convolve_HWC_q15_fast_nonsquare(
    const q15_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch_in, const q15_t *weights,
    uint16_t ch_out, uint16_t dim_kernel_x, uint16_t dim_kernel_y, uint16_t padding_x,
    uint16_t padding_y, uint16_t stride_x, uint16_t stride_y, const q15_t *bias,
    uint16_t bias_shift, uint16_t out_shift, q15_t *out, uint16_t dim_out_x, uint16_t dim_out_y,
    q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q15_fast_nonsquare_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel_x,
                                                        uint16_t dim_kernel_y);

/* Fully connected layer; weights row-major (rows x dim_vec). */
arm_status arm_fully_connected_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                  uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                  const q7_t *bias, q7_t *out, q15_t *vec_buffer);
size_t arm_fully_connected_q7_buffer_bytes(uint16_t dim_vec);

/* The same with weights interleaved by blocks of 4 rows x 4 columns (docs/kernels.md). */
arm_status arm_fully_connected_q7_opt(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                      uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                      const q7_t *bias, q7_t *out, q15_t *vec_buffer);
size_t arm_fully_connected_q7_opt_buffer_bytes(uint16_t dim_vec);

/* Fully connected layer in 16 bits; vec_buffer is unused in the 16-bit forms and may be NULL. */
arm_status arm_fully_connected_q15(const q15_t *vec, const q15_t *weights, uint16_t dim_vec,
                                   uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                   const q15_t *bias, q15_t *out, q15_t *vec_buffer);
size_t arm_fully_connected_q15_buffer_bytes(uint16_t dim_vec);

/* The same with weights interleaved by blocks of 4 rows x 2 columns (docs/kernels.md). */
arm_status arm_fully_connected_q15_opt(const q15_t *vec, const q15_t *weights, uint16_t dim_vec,
                                       uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                       const q15_t *bias, q15_t *out, q15_t *vec_buffer);
size_t arm_fully_connected_q15_opt_buffer_bytes(uint16_t dim_vec);

/* Fully connected layer of a 16-bit vector with 8-bit weights and bias; the output has 16 bits. */
arm_status arm_fully_connected_mat_q7_vec_q15(const q15_t *vec, const q7_t *weights,
                                              uint16_t dim_vec, uint16_t rows, uint16_t bias_shift,
                                              uint16_t out_shift, const q7_t *bias, q15_t *out,
                                              q15_t *vec_buffer);
size_t arm_fully_connected_mat_q7_vec_q15_buffer_bytes(uint16_t dim_vec);

/* The same with weights interleaved by blocks of 4 rows x 2 columns (docs/kernels.md). */
arm_status arm_fully_connected_mat_q7_vec_q15_opt(const q15_t *vec, const q7_t *weights,
                                                  uint16_t dim_vec, uint16_t rows,
                                                  uint16_t bias_shift, uint16_t out_shift,
                                                  const q7_t *bias, q15_t *out, q15_t *vec_buffer);
size_t arm_fully_connected_mat_q7_vec_q15_opt_buffer_bytes(uint16_t dim_vec);

/* Max pooling over windows clipped to the image. In the DSP form it works in place, x first: the
 * input is destroyed and the output may not be larger than it. buffer is unused. */
arm_status arm_maxpool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                              uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                              q7_t *out);

/* The same for any sides. */
arm_status arm_maxpool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch,
                                        uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                        uint16_t padding_x, uint16_t padding_y, uint16_t stride_x,
                                        uint16_t stride_y, uint16_t dim_out_x, uint16_t dim_out_y,
                                        q7_t *buffer, q7_t *out);

/* Average pooling, likewise. In the DSP form the mean is taken along x, then along y, each
 * truncated toward zero; in the C form over the whole window at once. */
arm_status arm_avepool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                              uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                              q7_t *out);
size_t arm_avepool_q7_HWC_buffer_bytes(uint16_t dim_out, uint16_t ch);

/* The same for any sides. */
arm_status arm_avepool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch,
                                        uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                        uint16_t padding_x, uint16_t padding_y, uint16_t stride_x,
                                        uint16_t stride_y, uint16_t dim_out_x, uint16_t dim_out_y,
                                        q7_t *buffer, q7_t *out);
size_t arm_avepool_q7_HWC_nonsquare_buffer_bytes(uint16_t dim_out_x, uint16_t ch);

/* Negative values become zero, in place. */
void arm_relu_q7(q7_t *data, uint32_t size);
void arm_relu_q15(q15_t *data, uint32_t size);

/* Base-2 softmax in Q0.7; in and out may be the same. */
void arm_softmax_q7(const q7_t *in, uint16_t dim_vec, q7_t *out);

/* Base-2 softmax in Q0.15; in and out may be the same. */
void arm_softmax_q15(const q15_t *in, uint16_t dim_vec, q15_t *out);

/* Sigmoid or tanh by table, in place, of values with int_width integer bits (at most 3). */
arm_status arm_nn_activations_direct_q7(q7_t *data, uint32_t size, uint16_t int_width,
                                        arm_nn_activation_type type);
/* The same in 16 bits, linear between the entries of the table. */
arm_status arm_nn_activations_direct_q15(q15_t *data, uint32_t size, uint16_t int_width,
                                         arm_nn_activation_type type);

/* Pixels to the first tensor: sat8(((pixel - mean) * multiplier + round) >> shift). mean has
 * mean_length entries and repeats: one per channel, or one per pixel and channel. */
arm_status qrig_preprocess_q7(const uint8_t *pixels, uint32_t size, const int16_t *mean,
                              uint32_t mean_length, int32_t multiplier, uint16_t shift, q7_t *out);

/* The channels of count tensors of as many pixels, one tensor behind the other. Tensor i has
 * channels[i] of them, and each of its values becomes (x + round) >> shifts[i]; out overlaps no
 * tensor. */
arm_status qrig_concat_q7(const q7_t *const *tensors, const uint16_t *channels,
                          const uint16_t *shifts, uint16_t count, uint32_t pixels, q7_t *out);

/* The sum of count tensors of size values: sat8((sum(x_i << shifts[i]) + round) >> out_shift).
 * sum(128 << shifts[i]) is at most 2^30. out may be one of the tensors. */
arm_status qrig_eltwise_sum_q7(const q7_t *const *tensors, const uint16_t *shifts, uint16_t count,
                               uint32_t size, uint16_t out_shift, q7_t *out);

/* A tensor, elsewhere; in and out do not overlap. */
void qrig_copy_q7(const q7_t *in, uint32_t size, q7_t *out);

#ifdef __cplusplus
}
#endif

#endif
