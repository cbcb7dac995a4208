import { expect, test } from "vitest";
import { defined } from "../base/index.ts";
import { type ClassifierConfig, toldLabel } from "./classifier-config.ts";
import { llamaConfig } from "./decoder.ts";
import { bertConfig } from "./encoder.ts";
import { checkedConfig } from "./families.ts";

const labels = ["ham", "spam", "news"];
const told = (scores: readonly number[], threshold?: ClassifierConfig["threshold"]) =>
  labels[toldLabel({ labels, ...defined({ threshold }) }, scores)];

test("without a threshold the likeliest label is told, the first of equals", () => {
  expect(told([0.2, 0.5, 0.3])).toBe("spam");
  expect(told([0.4, 0.4, 0.2])).toBe("ham");
});

test("from its threshold on a label is told however likely others are, below it the likeliest of the others", () => {
  for (const label of labels)
    for (const at of [0, 0.25, 0.6, 1, null])
      for (const scores of [
        [0.2, 0.5, 0.3],
        [0.25, 0.25, 0.5],
        [0, 0, 1],
        [1, 0, 0],
      ]) {
        const own = labels.indexOf(label);
        const others = labels.map((l, i) => [l, scores[i]!] as const).filter(([l]) => l !== label);
        const isTaken = at !== null && scores[own]! >= at;
        const best = others.find(([, x]) => x === Math.max(...others.map(([, y]) => y)))![0];
        expect(told(scores, { label, at }), `${label} at ${at} of ${scores}`).toBe(isTaken ? label : best);
      }
});

test("a configuration holds a threshold of one of several classes, and no other", () => {
  const size = { vocab: 10, width: 8, layers: 1, heads: 2, context: 8 };
  const both = [
    ["decoder", llamaConfig(size)],
    ["encoder", bertConfig(size)],
  ] as const;
  for (const [family, config] of both) {
    const read = (classifier: unknown) => checkedConfig(family, { ...config, classifier }, "config.json");
    const threshold = { label: "spam", at: 0.7 };
    expect(read({ labels, kind: "one", threshold }).config).toMatchObject({ classifier: { threshold } });
    expect(read({ labels, kind: "one", threshold: { label: "spam", at: null } }).config).toMatchObject({ classifier: { labels } });
    expect(() => read({ labels, kind: "one", threshold: { label: "eggs", at: 0.7 } })).toThrow(
      /threshold.label: expected one of the labels ham, spam, news/,
    );
    expect(() => read({ labels, kind: "several", threshold })).toThrow(/no threshold but of one of several classes/);
    expect(() => read({ labels, kind: "one", threshold: { label: "spam", at: 1.5 } })).toThrow(/threshold.at/);
  }
});
