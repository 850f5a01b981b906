"""Read IP addresses strictly: an address that two programs could read differently is refused.

What `url_host` returns can be given as it is. A name is no address: it may lead
anywhere, and somewhere else tomorrow, so it is refused and not looked up.
"""

from __future__ import annotations

import ipaddress
import re

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WRITTEN = re.compile(r"[0-9a-fA-F:.]{2,45}")
_WITH_LENGTH = re.compile(r"([0-9a-fA-F:.]{2,45})/(0|[1-9][0-9]{0,2})")

# Each carries an IPv4 address that a gateway or tunnel unpacks: ::a.b.c.d, SIIT, NAT64,
# its local form, Teredo, 6to4. To one program it is that address, to another it is not.
_CARRIERS = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "::/96",
        "::ffff:0:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
    )
)


def in_cidr(ip: str, cidr: str) -> bool:
    """Return True if the IP address `ip` lies in the network `cidr`.

    An IPv4 address written in IPv6 (`::ffff:10.0.0.1`) counts as the IPv4 address. An
    address of one family lies in no network of the other.

    Args:
        ip: One address, without brackets, zone or port; or what `url_host` returned.
        cidr: A network with its length, such as `10.0.0.0/8`, and no bits beyond it.

    Raises:
        ValueError: `ip` is not exactly one plain address, or `cidr` not one network.

    Example:
        >>> in_cidr("10.1.2.3", "10.0.0.0/8"), in_cidr("::ffff:a01:203", "10.0.0.0/8")
        (True, True)
        >>> in_cidr("010.1.2.3", "10.0.0.0/8")
        Traceback (most recent call last):
        ...
        ValueError: this is not exactly one plain IP address
    """
    return _address(ip) in network(cidr)


def network(cidr: str) -> Network:
    """Return the network that `cidr` names.

    Raises:
        ValueError: It names none, or not in exactly one way.

    Example:
        >>> network("10.0.0.1/8")
        Traceback (most recent call last):
        ...
        ValueError: this is not a network: write it as 10.0.0.0/8
    """
    # Only a length: with a mask, 10.0.0.0/0.255.255.255 is one network to some and none to others.
    if _WITH_LENGTH.fullmatch(cidr):
        try:
            found = ipaddress.ip_network(cidr)
        except ValueError:
            pass
        else:
            if isinstance(found, ipaddress.IPv4Network) or not found.network_address.ipv4_mapped:
                return found
    raise ValueError("this is not a network: write it as 10.0.0.0/8")


def _address(text: str) -> Address:
    found: Address | None = None
    if _WRITTEN.fullmatch(text):
        try:
            found = ipaddress.ip_address(text)
        except ValueError:
            found = None
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        # :: and ::1 carry nothing: they are the unspecified address and this machine.
        if int(found) > 1 and any(found in carrier for carrier in _CARRIERS):
            found = None
    if found is None:
        raise ValueError("this is not exactly one plain IP address")
    return found
