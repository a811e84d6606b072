/* Windows for a power meter: the marker is up while a stage runs again and again, an empty function
 * does, or nothing at all. */
#ifndef QRIG_MEASURE_H
#define QRIG_MEASURE_H

#include "frame.h"

/* What a window holds. */
enum {
    MEASURE_LAYER = 0,      /* a stage, so often */
    MEASURE_EMPTY = 1,      /* the call of an empty function, so often */
    MEASURE_IDLE_BEGIN = 2, /* nothing, from this request to the next */
    MEASURE_IDLE_END = 3,
};

/* The most repetitions of one window. */
#define MEASURE_MAX_REPETITIONS 1000000u

/* Answer MEASURE: kind u8, pulses u8, stage u16, repetitions u32. The answer: status u8, three
 * zeros, the network's status i32, ticks u64 between the edges (all bits set where the counter
 * cannot say). With pulses each edge is one, up and down again at once. */
void measure(const frame *request);

/* End what a former session left open. */
void measure_session(void);

#endif
