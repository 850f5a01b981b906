"""Writes down every look-up and connection that leaves this machine; Python loads it by its name.

The processes that tests start get this folder on their path, see `tests/conftest.py`.
"""

import ipaddress
import os
import sys


def _is_here(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("latin-1")
    if host in (None, "", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _watch(event: str, args: tuple) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = args[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = args[1]
        if not isinstance(address, tuple):  # a socket in the file system
            return
        host = address[0]
    else:
        return
    if not _is_here(host):
        with open(os.environ["GUARDED_AGENT_TEST_NETWORK"], "a", encoding="utf-8") as log:
            log.write(f"{event} {host!r} by {sys.argv[:3]}\n")


if "GUARDED_AGENT_TEST_NETWORK" in os.environ:
    sys.addaudithook(_watch)
