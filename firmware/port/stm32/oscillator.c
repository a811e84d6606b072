#include "oscillator.h"
#include "clock.h"
#include "family.h"

#define CR_HSEON (1u << 16)
#define CR_HSERDY (1u << 17)
#define CR_HSEBYP (1u << 18) /* to be set while HSEON is not */

static uint8_t is_running;

int oscillator_start(void) {
    if (BOARD_HSE_HZ == 0) {
        return 0;
    }
    *RCC_CR |= BOARD_HSE_BYPASS ? CR_HSEBYP : 0u;
    *RCC_CR |= CR_HSEON;
    is_running = (uint8_t)register_wait(RCC_CR, CR_HSERDY, CR_HSERDY);
    if (!is_running) {
        *RCC_CR &= ~CR_HSEON;
        *RCC_CR &= ~CR_HSEBYP;
    }
    return is_running;
}

const char *clock_name(void) {
    return is_running ? "hse" : "hsi";
}
