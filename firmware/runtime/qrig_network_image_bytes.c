#include "network_internal.h"

uint64_t qrig_network_image_bytes(qrig_network_format format, uint16_t width, uint16_t height) {
    uint32_t bytes = (uint32_t)format <= QRIG_NETWORK_RGB888 ? (uint32_t)format + 1 : 0;
    return (uint64_t)bytes * width * height;
}
