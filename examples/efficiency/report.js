// From the raw results of a study to its document: savings with intervals, levers, a waterfall, curves. Pure, but for the facts of the machine.
import { cpus } from "node:os";
import { costToReach } from "./curve.js";
import { candidates, dataSetOf, dataSets, efficient, leastWin, levers, plain, recipeOf } from "./plan.js";
import { bitsPerByte, documentInterval, meanRatio, savingOf, waterfall } from "./saving.js";

const sum = list => list.reduce((a, b) => a + b, 0);
const mean = list => sum(list) / list.length;
const median = list => [...list].sort((a, b) => a - b)[list.length >> 1];

/** Core-seconds of making a data set up to its tokens: its own stages, and the tokenizer. */
export function curationCost(data, set) {
  const own = Object.entries(data[set].costs).filter(([label]) => label.endsWith(`/${set}`));
  const tokenizer = Object.values(data).map(d => d.costs.tokenizer ?? 0);
  return sum(own.map(([, cost]) => cost)) + Math.max(...tokenizer);
}

/** Each seed's cost, ours and theirs, where ours reached the target; `bound` where some runs were beyond the lengths that were trained. */
function pairsOf(theirs, ours) {
  const pairs = ours.flatMap((o, i) => (o.kind === "above" ? [] : [{ seed: o.seed, theirs: theirs[i].coreSeconds, ours: o.coreSeconds }]));
  const bounds = ours.filter(o => o.kind !== "within").map(o => ({ seed: o.seed, kind: o.kind }));
  return { pairs, bounds };
}

/** Three savings beside a baseline: training alone, with curation, with curation and sweep. */
function savingsBeside({ theirs, ours, charges }) {
  const { pairs, bounds } = pairsOf(theirs, ours);
  if (pairs.length === 0) return { bounds };
  const with_ = names => ({ ours: sum(names.map(n => charges.ours[n])), theirs: sum(names.map(n => charges.theirs[n])) });
  return {
    pairs,
    bounds,
    charges,
    training: savingOf(pairs),
    withCuration: savingOf(pairs, with_(["curation"])),
    withSweep: savingOf(pairs, with_(["curation", "sweep"])),
  };
}

/** Interval over held-out mails of the saving with curation and sweep: target and curves anew from the mails drawn. */
function overMails({ theirs, ours, charges, bytes }) {
  const known = ours.map((o, i) => ({ o, i })).filter(({ o }) => o.kind === "within" && o.points.every(p => p.bits));
  if (known.length === 0) return undefined;
  const extra = { ours: charges.ours.curation + charges.ours.sweep, theirs: charges.theirs.curation + charges.theirs.sweep };
  return documentInterval(bytes.length, mails => {
    const logs = known.map(({ o, i }) => {
      const target = bitsPerByte(theirs[i].points.at(-1).bits, bytes, mails);
      const points = o.points.map(p => ({ coreSeconds: p.coreSeconds, bitsPerByte: bitsPerByte(p.bits, bytes, mails) }));
      return Math.log((costToReach(points, target).coreSeconds + extra.ours) / (theirs[i].coreSeconds + extra.theirs));
    });
    return 1 - Math.exp(mean(logs));
  });
}

function effectRow({ name, pairs }) {
  const ratios = pairs.flatMap(p => (p.ratio === undefined ? [] : [p.ratio]));
  const beyond = pairs.flatMap(p => (p.atLeast === undefined ? [] : [p.atLeast]));
  const { about } = [...levers, ...candidates].find(l => l.name === name);
  return {
    name,
    about,
    seeds: ratios.length,
    ...(ratios.length ? meanRatio(ratios) : {}),
    ...(beyond.length ? { atLeast: Math.min(...beyond), beyond: beyond.length } : {}),
  };
}

const curveOf = points => points.map(({ coreSeconds, bitsPerByte: bits, tokens }) => ({ coreSeconds, bitsPerByte: bits, tokens }));

/** What ran and on what, beside the numbers. */
export const machineFacts = () => ({
  processor: cpus()[0]?.model.trim() ?? process.arch,
  cores: cpus().length,
  system: `${process.platform}-${process.arch}`,
  node: process.versions.node,
});

