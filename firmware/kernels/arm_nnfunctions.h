/* Fixed-point (q7) neural network kernels with the interface of ARM's legacy CMSIS-NN.
 *
 * Tensors are HWC, channel fastest, batch 1; weights are OHWI. A layer computes
 *   acc = (bias << bias_shift) + round + sum(x * w), 32 bits, wrapping
 *   y   = sat8(acc >> out_shift)
 * where round is half of the output step. Results equal CMSIS-NN 5.9.0 on Cortex-M4/M7 bit for bit.
 *
 * Every function checks its arguments; on ARM_MATH_SIZE_MISMATCH nothing has been written.
 * Scratch buffers are sized by the function of the same name that ends in _buffer_bytes.
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

/* Convolution of a square image of any channel counts. buffer_b is unused. */
arm_status arm_convolve_HWC_q7_basic(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                     const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                     uint16_t padding, uint16_t stride, const q7_t *bias,
                                     uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                     uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_basic_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* The same for three input channels. */
arm_status arm_convolve_HWC_q7_RGB(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                   const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                   uint16_t padding, uint16_t stride, const q7_t *bias,
                                   uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                   uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_RGB_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* The same for input channels in fours and output channels in twos. */
arm_status arm_convolve_HWC_q7_fast(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                    const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                    uint16_t padding, uint16_t stride, const q7_t *bias,
                                    uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                    uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
size_t arm_convolve_HWC_q7_fast_buffer_bytes(uint16_t ch_in, uint16_t dim_kernel);

/* Convolution of an image of any sides; x before y in every pair. */
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

/* Fully connected layer; weights row-major (rows x dim_vec). */
arm_status arm_fully_connected_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                  uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                  const q7_t *bias, q7_t *out, q15_t *vec_buffer);
size_t arm_fully_connected_q7_buffer_bytes(uint16_t dim_vec);

/* Max pooling over windows clipped to the image, x first, in place: the input is destroyed.
 * The output may not be larger than the input on either side. buffer is unused. */
arm_status arm_maxpool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                              uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                              q7_t *out);
arm_status arm_maxpool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch,
                                        uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                        uint16_t padding_x, uint16_t padding_y, uint16_t stride_x,
                                        uint16_t stride_y, uint16_t dim_out_x, uint16_t dim_out_y,
                                        q7_t *buffer, q7_t *out);

/* Average pooling, likewise: means along x, then along y, each truncated toward zero. */
arm_status arm_avepool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                              uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                              q7_t *out);
arm_status arm_avepool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y, uint16_t ch,
                                        uint16_t dim_kernel_x, uint16_t dim_kernel_y,
                                        uint16_t padding_x, uint16_t padding_y, uint16_t stride_x,
                                        uint16_t stride_y, uint16_t dim_out_x, uint16_t dim_out_y,
                                        q7_t *buffer, q7_t *out);

/* Negative values become zero, in place. */
void arm_relu_q7(q7_t *data, uint32_t size);

/* Base-2 softmax in Q0.7, as in CMSIS 5.7 to 5.9; in and out may be the same. */
void arm_softmax_q7(const q7_t *in, uint16_t dim_vec, q7_t *out);

/* Pixels to the first tensor: sat8(((pixel - mean) * multiplier + round) >> shift).
 * mean has mean_length entries and repeats: one per channel, or one per pixel and channel. */
arm_status qrig_preprocess_q7(const uint8_t *pixels, uint32_t size, const int16_t *mean,
                              uint32_t mean_length, int32_t multiplier, uint16_t shift, q7_t *out);

#ifdef __cplusplus
}
#endif

#endif
