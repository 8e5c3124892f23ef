from ipaddress import ip_network

import pytest

from probe_agent.guard import is_allowed


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"],
)
def test_public_addresses_may_be_looked_at(address: str) -> None:
    assert is_allowed(address, ())


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:53aa:64c:0:0:f5ff:fffe",
    ],
)
def test_private_local_and_metadata_addresses_may_not_in_any_disguise(address: str) -> None:
    assert not is_allowed(address, ())


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::ffff:127.0.0.1", "::1"])
def test_what_the_operator_allows_may(address: str) -> None:
    assert is_allowed(address, (ip_network("127.0.0.0/8"), ip_network("::1/128")))


def test_allowing_one_network_allows_no_other() -> None:
    assert not is_allowed("10.0.0.1", (ip_network("127.0.0.0/8"),))
