/** A made-up report of curation for the fake server: the mail corpus as it might be, with every part that the page shows. */
import { random } from "../../src/base/index.ts";
import { distributionOf } from "../../src/data/distribution.ts";
import { lineDiff } from "../../src/data/line-diff.ts";

const draw = random("report");
const counted = (n: number, one: () => number) => Array.from({ length: n }, one);
const words = counted(6045, () => Math.max(1, Math.round(150 * Math.exp(1.05 * draw.normal()))));
const shares = counted(6045, () => Math.min(1, Math.abs(0.11 * draw.normal())));
const likeness = counted(629, () => 0.7 + 0.3 * draw.uniform() ** 0.6);
const id = (folder: string, n: number) => `mail:${folder}/${String(n).padStart(5, "0")}.a94d0e1f2c`;

const [first, second] = [
  "Toners and inkjet cartridges for less\n\nWe carry the most popular printers.\nTo order, call us.\nTo leave, write to the list.",
  "Toners and inkjet cartridges for less DFI\n\nWe carry the most popular printers.\nTo order, call us.\nTo unsubscribe, click here.",
];

function rule(step: string, position: number, name: string, values: number[], threshold: number, keep?: "atLeast" | "atMost") {
  const beyond = values.filter(v => (keep === "atLeast" ? v < threshold : keep === "atMost" ? v > threshold : true)).length;
  return {
    position,
    step,
    rule: name,
    ...(keep ? { keep } : {}),
    threshold,
    measured: values.length,
    beyond,
    dropped: beyond,
    distribution: distributionOf(values, 48, threshold),
    examples: [8, 3].map(n => ({
      id: id("spam-2", 200 + n),
      value: n,
      text: "Order now - safely and securely, and read on the page what it costs you ...",
    })),
  };
}

const kinds = (name: string, values: readonly (readonly [string, number])[]) => ({
  name,
  values: values.map(([value, n]) => ({
    value,
    train: Math.round(n * 0.76),
    heldOut: Math.round(n * 0.09),
    dropped: n - Math.round(n * 0.76) - Math.round(n * 0.09),
    bytes: n * 1700,
  })),
  others: 0,
});

export function madeUpDataReport(artifact: string) {
  const rules = [
    rule("length", 1, "min-words", words, 10, "atLeast"),
    rule("length", 1, "max-words", words, 3000, "atMost"),
    rule("heuristics", 2, "gopher-duplicate-line-share", shares, 0.3, "atMost"),
    rule("deduplicate", 3, "near-duplicate", likeness, 0.7),
  ];
  const dropped = rules.map(r => r.dropped);
  const gone = dropped.reduce((a, b) => a + b, 0);
  const left = (n: number) => 6045 - dropped.slice(0, n).reduce((a, b) => a + b, 0);
  const heldOut = Math.round(left(4) / 10);
  return {
    artifact,
    funnel: [
      { what: "read", documents: 6046 },
      { what: "set aside", documents: 1 },
      { what: "step", step: "clean", documents: 6045, dropped: 0, edited: 4986, spared: 0 },
      { what: "step", step: "length", documents: left(2), dropped: dropped[0]! + dropped[1]!, edited: 0, spared: 0 },
      { what: "step", step: "heuristics", documents: left(3), dropped: dropped[2], edited: 0, spared: 2 },
      { what: "step", step: "deduplicate", documents: left(4), dropped: dropped[3], edited: 0, spared: 0 },
      { what: "kept", documents: left(4), dropped: gone, bytes: 9_200_000 },
      { what: "train", documents: left(4) - heldOut, bytes: 8_280_000 },
      { what: "held-out", documents: heldOut, bytes: 920_000 },
    ],
    reasons: [
      ...rules.map(r => ({ reason: `${r.step}/${r.rule}`, documents: r.dropped })).sort((a, b) => b.documents - a.documents),
      { reason: "binary", documents: 1 },
    ],
    rules,
    edits: [
      {
        step: "clean",
        rule: "trailing-space",
        documents: 3601,
        times: 28_865,
        examples: [{ id: id("easy-ham-1", 20), value: 1, text: "Can someone explain what type of system that is ..." }],
      },
      {
        step: "read",
        rule: "undeclared-charset",
        documents: 182,
        times: null,
        examples: [{ id: id("easy-ham-1", 114), value: "windows-1252", text: "Right ... the talking stick, but what is it ..." }],
      },
    ],
    clusters: {
      count: 440,
      stay: 444,
      copies: 629,
      largest: [
        {
          survivor: id("spam-2", 947),
          stay: 1,
          size: 14,
          members: [545, 143, 369].map((n, i) => ({ id: id("spam-2", n), rule: "near-duplicate", value: 0.8 + i / 30 })),
          diff: { first: id("spam-2", 947), second: id("spam-2", 545), lines: lineDiff(first!, second!) },
        },
      ],
    },
    facets: [
      kinds("source", [
        ["easy-ham-1", 2500],
        ["easy-ham-2", 1400],
        ["spam-2", 1396],
        ["spam-1", 499],
        ["hard-ham-1", 250],
      ]),
      kinds("label", [
        ["ham", 4150],
        ["spam", 1895],
      ]),
    ],
    sizes:
      distributionOf(
        words.map(w => w * 6),
        48,
      ) ?? null,
    notes: [],
  };
}
