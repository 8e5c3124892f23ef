"""A check's identity and its grid: hash, shard, slice, phase, slots. Integer microseconds since the Unix epoch throughout."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

SLICES = 256
"""Agents of a region share the checks by slices."""
DEFAULT_SHARDS = 16
"""Shards of a deployment unless it says otherwise; fixed once chosen."""

HEARTBEAT_REGION = "heartbeat"
"""The only region of a heartbeat's W: the api looks, which is called."""

SCHEDULED, CONFIRMATION, PLACEHOLDER = 0, 10, -1
"""First attempt numbers: 0 to 9 scheduled, 10 to 19 confirmation, -1 a placeholder that displaces nothing."""


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What makes a result the same result, wherever it is met again."""

    check: int
    region: str
    slot_us: int
    attempt: int


def check_hash(check: int) -> int:
    """BLAKE2b-64 of the check's id as eight little-endian bytes, as an unsigned integer."""
    return int.from_bytes(blake2b(check.to_bytes(8, "little"), digest_size=8).digest(), "little")


def shard_of(check: int, shards: int) -> int:
    return check_hash(check) % shards


def slice_of(check: int) -> int:
    return check_hash(check) % SLICES


def quorum_of(regions: int) -> int:
    """Regions that must agree: a majority, ⌊|W|/2⌋ + 1. Never less because some are blind."""
    if regions < 1:
        raise ValueError("a check needs at least one region")
    return regions // 2 + 1


def phase_us(check: int, rank: int, regions: int, interval_us: int) -> int:
    """Offset of a region's slots on the grid: the check's hash spreads checks, the rank staggers regions evenly."""
    return (check_hash(check) + rank * interval_us // regions) % interval_us


def next_slot_us(after_us: int, check: int, region: str, regions: Sequence[str], interval_us: int) -> int:
    """The first slot strictly later than `after_us`. `regions` is W, sorted. ValueError when the region is not in W."""
    phase = phase_us(check, regions.index(region), len(regions), interval_us)
    return after_us + interval_us - (after_us - phase) % interval_us


def freshness_us(interval_us: int, timeout_us: int) -> int:
    """How long a vote counts after its deciding attempt ended: interval + 2 × timeout + 5 s."""
    return interval_us + 2 * timeout_us + 5_000_000
