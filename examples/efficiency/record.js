// The curves of a study in the record of its project: each is a run of the console's page Runs, where they can be laid over each other.
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
