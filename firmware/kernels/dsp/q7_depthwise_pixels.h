/* The two ways to an output pixel of a depthwise convolution.
 *
 * Where the window lies inside the image, a table in the scratch leads from tap to tap, four
 * channels at a time. For each four channels it holds, in words:
 *   the four starts of the accumulators;
 *   for every two taps: their places in the window in bytes, and the weights (tap 0, tap 1) of
 *   channels 0, 1, 2, 3;
 *   for a tap left over: its place, and the weights of channels (0, 2) and (1, 3).
 * That is never more than the 4 bytes for a weight that CMSIS-NN asks for if there are at least
 * Q7_DEPTHWISE_TABLE_TAPS taps.
 */
#ifndef QRIG_Q7_DEPTHWISE_PIXELS_H
#define QRIG_Q7_DEPTHWISE_PIXELS_H

#include "q7_convolution.h"

void q7_depthwise_make_table(const q7_convolution *call);

/* All channels in fours of a window inside the image. */
void q7_depthwise_inner_pixel(const q7_convolution *call, const q7_t *window, q7_t *out);

/* The channels from the first on of any window; its place is counted modulo 2^32. */
void q7_depthwise_any_pixel(const q7_convolution *call, uint32_t first_y, uint32_t first_x,
                            uint32_t channel, q7_t *out);

#endif
