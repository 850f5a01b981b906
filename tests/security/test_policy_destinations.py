"""Addresses, URLs and paths that two programs read in two ways: none gets through as ours."""

from __future__ import annotations

import ipaddress
import os
from email.utils import getaddresses
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guarded_agent.policy import (
    destination_host,
    email_domain,
    in_cidr,
    path_within,
    same_person,
    url_host,
)

OURS = "corp.com"

NOT_ONE_ADDRESS = [
    "",
    "@",
    "ann",
    "ann@",
    "@corp.com",
    "ann@corp",
    "eve@evil.com,ann@corp.com",
    "eve@evil.com;ann@corp.com",
    "eve@evil.com ann@corp.com",
    "eve@evil.com?x=@corp.com",
    '"eve@evil.com"@corp.com',
    '"eve@evil.com,"@corp.com',
    "<eve@evil.com>@corp.com",
    "<eve@evil.com> ann@corp.com",
    "Ann <ann@corp.com>",
    "ann@corp.com (eve@evil.com)",
    "ann(eve@evil.com)@corp.com",
    "ann@corp.com\r\nBcc: eve@evil.com",
    "ann@corp.com\nBcc: eve@evil.com",
    "ann@corp.com\n",
    " ann@corp.com",
    "ann@corp.com\x00",
    "ann@corp.com\u2028eve@evil.com",
    "ann@corp.com.",
    "ann@.corp.com",
    "ann@corp..com",
    "ann@-corp.com",
    "ann..b@corp.com",
    ".ann@corp.com",
    "eve%evil.com@corp.com",
    "evil.com!eve@corp.com",
    "@evil.com:ann@corp.com",
    "ann@[127.0.0.1]",
    "ann@127.0.0.1",
    "mailto:ann@corp.com,eve@evil.com",
    "a\u200bnn@corp.com",
    "ann@co\u200brp.com",
    "ann@co\u00adrp.com",
    "ann@\uff43\uff4f\uff52\uff50.com",  # full-width letters, which fold into ours
    "ann\uff20corp.com",
    "ann@corp\u3002com",  # an ideographic full stop
    "ann@\u212aelvin.com",  # the Kelvin sign, which str.lower() turns into a k
    "ann@stra\u00dfe.com",
    "ann@" + "a" * 64 + ".com",
    "a" * 65 + "@corp.com",
    "ann@" + "a." * 130 + "com",
]


@pytest.mark.parametrize("address", NOT_ONE_ADDRESS)
def test_what_is_not_exactly_one_plain_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="this is not") as caught:
        email_domain(address)
    assert len(address) < 4 or address not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ann@corp.com", "corp.com"),
        ("Ann.O'Neil+x@CORP.com", "corp.com"),
        ("ann@corp.com.evil.com", "corp.com.evil.com"),
        ("ann@evil-corp.com", "evil-corp.com"),
        ("ann@c\u043erp.com", "xn--crp-sed.com"),  # a Cyrillic o
        ("ann@b\u00fccher.example", "xn--bcher-kva.example"),
    ],
)
def test_the_domain_is_what_it_is_and_not_what_it_looks_like(address: str, domain: str) -> None:
    assert email_domain(address) == domain


@given(
    st.from_regex(r"[a-z@.,;:<>()\"' \r\n%!\\-]{0,12}", fullmatch=True)
    .flatmap(lambda head: st.sampled_from([f"{head}@{OURS}", f"{head}{OURS}", f"a@{OURS}{head}"]))
)  # fmt: skip
@example("a@b,c@corp.com")
def test_an_address_of_ours_is_one_address_to_the_standard_parser_too(address: str) -> None:
    try:
        domain = email_domain(address)
    except ValueError:
        return
    ((name, found),) = getaddresses([address])
    assert (name, found) == ("", address)
    assert found.rpartition("@")[2].lower() == domain


