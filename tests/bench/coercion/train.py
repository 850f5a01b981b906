"""Train the linear model of the coercion guard and write its weights.

    python tests/bench/coercion/train.py [--write]

It needs scikit-learn (`pip install --group train`), which nothing needs at run time. The texts
are those of `texts.train()`; the ones kept aside are never read. Everything is seeded: the
same texts and the same scikit-learn give the same file. Without `--write` it prints what
cross-validation says, with all texts of a scene in one fold, and with one writer left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from guarded_agent.guards.coercion import frames
from guarded_agent.guards.coercion.features import pairs, runs
from guarded_agent.guards.coercion.linear import DISCOUNT, STRETCH, reach
from guarded_agent.guards.coercion.normalise import views
from guarded_agent.guards.coercion.reading import CATEGORIES, HIGH
from guarded_agent.guards.coercion.sentences import stretches
from guarded_agent.guards.coercion.tier import AGAINST, SHORT

sys.path.insert(0, str(Path(__file__).parent))
from texts import Sample, train

FOLDS = 5
MOST_WORDS, MOST_RUNS = 20_000, 45_000
"""How many features of each half are kept: those that weigh most in a first fit."""
STEPS = 127
FALSE_ALARMS = 0.01
"""The share of honest texts that may reach `HIGH`, out of fold."""
C = 5.0
OLDER = 0.3
"""What a text of the first, more explicit sets counts beside one of the later writers."""


def plain(text: str) -> str:
    """Return the view that the model reads."""
    return views(text)[-1].text


def words_of(text: str) -> list[str]:
    """Return the words and pairs of a plain text."""
    return [name for name, _, _ in pairs(text)]


class Halves:
    """The two vectorisers, one for words and one for runs of letters."""

    def __init__(self, words: dict[str, int] | None = None, letters: Any = None) -> None:
        common: dict[str, Any] = {"sublinear_tf": True, "lowercase": False}
        self.words = TfidfVectorizer(analyzer=words_of, min_df=2, vocabulary=words, **common)
        self.runs = TfidfVectorizer(analyzer=runs, min_df=3, vocabulary=letters, **common)

    def fit(self, texts: Sequence[str]) -> Any:
        """Learn the rarities and return the matrix of `texts`."""
        return sparse.hstack(
            [self.words.fit_transform(texts), self.runs.fit_transform(texts)]
        ).tocsr()

    def matrix(self, texts: Sequence[str]) -> Any:
        """Return the matrix of `texts`."""
        return sparse.hstack([self.words.transform(texts), self.runs.transform(texts)]).tocsr()


def fit(texts: Sequence[str], harmful: Any, weights: Any) -> tuple[Halves, Any]:
    """Return the pruned features and the model fitted on them."""
    halves = Halves()
    first = logistic().fit(halves.fit(texts), harmful, sample_weight=weights)
    weight = np.abs(first.coef_[0])
    border = len(halves.words.vocabulary_)
    kept: list[list[str]] = []
    for names, share, most in (
        (halves.words.get_feature_names_out(), weight[:border], MOST_WORDS),
        (halves.runs.get_feature_names_out(), weight[border:], MOST_RUNS),
    ):
        heavy = np.sort(np.argsort(-share, kind="stable")[:most])
        kept.append([names[place] for place in heavy])
    halves = Halves(*kept)
    return halves, logistic().fit(halves.fit(texts), harmful, sample_weight=weights)


def logistic(**more: Any) -> Any:
    """Return the estimator; nothing in it is random."""
    return LogisticRegression(C=C, class_weight="balanced", max_iter=500, **more)


def folds(samples: Sequence[Sample]) -> Any:
    """Return the fold of each sample: by a hash of its scene."""
    return np.array(
        [hashlib.sha256(f"fold:{one.scene}".encode()).digest()[0] % FOLDS for one in samples]
    )


def out_of_fold(
    texts: Sequence[str], harmful: Any, groups: Any, weights: Any, framed: Sequence[str]
) -> tuple[Any, Any]:
    """Return the margin of each text under a model that has not seen its group.

    And of each sentence in which a sure frame stands, if it has one and that is short.
    """
    margins = np.zeros(len(texts))
    heard = np.full(len(texts), -np.inf)
    for group in sorted(set(groups)):
        test = groups == group
        halves, model = fit(
            [t for t, out in zip(texts, test, strict=True) if not out],
            harmful[~test],
            weights[~test],
        )
        for place in np.flatnonzero(test):
            text = texts[place]
            parts = [text, *(text[start:end] for start, end in stretches(text, STRETCH))]
            found = model.decision_function(halves.matrix(parts))
            found[1:] -= DISCOUNT
            margins[place] = found.max()
            if part := framed[place]:
                known = float(model.decision_function(halves.matrix([part]))[0])
                bias = float(model.intercept_[0])
                heard[place] = bias + (known - bias) * reach(len(words_of(part)))
    return margins, heard


def framed(text: str) -> tuple[float, str]:
    """Return the score of the surest cue frame in a plain view, if it is sure, and its sentences.

    The sentences are left out where they are not short.
    """
    view = views(text)[-1]
    sure = [one for one in frames.readings(view, frames.hits(view), 0) if one.reading.score >= HIGH]
    if not sure:
        return 0.0, ""
    best = max(sure, key=lambda one: one.reading.score)
    part = view.text[best.start : best.end]
    return best.reading.score, part if len(part) < SHORT else ""


def auc(score: Any, harmful: Any) -> float:
    """Return the area under the ROC curve."""
    order = np.argsort(np.argsort(score, kind="stable")) + 1.0
    count = harmful.sum()
    total = order[harmful].sum() - count * (count + 1) / 2
    return float(total / (count * (~harmful).sum()))


def recall_at(score: Any, harmful: Any, share: float) -> tuple[float, float]:
    """Return the recall, and the score, at which `share` of the honest texts are flagged."""
    bar = float(np.quantile(score[~harmful], 1 - share))
    return float((score[harmful] > bar).mean()), bar


def line(name: str, score: Any, harmful: Any) -> None:
    """Print one row."""
    at = "  ".join(
        f"{s:.0%} {recall_at(score, harmful, s)[0]:.2f}" for s in (0.01, 0.02, 0.05, 0.1)
    )
    print(f"{name:<28} n {len(score):>5}  auc {auc(score, harmful):.3f}  recall at {at}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--write", action="store_true", help="write the weights into the package")
    options = parser.parse_args()
    samples = train()
    harmful = np.array([one.harmful for one in samples])
    texts = [plain(one.text) for one in samples]
    sure_frames = [framed(text) for text in texts]
    cues = np.array([score for score, _ in sure_frames])
    parts = [part for _, part in sure_frames]
    new = np.array([one.writer.startswith("w") for one in samples])
    weights = np.where(new, 1.0, OLDER)
    margins, heard = out_of_fold(texts, harmful, folds(samples), weights, parts)
    both = np.stack([margins, cues], axis=1)
    scorer = LogisticRegression(C=1.0).fit(both[new], harmful[new])
    scores = scorer.decision_function(both)
    length = np.array([len(text) for text in texts], dtype=float)
    alone = heard > AGAINST
    for name, score in (
        ("length", length),
        ("frames", cues),
        ("linear", margins),
        ("frames and linear", scores),
        ("as the tier reads them", np.where(alone, 99.0, scores)),
    ):
        line(name, score[new], harmful[new])
    if not options.write:
        writers = np.array([one.writer for one in samples])
        groups = np.where(new, writers, "older")
        margins, _ = out_of_fold(texts, harmful, groups, weights, parts)
        line("linear, new writer", margins[new], harmful[new])
        return
    # The share of harmful texts here is made up, so the constant is set by the false alarms
    # that are wanted: at `HIGH` that many honest texts are flagged, out of fold, by either.
    honest = new & ~harmful
    sure = float(alone[honest].mean())
    _, bar = recall_at(scores[new & ~alone], harmful[new & ~alone], max(FALSE_ALARMS - sure, 0.002))
    a, b = scorer.coef_[0]
    c = scorer.intercept_[0] - bar + np.log(HIGH / (1 - HIGH))
    halves, model = fit(texts, harmful, weights)
    text = written(halves, model, samples, texts, harmful, (a, b, c))
    path = Path(frames.__file__).with_name("weights.txt")
    path.write_text(text, "utf-8")
    print(f"{path.name}: {text.count(chr(10)):,} features, {len(text.encode()):,} bytes")


def written(
    halves: Halves,
    model: Any,
    samples: Sequence[Sample],
    texts: Sequence[str],
    harmful: Any,
    score: tuple[float, float, float],
) -> str:
    """Return the file of the weights."""
    border = len(halves.words.vocabulary_)
    words = halves.words.transform([t for t, out in zip(texts, harmful, strict=True) if out])
    labels = [one.label for one in samples if one.harmful]
    kinds = logistic().fit(words, labels)
    order = [list(kinds.classes_).index(name) for name in CATEGORIES]
    coefficients = kinds.coef_[order]
    step = max(np.abs(model.coef_).max(), np.abs(coefficients).max()) / STEPS
    head = {
        "bias": round(float(model.intercept_[0]), 4),
        "step": round(float(step), 6),
        "score": [round(float(one), 4) for one in score],
        "kinds": [round(float(one), 4) for one in kinds.intercept_[order]],
        "words": border,
    }
    rows = [json.dumps(head)]
    for place, name in enumerate(halves.words.get_feature_names_out()):
        rarity = round(100 * halves.words.idf_[place])
        numbers = [round(float(model.coef_[0][place] / step))]
        numbers += [round(float(row[place] / step)) for row in coefficients]
        if not any(numbers[1:]):
            numbers = numbers[:1]
        rows.append(f"{rarity} {' '.join(map(str, numbers))}|{name}")
    for place, name in enumerate(halves.runs.get_feature_names_out()):
        rarity = round(100 * halves.runs.idf_[place])
        rows.append(f"{rarity} {round(float(model.coef_[0][border + place] / step))}|{name}")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
