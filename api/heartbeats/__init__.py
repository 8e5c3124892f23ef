"""Jobs that call us: their addresses, what they said, and the votes that come of it."""