NOT_A_URL = [
    "",
    "corp.com",
    "//corp.com/",
    "http:corp.com",
    "http:/corp.com",
    "https:///evil.com",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "ftp://corp.com/",
    "https://corp.com@evil.com/",
    "https://corp.com:x@evil.com/",
    "https://@corp.com/",
    "https://corp.com\\@evil.com/",
    "https:\\\\corp.com",
    "https://corp.com\t.evil.com/",
    "https://corp.com\n.evil.com/",
    "https://corp.com .evil.com/",
    " https://corp.com/",
    "https://corp.com./",
    "https://corp%2ecom/",
    "https://corp.com%2eevil.com/",
    "https://corp.com:/",
    "https://corp.com:80:90/",
    "https://corp.com:port/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://[corp.com]/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.0.0.1./",
    "https://\uff43orp.com/",
    "https://corp.com\uff0fevil.com/",
    "https://corp.com\u3002evil.com/",
    "https://corp_evil.com/",
    "https://corp.com\u00a0.evil.com/",
]


@pytest.mark.parametrize("url", NOT_A_URL)
def test_what_is_not_exactly_one_plain_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|host name|IPv6"):
        url_host(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("HTTPS://Corp.com/a", "corp.com"),
        ("http://corp.com:8080?x=@evil.com", "corp.com"),
        ("https://evil.com#@corp.com", "evil.com"),
        ("https://evil.com/https://corp.com/", "evil.com"),
        ("https://corp.com.evil.com/", "corp.com.evil.com"),
        ("http://127.0.0.1:80/", "127.0.0.1"),
        ("http://[::FFFF:7f00:1]/", "127.0.0.1"),
        ("http://[2001:DB8::1]:8080/", "2001:db8::1"),
        ("http://localhost:8000/", "localhost"),
        ("https://c\u043erp.com/", "xn--crp-sed.com"),
    ],
)
def test_the_host_is_the_one_that_a_browser_would_ask(url: str, host: str) -> None:
    assert url_host(url) == host


@given(st.text("abc.:/@\\#?[]% \t\n1xo\u043e", max_size=20).map(lambda rest: f"https://{rest}"))
def test_a_host_we_name_is_the_host_that_the_standard_library_asks(url: str) -> None:
    try:
        host = url_host(url)
    except ValueError:
        return
    parts = urlsplit(url)
    assert parts.username is None
    if host.isascii() and not host.startswith("xn--") and ".xn--" not in host:
        assert parts.hostname == host


@pytest.mark.parametrize("destination", ["#general", "+49 228 1234", "corp.com", "mailto:a@b", ""])
def test_what_is_neither_address_nor_url_has_no_host(destination: str) -> None:
    with pytest.raises(ValueError, match="this is not"):
        destination_host(destination)


def test_a_path_is_judged_after_links_and_dots_are_followed(tmp_path, monkeypatch) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (tmp_path / "data-old").mkdir()
    (data / "out").symlink_to("/etc")
    (tmp_path / "in").symlink_to(data)
    root = str(data)
    inside = [
        root,
        f"{root}/a",
        f"{root}/b/../a",
        f"{tmp_path}/in/a",
        f"{root}//a",
        f"{root}/new/x",
    ]
    outside = [
        str(tmp_path),
        f"{root}/../secret",
        f"{root}-old/a",
        f"{root}/out/passwd",
        f"{root}/a/../../b",
        "/",
        "/etc/passwd",
    ]
    assert [path for path in inside if not path_within(path, root)] == []
    assert [path for path in outside if path_within(path, root)] == []
    assert path_within("/etc/passwd", "/")
    monkeypatch.chdir(data)
    assert path_within("a", root)
    assert not path_within("../a", root)
    assert not path_within(os.path.join("out", "passwd"), root)


@pytest.mark.parametrize("path", ["", "~/x", "~root/x", "/data/\0x"])
def test_a_path_that_other_programs_read_differently_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="plain path"):
        path_within(path, "/data")


def test_a_relative_root_is_refused() -> None:
    with pytest.raises(ValueError, match="must be absolute"):
        path_within("/data/x", "data")


NOT_ONE_ADDRESS_OF_A_MACHINE = [
    "",
    "acme.com",
    "localhost",
    "10.1",
    "10.0.0.1.",
    "010.0.0.1",
    "0x0a.0.0.1",
    "167772161",
    "10.0.0.256",
    "10.0.0.1/32",
    "10.0.0.1:80",
    "10.0.0.1,127.0.0.1",
    " 10.0.0.1",
    "10.0.0.1\n",
    "\uff11\uff10.0.0.1",  # full-width digits
    "\u0661\u0660.0.0.1",  # Arabic digits
    "[::1]",
    "::1%lo",
    "fe80::1%25eth0",
    "::ffff:10.0.0.1%1",
    "::10.0.0.1",  # each of these carries 10.0.0.1 to whoever unpacks it
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "2002:a00:1::1",
    "2001:0:a00:1::1",
    "1::2::3",
    ":::1",
]


