/* The clock tree at BOARD_CLOCK_HZ. */
#ifndef QRIG_CLOCK_H
#define QRIG_CLOCK_H

/* Bring core, flash and buses to full speed: from the oscillator outside the chip if there is one
 * and it starts, else from the one within, at the same frequency. A chip that does neither faults
 * here. */
void clock_start(void);

/* Which it is: "hse" or "hsi". */
const char *clock_name(void);

/* Needed beyond this point, or nothing works. */
static inline void clock_need(int is_ready) {
    if (!is_ready) {
        __builtin_trap();
    }
}

#endif
