"""Write a set of texts with presidio-evaluator's own generator, for `accuracy.py --set FILE`.

    python -m venv /tmp/evaluator && /tmp/evaluator/bin/pip install presidio-evaluator
    /tmp/evaluator/bin/python tests/bench/pii/generate.py --count 3000 --seed 7 --out FILE.jsonl

It runs in an environment of its own: presidio-evaluator needs faker 40 or later, and
guardrails-ai an earlier one. Each line holds `text` and `spans` (start, end, kind).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def main() -> None:
    """Generate and write."""
    from presidio_evaluator.data_generator import PresidioSentenceFaker

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    faker = PresidioSentenceFaker("en_US", lower_case_ratio=0.05, random_seed=options.seed)
    with options.out.open("w", encoding="utf-8") as out:
        for sample in faker.generate_new_fake_sentences(num_samples=options.count):
            spans = [
                [span.start_position, span.end_position, span.entity_type] for span in sample.spans
            ]
            out.write(json.dumps({"text": sample.full_text, "spans": spans}) + "\n")


if __name__ == "__main__":
    main()
