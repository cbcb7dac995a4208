"""trafilatura's side of the main-text comparison.

(Not html.py: that would stand in the way of Python's own module.)
Usage: main_text.py PAGES.json
Reads commands from standard input, a line each (time MODE, texts MODE FILE; MODE: full, fast); answers each with a line of JSON.
"""
import json, sys, time

import trafilatura

pages = json.load(open(sys.argv[1], encoding="utf-8"))


def extract(mode):
    texts, thrown = [], 0
    for page in pages:
        try:
            texts.append(trafilatura.extract(page, fast=mode == "fast") or "")
        except Exception:
            texts.append("")
            thrown += 1
    return texts, thrown


for line in sys.stdin:
    command, mode, *rest = line.split()
    began = time.process_time()
    texts, thrown = extract(mode)
    ms = (time.process_time() - began) * 1000
    if command == "texts":
        with open(rest[0], "w", encoding="utf-8") as f:
            json.dump(texts, f)
    print(json.dumps({"ms": ms, "tokens": thrown}), flush=True)
