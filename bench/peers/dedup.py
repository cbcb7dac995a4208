"""The Python side of the deduplication comparison: rensa (Rust) and datatrove.

Usage: dedup.py NAME CORPUS.jsonl FOLDER   (NAME: rensa, datatrove)
Reads commands from standard input, a line each, and answers each with a line of JSON: `signatures` (of texts already in memory) and
`whole FILE` (from reading the corpus to writing the ids that stay, and FILE with the cluster of every document, written after the clock stopped).
Word 5-grams and 14 bands of 8 rows, as FineWeb has them, for both.
"""
import json, re, resource, shutil, sys, time

name, corpus, folder = sys.argv[1:4]
WORD = re.compile(r"\w+")
GRAM, BANDS, ROWS = 5, 14, 8


def read():
    """Ids and texts."""
    ids, texts = [], []
    with open(corpus, encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            ids.append(row["id"])
            texts.append(row["text"])
    return ids, texts


def grams(text):
    words = WORD.findall(text.lower())
    return [" ".join(words[i : i + GRAM]) for i in range(max(1, len(words) - GRAM + 1))] if words else []


def clusters_of(pairs, count):
    """Smallest member of every document's cluster, over all links."""
    parent = list(range(count))

    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for a, b in pairs:
        a, b = find(a), find(b)
        if a != b:
            parent[max(a, b)] = min(a, b)
    return [find(i) for i in range(count)]


class Rensa:
    """Full-set R-MinHash through the batch interface, its own LSH, union-find over the candidates: nothing is verified."""

    def signatures(self, texts):
        from rensa import RMinHash

        digests = []
        # Some thousand texts at a time: all grams of 100 MB at once would take gigabytes.
        for at in range(0, len(texts), 2048):
            digests += RMinHash.from_token_sets([grams(t) for t in texts[at : at + 2048]], num_perm=BANDS * ROWS, seed=42)
        return digests

    def whole(self):
        from rensa import RMinHashLSH

        ids, texts = read()
        digests = self.signatures(texts)
        index = RMinHashLSH(threshold=0.7, num_perm=BANDS * ROWS, num_bands=BANDS)
        index.insert_many(digests)
        candidates = index.query_all(digests)
        clusters = clusters_of(((i, j) for i, found in enumerate(candidates) for j in found if j < i), len(ids))
        with open(folder + "/kept.rensa.txt", "w") as out:
            out.writelines(ids[i] + "\n" for i, c in enumerate(clusters) if c == i)
        return clusters


class Datatrove:
    """With FineWeb's hash, otherwise as it is shipped: spaCy's words, digits as one symbol; four steps over files, one task, in this process."""

    def config(self):
        from datatrove.pipeline.dedup import MinhashConfig
        from datatrove.utils.hashing import HashConfig

        return MinhashConfig(hash_config=HashConfig(precision=64, hash_fc="sha1"), n_grams=GRAM, num_buckets=BANDS, hashes_per_bucket=ROWS)

    def signatures(self, texts):
        from datatrove.pipeline.dedup.minhash import MinhashDedupSignature

        step = MinhashDedupSignature(folder + "/unused", config=self.config())
        return [step.get_signature(s) for s in (step.get_shingles(t) for t in texts) if s.size]

    def whole(self):
        from datatrove.data import Document
        from datatrove.pipeline.dedup.minhash import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupSignature

        work = folder + "/datatrove"
        shutil.rmtree(work, ignore_errors=True)
        config = self.config()
        count = 0

        def documents():
            nonlocal count
            with open(corpus, encoding="utf-8") as lines:
                for line in lines:
                    row = json.loads(line)
                    count += 1
                    yield Document(text=row["text"], id=row["id"])

        MinhashDedupSignature(work + "/signatures", config=config).run(documents(), 0, 1)
        for bucket in range(BANDS):
            MinhashDedupBuckets(work + "/signatures", work + "/buckets", config=config).run(None, bucket, BANDS)
        MinhashDedupCluster(work + "/buckets", work + "/remove", config=config, save_cluster_id=True).run(None, 0, 1)
        clusters, gone = self.read_clusters(work, count)
        with open(corpus, encoding="utf-8") as lines, open(folder + "/kept.datatrove.txt", "w") as out:
            out.writelines(json.loads(line)["id"] + "\n" for i, line in enumerate(lines) if i not in gone)
        return clusters, gone

    def read_clusters(self, work, count):
        import os, struct

        def records(name, form):
            """None where nothing was alike: then no file is written."""
            file = f"{work}/remove/000000.{name}"
            return struct.iter_unpack(form, open(file, "rb").read()) if os.path.exists(file) else ()

        gone = {i for (i,) in records("remove", "<I")}
        clusters = [-1 - i for i in range(count)]
        for i, c in records("clusters", "<II"):
            clusters[i] = c
        return clusters, gone


tool = {"rensa": Rensa, "datatrove": Datatrove}[name]()
for line in sys.stdin:
    command, _, file = line.strip().partition(" ")
    if command == "signatures":
        _, texts = read()
        began = time.process_time()
        tool.signatures(texts)
    else:
        began = time.process_time()
        result = tool.whole()
    ms = 1000 * (time.process_time() - began)
    if file:
        clusters, gone = result if isinstance(result, tuple) else (result, {i for i, c in enumerate(result) if c != i})
        with open(file, "w") as out:
            json.dump({"clusters": clusters, "kept": [i not in gone for i in range(len(clusters))]}, out)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"ms": ms, "peakBytes": peak}), flush=True)
