"""The other sides of the decontamination comparison: datatrove's n-gram filter, and Ai2's decon where its program is given.

Usage: decontaminate.py datatrove ITEMS.jsonl DOCUMENTS.jsonl
       decontaminate.py decon ITEMS.jsonl DOCUMENTS.jsonl PROGRAM FOLDER
Reads commands from standard input, a line each; answers each with a line of JSON: `run STEP` goes over every STEP-th document (decon: over
all; less what it needs for its index), `verdicts FILE` writes for each document the numbers of the items found, datatrove only whether any
(an item numbered -1). Both with their own defaults; datatrove told to look for questions too.
"""
import json, os, resource, subprocess, sys, time

side, items_file, documents_file = sys.argv[1:4]


def read(file):
    with open(file, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


items, texts = read(items_file), [row["text"] for row in read(documents_file)]


def datatrove():
    import xxhash
    from datatrove.data import Document
    from datatrove.pipeline.decont import n_grams

    # The indexer asks for lighteval, which only fetches tasks; what it computes of a question and an answer needs none of it.
    n_grams.NGramsDecontIndexer._requires_dependencies = []
    config = n_grams.NGramsDecontConfig(find_query_ngrams=True)
    indexer = n_grams.NGramsDecontIndexer(os.devnull, config=config)
    judge = n_grams.NGramsDecontFilter(os.devnull, config=config)
    # xxhash 4 takes bytes only, which this datatrove does not know yet.
    indexer.hash_func = judge.hash_func = lambda text: xxhash.xxh64_intdigest(text.encode())
    judge._index_hashes = {h: "quiz" for item in items for h in indexer.compute_hashes(item["answer"], item["question"])}

    def found(text):
        return [] if judge.filter(Document(text=text, id="0")) is True else [-1]

    def run(step):
        began = time.process_time()
        count = sum(len(found(text)) for text in texts[::step])
        return {"ms": 1000 * (time.process_time() - began), "tokens": count}

    found(texts[0])
    return run, lambda: [found(text) for text in texts]


def decon():
    program, folder = sys.argv[4:6]
    for name in ("evals", "documents", "nothing"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    with open(os.path.join(folder, "evals", "quiz.jsonl"), "w") as out:
        for i, item in enumerate(items):
            row = {"eval_key": "quiz", "eval_instance_index": i, "split": "test", "config": "main", "doc_id": i, "fingerprint": f"{i:016x}"}
            out.write(json.dumps({**row, **item}) + "\n")
    with open(os.path.join(folder, "documents", "a.jsonl"), "w") as out:
        for text in texts:
            out.write(json.dumps({"text": text}) + "\n")
    with open(os.path.join(folder, "nothing", "a.jsonl"), "w") as out:
        out.write('{"text": "nothing"}\n')

    def detect(documents):
        report = os.path.join(folder, f"report-{time.monotonic_ns()}")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [program, "detect", "--training-dir", os.path.join(folder, documents), "--evals-dir", os.path.join(folder, "evals")]
            + ["--report-output-dir", report, "--worker-threads", "1"],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return report, 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    def run(_):
        return {"ms": detect("documents")[1] - detect("nothing")[1]}

    def verdicts():
        rows = [[] for _ in texts]
        report, _ = detect("documents")
        for name in os.listdir(report):
            for match in read(os.path.join(report, name)):
                rows[match["training_line"]].append(match["eval_instance_index"])
        return rows

    return run, verdicts


run, verdicts = {"datatrove": datatrove, "decon": decon}[side]()
for line in sys.stdin:
    command, argument = line.split()
    answer = {"ms": 0}
    if command == "run":
        answer = run(int(argument))
    else:
        with open(argument, "w") as out:
            json.dump(verdicts(), out)
    print(json.dumps(answer), flush=True)
