/* The kernels that can be called, by number. */
#ifndef QRIG_KERNELS_H
#define QRIG_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Most arguments a kernel has. */
#define KERNEL_MAX_ARGUMENTS 20u

/* Any function; converted back to its own type before it is called. */
typedef void any_function(void);

/* An argument: a number, or where a tensor lies. */
typedef union {
    uint32_t number;
    void *tensor;
} argument;

/* What a call gave: the value the function returned (0 if none) and the counter's ticks. */
typedef struct {
    int32_t value;
    uint64_t ticks;
} outcome;

/* Calls a function of one type between start and stop of the counter. */
typedef outcome caller(any_function *function, const argument *arguments);

/* letters: what the function returns (v nothing, s a status, z a size), then what it takes (p a
 * tensor, h a uint16_t or an enumeration, w 32 bits). */
typedef struct {
    const char *name;
    const char *letters;
    caller *call;
    any_function *function;
} kernel;

/* The kernel with a number, or NULL. */
const kernel *kernel_numbered(uint32_t number);

/* The number of the kernel whose name and letters, with a space between, are text; a number that is
 * none if there is no such kernel. */
uint32_t kernel_find(const uint8_t *text, size_t length);

#endif
