// The story of a mail filter that ages. Run: node examples/drift/run.js [--json] [--part story|poison|quiet]. README.md explains it.
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readMails } from "./mails.js";
import { lossOf, scoresOf } from "./scores.js";
import { arrive, begin, model, predict, replay } from "./story.js";

const month = n => Date.UTC(2002, n - 1, 1);
const day = 86_400_000;
const within = (mails, from, until) => mails.filter(m => m.atMs >= from && m.atMs < until);

/** Numbers from 0 to 1, the same for a seed (mulberry32). */
function drawing(seed) {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const meanLoss = told => told.reduce((sum, p) => sum + lossOf(p), 0) / told.length;

/** August and September day by day, beside a model that is never trained again and one that is every month. */
export async function story(place, mails, say) {
  const folder = join(place, "story");
  const project = await begin(folder, within(mails, month(7), month(8)));
  try {
    const arriving = within(mails, month(8), month(10));
    const { told, steps, status } = await replay(project, arriving, month(8), month(10), say);
    const never = await predict(project, `${model}@1`, arriving);
    // trained anew on the first of September, by everything until then
    const monthly = await begin(join(place, "monthly"), within(mails, month(7), month(9)));
    const september = await predict(monthly, `${model}@1`, within(mails, month(9), month(10))).finally(() => monthly.close());
    const everyMonth = [...never.filter(p => p.atMs < month(9)), ...september];
    const of = some => within(some, month(9), month(10));
    const losses = { never: meanLoss(of(never)), everyMonth: meanLoss(of(everyMonth)), loop: meanLoss(of(told)) };
    return {
      steps,
      rounds: status.past.map(({ number, outcome, why, trigger, candidate, coreSeconds }) => ({
        number,
        outcome,
        why,
        trigger: trigger.kind,
        version: candidate?.version ?? null,
        coreSeconds,
      })),
      scores: {
        september: { never: scoresOf(of(never)), everyMonth: scoresOf(of(everyMonth)), loop: scoresOf(of(told)) },
        both: { never: scoresOf(never), everyMonth: scoresOf(everyMonth), loop: scoresOf(told) },
      },
      won: (losses.never - losses.loop) / (losses.never - losses.everyMonth),
    };
  } finally {
    await project.close();
  }
}

/** August with 30 % of its labels turned round: the version that learns from it must not be promoted. */
export async function poison(place, mails) {
  const project = await begin(join(place, "poison"), within(mails, month(7), month(8)), { shadow: undefined, canary: undefined });
  try {
    const draw = drawing(1);
    const turned = { spam: "ham", ham: "spam" };
    const august = within(mails, month(8), month(9));
    arrive(
      project,
      august.map(m => (draw() < 0.3 ? { ...m, label: turned[m.label] } : m)),
    );
    const report = await project.loop.run(model, { force: true, now: () => month(9) });
    const [{ outcome, why }] = report.past;
    return { outcome, why };
  } finally {
    await project.close();
  }
}

/** A stretch in which nothing changes: 60 mails a day, drawn anew from July's. */
export async function quiet(place, mails, say) {
  const july = within(mails, month(7), month(8));
  const draw = drawing(2);
  const drawn = () => july[Math.floor(draw() * july.length)];
  const first = Array.from({ length: 800 }, (_, i) => ({ ...drawn(), id: `first-${i}` }));
  const days = 40;
  const arriving = Array.from({ length: days * 60 }, (_, i) => ({ ...drawn(), id: `quiet-${i}`, atMs: month(8) + (i * day) / 60 }));
  const project = await begin(join(place, "quiet"), first, { shadow: undefined, canary: undefined });
  try {
    for (let d = 0; d < days; d++) {
      arrive(project, within(arriving, month(8) + d * day, month(8) + (d + 1) * day));
      const report = await project.loop.run(model, { now: () => month(8) + (d + 1) * day });
      for (const step of report.steps) say(`day ${d}  ${step}  ${report.why}`);
    }
    const { past } = await project.loop.status(model);
    return {
      days,
      rounds: past.length,
      promotions: past.filter(r => r.outcome === "promoted").length,
      outcomes: past.map(r => `${r.trigger.kind}: ${r.outcome}`),
    };
  } finally {
    await project.close();
  }
}

const row = (name, s) =>
  `  ${name.padEnd(12)} ${s.logLoss.toFixed(3).padStart(8)} ${s.auc.toFixed(4).padStart(8)} ${s.f1.toFixed(3).padStart(7)}   ${s.fixedShare.logLoss.toFixed(3).padStart(8)} ${s.fixedShare.f1.toFixed(3).padStart(7)}`;

function show({ scores, won, rounds }) {
  for (const [name, part] of Object.entries(scores)) {
    console.log(
      `\n${name === "both" ? "August and September" : "September"}: ${part.loop.mails} mails, ${part.loop.spam} spam      at 20 % spam`,
    );
    console.log(
      `  ${"".padEnd(12)} ${"log loss".padStart(8)} ${"AUC".padStart(8)} ${"F1".padStart(7)}   ${"log loss".padStart(8)} ${"F1".padStart(7)}`,
    );
    for (const [who, s] of Object.entries(part)) console.log(row({ never: "never", everyMonth: "every month", loop: "loop" }[who], s));
  }
  const cost = rounds.reduce((sum, r) => sum + r.coreSeconds, 0);
  console.log(
    `\nThe loop wins ${(100 * won).toFixed(0)} % of what retraining every month wins in log loss on September; ${rounds.length} rounds, ${cost.toFixed(0)} core-seconds.`,
  );
}

async function main() {
  const { values } = parseArgs({ options: { json: { type: "boolean" }, part: { type: "string" }, folder: { type: "string" } } });
  const place = values.folder ?? mkdtempSync(join(tmpdir(), "loam-drift-"));
  const say = values.json ? () => {} : text => console.log(text);
  const parts = values.part ? [values.part] : ["story", "poison"];
  try {
    const { mkdirSync } = await import("node:fs");
    mkdirSync(join(place, "mails"), { recursive: true });
    const mails = await readMails(join(place, "mails"));
    const found = {};
    if (parts.includes("story")) found.story = await story(place, mails, say);
    if (parts.includes("poison")) found.poison = await poison(place, mails);
    if (parts.includes("quiet")) found.quiet = await quiet(place, mails, say);
    if (values.json) console.log(JSON.stringify(found));
    else {
      if (found.story) show(found.story);
      if (found.poison) console.log(`\n30 % of August's labels turned round: ${found.poison.outcome} (${found.poison.why})`);
      if (found.quiet) console.log(`\nquiet: ${JSON.stringify(found.quiet)}`);
    }
  } finally {
    if (!values.folder) rmSync(place, { recursive: true, force: true });
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) await main();
export const exampleFolder = dirname(fileURLToPath(import.meta.url));
