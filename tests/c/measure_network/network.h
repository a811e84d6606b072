/* A network of three stages for measure_driver.c. */
#ifndef NETWORK_H
#define NETWORK_H

#include "arm_nnfunctions.h"

#define NETWORK_STAGES 3

int32_t network_stage(uint16_t stage, uint32_t times, const uint8_t *pixels, q7_t *output);

#endif
