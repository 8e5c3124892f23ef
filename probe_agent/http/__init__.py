"""HTTP/1.1 as an agent speaks it: one request a connection, everything timed, nothing believed."""
