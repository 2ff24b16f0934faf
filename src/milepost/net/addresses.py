"""Which IP addresses nobody outside may send us to: every special-purpose block of IANA's registries, named one by one.

The list is explicit on purpose: what a library calls global changes with its version. Blocks that the registries call
globally reachable stand here too, for what answers there is a service of the network and nobody's web server.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import NamedTuple

Address = IPv4Address | IPv6Address


class Block(NamedTuple):
    """`fault` is the class that a refusal names; `name` is the registry's, and never shown with an address."""

    network: IPv4Network | IPv6Network
    fault: str
    name: str


# IANA's IPv4 and IPv6 special-purpose address registries, the multicast blocks, what older documents reserved, and where
# clouds put what is theirs alone. The first that matches names the class, so single addresses stand before their blocks.
BLOCKS: tuple[Block, ...] = tuple(
    Block(ip_network(network), fault, name)
    for fault, network, name in (
        ("metadata", "169.254.169.254/32", "metadata of most clouds"),
        ("metadata", "169.254.170.2/32", "credentials of AWS ECS tasks"),
        ("metadata", "169.254.170.23/32", "credentials of AWS EKS pods"),
        ("metadata", "169.254.0.23/32", "metadata of Tencent Cloud"),
        ("metadata", "169.254.42.42/32", "metadata of Scaleway"),
        ("metadata", "100.100.100.200/32", "metadata of Alibaba Cloud"),
        ("metadata", "168.63.129.16/32", "Azure's wire server, in a public block"),
        ("metadata", "192.0.0.192/32", "metadata of Oracle Cloud"),
        ("metadata", "fd00:ec2::/32", "metadata, names and time of AWS"),
        ("metadata", "fd20:ce::254/128", "metadata of Google Cloud"),
        ("metadata", "fd00:c1::a9fe:a9fe/128", "metadata of Oracle Cloud"),
        ("metadata", "fd00:42::42/128", "metadata of Scaleway"),
        ("unspecified", "0.0.0.0/8", "this network"),
        ("unspecified", "::/128", "unspecified address"),
        ("loopback", "127.0.0.0/8", "loopback"),
        ("loopback", "::1/128", "loopback address"),
        ("private", "10.0.0.0/8", "private use"),
        ("private", "172.16.0.0/12", "private use"),
        ("private", "192.168.0.0/16", "private use"),
        ("private", "100.64.0.0/10", "shared address space of carriers"),
        ("private", "161.26.0.0/16", "services of IBM Cloud, reached from inside it alone"),
        ("private", "166.8.0.0/14", "service endpoints of IBM Cloud, reached from inside it alone"),
        ("private", "fc00::/7", "unique local"),
        ("private", "fec0::/10", "site local, deprecated"),
        ("link-local", "169.254.0.0/16", "link local"),
        ("link-local", "fe80::/10", "link-local unicast"),
        ("multicast", "224.0.0.0/4", "multicast"),
        ("multicast", "ff00::/8", "multicast"),
        ("embedded IPv4", "::ffff:0:0/96", "IPv4-mapped addresses"),
        ("embedded IPv4", "::/96", "IPv4-compatible addresses, deprecated"),
        ("embedded IPv4", "::ffff:0:0:0/96", "IPv4-translated addresses"),
        ("embedded IPv4", "64:ff9b::/96", "IPv4-IPv6 translation"),
        ("embedded IPv4", "64:ff9b:1::/48", "local IPv4-IPv6 translation"),
        ("embedded IPv4", "2001::/32", "Teredo"),
        ("embedded IPv4", "2002::/16", "6to4"),
        ("reserved", "192.0.0.0/29", "IPv4 service continuity prefix"),
        ("reserved", "192.0.0.8/32", "IPv4 dummy address"),
        ("reserved", "192.0.0.9/32", "port control protocol anycast"),
        ("reserved", "192.0.0.10/32", "TURN anycast"),
        ("reserved", "192.0.0.170/31", "NAT64 and DNS64 discovery"),
        ("reserved", "192.0.0.0/24", "IETF protocol assignments"),
        ("reserved", "192.0.2.0/24", "documentation (TEST-NET-1)"),
        ("reserved", "192.31.196.0/24", "AS112-v4"),
        ("reserved", "192.52.193.0/24", "automatic multicast tunneling"),
        ("reserved", "192.88.99.0/24", "6to4 relay anycast, deprecated"),
        ("reserved", "192.175.48.0/24", "direct delegation AS112 service"),
        ("reserved", "198.18.0.0/15", "benchmarking"),
        ("reserved", "198.51.100.0/24", "documentation (TEST-NET-2)"),
        ("reserved", "203.0.113.0/24", "documentation (TEST-NET-3)"),
        ("reserved", "255.255.255.255/32", "limited broadcast"),
        ("reserved", "240.0.0.0/4", "reserved for future use"),
        ("reserved", "100::/64", "discard-only address block"),
        ("reserved", "100:0:0:1::/64", "dummy IPv6 prefix"),
        ("reserved", "2001:1::1/128", "port control protocol anycast"),
        ("reserved", "2001:1::2/128", "TURN anycast"),
        ("reserved", "2001:1::3/128", "DNS-SD service registration anycast"),
        ("reserved", "2001:2::/48", "benchmarking"),
        ("reserved", "2001:3::/32", "automatic multicast tunneling"),
        ("reserved", "2001:4:112::/48", "AS112-v6"),
        ("reserved", "2001:10::/28", "ORCHID, deprecated"),
        ("reserved", "2001:20::/28", "ORCHIDv2"),
        ("reserved", "2001:30::/28", "drone remote identification"),
        ("reserved", "2001::/23", "IETF protocol assignments"),
        ("reserved", "2001:db8::/32", "documentation"),
        ("reserved", "2620:4f:8000::/48", "direct delegation AS112 service"),
        ("reserved", "3ffe::/16", "6bone, returned"),
        ("reserved", "3fff::/20", "documentation"),
        ("reserved", "5f00::/16", "segment routing (SRv6) SIDs"),
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
OUTSIDE = Block(IPv6Network("::/0"), "reserved", "outside global unicast (2000::/3)")
LOW = 0xFFFFFFFF
# the interface identifiers of RFC 5214, below any prefix
ISATAP = frozenset({0x00005EFE, 0x02005EFE})
# RFC 4291, 2765, 6052 (a prefix of 48 bits splits it around the bits 64 to 71), 3056 and 4380
EMBEDDINGS: tuple[tuple[str, IPv6Network, Callable[[int], int]], ...] = (
    ("IPv4-mapped", IPv6Network("::ffff:0:0/96"), lambda value: value),
    ("IPv4-compatible", IPv6Network("::/96"), lambda value: value),
    ("IPv4-translated", IPv6Network("::ffff:0:0:0/96"), lambda value: value),
    ("NAT64", IPv6Network("64:ff9b::/96"), lambda value: value),
    ("local NAT64", IPv6Network("64:ff9b:1::/48"), lambda value: value),
    ("local NAT64", IPv6Network("64:ff9b:1::/48"), lambda value: (value >> 64 & 0xFFFF) << 16 | value >> 40 & 0xFFFF),
    ("Teredo server", IPv6Network("2001::/32"), lambda value: value >> 64),
    ("Teredo client", IPv6Network("2001::/32"), lambda value: ~value),
    ("6to4", IPv6Network("2002::/16"), lambda value: value >> 80),
)


def refused_block(address: Address) -> Block | None:
    """The first block that an address is refused for, None for one that may be asked."""
    for block in BLOCKS:
        if address in block.network:
            return block
    if isinstance(address, IPv4Address):
        return None
    if address not in GLOBAL_UNICAST:
        return OUTSIDE
    embedded = embedded_ipv4(address)
    return Block(IPv6Network(address), "embedded IPv4", embedded[0][0]) if embedded else None


def refused_class(address: Address) -> str | None:
    """The class an address is refused for, None for one that may be asked."""
    block = refused_block(address)
    return None if block is None else block.fault


def embedded_ipv4(address: IPv6Address) -> list[tuple[str, IPv4Address]]:
    """Every IPv4 address that a translator or tunnel would find in it, with the form's name."""
    value = int(address)
    return [(name, IPv4Address(inner(value) & LOW)) for name, network, inner in EMBEDDINGS if address in network] + (
        [("ISATAP", IPv4Address(value & LOW))] if value >> 32 & LOW in ISATAP else []
    )
