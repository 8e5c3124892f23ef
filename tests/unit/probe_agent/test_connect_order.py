from hypothesis import given
from hypothesis import strategies as st

from probe_agent.connect import in_order, with_port

addresses = st.lists(st.ip_addresses().map(str), min_size=1, unique=True, max_size=8)


def test_families_alternate_beginning_with_the_most_reachable() -> None:
    found = ["2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2"]
    assert in_order(found, 443, frozenset()) == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]


def test_what_has_just_failed_comes_last() -> None:
    assert in_order(["192.0.2.1", "192.0.2.2"], 443, frozenset({"192.0.2.1:443"})) == ["192.0.2.2", "192.0.2.1"]


@given(addresses, st.data())
def test_no_address_is_forgotten(found: list[str], data: st.DataObject) -> None:
    avoid = data.draw(st.sets(st.sampled_from(found)))
    order = in_order(found, 80, frozenset(with_port(address, 80) for address in avoid))
    assert sorted(order) == sorted(found)
    assert set(order[len(order) - len(avoid) :]) == avoid
