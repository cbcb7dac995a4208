"""Golden values of the text baselines, from scikit-learn: python text_classifiers.py > src/evaluate/baselines/text-classifiers/golden/scikit-learn.golden.json

Texts are drawn from small vocabularies a class, so that classes overlap; what is held to it: the features and their tf-idf values, the
scores of logistic regression (two classes and three) and of the linear support-vector machine, on texts that were not trained on."""

import json
import random

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

shared = "the of and to in a is that for it Über naïve x_1 don't 3.14 e-mail".split()
own = [
    "free offer winner click money prize urgent".split(),
    "meeting report patch kernel thread reply Monday".split(),
    "recipe garden museum piano weather train lake".split(),
]
draw = random.Random(7)


def text(label):
    return " ".join(draw.choice(own[label] if draw.random() < 0.25 else draw.choice([shared, own[draw.randrange(3)]])) for _ in range(draw.randrange(4, 18)))


def part(n, classes):
    labels = [i % classes for i in range(n)]
    return [text(label) for label in labels], labels


def case(classes):
    train, labels = part(40 * classes, classes)
    test, _ = part(8 * classes, classes)
    words = TfidfVectorizer()
    x, y = words.fit_transform(train), words.transform(test)
    chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), min_df=2, sublinear_tf=True)
    chars.fit(train)
    pairs = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    pairs.fit(train)
    logistic = LogisticRegression(tol=1e-10, max_iter=10000).fit(x, labels)
    svm = LinearSVC(tol=1e-10, max_iter=1000000).fit(x, labels)

    def rows(vectorizer, texts):
        return [[[int(c), float(v)] for c, v in sorted(zip(r.indices, r.data))] for r in vectorizer.transform(texts)]

    return {
        "classes": classes,
        "train": train,
        "labels": labels,
        "test": test,
        "words": {"features": words.get_feature_names_out().tolist(), "rows": rows(words, test)},
        "pairs": {"size": len(pairs.vocabulary_), "rows": rows(pairs, test[:3])},
        "characters": {"size": len(chars.vocabulary_), "rows": rows(chars, test[:3])},
        "logistic": np.asarray(logistic.decision_function(y)).tolist(),
        "svm": np.asarray(svm.decision_function(y)).tolist(),
    }


print(json.dumps({"library": f"scikit-learn {sklearn.__version__}", "cases": [case(2), case(3)]}, ensure_ascii=False))