/** The whole document. */
export function documentOf(raw, about) {
  const { scale, data, mails, pytorch, plainSweep, efficientSweep, plainRuns, ours } = raw;
  const bytes = plainRuns[0].bytes;
  const charge = (set, sweep) => ({ curation: set ? curationCost(data, set) : 0, sweep: sweep.coreSeconds });
  const oursCharge = charge(dataSetOf(efficient), efficientSweep);
  const besidePlain = { theirs: plainRuns, ours, charges: { ours: oursCharge, theirs: charge(dataSetOf(plain), plainSweep) } };
  const baselines = {
    plain: {
      bitsPerByte: mean(plainRuns.map(r => r.points.at(-1).bitsPerByte)),
      coreSeconds: mean(plainRuns.map(r => r.coreSeconds)),
      sweep: plainSweep,
      ...savingsBeside(besidePlain),
      overMails: overMails({ ...besidePlain, bytes }),
    },
    pytorch: pytorch.skipped ? { skipped: pytorch.skipped } : torchRow(raw, oursCharge, bytes),
  };
  const leaveOneOut = raw.effects.leaveOneOut.map(effectRow);
  const told = leaveOneOut.filter(e => e.ratio !== undefined);
  const pairs = baselines.plain.pairs ?? [];
  return {
    ...about,
    scale: raw.scaleName,
    settings: {
      ...scale,
      recipes: {
        plain: recipeOf(plain, scale, { tokens: scale.tokens, ...plainSweep.chosen, seed: 1 }),
        efficient: recipeOf(efficient, scale, { tokens: scale.tokens, ...efficientSweep.chosen, seed: 1 }),
      },
    },
    mails,
    data: Object.fromEntries(
      Object.keys(dataSets).map(set => [
        set,
        { documents: data[set].documents, tokens: data[set].tokens, coreSeconds: curationCost(data, set) },
      ]),
    ),
    efficient: { sweep: efficientSweep, coreSeconds: pairs.length ? mean(pairs.map(p => p.ours)) : null },
    baselines,
    stronger: strongerOf(baselines),
    leaveOneOut,
    addOneIn: raw.effects.addOneIn.map(effectRow),
    candidates: raw.effects.candidates.map(c => ({ ...effectRow(c), leastWin })),
    timed: raw.timings.map(({ name, about: text, rounds }) => ({
      name,
      about: text,
      ratio: median(rounds.map(r => r.off / r.on)),
      rounds,
    })),
    waterfall: pairs.length
      ? waterfall({
          plain: Math.exp(mean(pairs.map(p => Math.log(p.theirs)))),
          efficient: Math.exp(mean(pairs.map(p => Math.log(p.ours)))),
          factors: told.map(e => ({ name: e.name, factor: e.ratio })),
        })
      : [],
    curves: {
      plain: plainRuns.map(r => curveOf(r.points)),
      efficient: ours.map((o, i) => curveOf([...(raw.oursToTorch[i]?.points ?? []), ...o.points])),
      pytorch: pytorch.skipped ? [] : pytorch.runs.map(r => curveOf(r.points)),
    },
  };
}

function torchRow({ pytorch, oursToTorch }, oursCharge, bytes) {
  const { runs, sweep, torch } = pytorch;
  const beside = { theirs: runs, ours: oursToTorch, charges: { ours: oursCharge, theirs: { curation: 0, sweep: sweep.coreSeconds } } };
  return {
    torch,
    bitsPerByte: mean(runs.map(r => r.points.at(-1).bitsPerByte)),
    coreSeconds: mean(runs.map(r => r.coreSeconds)),
    sweep,
    ...savingsBeside(beside),
    overMails: overMails({ ...beside, bytes }),
  };
}

/** The baseline beside which less is saved, sweeps charged; the claim rests on it. */
export function strongerOf(baselines) {
  const told = Object.entries(baselines).filter(([, b]) => b.withSweep);
  return told.length ? told.reduce((a, b) => (b[1].withSweep.saving < a[1].withSweep.saving ? b : a))[0] : null;
}

const baselineNames = { plain: "Loam's plain recipe", pytorch: "nanoGPT's CPU set-up in PyTorch" };
const percent = x => `${(100 * x).toFixed(0)} %`;
const interval = s =>
  Number.isFinite(s.low) ? ` (95 % CI [${percent(s.low)}, ${percent(s.high)}], ${s.seeds} seeds)` : ` (${s.seeds} seed)`;

/** The claim in one sentence, whatever it says. */
export function claimOf(document) {
  const b = document.baselines[document.stronger];
  if (!b) return "No run of the efficient recipe reached the baseline's bits per byte.";
  const { withSweep, withCuration } = b;
  return `To equal held-out bits per byte on the same raw mails, the efficient recipe saves ${percent(withSweep.saving)} of the core-seconds of ${baselineNames[document.stronger]}, the stronger baseline, with curation and sweeps charged${interval(withSweep)}; without sweeps ${percent(withCuration.saving)}${interval(withCuration)}.`;
}
