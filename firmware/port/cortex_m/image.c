/* The image in flash, by the linker script. */
#include "port.h"

extern const uint8_t link_image_start[], link_image_end[];

const uint8_t *port_image(uint32_t *bytes) {
    *bytes = (uint32_t)(link_image_end - link_image_start);
    return link_image_start;
}
