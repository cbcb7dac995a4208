"""spaCy's entity recogniser, trained on the examples that Loam's is trained on, as Presidio's engine of names: no trained one is on PyPI.

Usage: names.py EXAMPLES.json TEXTS.json   ([{text, spans: [[type, start, end], ...]}, ...] and [text, ...]; offsets in code points)
Reads commands from standard input: `train` (ends when the loss on a tenth held out grows three times, at most 30 passes), `find FILE` writes
what Presidio with it finds in the texts, [type, start, end] each; `time` analyses them. Answers each with a line of JSON.
"""
import json, logging, random, sys, time

logging.disable(logging.WARNING)
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer
from spacy.training import Example
from spacy.util import compounding, minibatch

examples = json.load(open(sys.argv[1]))
texts = json.load(open(sys.argv[2]))
labels = {"name": "PERSON", "place": "LOCATION"}
types = {label: kind for kind, label in labels.items()}
nlp = spacy.blank("en")
ner = nlp.add_pipe("ner")
for label in labels.values():
    ner.add_label(label)


class Own(SpacyNlpEngine):
    def __init__(self):
        super().__init__(
            models=[{"lang_code": "en", "model_name": "own"}],
            ner_model_configuration=NerModelConfiguration(model_to_presidio_entity_mapping={label: label for label in types}, labels_to_ignore=[]),
        )
        self.nlp = {"en": nlp}

    def load(self):
        pass


def pair(e):
    doc = nlp.make_doc(e["text"])
    spans = [doc.char_span(s, t, label=labels[kind], alignment_mode="contract") for kind, s, t in e["spans"]]
    return Example.from_dict(doc, {"entities": [(s.start_char, s.end_char, s.label_) for s in spans if s is not None]})


def train(_):
    global engine
    began = time.process_time()
    random.seed(1)
    spacy.util.fix_random_seed(1)
    pairs = [pair(e) for e in examples]
    cut = len(pairs) // 10
    tests, pairs = pairs[:cut], pairs[cut:]
    nlp.initialize(lambda: pairs)
    best, worse, kept, passes = -1.0, 0, None, 0
    while passes < 30 and worse < 3:
        random.shuffle(pairs)
        for batch in minibatch(pairs, size=compounding(8.0, 64.0, 1.05)):
            nlp.update(batch, drop=0.3)
        passes += 1
        score = nlp.evaluate(tests)["ents_f"] or 0.0
        if score > best:
            best, worse, kept = score, 0, nlp.to_bytes()
        else:
            worse += 1
    nlp.from_bytes(kept)
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.add_recognizer(SpacyRecognizer(supported_language="en", supported_entities=list(types)))
    engine = AnalyzerEngine(registry=registry, nlp_engine=Own(), supported_languages=["en"])
    return {"ms": 1000 * (time.process_time() - began), "passes": passes}


def analysed():
    return [[[types[r.entity_type], r.start, r.end] for r in engine.analyze(t, "en")] for t in texts]


def find(file):
    json.dump(analysed(), open(file, "w"))
    return {"ms": 0}


def measure(_):
    began = time.process_time()
    n = sum(len(f) for f in analysed())
    return {"ms": 1000 * (time.process_time() - began), "tokens": n}


for line in sys.stdin:
    command, _, rest = line.strip().partition(" ")
    print(json.dumps({"train": train, "find": find, "time": measure}[command](rest)), flush=True)
