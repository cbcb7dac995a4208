"""The Python side of the quality comparison: fastText's classifier and scikit-learn's hashed logistic regression.

Usage: quality.py fasttext|sklearn CORPUS BITS   (JSON lines of text, isGood, fold; words and pairs are hashed to 2^BITS)
Reads commands from standard input, a line each; answers each with a line of JSON.
  fit         learns from all texts; processor time
  score       scores all texts; processor time
  folds FILE  scores each fold by a model of the others and writes the scores
fastText wants a text on one line, its words and signs apart, in lower case: that is done before anything is timed, and so is its training file.
"""
import json, os, re, sys, tempfile, time

side, corpus = sys.argv[1:3]
bits = int(sys.argv[3])
mails = [json.loads(line) for line in open(corpus, encoding="utf-8")]


class FastText:
    # Joulin et al. 2016: 10 hidden units, bigrams, rates up to 0.5; as many buckets as ours; 25 passes, since the corpus is small.
    def __init__(self):
        import fasttext
        self.fasttext = fasttext
        fasttext.FastText.eprint = lambda _: None
        self.lines = [re.sub(r"([^\w\s])", r" \1 ", re.sub(r"\d", "0", m["text"].lower())).replace("\n", " ") for m in mails]

    def file(self, rows):
        path = os.path.join(tempfile.mkdtemp(dir=os.path.dirname(corpus)), "train.txt")
        with open(path, "w", encoding="utf-8") as f:
            for i in rows:
                f.write(f"__label__{'good' if mails[i]['isGood'] else 'bad'} {self.lines[i]}\n")
        return path

    def fit(self, rows, path=None):
        self.model = self.fasttext.train_supervised(
            path or self.file(rows), dim=10, wordNgrams=2, lr=0.5, epoch=25, bucket=2**bits, minCount=1, thread=1, seed=1, verbose=0
        )

    def score(self, rows):
        scores = []
        for i in rows:
            # The package's own predict does not run with this numpy; what it calls does.
            (p, label), *_ = self.model.f.predict(self.lines[i] + "\n", 1, 0.0, "strict")
            # Its probabilities can be a little above 1.
            scores.append(min(p, 1.0) if label == "__label__good" else 1 - min(p, 1.0))
        return scores


class Sklearn:
    def __init__(self):
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.linear_model import LogisticRegression
        self.vectorizer = HashingVectorizer(ngram_range=(1, 2), n_features=2**bits, token_pattern=r"\w+|[^\w\s]", binary=True, alternate_sign=False)
        self.make = lambda: LogisticRegression(C=30, solver="liblinear", class_weight="balanced")

    def fit(self, rows, path=None):
        x = self.vectorizer.transform([mails[i]["text"] for i in rows])
        self.model = self.make().fit(x, [mails[i]["isGood"] for i in rows])

    def score(self, rows):
        return self.model.predict_proba(self.vectorizer.transform([mails[i]["text"] for i in rows]))[:, 1].tolist()


peer = FastText() if side == "fasttext" else Sklearn()
everything = range(len(mails))
whole = peer.file(everything) if side == "fasttext" else None
peer.fit(range(0, len(mails), 20))
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    began = time.process_time()
    tokens = 0
    if command == "fit":
        peer.fit(everything, whole)
    elif command == "score":
        tokens = sum(s >= 0.5 for s in peer.score(everything))
    elif command == "folds":
        scores = [0.0] * len(mails)
        for fold in range(1 + max(m["fold"] for m in mails)):
            peer.fit([i for i in everything if mails[i]["fold"] != fold])
            inside = [i for i in everything if mails[i]["fold"] == fold]
            for i, s in zip(inside, peer.score(inside)):
                scores[i] = s
        json.dump({"raw": scores}, open(argument, "w"))
    print(json.dumps({"ms": 1000 * (time.process_time() - began), "tokens": int(tokens)}), flush=True)
