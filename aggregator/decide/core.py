"""The decision core's face: one shard's state, what changes it, and what comes of it.

    state = ShardState()
    transitions = apply_results(state, results, policies, regions, now_us)
    transitions = advance(state, policies, regions, now_us)
    text = dump(state); state = restore(text)

The functions change `state` in place and await nothing. `now_us` is the bus's timestamp of the message at hand; `advance` is given
the clock's only while the bus is idle. `policies` answers (check, revision) and the check's current revision.
"""
