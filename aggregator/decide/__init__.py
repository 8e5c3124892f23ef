"""The verdict (design section 5) as functions of data: no I/O and no clock; `now` is an argument."""
