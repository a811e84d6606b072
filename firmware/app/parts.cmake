set(QRIG_PARTS inference)
