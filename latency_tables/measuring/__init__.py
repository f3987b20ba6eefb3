"""One measurement, from what is asked to a table: what to time, how often, on which device, and what survives a lost connection."""
