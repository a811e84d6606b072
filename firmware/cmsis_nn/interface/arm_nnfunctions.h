/* The header of the kernels for a deployment that is linked with an original CMSIS-NN: functions
 * whose interface there is another go through the adapter, all others straight to the original. */
#ifndef QRIG_CMSIS_NN_INTERFACE_H
#define QRIG_CMSIS_NN_INTERFACE_H

#define arm_avepool_q7_HWC cmsis_nn_avepool_q7_HWC
#define arm_avepool_q7_HWC_nonsquare cmsis_nn_avepool_q7_HWC_nonsquare
#define arm_maxpool_q7_HWC cmsis_nn_maxpool_q7_HWC
#define arm_maxpool_q7_HWC_nonsquare cmsis_nn_maxpool_q7_HWC_nonsquare
#define arm_nn_activations_direct_q7 cmsis_nn_activations_direct_q7
#define arm_relu_q7 cmsis_nn_relu_q7

#include "../../kernels/arm_nnfunctions.h"

#endif
