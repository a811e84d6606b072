/* Our interface on top of an original CMSIS-NN 5.x, whose arm_nnfunctions.h this includes.
 *
 * The original's poolings return nothing and are square, its ReLU and its activations take 16 bits
 * of size. The harness refuses networks the original cannot compute before it builds them; what
 * arrives here all the same is refused by its status.
 */
#ifndef QRIG_CMSIS_NN_ADAPTER_H
#define QRIG_CMSIS_NN_ADAPTER_H

#include "arm_nnfunctions.h"
#include <stdint.h>

/* Scratch memory of average poolings: 2 * dim_out * ch bytes of the largest. Each deployment
 * defines it. */
extern q15_t cmsis_nn_pool_buffer[];

/* As the functions of kernels/arm_nnfunctions.h that are called arm_ instead of cmsis_nn_. */
arm_status cmsis_nn_avepool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                                   uint16_t padding, uint16_t stride, uint16_t dim_out,
                                   q7_t *buffer, q7_t *out);
arm_status cmsis_nn_avepool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y,
                                             uint16_t ch, uint16_t dim_kernel_x,
                                             uint16_t dim_kernel_y, uint16_t padding_x,
                                             uint16_t padding_y, uint16_t stride_x,
                                             uint16_t stride_y, uint16_t dim_out_x,
                                             uint16_t dim_out_y, q7_t *buffer, q7_t *out);
arm_status cmsis_nn_maxpool_q7_HWC(q7_t *in, uint16_t dim_in, uint16_t ch, uint16_t dim_kernel,
                                   uint16_t padding, uint16_t stride, uint16_t dim_out,
                                   q7_t *buffer, q7_t *out);
arm_status cmsis_nn_maxpool_q7_HWC_nonsquare(q7_t *in, uint16_t dim_in_x, uint16_t dim_in_y,
                                             uint16_t ch, uint16_t dim_kernel_x,
                                             uint16_t dim_kernel_y, uint16_t padding_x,
                                             uint16_t padding_y, uint16_t stride_x,
                                             uint16_t stride_y, uint16_t dim_out_x,
                                             uint16_t dim_out_y, q7_t *buffer, q7_t *out);
void cmsis_nn_relu_q7(q7_t *data, uint32_t size);
arm_status cmsis_nn_activations_direct_q7(q7_t *data, uint32_t size, uint16_t int_width,
                                          arm_nn_activation_type type);

#endif
