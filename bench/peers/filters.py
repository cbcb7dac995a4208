"""The Python side of the filter comparison: datatrove's C4, Gopher and FineWeb filters with their own defaults.

Usage: filters.py CORPUS.json   (a list of texts)
Reads commands from standard input, a line each; answers each with a line of JSON.
  NAME STEP       runs one set over every STEP-th text (c4, gopher-quality, gopher-repetition, fineweb) or all in a row (chain); processor time
  verdicts FILE   writes for every text and set the reason why it goes, or null, and for the chain set and reason
"""
import json, sys, time

from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
from datatrove.utils.text import split_into_parts

texts = json.load(open(sys.argv[1]))
# FineWeb's order.
sets = {
    "gopher-repetition": GopherRepetitionFilter(),
    "gopher-quality": GopherQualityFilter(),
    "c4": C4QualityFilter(),
    "fineweb": FineWebQualityFilter(),
}


def judge(step, document):
    """Why a document goes, or None."""
    try:
        result = step.filter(document)
    except ZeroDivisionError:
        return "error"
    if isinstance(result, tuple):
        return None if result[0] else result[1]
    return None if result else "no reason"


def document(text):
    return Document(text=text, id="0")


def run(names, some):
    # Words of texts seen last would flatter the next set.
    split_into_parts.cache_clear()
    kept = 0
    began = time.process_time()
    for text in some:
        d = document(text)
        kept += all(judge(sets[name], d) is None for name in names)
    return {"ms": 1000 * (time.process_time() - began), "tokens": kept}


def verdicts(file):
    rows = []
    for text in texts:
        # What a filter decides does not depend on the ones before it; only c4 changes the text for those after it.
        documents = {name: document(text) for name in sets}
        row = {name: judge(step, documents[name]) for name, step in sets.items()}
        reason = next((f"{name}/{row[name]}" for name in ("gopher-repetition", "gopher-quality", "c4") if row[name] is not None), None)
        edited = documents["c4"].text
        if reason is None:
            last = judge(sets["fineweb"], document(edited))
            reason = None if last is None else f"fineweb/{last}"
        rows.append({**row, "chain": reason, "text": edited if reason is None else None})
    json.dump(rows, open(file, "w"))
    return {"ms": 0}


# spaCy is loaded before anything is timed.
run(sets, texts[:3])
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    if command == "verdicts":
        answer = verdicts(argument)
    else:
        answer = run(sets if command == "chain" else [command], texts[:: int(argument)])
    print(json.dumps(answer), flush=True)
