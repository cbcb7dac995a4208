/**
 * Whether the report on a classifier can be fooled: data with planted faults (shuffled labels, leaks, copies) over many seeds, each of which must be named,
 * and clean data, on which nothing may be. The classifier is tf-idf with logistic regression; report and checks are those of `loam tune`.
 */
import { type Random, random } from "../src/base/index.ts";
import { textClassifiers } from "../src/evaluate/index.ts";
import {
  bandsOf,
  compareSystems,
  type DescribedExample,
  dataWarnings,
  likeFrom,
  nearestTrain,
  type warningKinds,
} from "../src/tune/index.ts";
import type { Bar, BenchContext, BenchResult } from "./harness.ts";

const classes = ["ham", "spam"];
const seeds = 20;
const cleanSeeds = 200;
const count = 600;
/** Share of near copies among test texts from which the report warns. */
const noticeable = 0.05;

/** Texts of 12 to 40 words from 600; some words lean towards a class, so that a linear model is right in three of four. */
function generated(r: Random): DescribedExample[] {
  const leaning = Array.from({ length: 600 }, () => r.normal() * 0.35);
  return Array.from({ length: count }, (_, i) => {
    const label = r.below(2);
    const words: string[] = [];
    const length = 12 + r.below(29);
    while (words.length < length) {
      const w = r.below(600);
      if (r.uniform() < 1 / (1 + Math.exp(label === 1 ? -leaning[w]! : leaning[w]!))) words.push(`w${w}`);
    }
    const attributes = { label: classes[label]!, sender: `person ${r.below(100)}` };
    return { id: `d${i}`, text: words.join(" "), label, group: `d${i}`, isMade: false, attributes };
  });
}

type Plant = (
  all: DescribedExample[],
  r: Random,
) => { readonly all: DescribedExample[]; readonly dropped?: Parameters<typeof dataWarnings>[0]["dropped"] };
type Alarm = (typeof warningKinds)[number] | "no better than chance" | "near copies";

const planted: Readonly<Record<string, { readonly plant: Plant; readonly named: Alarm }>> = {
  "shuffled labels": {
    named: "no better than chance",
    plant: (all, r) => {
      const order = r.permutation(all.length);
      return { all: all.map((e, i) => ({ ...e, label: all[order[i]!]!.label })) };
    },
  },
  "short texts with one word changed on both sides": {
    named: "near copies",
    plant: (all, r) => {
      const originals = all.map(e => ({ ...e, text: e.text.split(" ").slice(0, 12).join(" ") }));
      return {
        all: originals.map((e, i) => {
          if (i % 2 === 0) return e;
          const twin = originals[i - 1]!;
          const words = twin.text.split(" ");
          words[r.below(words.length)] = `w${r.below(600)}`;
          return { ...e, label: twin.label, text: words.join(" ") };
        }),
      };
    },
  },
  "a token that tells the class": {
    named: "telling word",
    plant: (all, r) => {
      const token = `t${r.u32().toString(36)}`;
      return { all: all.map(e => (e.label === 1 ? { ...e, text: `${e.text} ${token}` } : e)) };
    },
  },
  "the label's name in 60 % of its texts": {
    named: "label in text",
    plant: (all, r) => ({ all: all.map(e => (r.uniform() < 0.6 ? { ...e, text: `${classes[e.label]!} ${e.text}` } : e)) }),
  },
  "copies with opposite labels": {
    named: "conflicting copies",
    plant: (all, r) => {
      const dropped = Array.from({ length: 10 }, (_, i) => {
        const kept = all[r.below(all.length)]!;
        return { id: `copy${i}`, survivor: kept.id, label: classes[1 - kept.label] };
      });
      return { all, dropped };
    },
  },
  "train and test texts from one document": {
    named: "shared value",
    plant: (all, r) => {
      const labels = Array.from({ length: 60 }, () => r.below(2));
      return {
        all: all.map(e => {
          const document = r.below(60);
          return { ...e, label: labels[document]!, attributes: { ...e.attributes, document: `file ${document}` } };
        }),
      };
    },
  },
};

function alarmsOf({ all, dropped = [] }: ReturnType<Plant>, r: Random): Set<Alarm> {
  const order = r.permutation(all.length);
  const mixed = Array.from(order, i => all[i]!);
  const [train, test] = [mixed.slice(0, (count * 3) / 4), mixed.slice((count * 3) / 4)];
  const texts = (of: readonly DescribedExample[]) => of.map(e => e.text);
  const given = { texts: texts(train), labels: train.map(e => e.label), classes: 2 };
  const predictedBy = (name: keyof typeof textClassifiers) => {
    const classify = textClassifiers[name](given);
    return Int32Array.from(test, e => {
      const scores = classify(e.text);
      return scores.indexOf(Math.max(...scores));
    });
  };
  const { scores, comparisons } = compareSystems({
    classes,
    truth: Int32Array.from(test, e => e.label),
    groups: test.map(e => e.group),
    model: { name: "model", kind: "model", predicted: predictedBy("tf-idf + logistic regression") },
    baselines: [{ name: "majority", kind: "baseline", predicted: predictedBy("majority") }],
  });
  const alarms = new Set<Alarm>(dataWarnings({ classes, train, test, dropped, ignored: ["label"], allowNamed: false }).map(w => w.kind));
  const isChance = scores.find(s => s.name === "model")!.chance!.verdict === "no better than chance";
  if (isChance && comparisons[0]!.verdict !== "better") alarms.add("no better than chance");
  const near = bandsOf(nearestTrain(texts(train), texts(test)), () => true).filter(b => b.from >= likeFrom);
  if (near.reduce((n, b) => n + b.texts, 0) >= noticeable * test.length) alarms.add("near copies");
  return alarms;
}

export const run = ({ scale, say }: BenchContext): BenchResult => {
  const [plantedRounds, cleanRounds] = [Math.max(2, Math.round(seeds * scale)), Math.max(10, Math.round(cleanSeeds * scale))];
  const named: Record<string, number> = {};
  for (const [name, { plant, named: wanted }] of Object.entries(planted)) {
    let found = 0;
    for (let seed = 0; seed < plantedRounds; seed++) {
      const r = random(`${name} ${seed}`);
      if (alarmsOf(plant(generated(r), r), r).has(wanted)) found++;
    }
    named[name] = found;
    say(`${name}: named in ${found} of ${plantedRounds}`);
  }
  const byAlarm: Record<string, number> = {};
  let alarmed = 0;
  for (let seed = 0; seed < cleanRounds; seed++) {
    const r = random(`clean ${seed}`);
    const alarms = alarmsOf({ all: generated(r) }, r);
    for (const a of alarms) byAlarm[a] = (byAlarm[a] ?? 0) + 1;
    if (alarms.size > 0) alarmed++;
  }
  say(`clean data: an alarm in ${alarmed} of ${cleanRounds}`);
  const bars: Bar[] = [
    ...Object.entries(named).map(([name, got]) => ({
      name: `named: ${name}`,
      want: `${plantedRounds} of ${plantedRounds}`,
      got,
      holds: got === plantedRounds,
    })),
    {
      name: "clean data: share of seeds with any alarm",
      want: "<= 0.05",
      got: alarmed / cleanRounds,
      holds: alarmed / cleanRounds <= 0.05,
    },
  ];
  return {
    method: `${count} generated texts, a quarter held out at random, tf-idf with logistic regression; ${plantedRounds} seeds of each planted fault, ${cleanRounds} of clean data; report and checks are those of loam tune`,
    ours: { named, clean: { seeds: cleanRounds, alarmed, byAlarm } },
    peers: {},
    ratios: {},
    bars,
  };
};
