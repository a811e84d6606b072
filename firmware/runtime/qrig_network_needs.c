#include "network_internal.h"

qrig_network_status qrig_network_needs(const void *file, uint32_t bytes,
                                       const qrig_network_options *options,
                                       qrig_network_demand *demand, qrig_network_failure *failure) {
    network_summary summary;
    qrig_network_status status = network_read(file, bytes, NULL, &summary, failure);
    *demand = summary.demand;
    return status == QRIG_NETWORK_OK && !network_has_dialect(options) ? QRIG_NETWORK_DIALECT
                                                                      : status;
}
