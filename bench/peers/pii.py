"""Presidio's patterns beside Loam's private step: every recogniser for the types that both know, over a blank spaCy pipeline.

Usage: pii.py SENTENCES.json BODIES.json   (lists of texts)
Reads commands from standard input: `find FILE` writes what it finds in the sentences, [type, start, end, score] each (ends in code points);
`time` analyses the bodies. Answers each with a line of JSON. No model is loaded: none is on PyPI. Lemmas, which context words are held
against, are the words in lower case.
"""
import json, logging, sys, time

logging.disable(logging.WARNING)
import spacy
import tldextract

# The list of suffixes that comes with the package; nothing is fetched.
extract = tldextract.TLDExtract(suffix_list_urls=())
tldextract.extract = extract
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as known
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from spacy.language import Language


@Language.component("lower_lemmas")
def lower_lemmas(doc):
    for token in doc:
        token.lemma_ = token.lower_
    return doc


class Blank(SpacyNlpEngine):
    def __init__(self):
        super().__init__(models=[{"lang_code": "en", "model_name": "blank"}])
        nlp = spacy.blank("en")
        nlp.add_pipe("lower_lemmas")
        nlp.max_length = 10_000_000
        self.nlp = {"en": nlp}

    def load(self):
        pass


kinds = {
    "EmailRecognizer": "email", "PhoneRecognizer": "phone", "CreditCardRecognizer": "card", "IbanRecognizer": "iban", "IpRecognizer": "ip",
    "UsSsnRecognizer": "us-ssn", "NhsRecognizer": "uk-nhs", "UkNinoRecognizer": "uk-nino", "DeTaxIdRecognizer": "de-tax-id",
    "EsNifRecognizer": "es-id", "EsNieRecognizer": "es-id", "ItFiscalCodeRecognizer": "it-cf", "PlPeselRecognizer": "pl-pesel",
    "InAadhaarRecognizer": "in-aadhaar",
}
registry = RecognizerRegistry(supported_languages=["en"])
types = {}
for name, kind in kinds.items():
    recogniser = getattr(known, name)(supported_language="en")
    registry.add_recognizer(recogniser)
    types.update((entity, kind) for entity in recogniser.supported_entities)
engine = AnalyzerEngine(registry=registry, nlp_engine=Blank(), supported_languages=["en"])
sentences = json.load(open(sys.argv[1]))
bodies = json.load(open(sys.argv[2]))


def find(file):
    began = time.process_time()
    found = [[[types[r.entity_type], r.start, r.end, r.score] for r in engine.analyze(s, "en")] for s in sentences]
    ms = 1000 * (time.process_time() - began)
    json.dump(found, open(file, "w"))
    return {"ms": ms}


def measure(_):
    began = time.process_time()
    n = sum(len(engine.analyze(b, "en")) for b in bodies)
    return {"ms": 1000 * (time.process_time() - began), "tokens": n}


for line in sys.stdin:
    command, _, rest = line.strip().partition(" ")
    print(json.dumps({"find": find, "time": measure}[command](rest)), flush=True)
