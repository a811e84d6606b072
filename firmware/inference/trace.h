/* A second run of a network whose layers are computed together: it hands out every stage's tensor.
 *
 * Tensors that exist as a whole are offered one by one. Planes are gathered into a batch, which is
 * offered whenever it is full: for each plane stage, channel, height and width (u16), then its
 * bytes row by row. */
#ifndef QRIG_TRACE_H
#define QRIG_TRACE_H

#include "arm_nnfunctions.h"
#include <stdint.h>

/* Begin a trace; flags are those of INFER. */
void trace_begin(uint8_t flags);

/* Deliver the tensor of a stage; NULL if its planes were delivered. */
void trace_stage(uint16_t stage, const q7_t *tensor, uint32_t bytes);

/* Deliver what is left, and end the trace. */
void trace_end(void);

#endif
