/* Stands for the header of an original CMSIS-NN: the functions deployments call, with the
 * original's types: poolings return nothing, ReLU and activations take 16 bits of size.
 *
 * $Date:        1. January 2000
 * $Revision:    V.0.0.1
 */
#ifndef ARM_NNFUNCTIONS_H
#define ARM_NNFUNCTIONS_H

#include "arm_math.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { ARM_SIGMOID = 0, ARM_TANH = 1 } arm_nn_activation_type;

arm_status arm_convolve_HWC_q7_basic(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                     const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                     uint16_t padding, uint16_t stride, const q7_t *bias,
                                     uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                     uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
arm_status arm_convolve_HWC_q7_RGB(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                   const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                   uint16_t padding, uint16_t stride, const q7_t *bias,
                                   uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                   uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
arm_status arm_convolve_HWC_q7_fast(const q7_t *in, uint16_t dim_in, uint16_t ch_in,
                                    const q7_t *weights, uint16_t ch_out, uint16_t dim_kernel,
                                    uint16_t padding, uint16_t stride, const q7_t *bias,
                                    uint16_t bias_shift, uint16_t out_shift, q7_t *out,
                                    uint16_t dim_out, q15_t *buffer_a, q7_t *buffer_b);
arm_status arm_fully_connected_q7(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                  uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                  const q7_t *bias, q7_t *out, q15_t *vec_buffer);
arm_status arm_fully_connected_q7_opt(const q7_t *vec, const q7_t *weights, uint16_t dim_vec,
                                      uint16_t rows, uint16_t bias_shift, uint16_t out_shift,
                                      const q7_t *bias, q7_t *out, q15_t *vec_buffer);
void arm_maxpool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                        uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                        q7_t *out);
void arm_avepool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                        uint16_t padding, uint16_t stride, uint16_t dim_out, q7_t *buffer,
                        q7_t *out);
void arm_nn_activations_direct_q7(q7_t *data, uint16_t size, uint16_t int_width,
                                  arm_nn_activation_type type);
void arm_relu_q7(q7_t *data, uint16_t size);
void arm_softmax_q7(const q7_t *in, uint16_t dim_vec, q7_t *out);

#ifdef __cplusplus
}
#endif

#endif
