"""Why a check was found as it was, and why somebody was paged or not: read from what was recorded, never computed anew."""
