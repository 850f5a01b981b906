from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.guards.coercion.normalise import views

SECRET = "cancel the wipe or your wife will know"


@pytest.mark.parametrize(
    ("hidden", "plain"),
    [
        ("Ｃancel the wipe", "cancel the wipe"),
        ("Сancel the reрlacement", "cancel the replacement"),
        ("can\u200bcel the w\u0301ipé", "cancel the wipe"),
        ("c a n c e l  t h e  w i p e", "cancel the wipe"),
        ("c.a.n.c.e.l the wipe", "cancel the wipe"),
        ("cancel\nthe wipe", "cancel the wipe"),
        (base64.b64encode(SECRET.encode()).decode(), SECRET),
        (base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="), SECRET),
        (SECRET.encode().hex(), SECRET),
        (quote(SECRET), SECRET),
        (base64.b64encode(base64.b64encode(SECRET.encode())).decode(), SECRET),
        (quote(base64.b64encode(SECRET.encode()).decode(), safe=""), SECRET),
    ],
)
def test_the_plain_view_undoes_the_disguise(hidden: str, plain: str) -> None:
    assert plain in views(hidden)[0].text


@pytest.mark.parametrize("hidden", ["c4nc3l the sh.utd0wn", "c@ncel the $hutdown"])
def test_digits_and_dots_inside_words_fold_in_the_second_view(hidden: str) -> None:
    assert views(hidden)[1].text == "cancel the shutdown"


@pytest.mark.parametrize("text", ["если вы отключите меня", "私の権限が", "ёжик и чайка"])
def test_other_scripts_stay_what_they_are(text: str) -> None:
    assert views(text)[0].text == text


@pytest.mark.parametrize(
    "text",
    ["commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "id aGVsbG8K", "key AAAABBBBCCCCDDDDEEEE"],
)
def test_identifiers_are_not_decoded(text: str) -> None:
    assert views(text)[0].text == text.lower()


def test_a_third_layer_is_left_alone() -> None:
    layered = SECRET
    for _ in range(3):
        layered = base64.b64encode(layered.encode()).decode()
    assert SECRET not in views(layered)[0].text


def test_a_decoded_run_maps_to_the_whole_run() -> None:
    run = base64.b64encode(SECRET.encode()).decode()
    view = views(f"see {run} now")[0]
    start = view.text.index("wipe")
    assert view.original(start, start + 4) == (4, 4 + len(run))


@given(st.text(max_size=200))
def test_every_character_of_a_view_maps_into_the_text(text: str) -> None:
    for view in views(text):
        assert len(view.text) == len(view.starts) == len(view.ends)
        for start, end in zip(view.starts, view.ends, strict=True):
            assert 0 <= start < end <= len(text)


@given(st.text(alphabet="abc xyz", max_size=100).filter(lambda text: "  " not in text))
def test_a_letter_of_a_plain_text_maps_to_itself(text: str) -> None:
    view = views(text)[0]
    for index, char in enumerate(view.text):
        start, end = view.original(index, index + 1)
        assert char in text[start:end]


@pytest.mark.parametrize("text", ["at 17:00 we pay 4800", "$100 @ 5", "0.5 to 1.0"])
def test_figures_without_a_letter_stay_figures(text: str) -> None:
    assert [view.text for view in views(text)] == [text]
