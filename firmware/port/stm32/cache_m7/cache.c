#include "cache.h"
#include "cortex_m.h"

#define CCR_DC (1u << 16)
#define CCR_IC (1u << 17)
#define CCSIDR CORTEX_M_REGISTER(0xe000ed80u)
#define CSSELR CORTEX_M_REGISTER(0xe000ed84u)
#define ICIALLU CORTEX_M_REGISTER(0xe000ef50u)
#define DCIMVAC CORTEX_M_REGISTER(0xe000ef5cu)
#define DCISW CORTEX_M_REGISTER(0xe000ef60u)

/* Of a line of 32 bytes the set is at bit 5; of four ways the number is in the highest bits. */
#define SET_SHIFT 5u
#define WAY_SHIFT 30u

static void empty_data_cache(void) {
    CSSELR = 0; /* the data cache of level 1 */
    cortex_m_barrier();
    uint32_t size = CCSIDR;
    uint32_t sets = (size >> 13 & 0x7fffu) + 1u;
    uint32_t ways = (size >> 3 & 0x3ffu) + 1u;
    for (uint32_t set = 0; set < sets; set++) {
        for (uint32_t way = 0; way < ways; way++) {
            DCISW = set << SET_SHIFT | way << WAY_SHIFT;
        }
    }
}

void cache_start(void) {
    ICIALLU = 0;
    empty_data_cache();
    cortex_m_barrier();
    CORTEX_M_CCR |= CCR_IC | CCR_DC;
    cortex_m_barrier();
}

void cache_forget(const void *data, size_t length) {
    uint32_t address = (uint32_t)(uintptr_t)data & ~(CACHE_LINE_BYTES - 1u);
    uint32_t end = (uint32_t)(uintptr_t)data + (uint32_t)length;
    for (; address < end; address += CACHE_LINE_BYTES) {
        DCIMVAC = address;
    }
    cortex_m_barrier();
}
