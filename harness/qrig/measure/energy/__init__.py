"""Energy of layers: measured between the edges of a marker, or modelled from cycles."""
