/* GPIO pins, alike in all families: ST RM0090 section 8.4. */
#ifndef QRIG_PIN_H
#define QRIG_PIN_H

#include <stdint.h>

/* Connect a pin (port 0 is A) to an alternate function, with a pull-up and high speed. */
void pin_connect(uint32_t port, uint32_t number, uint32_t function);

/* Make a pin an output that is low. */
void pin_output(uint32_t port, uint32_t number);

/* Set an output's level. */
void pin_set(uint32_t port, uint32_t number, int level);

#endif
