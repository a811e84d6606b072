#include "network_internal.h"

/* OpenMV's results are made of those of the kernels as they come. */
#if defined(QRIG_POOLING_C) || defined(ARM_NN_TRUNCATE)
#define LAST_DIALECT QRIG_NETWORK_CORRECT
#else
#define LAST_DIALECT QRIG_NETWORK_OPENMV
#endif

int network_has_dialect(const qrig_network_options *options) {
    return (uint32_t)options->dialect <= LAST_DIALECT;
}
