/**
 * Seconds of a step of small models on two ranks of this machine by Loam's trainer, beside what the planner predicts of them: from rates of single operations
 * that are measured here, and from these with the measured step of one rank in place of its predicted one. Nothing is fitted.
 */
import { openDevice } from "../../src/tensor/index.ts";
import { type ModelShape, measureThisMachine } from "../../src/train/index.ts";
import { type StepLayout, stepSecondsOf } from "../../src/train/plan/step-model.ts";
import { type BenchContext, digits, interleaved, median } from "../harness.ts";
import { runRanks } from "../start-ranks.ts";

const models = [
  { layers: 2, width: 128, heads: 4, vocab: 1024, length: 128 },
  { layers: 4, width: 192, heads: 4, vocab: 2048, length: 128 },
  { layers: 2, width: 256, heads: 4, vocab: 4096, length: 256 },
] as const;
type Gpt = (typeof models)[number];

/** Rows of a step on all ranks; a pipeline takes them as micro-batches. */
const rows = 8;
const pipelineMicroBatches = 4;
const meshes = [
  { name: "data 2", axes: { data: 2 }, accumulate: 1 },
  { name: "tensor 2", axes: { tensor: 2 }, accumulate: 1 },
  { name: "pipeline 2", axes: { pipeline: 2 }, accumulate: pipelineMicroBatches },
] as const;

const shapeOf = ({ layers, width, heads, vocab, length }: Gpt): ModelShape => ({
  layers,
  width,
  heads,
  hidden: 4 * width,
  isGated: false,
  vocab,
  length,
  isTied: true,
});

/** Of a model on a mesh. */
interface OwnRun {
  readonly model: string;
  readonly mesh: string;
  readonly oneRankSeconds: number;
  readonly measuredSeconds: number;
  readonly predictedSeconds: number;
  readonly error: number;
  /** The measured step of one rank times the predicted ratio. */
  readonly fromOneRankSeconds: number;
  readonly fromOneRankError: number;
}

const one = { data: 1, tensor: 1, pipeline: 1 };

export async function ownRuns(scale: number, say: BenchContext["say"]) {
  const rounds = Math.max(1, Math.round(3 * scale));
  const counts = { warmUp: 2, steps: Math.max(3, Math.round(10 * scale)) };
  const device = openDevice("cpu", { threads: 1 });
  const machine = await measureThisMachine(device).finally(() => device.dispose());
  const predicted = (gpt: Gpt, axes: Partial<typeof one>, accumulate: number): number => {
    const mesh = { ...one, ...axes };
    const layout: StepLayout = { ...mesh, rows, microRows: rows / mesh.data / accumulate, chunks: 1 };
    const method = { recompute: "none", isFused: true, isSequenceSplit: mesh.tensor > 1, overlaps: false, zero: 0 } as const;
    return stepSecondsOf(machine, shapeOf(gpt), layout, method).total;
  };
  const measured = async (gpt: Gpt, axes: Partial<typeof one>, accumulate: number): Promise<number> => {
    const { data = 1, ...mesh } = axes;
    const size = Object.values({ data, ...mesh }).reduce((a, b) => a * b, 1);
    const [first] = await runRanks(size, { threads: 1, zero: 0, mesh, accumulate, gpt, ...counts });
    return median(first!.stepMs) / 1000;
  };
  const found: OwnRun[] = [];
  for (const gpt of models) {
    const name = `${gpt.layers} layers, width ${gpt.width}, ${gpt.length} tokens`;
    // every run has processes of its own: there is nothing to warm up in a round before the first
    const own =
      (...given: Parameters<typeof measured>) =>
      async (round: number) =>
        round < 0 ? 0 : measured(...given);
    const sides = {
      "1 rank": own(gpt, {}, 1),
      "1 rank, micro-batches": own(gpt, {}, pipelineMicroBatches),
      ...Object.fromEntries(meshes.map(m => [m.name, own(gpt, m.axes, m.accumulate)])),
    };
    const seconds: Readonly<Record<string, number[]>> = await interleaved(rounds, sides);
    for (const { name: mesh, axes, accumulate } of meshes) {
      const got = median(seconds[mesh]!);
      const alone = median(seconds[accumulate > 1 ? "1 rank, micro-batches" : "1 rank"]!);
      const direct = predicted(gpt, axes, accumulate);
      const fromOne = (alone * direct) / predicted(gpt, {}, accumulate);
      say(
        `${name}, ${mesh}: ${digits(1000 * got)} ms measured, ${digits(1000 * direct)} predicted, ${digits(1000 * fromOne)} from one rank`,
      );
      found.push({
        model: name,
        mesh,
        oneRankSeconds: digits(alone),
        measuredSeconds: digits(got),
        predictedSeconds: digits(direct),
        error: digits(direct / got - 1),
        fromOneRankSeconds: digits(fromOne),
        fromOneRankError: digits(fromOne / got - 1),
      });
    }
  }
  const medianOf = (of: (r: OwnRun) => number, from = found) => digits(median(from.map(r => Math.abs(of(r)))));
  return {
    method: `${models.length} small GPTs on two ranks of one thread: median seconds of ${counts.steps} steps with AdamW, ${rows} rows (pipeline: ${pipelineMicroBatches} micro-batches), ${rounds} interleaved rounds, each with new processes. Predicted from rates measured here on one thread, and from the measured step of one rank times the predicted ratio.`,
    ours: {
      medianError: medianOf(r => r.error),
      medianErrorFromOneRank: medianOf(r => r.fromOneRankError),
      medianErrorFromOneRankByMesh: Object.fromEntries(
        meshes.map(({ name }) => [
          name,
          medianOf(
            r => r.fromOneRankError,
            found.filter(r => r.mesh === name),
          ),
        ]),
      ),
      rows: found,
    },
  };
}
