"""Writes src/data/steps/heuristics/filters.golden.json: how spaCy 3.8 splits hard runs, and datatrove 0.10's verdicts on texts made here.

Usage: python filters_golden.py OUT.json   (needs datatrove==0.10.1 and spacy==3.8.18)
Words are lists of strings; a verdict is the reason why a text goes, or null; c4's new text is given where it stays.
"""
import json, random, sys

import spacy
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

RUNS = """
don't Don't DON'T cannot Cannot CANNOT i'd id Id he's hes what'll whatllve shouldn't've gonna let's o'clock ma'am 'cause y'all c'mon
10am 10a.m. 12pm 13pm 5km 5km. 5m² 100% $5 5$ US$5 5US$ 5€ €5 C$3 +5 5+ 5+5 5-5 5--5 5*4 2^8 3.14 1,000 a,b a, ,a
e.g. i.e. Ph.D. U.S. U.S.A. USA. N.Y. Inc. inc. Dr. a. b.c x.y X.Y end.Start end.start ...end end... end.. .end. . .. ... … …… a…b
well-known well--known well---known well----known -dash dash- – — —— a—b a–b a~b ~a a~ 1-a a-1
http://example.org https://example.org/path?q=1#x www.example.org example.org. (example.org) user@example.org <user@example.org> mailto:user@example.org
example.Org 10.0.0.1 8.8.8.8 8.8.8.8:80/x 300.1.1.1 ftp://a.b/c;d=e file.txt a/b a/b/c and/or w/o x=y x==y <b> </b> <a> a>b a<b
:) :-) :( ;-) :D hello:) hello:-) :)) :))) (: o_O O.o 0.0 <3 <333 >:( ^_^ -_- (-_-) xD XDD ¯\\(ツ)/¯ ಠ_ಠ @_@ x:-)y
"quoted" 'quoted' “quoted” ‘quoted’ "a 'a a' it's it’s James' 's 'S’s (a) [a] {a} ((a)) (a. a.) a.b.) [1] [edit] a[1] {{x}}
#tag @user a@b & * ** _ __ _a_ a_b | a|b \\ \\n / // a// ? ?! !!! ... .?. ., ,. ;; ;a a; : a: a:b A:b a:B 1:a 1:1
😀 a😀 😀a a😀b 😀😀 👍🏽 ™ a™ ©2024 � a�b ° 5°C 5°C. °F. §5 5§ №5 ½ a½
中文 中文。 中文，文 「中文」 a中b 中-文 日本語テスト。 한국어. Привет, Привет. ПРИВЕТ. мир-мир naïve café. CAFÉ. ǅ. ﬁ.
----- ===== ***** -----a a----- =a= #### .... ---. --a-- >>>> >>a > >a C++ C# F# c++ .NET node.js Node.JS U.S.-based
it's-a a's-b can't-won't a.m.-p.m. 5km/h 10GB 10gb/s 3x4 x3 3D v1.2.3 (v1.2) 1st 2nd: "1st", A$AP A$5 B$5 £5m 5m£ 5'6" 6''
""".split()

rnd = random.Random(20261125)
PIECES = list("abITms'’\"().-/:<>=@#$%+*^~,_|&!?5") + ["...", "--", "—", "–", "é", "É", "中", "ы", "Ы", "😀", "™", "e.g.", "x.com", "can't", ":)", "km", "10am"]
RUNS += ["".join(rnd.choice(PIECES) for _ in range(rnd.randint(2, 8))) for _ in range(300)]
RUNS = sorted(set(RUNS))

WORDS = "the be to of and that have with river stone paper window garden light small quick seven table under never walks holds bright winter".split()


def sentence(n=9):
    words = [rnd.choice(WORDS) for _ in range(n)]
    return " ".join(words).capitalize() + "."


def body(lines=5, sentences=2):
    return "\n".join(" ".join(sentence(rnd.randint(5, 12)) for _ in range(sentences)) for _ in range(lines))


def repeated(share, lines=20):
    """Lines of which about so many stood before."""
    out = []
    for _ in range(lines):
        out.append(rnd.choice(out) if out and rnd.random() < share else sentence(8))
    return "\n".join(out)


