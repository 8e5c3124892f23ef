"""Rule 12: what one thing explains is one group."""

from hypothesis import given
from hypothesis import strategies as st

from aggregator.decide.evidence import Witness
from aggregator.decide.groups import WINDOW_US, Group, Newcomer, attributes_of, place
from quivive.domain.words import Cause, Responsibility

S = 1_000_000
ADDRESS = "address 192.0.2.7:443"


def at(address: str, cause: Cause = Cause.TCP_REFUSED) -> Witness:
    return Witness("a", 0, 0, 0, cause, address=address)


def test_five_hundred_sites_at_one_address_are_one_group() -> None:
    newcomers = [Newcomer(f"i{n:03}", n * S // 10, (ADDRESS, f"host s{n}.example:443")) for n in range(500)]
    placing = place(newcomers, [])
    assert set(placing.members.values()) == {"i000"}
    assert placing.groups == (Group("i000", 0, (ADDRESS,)),)


def test_an_outage_more_than_two_minutes_later_begins_a_new_group() -> None:
    group = Group("i1", 0, (ADDRESS,))
    assert place([Newcomer("i2", WINDOW_US, (ADDRESS,))], [group]).members == {"i2": "i1"}
    assert place([Newcomer("i3", WINDOW_US + 1, (ADDRESS,))], [group]).members == {"i3": "i3"}


def test_a_group_is_explained_by_what_all_its_members_share() -> None:
    host = "host www.example.com:443"
    first, second = Newcomer("i1", 0, (ADDRESS, host)), Newcomer("i2", 1, ("address 192.0.2.8:443", host))
    third = Newcomer("i3", 2, (ADDRESS, "host other.example:443"))
    placing = place([first, second, third], [])
    assert placing.members == {"i1": "i1", "i2": "i1", "i3": "i3"}


def test_an_outage_of_the_sites_own_making_joins_nobody() -> None:
    args = ([at("192.0.2.7:443")], "https://www.example.com/")
    assert attributes_of(Cause.CONTENT_FATAL_ERROR, Responsibility.APPLICATION, *args) == ()
    assert attributes_of(Cause.TLS_EXPIRED, Responsibility.CERTIFICATE, *args) == ()
    assert attributes_of(Cause.TCP_REFUSED, Responsibility.HOST, *args) == (ADDRESS, "host www.example.com:443")


def test_a_name_that_fails_is_explained_by_its_name_servers() -> None:
    witnesses = [at("198.51.100.53:53", Cause.DNS_SERVFAIL)]
    found = attributes_of(Cause.DNS_SERVFAIL, Responsibility.DNS_REGISTRAR, witnesses, "https://shop.example.com/")
    assert found == ("nameserver 198.51.100.53:53", "zone example.com")


@given(st.permutations([Newcomer(f"i{n}", n * S, (ADDRESS,)) for n in range(6)]))
def test_the_order_in_which_they_come_to_light_changes_nothing(newcomers: list[Newcomer]) -> None:
    assert set(place(newcomers, []).members.values()) == {"i0"}
