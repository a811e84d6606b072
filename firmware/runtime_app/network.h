/* The network as the inferences see it, where it is not generated: whichever is loaded. */
#ifndef NETWORK_H
#define NETWORK_H

#include "qrig_network.h"

/* The most stages: every layer, and a softmax. */
#define NETWORK_STAGES (QRIG_NETWORK_MAX_LAYERS + 1)
#define NETWORK_IS_FUSED 0
#define NETWORK_HAS_PLANES 0

/* Run the loaded network on its input, or on the image of the current FORWARD; returns a
 * qrig_network_status. */
int32_t network_run(const uint8_t *pixels, q7_t *output);

/* Compute one stage of it so many times on what its memory holds; returns a qrig_network_status. */
int32_t network_stage(uint16_t stage, uint32_t times, const uint8_t *pixels, q7_t *output);

/* Whether tensors are wanted; all stages are reported in any case. */
extern uint8_t network_tracing;

#endif
