/* Running the loaded network on an image that the host has written.
 *
 * The request: flags u8 as of INFER, crc32 u32 of the image, format u8, width u16, height u16, and
 * of the region in it x, y, width and height, u16 each. The answer is that of INFER. */
#ifndef QRIG_FORWARD_H
#define QRIG_FORWARD_H

#include "frame.h"

/* Do what the request says, and answer it. */
void forward(const frame *request);

#endif
