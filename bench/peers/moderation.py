"""Scores of texts by alt-profanity-check and hatesonar, as they are installed; JSON of texts in, JSON of scores out."""
import json
import sys
from importlib.metadata import version

texts = json.load(open(sys.argv[1]))
scores, versions = {}, {}

try:
    from profanity_check import predict_prob

    scores["alt-profanity-check"] = [float(x) for x in predict_prob(texts)]
    versions["alt-profanity-check"] = version("alt-profanity-check")
except ImportError as error:
    print(error, file=sys.stderr)
try:
    from hatesonar import Sonar

    sonar = Sonar()

    def hate(text):
        classes = {c["class_name"]: c["confidence"] for c in sonar.ping(text=text)["classes"]}
        return classes["hate_speech"]

    scores["hatesonar"] = [float(hate(t)) for t in texts]
    versions["hatesonar"] = version("hatesonar")
except Exception as error:  # the package's pickles need the scikit-learn that they were written with
    print(f"hatesonar: {error}", file=sys.stderr)

print(json.dumps({"versions": versions, "scores": scores}))
