"""Who of a region's agents looks after which slices: rendezvous hashing, the same answer wherever it is asked."""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

from quivive.domain.checks import SLICES


def slices_of(agent: str, agents: Iterable[str]) -> frozenset[int]:
    """The slices that are `agent`'s among `agents`, which it counts as one of. When one leaves, only its slices move."""
    own = _weights(agent)
    others = [_weights(other) for other in set(agents) - {agent}]
    return frozenset(slice_ for slice_ in range(SLICES) if all(own[slice_] > other[slice_] for other in others))


@lru_cache(maxsize=256)
def _weights(agent: str) -> tuple[tuple[bytes, str], ...]:
    """By slice; the agent's name settles what would be a draw."""
    name = agent.encode()
    return tuple(
        (blake2b(slice_.to_bytes(2, "little") + name, digest_size=8).digest(), agent) for slice_ in range(SLICES)
    )
