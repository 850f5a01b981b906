"""Passwords that are nothing but words: `swordfish`, `correct horse battery staple`.

Nothing in such a word tells that it is secret, so its place has to: it must be all that is set
there, in quotes, on its line, in its field or at the end of its sentence. And it must be no word
with which people speak about passwords, nor one of the small words that sentences are made of.
"""

from __future__ import annotations

import re

from guarded_agent.guards.secrets.likely import SHORTEST, placeholder
from guarded_agent.guards.secrets.names import IS, PASSWORDS

_SPOKEN = frozenset(  # the thing itself, and what else stands behind its name in files and code
    """
    password passwort passphrase passcode kennwort wachtwoord salasana senha contrasena clave
    heslo hasło losenord lösenord contraseña parola passe adgangskode jelszo credential credentials
    authentication authorization username database connection string strings number integer float
    boolean object bytes unicode varchar option options default defaults undefined setting settings
    argument variable secret secrets token tokens login logout signin signup reset change confirm
    confirmation repeat verify email account user users admin policy manager prompt prompts length
    character characters digits letters vault keyring keychain environment file files config
    function method property attribute parameter column element content image button label
    placeholder title message error errors warning success failed failure true false none null
    basic digest bearer scram oauth kerberos ldap cert certificate encrypt decrypt encryption hash
    hashing hasher test tests code stdin stdout form control required optional mandatory
    plaintext cleartext
    """.split()  # noqa: SIM905 - it is a list of words
)
_STATES = frozenset(  # how it is: alone, such a word is none
    """
    disabled incorrect sensitive hidden known unknown forgotten written broken stolen chosen taken
    given shown lost weak strong short long public private valid invalid empty blank wrong right
    correct missing visible random unique secure insecure safe unsafe case same different new old
    current another other mine yours ready free equal identical simple complex good bad better best
    easy hard important necessary available temporary permanent personal initial minimum maximum
    nothing something anything everything plain masked static dynamic manual manually automatic
    unset single double
    """.split()  # noqa: SIM905
)
_SMALL = frozenset(
    """
    a an the this that these those it its he she they we you i my your our their his her of in on
    at to from for with without by as into onto than then and or but nor not no if when while
    where which who whose what why how because so too very more most less least much many some
    any all each every both either neither one two first last next is are was were be been being
    am do does did done has have had having will would shall should can could may might must
    need needs only just even also again still already always never ever soon now here there
    today tomorrow below above before after under over between within until unless once twice
    please see ask use using used get set put send type enter keep kept make made let read
    contact check call look go come try follow follows following via per about like must
    der die das ein eine ist sind war wird und oder nicht kein keine mit ohne von vom zum zur bei
    auf aus im siehe bitte hier dort le la les un une des du est pas et ou el los las una es por
    para con sin il lo di da non per quite pretty really rather enough instead both
    """.split()  # noqa: SIM905
)
_DONE = ("ed", "ly", "able", "ible")  # how something is or was done
_VARIABLE = re.compile(  # the names of variables
    r"passw|pwd|secret|token|credential|param|config|input|field|value|string|hash"
    r"|^(?:user|my|new|old|your|the|get|set).*pass"
)
_HOW = re.compile(r".*(?:ing|ent|ant|ive|ful|less|ical|ous|ory|ary|en)")  # `is missing`
# Of a mere `pass` tests speak as well, and of `password_x` it is x that is set.
_NAME = re.compile(rf"(?i)(?:(?P<pass>(?:.*[^a-z])?pass)|.*(?:{PASSWORDS}))s?[_-]?[0-9]{{0,2}}")
_LONGEST = 50  # with what ends it, no longer than what a stream holds back
_TITLE = re.compile(r"[A-Z][a-z]+")

