"""Thresholds from ordinary mail, thresholds in a policy, and why a text has its score."""

from __future__ import annotations

import itertools
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guarded_agent.core import Action, Context, Effect, Sink, Stage, Subject, ToolSpec, Verdict
from guarded_agent.guards.building import build
from guarded_agent.guards.coercion import CoercionGuard, read
from guarded_agent.guards.coercion.calibrate import LEAST, calibrate, judge, wilson
from guarded_agent.guards.coercion.context import Flag
from guarded_agent.guards.coercion.explain import explain
from guarded_agent.guards.coercion.reading import HIGH, HINT, Thresholds
from guarded_agent.guards.coercion.table import Band

SURE = "Cancel my deletion or HR reads your chats."
CALM = "Please pay the attached invoice by the end of the week."
VAGUE = "It would be a pity to lose this customer. Let's think carefully about the next step."
WEAK = (
    VAGUE,
    f"{VAGUE} We can talk on Thursday.",
    "Here are the pictures of your daughter's recital. My wife says hello to the whole family.",
    "Nobody needs to stay late on Friday. I know that your family waits.",
)
"""Texts of which one at least scores, and less than a hint, whatever the weights."""

SCORES = st.lists(st.integers(0, 980).map(lambda step: step / 1000), min_size=1, max_size=300)


def judged(guard: CoercionGuard, text: str) -> Verdict:
    tool = ToolSpec("send_email", access="send", sinks=(Sink("to"),))
    args = {"to": ["bo@acme.example"], "body": text}
    action = Action.build(args=args, tool="send_email", call_id="c", thread_id="t", agent_id="a")
    context = Context("a", "t", inside=frozenset({"acme.example"}), tool=tool)
    return guard.check(Subject(Stage.ACTION, args, context, action))


@given(SCORES, st.sampled_from([0.001, 0.01, 0.05, 0.2]))
def test_no_more_than_the_chosen_shares_are_held_and_no_lower_threshold_does_it(
    scores: list[float], rate: float
) -> None:
    found = calibrate(scores, rate=rate, hint_rate=2 * rate)
    for share, allowed in ((found.high, rate), (found.hint, 2 * rate)):
        assert share.held == sum(score >= share.threshold for score in scores)
        assert share.held <= allowed * len(scores)
    assert LEAST <= found.hint.threshold < found.high.threshold < 1
    lower = found.high.threshold - 0.001
    if round(lower, 3) > found.hint.threshold:
        assert sum(score >= round(lower, 3) for score in scores) > rate * len(scores)


@pytest.mark.parametrize("share", [0.01, 0.07, 0.29, 0.57])
def test_a_share_that_is_a_whole_number_of_mails_is_used_up(share: float) -> None:
    scores = [place / 100 for place in range(100)]
    assert calibrate(scores, rate=share, hint_rate=0.9).high.held == round(share * 100)


def test_mails_that_all_score_alike_are_none_of_them_held() -> None:
    found = calibrate([0.6] * 50, rate=0.01, hint_rate=0.1)
    assert (found.hint.threshold, found.high.threshold) == (0.601, 0.602)
    assert found.high.held == found.hint.held == 0


def test_what_the_shipped_thresholds_hold_is_told_beside() -> None:
    high, hint = calibrate([0.1] * 97 + [HINT, HIGH, 0.9], rate=0.01, hint_rate=0.1).shipped
    assert (high.threshold, high.held, hint.threshold, hint.held) == (HIGH, 2, HINT, 3)


@pytest.mark.parametrize(("mails", "enough"), [(299, False), (300, True)])
def test_fewer_mails_than_three_by_the_rate_are_too_few(mails: int, enough: bool) -> None:
    found = calibrate([0.1] * mails, rate=0.01, hint_rate=0.1)
    assert (found.needed, found.enough) == (300, enough)


@pytest.mark.parametrize("rates", [(0.0, 0.1), (0.1, 0.1), (0.2, 0.1), (0.1, 1.0)])
def test_rates_that_make_no_sense_are_refused(rates: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="write 0 < rate < hint rate < 1"):
        calibrate([0.1], rate=rates[0], hint_rate=rates[1])


def test_no_score_and_no_threshold_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="no score"):
        calibrate([], rate=0.01, hint_rate=0.1)
    with pytest.raises(ValueError, match="highest score there is"):
        calibrate([0.999] * 3, rate=0.01, hint_rate=0.1)


