#include "identity.h"
#include "clock.h"
#include "counter.h"
#include "family.h"
#include "port.h"
#include <string.h>

#define UNIQUE_ID_WORDS 3u

static const char *reset_cause = "unknown";

/* What the flags mean, the first that is set first: a power-on sets those of pin and brown-out as
 * well, and every reset that of the pin. */
static const struct {
    uint32_t flags;
    const char *name;
} causes[] = {
    {RESET_POWER, "power"},       {RESET_BROWN_OUT, "brown-out"}, {RESET_LOW_POWER, "low-power"},
    {RESET_WATCHDOG, "watchdog"}, {RESET_SOFTWARE, "software"},   {RESET_PIN, "pin"},
};

void identity_start(void) {
    uint32_t flags = *RESET_REGISTER;
    *RESET_REGISTER |= RESET_FORGET;
    for (size_t i = sizeof causes / sizeof causes[0]; i-- > 0;) {
        if (flags & causes[i].flags) {
            reset_cause = causes[i].name;
        }
    }
}

/* Text that grows; what does not fit is left out. */
typedef struct {
    char *data;
    size_t used, capacity;
} text;

static void add(text *out, const char *more) {
    size_t length = strlen(more);
    if (length <= out->capacity - out->used) {
        memcpy(out->data + out->used, more, length);
        out->used += length;
    }
}

static void add_hex(text *out, uint32_t value) {
    char digits[9] = {0};
    for (uint32_t i = 0; i < 8; i++) {
        digits[i] = "0123456789abcdef"[value >> (28u - 4u * i) & 15u];
    }
    add(out, digits);
}

static void add_decimal(text *out, uint32_t value) {
    char digits[11] = {0};
    char *first = digits + sizeof digits - 1;
    do {
        *--first = (char)('0' + value % 10u);
        value /= 10u;
    } while (value > 0);
    add(out, first);
}

static void add_line(text *out, const char *key, const char *value) {
    add(out, key);
    add(out, value);
    add(out, "\n");
}

size_t port_describe(char *data, size_t capacity) {
    text out = {data, 0, capacity};
    add(&out, "unique_id=");
    for (uint32_t word = 0; word < UNIQUE_ID_WORDS; word++) {
        add_hex(&out, *register_at(BOARD_UNIQUE_ID + 4u * word));
    }
    add_line(&out, "\nreset=", reset_cause);
    add_line(&out, "debugger=", port_debugger() ? "1" : "0");
    add_line(&out, "clock=", clock_name());
    add_line(&out, "counter=", counter_counts() ? "cycles" : "none");
    add(&out, "baud=");
    add_decimal(&out, BOARD_UART_FAST_BAUD);
    add(&out, "\n");
    return out.used;
}
