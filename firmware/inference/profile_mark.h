/* Marks that tell a profiler in which phase the firmware is. */
#ifndef QRIG_PROFILE_MARK_H
#define QRIG_PROFILE_MARK_H

#include "network.h"
#include <stdint.h>

enum {
    PROFILE_HARNESS = 0,                           /* not the network's code */
    PROFILE_OVERHEAD = 1,                          /* a stage that does nothing */
    PROFILE_STAGE = 2,                             /* plus the number of the stage */
    PROFILE_DONE = PROFILE_STAGE + NETWORK_STAGES, /* an inference is complete */
    PROFILE_EVENTS = PROFILE_DONE + 1,
};

/* One byte per event. A profiler watches the stores of profile_mark and tells events by address. */
extern volatile uint8_t profile_marks[PROFILE_EVENTS];

/* Begin a phase. Never inlined, so that the only stores to watch are in one place. */
void profile_mark(uint32_t event);

#endif
