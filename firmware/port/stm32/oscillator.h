/* The oscillator outside the chip (HSE). All families control it alike, in RCC_CR. */
#ifndef QRIG_OSCILLATOR_H
#define QRIG_OSCILLATOR_H

/* Start it if the board has one; zero if there is none or it stays silent, which is off then. */
int oscillator_start(void);

#endif
