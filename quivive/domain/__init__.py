"""The words of the domain as plain Python values: no I/O, no clock, no library."""