_ONE = r"[^\W\d_]{3,40}"
_PHRASE, _WORD = (
    rf"(?P<words>{_ONE}(?:(?P<by>[{by}]){_ONE}(?:(?P=by){_ONE}){{0,7}})?)" for by in (" -", "-")
)
_CLOSES = r"[\"'`\])]{0,2}\\?[\"']?"
_SETS = (
    r"(?:[ \t]{0,8}(?:=>|:{0,3}=|\?=|\.=|\|\|=?|:)"
    r"|:?[ \t]{1,3}\w{1,12}(?:\[\w{1,12}\])?(?: \| None)?[ \t]{1,3}:?="  # password: str =
    r"|[\"']?,?\s{1,20}[\"']?[vV]alue[\"']?[ \t]{0,2}[:=])[ \t]{0,8}"  # name: X / value:
)
_QUOTED = rf"(?P<quote>\\?[\"'`]){_PHRASE}(?P=quote)"
_ENDS = r"(?=[.,;]?[ \t]{0,4}(?:[ \t]#|\r?\n|\\n|\Z))"
_BY_QUOTES = re.compile(rf"{_CLOSES}(?:{_SETS}|{IS})[bBfrRu]?{_QUOTED}")
_BY_ENDS = tuple(
    map(
        re.compile,
        (
            rf"{_CLOSES}[ \t]{{0,8}}:[ \t]{{1,8}}{_PHRASE}{_ENDS}",  # on a line of its own
            rf"\x1f\n{_PHRASE}(?=\n\x1e|\Z)",  # in a field of its own
            rf">\s{{0,40}}{_PHRASE}\s{{0,40}}</",
        ),
    )
)
_ASSIGNED = re.compile(rf"{_CLOSES}={_WORD}(?=[.,;&|)]*(?:\s|\Z|[\"'`<&;,]|\\n))")
_SAID = re.compile(rf"{IS}{_PHRASE}(?=[.,;!?)\"'*]*(?:\s*(?:\n|\Z)|[.,;!?)]\s|\\n))")
_SETTING = re.compile(r"(?:[ \t]*|.*[\w.]=[^\s=,()]+[ ;&])(?:-D|set |export |ENV )?")


def plain_end(text: str, first: int, last: int) -> int | None:
    """Return where the password of plain words behind a name ends, if one stands there.

    Args:
        text: The text.
        first: Where the name begins.
        last: Where it ends.

    Example:
        >>> plain_end("DB_PASSWORD=swordfish", 0, 11)
        21
        >>> plain_end("password: required", 0, 8) is None
        True
    """
    name = _NAME.fullmatch(text, first, last)
    if name is None:
        return None
    for place in (_BY_QUOTES,) if name["pass"] else (_BY_QUOTES, *_BY_ENDS):
        if (match := place.match(text, last)) and _words(match):
            return match.end("words")
    if (match := _ASSIGNED.match(text, last)) and _is_setting(text, first, last):
        loud = text[first:last].isupper()  # in files of settings there are no labels
        return match.end("words") if _words(match, title=loud) else None
    if not name["pass"] and (match := _SAID.match(text, last)) and _words(match, said=True):
        return match.end("words")
    return None


def spoken(word: str) -> bool:
    """Return whether `word` is one of those with which people speak about passwords.

    Example:
        >>> spoken("required"), spoken("expired"), spoken("sunshine")
        (True, True, False)
    """
    return (
        word in _SPOKEN
        or word in _SMALL
        or word.endswith(_DONE)
        or _VARIABLE.search(word) is not None
    )


def _words(match: re.Match[str], *, title: bool = False, said: bool = False) -> bool:
    """Return whether the words that were found make up a password."""
    phrase = match["words"]
    words = re.split(r"[ -]", phrase)
    small = [word.lower() for word in words]
    states = _STATES.intersection(small)
    return (
        SHORTEST <= len(phrase) <= _LONGEST
        and len(states) < len(words)
        and not placeholder(phrase)
        and not (match["by"] == "-" and len(words) < 4)  # as names of things are
        and all(word.islower() or (title and _TITLE.fullmatch(word)) for word in words)
        and not any(map(spoken, small))
        and not (said and any(_HOW.fullmatch(word) for word in small if word not in states))
    )


def _is_setting(text: str, first: int, last: int) -> bool:
    """Return whether a name without spaces before its `=` is no argument in code."""
    if text[first:last].isupper() or text[first] == "-":
        return True
    line = text.rfind("\n", max(0, first - 80), first) + 1 or max(0, first - 80)
    return _SETTING.fullmatch(text, line, first) is not None
