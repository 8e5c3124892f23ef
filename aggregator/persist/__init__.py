"""Step PERSIST: what was consumed and decided becomes rows, one micro-batch in one transaction."""
