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

const groupThresholds = {
  attribute: "sex",
  label: "spam",
  goal: "equalisedOdds",
  bound: 0.02,
  groups: [
    { group: "f", at: 0.1 },
    { group: "m", at: null },
  ],
};

test("a group's threshold decides in place of the common one, which decides about texts of no group and of others", () => {
  const config = { labels, threshold: { label: "spam", at: 0.6 }, groupThresholds };
  const of = (scores: readonly number[], group?: string) => labels[toldLabel(config, scores, group)];
  for (const [scores, common, f, m] of [
    [[0.6, 0.2, 0.2], "ham", "spam", "ham"],
    [[0.1, 0.7, 0.2], "spam", "spam", "news"],
    [[0.9, 0.05, 0.05], "ham", "ham", "ham"],
  ] as const) {
    expect([of(scores), of(scores, "other"), of(scores, "f"), of(scores, "m")]).toEqual([common, common, f, m]);
    // without groups in the configuration a group changes nothing
    expect(toldLabel({ labels, threshold: config.threshold }, scores, "f")).toBe(labels.indexOf(common));
  }
});

test("a configuration holds thresholds of groups as it was written, and none of them twice or of no label", () => {
  const config = bertConfig({ vocab: 10, width: 8, layers: 1, heads: 2, context: 8 });
  const read = (more: object, kind = "one") =>
    checkedConfig("encoder", { ...config, classifier: { labels, kind, groupThresholds: { ...groupThresholds, ...more } } }, "config.json");
  expect(read({}).config).toMatchObject({ classifier: { groupThresholds } });
  expect(() => read({ label: "eggs" })).toThrow(/groupThresholds.label: expected one of the labels ham, spam, news/);
  expect(() => read({}, "several")).toThrow(/no threshold but of one of several classes/);
  const twice = [groupThresholds.groups[0], groupThresholds.groups[0]];
  expect(() => read({ groups: twice })).toThrow(/groupThresholds.groups: expected one threshold for each group/);
  expect(() => read({ groups: [{ group: "f", at: 2 }, groupThresholds.groups[1]] })).toThrow(/groupThresholds.groups/);
});
