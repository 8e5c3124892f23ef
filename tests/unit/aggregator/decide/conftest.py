"""The shard that the verdict's tests start from."""

import pytest
from deciding import Shard, policy_of


@pytest.fixture
def shard() -> Shard:
    """Three regions, all of which have just found the site up, 100 s in."""
    shard = Shard(policy_of())
    shard.wait(99)
    shard.all_up(100)
    shard.said.clear()
    return shard
