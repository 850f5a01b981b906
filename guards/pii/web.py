"""Web addresses: with a scheme, with `www.`, or a host alone, and logins inside of them.

A host alone is a few words with full stops between, as are names of programs (`ASP.NET`),
files (`setup.md`), attributes (`order.id`) and sentences without a space (`done.it works`).
How it is written and what stands around it decide; what decides is told in `_is_host`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from guarded_agent.guards.pii.numbers import CHECKED, FORM, Place
from guarded_agent.guards.pii.view import is_word, rx

_NONE = r" \n\r\t<>\"'`|\x1d-\x1f"
_REST = rf"(?:[^\]{_NONE}]|\][^({_NONE}])"  # not `](`: [words](address) and [address](address)
_LOGIN = (
    r"[A-Za-z][A-Za-z0-9+.\-]{1,20}://[^ \n\r\t/\[\]\"'<>@:\x1d-\x1f]+:"
    r"[^ \n\r\t/\[\]\"'<>\x1d-\x1f]+@[A-Za-z0-9\[]"
)
_LABEL = r"[a-z0-9\xc0-\xff](?:[a-z0-9\xc0-\xff\-]*[a-z0-9\xc0-\xff])?"
_WEB = (
    rf"(?i)(?:https?|ftps?|sftp|wss?)://{_REST}+|{_LABEL}(?:\.{_LABEL})+(?::[0-9]{{2,5}}\b)?"
    rf"(?:/{_REST}*|\?[a-z0-9_.\-]+={_REST}*|#[a-z0-9/]{_REST}*)?"
)
_AFTER_HOST = re.compile(rb"[:/?#]")
_LONGEST = 253  # RFC 1035


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GENERIC = _words(
    "com org net edu gov mil int biz io dev xyz online shop top club tech cloud agency consulting "
    "solutions services software digital hosting blog wiki academy university legal bank "
    "insurance health clinic dental hotel travel marketing immo gmbh jobs museum berlin hamburg "
    "koeln bayern ruhr tirol wien paris london nyc amsterdam brussels swiss cat asia africa tokyo"
)
_COUNTRIES = _words(
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs "
    "bt bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee "
    "eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm "
    "hn hr ht hu id ie il im in iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc "
    "li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na "
    "nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru "
    "rw sa sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm "
    "tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
# Words, or what code calls an attribute: `done.it works`, `order.id`.
_WORDS = _words(
    "app art as at be build by center click date design do email events fun fund group host house "
    "id in info is it land life link live mail market me media menu my name network news no one "
    "page photo place plus pro run site social space store support systems team to today tools us "
    "video website work world zone"
)
# Names of files end so, too.
_FILES = _words("am cc la md mk ml mov pm ps py rs sh so tf zip")
_TOPS = _GENERIC | _COUNTRIES | _WORDS | _FILES
# In capitals `.NET` and `.IO` are programs and packages.
_CAPITALS = (_GENERIC | _COUNTRIES) - _WORDS - _FILES - {"net", "io"}
# Sites as well; without a path it is rather the program that is meant.
_PROGRAMS = frozenset(
    {"ado.net", "asp.net", "java.io", "ml.net", "socket.io", "system.io", "vb.net"}
)
_OBJECTS = _words(
    "app args argv cls config console context ctx customer data df document env err error event "
    "file invoice item kwargs log logger logging message model module np obj object options opts "
    "order os package params pd plt props record req request res resp response row self session "
    "settings state sys task this user"
)
_SITE = (
    r"(?:^|[^A-Za-z])(?:domains?|(?:web)?sites?|web|homepage|hosts?|hostname|urls?|links?|visit|"
    r"browse)[ :=\"'(]{1,3}$"
)
_LEADING = (
    r"(?:^|[^A-Za-z])(?:about|and|at|auf|bei|by|called|f\xfcr|for|from|is|named|of|on|open|or|page|"
    r"portal|see|shop|siehe|source|su|sur|to|under|und|unter|via|voir|von|with|zu)[ :]{1,2}$"
)
_BACK = 20


def logins(data: bytes) -> Iterator[Place]:
    """Yield `user:password` in web addresses; the host stays readable."""
    for match in rx(_LOGIN).finditer(data):
        start, end = match.span()
        yield data.index(b"://", start) + 3, end - 2, CHECKED


def urls(data: bytes) -> Iterator[Place]:
    """Yield web addresses.

    Example:
        >>> text = b"ASP.NET is told at learn.example.com/net, see also README.md"
        >>> [text[start:end] for start, end, _ in urls(text)]
        [b'learn.example.com/net']
    """
    for match in rx(_WEB).finditer(data):
        start, end = match.span()
        if data.find(b"://", start, start + 8) < 0:
            end = _host_alone(data, start, end)
        else:
            end = 0 if is_word(data, start - 1) else end
        if end:
            yield start, _trimmed(data, start, end), FORM


def _trimmed(data: bytes, start: int, end: int) -> int:
    """Return where an address ends that text goes on after: a bracket that it opened is its own."""
    open_ = data.count(b"(", start, end) - data.count(b")", start, end)
    while end > start and data[end - 1] in b".,;:!?)]}*":
        if data[end - 1] == 0x29:
            if open_ >= 0:
                break
            open_ += 1
        end -= 1
    return end


def _host_alone(data: bytes, start: int, end: int) -> int:
    """Return where the address ends that begins with a host at `start`, or 0 if it is none."""
    found = _AFTER_HOST.search(data, start, end)
    stop = found.start() if found else end
    if stop - start > _LONGEST:
        return 0
    names = data[start:stop].split(b".")
    if names[-1].istitle() and len(names) > 2 and stop == end:
        end = stop = stop - len(names.pop()) - 1  # the next sentence, without a space before it
    before, after = data[start - 1 : start], data[end : end + 1]
    if is_word(data, start - 1) or is_word(data, end) or before in (b"@", b"_", b"\\", b"$"):
        return 0
    if before in (b"/", b".") and data[start - 2 : start - 1] != before:
        return 0  # a path or a name of a file
    if after in (b"@", b"_", b"(", b"["):
        return 0
    return end if _is_host(data, names, start, end, has_more=stop < end) else 0


def _is_host(data: bytes, names: list[bytes], start: int, end: int, *, has_more: bool) -> bool:
    """Return whether words with full stops between are a host.

    Its ending is written small, or all of it in capitals. Where the ending is also one of
    files, a path must follow or a word such as `site` stand before it. Where it is also a
    word or an attribute, it counts unless it stands in the middle of a sentence.
    """
    top = names[-1].decode("latin-1").lower()
    first = names[0].decode("latin-1").lower()
    whole = b".".join(names)
    if first == "www":
        return len(names) > 2 and len(top) > 1 and top.isalpha()
    if top not in _TOPS or (not names[-1].islower() and not (whole.isupper() and top in _CAPITALS)):
        return False
    if len(names) > 2 and first in ("com", "org", "net"):
        return False  # com.example.app: a package
    if has_more:
        again, last = b"." + names[-1], _trimmed(data, start, end)  # one file/another
        return top not in _FILES or data[last - len(again) : last] != again
    if whole.lower().decode("latin-1") in _PROGRAMS:
        return False
    owner = names[-2]
    if (
        (len(owner) == 1 or owner.isdigit())
        and len(names) == 2
        and top not in ("com", "org", "net")
    ):
        return False
    near = data[max(0, start - _BACK) : start]
    if top in _FILES:
        return rx(_SITE, case=False).search(near) is not None
    if top in _WORDS:
        return first not in _OBJECTS and _is_named(data, whole, near, end)
    return True


def _is_named(data: bytes, host: bytes, near: bytes, end: int) -> bool:
    """Return whether what could be words of a sentence is a name."""
    if near[-1:] == b"{" or data[end : end + 3].lstrip()[:1] == b"=":
        return False
    if host.count(b".") > 1 or not host.replace(b".", b"").isalpha():
        return True
    amid = near[-1:] == b" " and near[-2:-1].isalpha()
    goes_on = data[end : end + 1] == b" " and data[end + 1 : end + 2].islower()
    if not (amid and goes_on):
        return True
    return any(rx(words, case=False).search(near) is not None for words in (_SITE, _LEADING))
