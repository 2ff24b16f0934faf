"""Which IP addresses nobody outside may send us to: every special-purpose block, named one by one.

The list is explicit on purpose: what a library calls global changes with its version.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address

# the first that matches names the class, so single addresses stand before their blocks
REFUSED: tuple[tuple[str, IPv4Network | IPv6Network], ...] = tuple(
    (kind, ip_network(block))
    for kind, blocks in (
        ("metadata", "169.254.169.254/32 100.100.100.200/32 168.63.129.16/32 192.0.0.192/32 fd00:ec2::254/128"),
        ("unspecified", "0.0.0.0/8 ::/128"),
        ("loopback", "127.0.0.0/8 ::1/128"),
        ("private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7 fec0::/10"),
        ("link-local", "169.254.0.0/16 fe80::/10"),
        ("multicast", "224.0.0.0/4 ff00::/8"),
        ("embedded IPv4", "::ffff:0:0/96 ::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 2002::/16 2001::/32"),
        (
            "reserved",
            (
                "192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.175.48.0/24 198.18.0.0/15"
                " 198.51.100.0/24 203.0.113.0/24 240.0.0.0/4 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32"
                " 2620:4f:8000::/48 3fff::/20 5f00::/16"
            ),
        ),
    )
    for block in blocks.split()
)
ISATAP = (0x00005EFE, 0x02005EFE)


def refused_class(address: Address) -> str | None:
    """The class an address is refused for, None for one that may be asked."""
    for kind, block in REFUSED:
        if address in block:
            return kind
    if isinstance(address, IPv6Address) and (int(address) >> 32) & 0xFFFFFFFF in ISATAP:
        return "embedded IPv4"
    return None
