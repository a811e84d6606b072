/* The line to the host; port.h has the rest of it. */
#ifndef QRIG_LINE_H
#define QRIG_LINE_H

/* Switch on the USART, at its first speed, and DMA. */
void line_start(void);

#endif
