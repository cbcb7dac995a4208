"""Sentences of Presidio's own generator (presidio-evaluator: its templates, its people of FakeNameGenerator.com, Faker's addresses), marked.

Usage: names_sentences.py COUNT SEED OUT.json [PART]   PART: `test` (default) takes every other template, `tuning` the rest, which the author
of the recogniser has looked at. Writes [{text, spans: [[type, start, end], ...], template, masked}, ...]; offsets in code points.
Types: name (PERSON), place (GPE); what else the generator marks is no name.
"""
import json, random, sys

import numpy as np
from presidio_evaluator.data_generator import PresidioSentenceFaker, presidio_templates_file_path

count, seed, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
random.seed(seed)
np.random.seed(seed)
part = sys.argv[4] if len(sys.argv) > 4 else "test"
lines = [line.strip() for line in presidio_templates_file_path.read_text().splitlines() if line.strip()]
templates = lines[0::2] if part == "test" else lines[1::2]
types = {"PERSON": "name", "GPE": "place"}
stdout, sys.stdout = sys.stdout, sys.stderr
made = PresidioSentenceFaker("en_US", lower_case_ratio=0.05, sentence_templates=templates, random_seed=seed).generate_new_fake_sentences(count)
sys.stdout = stdout


def masked(sample):
    """The sentence with {} for everything that the generator filled in."""
    out, at = "", 0
    for x in sorted(sample.spans, key=lambda x: x.start_position):
        out += sample.full_text[at : x.start_position] + "{}"
        at = x.end_position
    return out + sample.full_text[at:]


rows = [
    {
        "text": s.full_text,
        "spans": [[types[x.entity_type], x.start_position, x.end_position] for x in sorted(s.spans, key=lambda x: x.start_position) if x.entity_type in types],
        "template": s.template_id,
        "masked": masked(s),
    }
    for s in made
]
json.dump(rows, open(out, "w"))