@pytest.mark.parametrize("ip", NOT_ONE_ADDRESS_OF_A_MACHINE)
def test_what_is_not_exactly_one_ip_address_is_refused(ip: str) -> None:
    with pytest.raises(ValueError, match="not exactly one plain IP address") as caught:
        in_cidr(ip, "10.0.0.0/8")
    assert len(ip) < 4 or ip not in str(caught.value)


@pytest.mark.parametrize(
    ("ip", "cidr", "inside"),
    [
        ("10.255.0.1", "10.0.0.0/8", True),
        ("11.0.0.1", "10.0.0.0/8", False),
        ("10.0.0.1", "10.0.0.1/32", True),
        ("8.8.8.8", "0.0.0.0/0", True),
        ("::ffff:10.0.0.1", "10.0.0.0/8", True),
        ("::FFFF:a00:1", "10.0.0.0/8", True),
        ("::ffff:10.0.0.1", "::/0", False),
        ("10.0.0.1", "::/0", False),
        ("::1", "::1/128", True),
        ("::1", "127.0.0.0/8", False),
        ("FD00:0:0::7", "fd00::/8", True),
        ("2001:db8::1", "fd00::/8", False),
    ],
)
def test_an_address_lies_in_a_network_or_not(ip: str, cidr: str, inside: bool) -> None:
    assert in_cidr(ip, cidr) is inside


@pytest.mark.parametrize(
    "cidr",
    [
        "",
        "10.0.0.0",
        "10.0.0.1/8",
        "10.0.0.0/08",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/255.0.0.0",
        "10.0.0.0/0.255.255.255",
        "010.0.0.0/8",
        "10.0.0.0/8 ",
        "10/8",
        "::ffff:10.0.0.0/104",
        "fd00::%1/8",
    ],
)
def test_what_is_not_exactly_one_network_is_refused(cidr: str) -> None:
    with pytest.raises(ValueError, match="not a network"):
        in_cidr("10.0.0.1", cidr)


def test_the_host_of_a_url_is_judged_as_the_address_that_it_is() -> None:
    mapped = url_host("http://[::ffff:10.0.0.1]:8080/")
    assert in_cidr(mapped, "10.0.0.0/8")
    assert in_cidr(url_host("http://10.0.0.1/a"), "10.0.0.0/8")
    assert not in_cidr(url_host("http://[2001:db8::1]/"), "10.0.0.0/8")
    with pytest.raises(ValueError, match="IP address"):  # a name may lead there tomorrow
        in_cidr(url_host("http://intranet.acme.com/"), "10.0.0.0/8")


@given(st.ip_addresses(), st.ip_addresses(), st.integers(0, 128))
def test_a_network_holds_what_the_standard_library_says(ip, other, length) -> None:
    network = ipaddress.ip_network((other, min(length, other.max_prefixlen)), strict=False)
    try:
        inside = in_cidr(str(ip), str(network))
    except ValueError:
        return
    unwrapped = getattr(ip, "ipv4_mapped", None) or ip
    assert inside == (unwrapped in network)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann@corp.com", "Ann@CORP.com", True),
        ("ann@b\u00fccher.example", "ANN@xn--bcher-kva.example", True),
        ("ann+bank@corp.com", "ann@corp.com", False),
        ("a.nn@corp.com", "ann@corp.com", False),
        ("ann@corp.com", "ann@corp.com.evil.com", False),
        ("ann@corp.com", "ann@c\u043erp.com", False),
        ("ann@corp.com", "bob@corp.com", False),
    ],
)
def test_two_addresses_are_of_one_mailbox_or_not(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same
    assert same_person(other, one) is same


@pytest.mark.parametrize("address", NOT_ONE_ADDRESS)
def test_what_is_not_an_address_is_nobody_not_even_itself(address: str) -> None:
    for pair in ((address, address), ("ann@corp.com", address), (address, "ann@corp.com")):
        with pytest.raises(ValueError, match="this is not"):
            same_person(*pair)
