// A study in the record of its project: each curve is a run of the console's page Runs, where they can be laid over each other, and each point a run of its
// page Cost, which compares the arms.
import { openMetrics, openProject } from "loam";
import { runStage, stage, z } from "loam/store";

const point = z.strictObject({ tokens: z.number(), coreSeconds: z.number(), bitsPerByte: z.number() });

/** One curve: an arm and a seed. */
const curveStage = stage({
  name: "efficiency-curve",
  version: 1,
  inputs: {},
  options: z.strictObject({ name: z.string(), seed: z.number().int(), points: z.array(point) }),
  output: "model",
  async run({ options, output, runData, scratch }) {
    const metrics = openMetrics({ scratch, runData });
    // core-milliseconds are the axis: whole numbers that rise
    for (const { tokens, coreSeconds, bitsPerByte } of options.points)
      metrics.log(Math.round(1000 * coreSeconds), { bitsPerByte, coreSeconds, tokens });
    await metrics.write();
    await output.write("curve.json", `${JSON.stringify(options)}\n`);
    return { name: options.name, seed: options.seed, bitsPerByte: options.points.at(-1).bitsPerByte };
  },
});

/** One point: an arm, a seed and a length. The page Cost reads `options.arm`, `options.seed`, and the numbers of the summary. */
const pointStage = stage({
  name: "efficiency-point",
  version: 1,
  inputs: {},
  options: z.strictObject({ arm: z.string(), seed: z.number().int(), ...point.shape }),
  output: "model",
  async run({ options, output }) {
    await output.write("point.json", `${JSON.stringify(options)}\n`);
    const { arm, tokens, coreSeconds, bitsPerByte } = options;
    return { name: arm, tokens, coreSeconds, bitsPerByte };
  },
});

/** Every measured point of a study's raw results by arm and seed: both recipes, each without a lever, each with a candidate. */
export function armPoints({ plainRuns, ours, effects }) {
  const of = (arm, list) => list.flatMap(({ seed, points }) => points.map(p => ({ arm, seed, points: p })));
  const arms = (prefix, list) => list.flatMap(({ name, pairs }) => of(`${prefix} ${name}`, pairs));
  return [
    ...of(
      "plain",
      plainRuns.map((run, i) => ({ seed: i + 1, points: run.points })),
    ),
    ...of("efficient", ours),
    ...arms("without", effects.leaveOneOut),
    ...arms("plain with", effects.addOneIn),
    ...arms("with", effects.candidates),
  ].map(({ points: { tokens, coreSeconds, bitsPerByte }, ...rest }) => ({ ...rest, tokens, coreSeconds, bitsPerByte }));
}

/** Records the points of raw results; what is there already is left. */
export async function recordPoints(folder, raw) {
  const project = await openProject(folder);
  try {
    const store = await project.store();
    for (const options of armPoints(raw)) await runStage(store, pointStage, { inputs: {}, options });
  } finally {
    await project.close();
  }
}

/** Records the curves of a document; what is there already is left. Gives the artifacts' identifiers. */
export async function recordCurves(folder, { curves }) {
  const project = await openProject(folder);
  try {
    const store = await project.store();
    const made = [];
    for (const [name, list] of Object.entries(curves))
      for (const [i, points] of list.entries()) {
        const rising = [...points]
          .sort((a, b) => a.coreSeconds - b.coreSeconds)
          .filter((p, k, all) => Math.round(1000 * p.coreSeconds) !== Math.round(1000 * (all[k - 1]?.coreSeconds ?? -1)));
        if (rising.length > 0)
          made.push((await runStage(store, curveStage, { inputs: {}, options: { name, seed: i + 1, points: rising } })).artifact.id);
      }
    return made;
  } finally {
    await project.close();
  }
}
