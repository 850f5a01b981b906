"""Which IP addresses lie outside: a message that leaves must not reach what is inside.

An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4, Teredo and the like) is
never outside: a gateway on the way unpacks it, and who knows to where.
"""

from __future__ import annotations

import ipaddress

_CARRIERS = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::/96",
        "::ffff:0:0/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
    )
)
# What hands out a machine's credentials; no policy lets a message go there.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.0/24",
        "224.0.0.0/3",
        "fe80::/10",
        "fec0::/10",
        "fd00:ec2::/32",
        "fd20:ce::/32",
        "ff00::/8",
        "::/128",
    )
)


def refused(address: str, *, private: bool = False) -> str:
    """Return why nothing is sent to an IP address; empty if it may be.

    Args:
        address: An address as the resolver gives it.
        private: Whether this machine and private networks are allowed.

    Example:
        >>> refused("93.184.216.34"), refused("10.0.0.1", private=True)
        ('', '')
        >>> refused("64:ff9b::a00:1", private=True)
        'it carries an IPv4 address'
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:  # a zone, too
        return "it is no plain address"
    six = isinstance(found, ipaddress.IPv6Address) and int(found) > 1
    if six and any(found in carrier for carrier in _CARRIERS):
        return "it carries an IPv4 address"
    if any(found in network for network in _NEVER if network.version == found.version):
        return "it is link-local, multicast, or a service of the machine's host"
    if not found.is_global and not (private and (found.is_private or found.is_loopback)):
        return "it is not public"
    return ""
