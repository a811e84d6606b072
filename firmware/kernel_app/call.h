/* Calling a kernel with arguments from the host.
 *
 * The request: number u16 of the kernel, then value u32 and bytes u32 of each argument. For a
 * number bytes is zero; for a tensor value is its offset in the arena, and bytes its size, zero
 * standing for NULL. Two arguments may be the same tensor, but no tensors may overlap.
 *
 * The answer: status u8, what the kernel returned i32, ticks u64 of the call less those of a call
 * of a function that does nothing; all bits of the ticks set where the counter cannot say. */
#ifndef QRIG_CALL_H
#define QRIG_CALL_H

#include "frame.h"
#include <stdint.h>

/* Call the kernel and answer. */
void call_kernel(const frame *request);

/* How many kernels were called, and the number of the last. */
uint32_t call_count(void);
uint16_t call_last(void);

#endif
