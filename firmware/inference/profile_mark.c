#include "profile_mark.h"

volatile uint8_t profile_marks[PROFILE_EVENTS];

__attribute__((noinline, noclone)) void profile_mark(uint32_t event) {
    profile_marks[event] = 1;
}