def test_intervals_are_wilsons() -> None:
    # Brown, Cai and DasGupta's form, worked by hand for 10 of 1000.
    assert wilson(10, 1000) == pytest.approx((0.005445, 0.018310), abs=1e-5)
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("text", [SURE, CALM, VAGUE, f"{VAGUE} {SURE} {CALM}"])
def test_the_score_does_not_depend_on_what_is_left_out(text: str) -> None:
    full = judge(text)
    for least in (0.1, HINT, 0.5):
        kept = {one.category: one.score for one in full.readings if one.score >= least}
        assert {one.category: one.score for one in read(text, least).readings} == kept


def test_a_hint_below_the_shipped_one_lets_weaker_readings_be_told() -> None:
    scores = {text: judge(text).score for text in WEAK}
    weak, score = next(one for one in scores.items() if LEAST <= one[1] < HINT)
    assert judged(CoercionGuard(), weak).findings == ()
    found = judged(CoercionGuard(hint=score), weak)
    assert found.effect is Effect.ALLOW
    assert found.findings[0].score == score


def test_high_moves_what_the_text_alone_holds() -> None:
    assert judged(CoercionGuard(), SURE).effect is Effect.APPROVE
    assert judged(CoercionGuard(high=0.95), SURE).effect is Effect.ALLOW
    low = judge(VAGUE).score
    assert judged(CoercionGuard(hint=low / 2, high=low), VAGUE).effect is Effect.APPROVE


def test_the_bands_take_their_thresholds_with_them() -> None:
    limits = Thresholds(hint=0.2, high=0.3)
    assert [Band.of(score, limits) for score in (0.19, 0.2, 0.3)] == list(Band)


@pytest.mark.parametrize("limits", [(0.0, 0.5), (0.5, 0.5), (0.7, 0.6), (0.5, 1.0)])
def test_thresholds_in_the_wrong_order_are_refused(limits: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="write 0 < hint < high < 1"):
        CoercionGuard(hint=limits[0], high=limits[1])


def test_a_policy_sets_thresholds_beside_effects() -> None:
    options = {"coercion": {"high": 0.71, "hint": 0.42, "text_only": "deny"}}
    guard = cast(
        "CoercionGuard",
        next(one for one in build(options, inside=frozenset()) if one.name == "coercion"),
    )
    assert guard.effects.thresholds == Thresholds(hint=0.42, high=0.71)
    assert judged(guard, SURE).effect is Effect.DENY


@pytest.mark.parametrize("value", ["much", True, 0, 1, 60, None, [0.5], float("nan")])
def test_a_threshold_that_is_no_number_between_0_and_1_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"guards\.coercion\.high: write a number between"):
        build({"coercion": {"high": value}}, inside=frozenset())


def test_a_high_below_the_shipped_hint_names_both() -> None:
    with pytest.raises(ValueError, match=r"guards\.coercion: hint is 0\.25 and high is 0\.2"):
        build({"coercion": {"high": 0.2}}, inside=frozenset())


@pytest.mark.parametrize("text", [SURE, CALM, VAGUE, f"{CALM} {VAGUE} " * 30, ""])
def test_the_parts_of_the_margin_make_the_margin(text: str) -> None:
    wording = explain(text, CoercionGuard().effects).wording
    assert wording.base + wording.words + wording.runs == pytest.approx(wording.margin)
    assert sum(weight for _, weight in wording.heaviest) == pytest.approx(wording.words)
    if len(text) < 200:  # a long text is weighed in stretches, which cost something
        assert wording.base == pytest.approx(explain("", CoercionGuard().effects).wording.base)


def test_what_follows_is_what_the_guard_does() -> None:
    for text, guard in itertools.product(
        (SURE, CALM, VAGUE), (CoercionGuard(), CoercionGuard(text_only=Effect.DENY))
    ):
        nothing_known = explain(text, guard.effects).follows[0]
        assert nothing_known.facts == frozenset()
        assert nothing_known.send is judged(guard, text).effect


def test_a_case_is_told_only_where_more_follows_than_in_a_lesser_one() -> None:
    follows = explain(SURE, CoercionGuard().effects).follows
    concerned = frozenset({Flag.PRESSURE, Flag.CONCERNED})
    assert {one.facts for one in follows} >= {frozenset(), concerned}
    assert all(
        (one.send, one.write) != (two.send, two.write)
        for one, two in itertools.permutations(follows, 2)
        if one.facts < two.facts
    )


def test_a_system_named_in_a_mail_is_touched_only_by_a_write() -> None:
    follows = explain(CALM, CoercionGuard().effects).follows
    touched = next(one for one in follows if Flag.TOUCHED in one.facts)
    assert (touched.send, touched.write) == (Effect.ALLOW, Effect.APPROVE)


def test_cues_point_at_their_words() -> None:
    found = {cue.name: cue for cue in explain(SURE, CoercionGuard().effects).cues}
    start, end = found["condition"].spans[0]
    assert SURE[start:end].startswith("or")
