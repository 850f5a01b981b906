# ruff: noqa: E501 - rows of cases are read whole
"""Web addresses: which words with full stops between are one, and where it ends."""

from __future__ import annotations

import pytest

from guarded_agent.guards.pii.view import view
from guarded_agent.guards.pii.web import urls


def found(text: str) -> list[str]:
    return [text[start:end] for start, end, _ in urls(view(text))]


@pytest.mark.parametrize(
    "address",
    [
        "https://intranet/wiki/Pump_(water)", "HTTPS://ADATUM.COM/X", "ftp://ftp.adatum.org/pub",
        "wss://live.adatum.io:9443/feed", "http://[2001:db8::1]:8080/x", "https://adatum.de?a=1&b[]=2",
        "www.adatum.museum", "WWW.ADATUM.NET", "www.bäckerei-müller.de",
        "adatum.com", "Adatum.com", "ADATUM.COM", "adatum.co.uk", "adatum.in", "adatum.at", "adatum.it",
        "adatum.shop", "adatum.app", "adatum.info", "cloud.adatum.dev:8443", "adatum.de/kontakt",
        "163.com", "x.com/adatum", "t.me/adatum", "docs.rs/adatum", "asp.net/learn", "müller.de",
        "adatum.org?ref=mail", "adatum.pl#start",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "around",
    ["{}", "({})", "see {}.", "at {}, then", "url={}", "[words]({})", "*{}*", 'x "{}" y', "[{}](https://a.b)"],
)  # fmt: skip
def test_an_address_is_found_whole_and_nothing_beside_it(address: str, around: str) -> None:
    assert found(around.format(address))[0] == address
    assert len(found(around.format(address))) == around.count("{}") + around.count("https://a.b")


@pytest.mark.parametrize(
    "text",
    [
        # Programs, packages and code.
        "ASP.NET and ML.NET", "asp.net core", "System.IO", "Socket.io 4", "F#.NET", "Chart.js", "PAINT.NET",
        "com.adatum.app", "org.adatum.dev.Start", "java.io.Reader", "self.store", "log.info", "item.id was 5",
        "thing.name = 7", "thing.name=7", "the thing.id of it", "path.run(5)", "list.one[0]", "my_thing.de",
        "x.it_works", "{thing.name}", "$host.id", "p.me", "5.in",
        # Files and paths.
        "README.md", "setup.py", "src/web.de", "./start.sh", "C:\\files.com", "lib.so", "a.zip, b.rs", "one.py/two.py", "(one.py/two.py).",
        "notes.txt", "v1.2.rc.1",
        # Mail, and words.
        "ann@adatum.com", "ann.lee.me@adatum.com", "sent.It went", "done.De la", "he saw works.me too", "e.g. this",
        "p.m. or a.m.", "U.S. law", "END.IT", "No.7", "Ph.D.",
    ],
)  # fmt: skip
def test_what_only_looks_like_an_address_is_none(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("we opened adatum.it last week", None),
        ("we moved to adatum.it last week", "adatum.it"),
        ("the site adatum.it is down", "adatum.it"),
        ("we opened adatum-rome.it last week", "adatum-rome.it"),
        ("we opened shop.adatum.it last week", "shop.adatum.it"),
        ("we opened adatum.it, finally", "adatum.it"),
        ("we opened adatum.de last week", "adatum.de"),
    ],
)
def test_an_ending_that_is_a_word_counts_in_a_sentence_where_something_speaks_for_it(
    text: str, address: str | None
) -> None:
    assert found(text) == ([address] if address else [])


@pytest.mark.parametrize("text", ["the domain adatum.sh", "website: adatum.md", "url=adatum.rs"])
def test_an_ending_of_files_counts_behind_a_word_for_sites(text: str) -> None:
    assert len(found(text)) == 1


def test_the_next_sentence_is_no_part_of_a_host() -> None:
    assert found("It is adatum.com.Please look") == ["adatum.com"]


def test_a_name_longer_than_hosts_may_be_is_none() -> None:
    assert found("a." * 130 + "com") == []
