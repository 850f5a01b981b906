"""Read destinations strictly: what could be taken for more than one thing is refused.

A suffix test on an address or a prefix test on a URL or path can be fooled;
these functions cannot, because they raise on everything that two programs
might read differently. Their errors never repeat the value.
"""

from __future__ import annotations

import ipaddress
import os
import re
from urllib.parse import urlsplit

# Without % and !, by which old mail systems route a message on to another host.
_LOCAL = re.compile(r"[A-Za-z0-9#$&'*+/=?^_`{|}~-]{1,64}(?:\.[A-Za-z0-9#$&'*+/=?^_`{|}~-]{1,64})*")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_UNSAFE = re.compile(r"[\x00-\x20\x7f-\xa0\\]")


def email_domain(address: str) -> str:
    """Return the domain of exactly one bare mail address, in lower case ASCII.

    Raises:
        ValueError: It is no such address: a list, a display name, quotes, a
            line break, a trailing dot, or a domain that is not what it looks like.

    Example:
        >>> email_domain("Ann@ACME.com")
        'acme.com'
        >>> email_domain("eve@evil.com,ann@acme.com")
        Traceback (most recent call last):
        ...
        ValueError: this is not exactly one plain mail address
    """
    local, at, domain = address.partition("@")
    if not at or "@" in domain or len(address) > 254 or not _LOCAL.fullmatch(local):
        raise ValueError("this is not exactly one plain mail address")
    name = host_name(domain)
    if len(local) > 64 or "." not in name or _is_address(name):
        raise ValueError("this is not exactly one plain mail address")
    return name


def same_person(address: str, other: str) -> bool:
    """Return True if two plain mail addresses are of one mailbox.

    The case of letters says nothing, and an international domain is the same in its
    `xn--` form. A subaddress is another mailbox: who may write as `ann+x` differs from
    provider to provider.

    Raises:
        ValueError: One of them is not exactly one plain mail address.

    Example:
        >>> same_person("Ann@ACME.com", "ann@acme.com")
        True
        >>> same_person("ann+bank@acme.com", "ann@acme.com")
        False
    """
    return _mailbox(address) == _mailbox(other)


def _mailbox(address: str) -> tuple[str, str]:
    # The part before the @ is ASCII here, so its lower case is what it looks like.
    return address.partition("@")[0].lower(), email_domain(address)


def url_host(url: str) -> str:
    """Return the host of an absolute http or https URL, in lower case ASCII.

    Raises:
        ValueError: It is no such URL, names a user, or could be read in two ways.

    Example:
        >>> url_host("https://Docs.acme.com:8443/a?b=c")
        'docs.acme.com'
        >>> url_host("https://acme.com@evil.com/")
        Traceback (most recent call last):
        ...
        ValueError: a URL that names a user is refused
    """
    if _UNSAFE.search(url):
        raise ValueError("a URL holds no spaces, control characters or backslashes")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("this is not a URL") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("this is not an absolute http or https URL")
    if "@" in parts.netloc:
        raise ValueError("a URL that names a user is refused")
    bracketed = re.fullmatch(r"\[([0-9a-fA-F:.]{2,45})\](?::[0-9]{1,5})?", parts.netloc)
    if bracketed:
        try:
            address = ipaddress.IPv6Address(bracketed[1])
            return str(address.ipv4_mapped or address)
        except ValueError:
            raise ValueError("this is not an IPv6 address") from None
    host, colon, port = parts.netloc.partition(":")
    if colon and not re.fullmatch(r"[0-9]{1,5}", port):
        raise ValueError("the port of this URL is not a number")
    return host_name(host)


def path_within(path: str, root: str) -> bool:
    """Return True if `path`, with every link and `..` followed, is `root` or lies in it.

    A relative path is taken from the working directory, as the tool would take it.

    Raises:
        ValueError: `root` is not absolute, or `path` is empty, begins with `~` or holds a NUL.

    Example:
        >>> path_within("/data/../etc/passwd", "/data")
        False
    """
    if not path or path.startswith("~") or "\0" in path:
        raise ValueError("this is not a plain path")
    if not os.path.isabs(root):
        raise ValueError("the root of path_within must be absolute")
    real = os.path.realpath(path)
    base = os.path.realpath(root)
    return os.path.commonpath([real, base]) == base


def destination_host(destination: str) -> str:
    """Return the host that a mail address or URL leads to.

    Raises:
        ValueError: It is neither, or could be read in two ways.

    Example:
        >>> destination_host("ann@acme.com"), destination_host("https://acme.com/x")
        ('acme.com', 'acme.com')
    """
    if "://" in destination:
        return url_host(destination)
    return email_domain(destination)


def host_name(name: str) -> str:
    """Return a host name in lower case ASCII; international names in their `xn--` form.

    Raises:
        ValueError: It is no host name, or not the name that it looks like.

    Example:
        >>> host_name("Bücher.example")
        'xn--bcher-kva.example'
    """
    lower = name.lower() if name.isascii() else _international(name)
    labels = lower.split(".")
    if len(lower) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("this is not a host name")
    # 0x7f.1 and 2130706433 are addresses to some programs and names to others.
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        try:
            return str(ipaddress.IPv4Address(lower))
        except ValueError:
            raise ValueError("this is not a host name") from None
    return lower


def _international(name: str) -> str:
    # Letter by letter: str.lower() turns the Kelvin sign into a plain k.
    name = "".join(letter.lower() if letter.isascii() else letter for letter in name)
    try:
        encoded = name.encode("idna")
        # Full-width letters and the like fold into others: refuse what does not come back.
        same = encoded.decode("idna") == name
    except UnicodeError:
        same, encoded = False, b""
    if not same:
        raise ValueError("this is not a host name")
    return encoded.decode("ascii")


def _is_address(name: str) -> bool:
    return name.rpartition(".")[2].isdigit()
