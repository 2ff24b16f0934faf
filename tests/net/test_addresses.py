"""Every special-purpose block of the registries is refused by its class, from its first address to its last; the rest is not."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milepost.net.addresses import BLOCKS, GLOBAL_UNICAST, embedded_ipv4, refused_block, refused_class

# IANA's registries of special-purpose addresses, row by row, those that it calls globally reachable too
REGISTERED = """
    0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29 192.0.0.8/32
    192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24
    192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 255.255.255.255/32
    ::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128
    2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32
    2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10
    224.0.0.0/4 ff00::/8 fec0::/10 3ffe::/16
"""
PUBLIC = """
    1.1.1.1 8.8.8.8 9.9.9.9 93.184.215.14 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255
    172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 203.0.112.255 203.0.114.0
    223.255.255.255 9.255.255.255 11.0.0.0 161.25.0.1 161.27.0.1 166.7.255.255 166.12.0.0 168.63.129.15 168.63.129.17
    2001:200::1 2001:4860:4860::8888 2003::1 2400:cb00::1 2600:: 2606:4700:4700::1111 2620:fe::fe 2620:4f:7fff::1 2620:4f:8001::
    2800:3f0::1 2a00:1450::1 2a10:50c0::ad1:ff 2c0f:fb50::1 2001:db7:ffff::1 2001:db9:: 3ffd::1 2000::1
"""


@pytest.mark.parametrize("block", sorted({*REGISTERED.split(), *(str(block.network) for block in BLOCKS)}))
def test_a_special_block_is_refused_from_its_first_address_to_its_last(block: str) -> None:
    network = ip_network(block)

    assert {refused_class(network[place]) is None for place in (0, -1, network.num_addresses // 2)} == {False}


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_may_be_asked(address: str) -> None:
    assert refused_block(ip_address(address)) is None


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        ("64:ff9b:a00:1::", "reserved"), ("1:2:3:4:a:0:100:0", "reserved"), ("3ffe::1", "reserved"), ("4000::1", "reserved"),
        ("1fff:ffff::", "reserved"), ("e000::1", "reserved"), ("fb00::1", "reserved"), ("64:ff9b:2::1", "reserved"),
        ("100:0:0:2::1", "reserved"), ("::1:0:0:0", "reserved"), ("::fffe:0:0:0:1", "reserved"),
    ],
)  # fmt: skip
def test_no_ipv6_address_outside_global_unicast_is_asked(address: str, fault: str) -> None:
    assert refused_class(ip_address(address)) == fault


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_whatever_is_no_global_unicast_is_refused(address: IPv6Address) -> None:
    assert address in GLOBAL_UNICAST or refused_class(address) is not None


@given(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**64 - 1))
def test_an_ipv4_address_is_found_in_every_form_that_carries_it(inner: IPv4Address, other: int) -> None:
    low = int(inner)
    teredo = 0x20010000 << 96 | (other & 0xFFFFFFFF) << 64
    local = 0x0064FF9B0001 << 80
    carriers = {
        "IPv4-mapped": 0xFFFF << 32 | low,
        "IPv4-translated": 0xFFFF << 48 | low,
        "NAT64": 0x0064FF9B << 96 | low,
        "local NAT64": local | (low >> 16) << 64 | (low & 0xFFFF) << 40,
        "6to4": 0x2002 << 112 | low << 80 | other,
        "Teredo server": 0x20010000 << 96 | low << 64 | other,
        "Teredo client": teredo | low ^ 0xFFFFFFFF,
        "ISATAP": 0x26064700 << 96 | 0x00005EFE << 32 | low,
    } | ({"IPv4-compatible": low} if low > 1 else {})
    for name, value in carriers.items():
        assert (name, inner) in embedded_ipv4(IPv6Address(value))
        assert refused_class(IPv6Address(value)) == "embedded IPv4"
    assert ("local NAT64", inner) in embedded_ipv4(IPv6Address(local | low))
    assert ("ISATAP", inner) in embedded_ipv4(IPv6Address(0x26064700 << 96 | 0x02005EFE << 32 | low))


def test_nothing_is_found_in_an_address_that_carries_none() -> None:
    assert embedded_ipv4(IPv6Address("2606:4700:4700::1111")) == []


def test_no_block_is_hidden_behind_another_of_its_class() -> None:
    # a line that never decides anything was meant to
    for number, block in enumerate(BLOCKS):
        before = [other.network for other in BLOCKS[:number] if other.network.version == block.network.version]
        assert not any(block.network.subnet_of(other) for other in before), block  # pyright: ignore[reportArgumentType]


def test_every_block_has_a_name_of_its_own_class() -> None:
    assert all(block.name and block.fault for block in BLOCKS)
    outside = refused_block(IPv6Address("4000::1"))
    assert outside is not None
    assert outside.network == IPv6Network("::/0")
