import { expect, test } from "vitest";
import {
  cutStages,
  type DeviceArray,
  evaluate,
  fromNumbers,
  type Graph,
  memoryCollectives,
  meshOf,
  openDevice,
  openPipelineRank,
  type PipelineKind,
  type PipelineStage,
  pipelineSchedule,
  stagePasses,
  type Tensor,
} from "../tensor/index.ts";
import {
  canonicalGraph,
  exactValues,
  gradientGraph,
  largestError,
  lossGraph,
  type SampleModel,
  sampleModels,
  sampleValues,
} from "./sharded-models.laws.ts";
import { modelStages } from "./sharding.ts";

const sizes = { rows: 2, length: 4, heads: 2, kvHeads: 1, headSize: 4, layers: 3, vocab: 8 };
const models = sampleModels(sizes);

const stagesOf = (m: SampleModel, stages: number) => {
  const of = modelStages(m.model, stages);
  return cutStages(lossGraph(m), { stages, stageOf: name => (name.startsWith("0.") ? of(name.slice(2)) : undefined) });
};

const valuesOf = (graph: Graph, given: ReadonlyMap<string, Float64Array>): Float64Array[] =>
  evaluate(graph.outputs, new Map<Tensor, Float64Array>(graph.inputs.map(t => [t, given.get(t.attributes.name)!])), { exact: true });

