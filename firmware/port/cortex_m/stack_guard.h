/* The guard below the stack. */
#ifndef QRIG_STACK_GUARD_H
#define QRIG_STACK_GUARD_H

/* Guard the part of the stack that the report of a fault uses (memory.ld: link_stack_reserve), if
 * the core has a memory protection unit. */
void stack_guard_start(void);

#endif