TEXTS = [
    "word", "One short sentence. And another one.", " \n \n", "-", "中" * 300, "中文。" * 80, ("中" * 40 + "。\n") * 8,
    "x" * 1200 + "\n" + body(), "Lorem ipsum dolor sit amet.\n" + body(), "if (a) { return b; } or so it says.\n" + body(),
    "Please enable JavaScript to go on now.\nWe use cookies on this page.\nSee our Terms of Use for more.\nRead the privacy policy here.\n" + body(),
    "It is so [1] they say [12].\nThat was [citation needed] never shown [edit].\n" + body(), "\r\n".join(body().split("\n")), body().replace("\n", "\x0b"),
    body(3) + "\x85" + body(3) + "\u2028" + body(2), "\n\n\n".join(body(1) for _ in range(6)), body() + "\n" + "menu\n" * 12, body(2, 1) + "\nhome\nabout us\nmore here\nlinks\n" * 3,
    "\n".join("- " + sentence(8) for _ in range(12)), "\n".join("• " + sentence(8) for _ in range(9)) + "\n" + sentence(), "\n".join(sentence(8)[:-1] + "..." for _ in range(12)),
    "\n".join(sentence(8)[:-1] + "…" for _ in range(4)) + "\n" + body(8), "\n".join("# " + sentence(5) for _ in range(20)), body().replace(" the ", " # "), body() + " # # # # # # # # # # # # # # # # # # # # # # # #",
    " ".join("a" for _ in range(200)), " ".join(str(i) for i in range(300)), " ".join("extraordinarily" for _ in range(80)), body().upper(), " ".join(sentence(9)[:-1] for _ in range(20)),
    "  " + body().replace("\n", "  \n  ") + "  ", "\t" + body().replace(" ", "\t", 7), body().replace(".", " . "), body().replace(".", "!\u201d"), body(8).replace(".", "?'"),
    "\ufeff" + body(), body() + "\x00\x01\x1f", "He said: \u201cno.\u201d Then (maybe?) yes! " * 6 + body(4), "😀 " * 30 + body(6), body().replace("a", "\U00020000"),
    "\n".join(f"{i}. {sentence(3)}" for i in range(30)), "\n".join("a b" for _ in range(30)), body() + "\n\n" + body(2) + "\n\n" + "Sent from my phone.\n\nSent from my phone.\n\nSent from my phone.",
]
TEXTS += ["\n".join("".join(rnd.sample("abcdefghijklmnopqrst", 16)) + " " + "".join(rnd.sample("abcdefghijklmnopqrst", 16)) + "." for _ in range(20))]
TEXTS += ["\n\n".join([body(1, 3)] * 2 + [body(1, 1) for _ in range(7)])]
TEXTS += [" ".join(f"so{i} it{i} goes{i}" for i in range(24)) + " " + " ".join(["the quiet and very patient man of many words walks on"] * 2)]
for share in [0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.6]:
    TEXTS += [repeated(share), repeated(share, 40)]
for n in range(2, 11):
    phrase = " ".join(f"w{n}{i}" for i in range(n))
    for times in [2, 3, 6]:
        fill = " ".join(f"{rnd.choice(WORDS)}{i}" for i in range(60))
        TEXTS.append(" ".join(f"{phrase} {w}" for w in fill.split()[:times]) + " " + fill + " the and of to.")
for lines in [3, 4, 5, 6, 7]:
    TEXTS.append("\n".join(sentence(11) for _ in range(lines)))

nlp = spacy.blank("en")
sets = {"gopher-repetition": GopherRepetitionFilter(), "gopher-quality": GopherQualityFilter(), "c4": C4QualityFilter(), "fineweb": FineWebQualityFilter()}


def judge(step, text):
    document = Document(text=text, id="0")
    result = step.filter(document)
    kept = result if isinstance(result, bool) else result[0]
    return document.text if kept else None, None if kept else result[1]


rows = []
for text in TEXTS:
    row = {"text": text}
    for name, step in sets.items():
        edited, row[name] = judge(step, text)
        if name == "c4" and edited not in (None, text):
            row["edited"] = edited
    rows.append(row)
with open(sys.argv[1], "w") as out:
    lines = [f"    {json.dumps(r, ensure_ascii=True)}: {json.dumps([t.text for t in nlp.tokenizer(r)])}" for r in RUNS]
    texts = [f"    {json.dumps(r, ensure_ascii=True)}" for r in rows]
    out.write('{\n  "words": {\n' + ",\n".join(lines) + '\n  },\n  "texts": [\n' + ",\n".join(texts) + "\n  ]\n}\n")
for name in sets:
    reasons = {}
    for r in rows:
        reasons[r[name]] = reasons.get(r[name], 0) + 1
    print(name, reasons)