/** A stage by its two passes, one after the other. */
class StageRun {
  readonly stage: PipelineStage;
  readonly #cut: ReturnType<typeof stagePasses>;
  readonly #values = new Map<string, Float64Array>();
  constructor(stage: PipelineStage) {
    this.stage = stage;
    this.#cut = stagePasses(stage.graph, stage);
  }
  /** Runs a pass and gives those of the stage's outputs that it has. */
  pass(step: 0 | 1, given: ReadonlyMap<string, Float64Array>): (Float64Array | undefined)[] {
    this.stage.graph.inputs.forEach((t, i) => {
      const value = given.get(t.attributes.name);
      if (value) this.#values.set(`v${this.#cut.inputs[i]}`, value);
    });
    const { graph, outputs } = this.#cut.steps[step]!;
    const made = valuesOf(graph, this.#values);
    outputs.forEach((n, i) => {
      this.#values.set(`v${n}`, made[i]!);
    });
    return this.#cut.outputs.map(n => this.#values.get(`v${n}`));
  }
}

/** Loss and gradients by parameter, through all stages forward and back. */
function throughStages(m: SampleModel, count: number, values: ReadonlyMap<string, Float64Array>) {
  const { stages, shared } = stagesOf(m, count);
  const passed = new Map<string, Float64Array>(values);
  const runs = stages.map(s => new StageRun(s));
  let loss: Float64Array | undefined;
  for (const run of runs) {
    const made = run.pass(0, passed);
    const { results, sent } = run.stage;
    if (results.includes(0)) loss = made[results.indexOf(0)];
    for (const [i, name] of sent.entries()) passed.set(name, made[results.length + i]!);
  }
  const gradients = new Map<string, Float64Array>();
  for (const run of runs.toReversed()) {
    const { results, sent, parameters, receivedFloats } = run.stage;
    const made = run.pass(1, passed).slice(results.length + sent.length);
    parameters.forEach((name, i) => {
      const before = gradients.get(name);
      gradients.set(name, before ? before.map((x, at) => x + made[i]![at]!) : made[i]!);
    });
    for (const [i, name] of receivedFloats.entries()) passed.set(`d.${name}`, made[parameters.length + i]!);
  }
  return { loss: loss!, gradients, shared };
}

for (const m of models)
  test(`${m.name}: loss and gradients through 1 to 3 stages are those of one program`, () => {
    const graph = canonicalGraph(gradientGraph(m));
    const values = sampleValues(m, graph);
    const want = exactValues(graph, values);
    const given = new Map(graph.inputs.map((t, i) => [t.attributes.name, values[i]!]));
    const names = graph.inputs.map(t => t.attributes.name).filter(n => n.startsWith("0."));
    for (const count of [1, 2, 3]) {
      const { loss, gradients } = throughStages(m, count, given);
      const found = [loss, ...names.map((n, i) => gradients.get(n) ?? new Float64Array(want[1 + i]!.length))];
      // constants are rounded where each stage's program joins them
      expect(largestError(want, found), `${count} stages`).toBeLessThan(1e-6);
    }
  });

test("a tied table is a parameter of both ends, biases of positions of all stages that read them; nothing else is shared", () => {
  const sharedOf = (name: string, stages: number) => Object.fromEntries(stagesOf(models.find(m => m.name === name)!, stages).shared);
  expect(sharedOf("GPT", 3)).toEqual({ "0.token": [0, 2] });
  expect(sharedOf("Llama", 3)).toEqual({});
  expect(sharedOf("T5", 3)).toEqual({ "0.targetPosition": [1, 2] });
});

test("decoder stages pass states alone, each [B, T, C], and keep no parameter of another", () => {
  const { stages } = stagesOf(models[0]!, 3);
  expect(stages.map(s => [s.received.length, s.sent.length])).toEqual([
    [0, 1],
    [1, 1],
    [1, 0],
  ]);
  for (const [i, s] of stages.entries()) {
    const blocks = new Set(s.parameters.flatMap(p => /blocks\.(\d)/.exec(p)?.[1] ?? []));
    expect([...blocks]).toEqual([`${i}`]);
  }
  expect(stages[2]!.results).toEqual([0]);
});

test("encoder states are relayed to every decoder block, and its gradients come back", () => {
  const { stages } = stagesOf(models.find(m => m.name === "encoder-decoder")!, 3);
  const last = stages.at(-1)!;
  expect(last.received.length).toBeGreaterThanOrEqual(2);
  expect(stages[1]!.sent).toEqual(last.received);
});

test("a head as dear as blocks has a stage with fewer of them", () => {
  const config = { ...models[0]!.model.config, layers: 8, vocab: 4000, width: 64, hidden: 256 } as never;
  const of = modelStages({ family: "decoder", config }, 4);
  const stages = Array.from({ length: 8 }, (_, i) => of(`blocks.${i}.norm1.weight`));
  expect(stages.filter(s => s === 3).length).toBeLessThan(stages.filter(s => s === 0).length);
  expect([of("token"), of("position"), of("norm.weight"), of("output")]).toEqual([0, 0, 3, 3]);
  expect(() => modelStages(models[0]!.model, 4)).toThrow(/expected 1 to 3 stages, got 4/);
});

/** Gradients of micro-batches on ranks of a pipeline side by side, as a step adds them up. */
async function throughRanks(m: SampleModel, kind: PipelineKind, microBatches: number, values: ReadonlyMap<string, Float64Array>) {
  const device = openDevice("cpu", { threads: 1 });
  const ranks = 2;
  const plan = pipelineSchedule(kind, { ranks, microBatches, chunks: kind === "1f1b" ? 1 : 2 });
  const { stages } = stagesOf(m, plan.stages);
  const ports = memoryCollectives(meshOf({ pipeline: ranks }));
  const found = await Promise.all(
    ports.map(async (collectives, place) => {
      const own = new Map(stages.flatMap((stage, n) => (n % ranks === place ? [[n, { stage, graph: stage.graph }] as const] : [])));
      const rank = openPipelineRank({ device, place, stages: own, fuse: true });
      const arraysOf = async (names: readonly string[], change: (name: string, v: Float64Array) => Float64Array) =>
        Object.fromEntries(
          await Promise.all(
            names.map(async name => {
              const t = stages.flatMap(s => s.graph.inputs).find(x => x.attributes.name === name)!;
              const data = fromNumbers(change(name, values.get(name)!), t.dtype);
              return [name, await device.array(data, t.dtype, t.shape)] as const;
            }),
          ),
        );
      const parameters = await arraysOf([...new Set([...own.values()].flatMap(o => o.stage.parameters))], (_, v) => v);
      const batches: Record<string, DeviceArray>[] = [];
      for (let i = 0; i < microBatches; i++)
        batches.push(
          await arraysOf([...new Set([...own.values()].flatMap(o => o.stage.batch))], (name, v) =>
            name === "1.seed" ? v.map(x => x + i) : v,
          ),
        );
      const { results, gradients } = await rank.run({ plan, parameters, batches, collectives });
      const losses = await Promise.all((results.get(0) ?? []).map(a => a.item()));
      const read = new Map(await Promise.all(Object.entries(gradients).map(async ([name, a]) => [name, await a.numbers()] as const)));
      for (const a of [parameters, gradients, ...batches].flatMap(tree => Object.values(tree))) a.dispose();
      for (const a of [...results.values()].flat()) a.dispose();
      rank.dispose();
      return { losses, read };
    }),
  );
  device.dispose();
  return { losses: found.flatMap(q => q.losses), gradients: found.map(q => q.read) };
}

test.each([
  ["gpipe", "GPT", 4],
  ["1f1b", "GPT", 4],
  ["interleaved", "GPT", 4],
  ["interleaved", "encoder-decoder", 2],
] as const)(
  "%s on the processor, %s: two ranks and four micro-batches give one rank's gradients, tied tables added up",
  async (kind, name, layers) => {
    const m = sampleModels({ ...sizes, layers }).find(x => x.name === name)!;
    const graph = canonicalGraph(gradientGraph(m));
    const values = new Map(graph.inputs.map((t, i) => [t.attributes.name, sampleValues(m, graph)[i]!]));
    const microBatches = 4;
    const names = graph.inputs.map(t => t.attributes.name).filter(n => n.startsWith("0."));
    let want: Float64Array[] | undefined;
    for (let i = 0; i < microBatches; i++) {
      const given = graph.inputs.map(t =>
        t.attributes.name === "1.seed" ? values.get("1.seed")!.map(x => x + i) : values.get(t.attributes.name)!,
      );
      const made = exactValues(graph, given);
      want = want ? want.map((w, at) => w.map((x, j) => x + made[at]![j]!)) : made;
    }
    const { losses, gradients } = await throughRanks(m, kind, microBatches, values);
    expect(losses).toHaveLength(microBatches);
    const summed = names.map(name => {
      const parts = gradients.flatMap(g => g.get(name) ?? []);
      return parts.reduce((a, b) => a.map((x, i) => x + b[i]!));
    });
    const found = [Float64Array.of(losses.reduce((a, b) => a + b, 0)), ...summed];
    expect(largestError(want!, found)).toBeLessThan(1e-5);
  },
);
