set(QRIG_PARTS inference runtime)
