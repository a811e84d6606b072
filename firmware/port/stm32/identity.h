/* Which chip this is, and why it started. */
#ifndef QRIG_IDENTITY_H
#define QRIG_IDENTITY_H

/* Note why the chip started, and forget it in the register, so that the next time is told apart. */
void identity_start(void);

#endif
