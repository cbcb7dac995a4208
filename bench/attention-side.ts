/**
 * Loam's side of the bench `attention`: a line `length form` is answered with the milliseconds of one forward and backward pass (processor time,
 * and the clock's), `peak length form` with the most bytes that its values and scratch took. Argument: heads, head size and threads as JSON.
 */
import { createInterface } from "node:readline";
import { heldScratchBytes } from "../src/machine/index.ts";
import { compile, type DeviceArray, flashAttention, openDevice, sizeOf, type Tensor, vjp } from "../src/tensor/index.ts";

const { heads, size, threads } = JSON.parse(process.argv[2]!) as { heads: number; size: number; threads: number };
const device = openDevice("cpu", { threads });
/** A measurement takes at least so long. */
const leastMs = 60;

const passes = (q: Tensor, k: Tensor, v: Tensor, d: Tensor): readonly Tensor[] => {
  const y = flashAttention(q, k, v, { causal: true });
  return [y, ...vjp(y, [q, k, v], d).map(x => x!)];
};
const programs = (["f32", "bf16"] as const).map(products => {
  const made = (measureMemory: boolean) => compile(passes, { device, fuse: true, products, ...(measureMemory ? { measureMemory } : {}) });
  return [products, { timed: made(false), measured: made(true) }] as const;
});
const programOf = Object.fromEntries(programs);

async function arrays(length: number): Promise<[DeviceArray, DeviceArray, DeviceArray, DeviceArray]> {
  const shape = [1, heads, length, size];
  const draw = (seed: number) => Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(12.9898 * (i + 1) * (seed + 1)));
  const made = await Promise.all([0, 1, 2, 3].map(seed => device.array(draw(seed), "f32", shape)));
  return made as [DeviceArray, DeviceArray, DeviceArray, DeviceArray];
}

async function answer(words: readonly string[]): Promise<object> {
  const isPeak = words[0] === "peak";
  const [length, form] = [Number(words[isPeak ? 1 : 0]), words[isPeak ? 2 : 1] as "f32" | "bf16"];
  const given = await arrays(length);
  const { timed, measured } = programOf[form]!;
  const once = async (program: typeof timed) => {
    for (const x of await program(...given)) x.dispose();
  };
  await once(isPeak ? measured : timed);
  const started = { clock: performance.now(), processor: process.cpuUsage() };
  let count = 0;
  while (!isPeak && (count === 0 || performance.now() - started.clock < leastMs)) {
    await once(timed);
    count++;
  }
  const wallMs = (performance.now() - started.clock) / count;
  const { user, system } = process.cpuUsage(started.processor);
  const peakBytes = isPeak ? measured.peakBytes()! + heldScratchBytes() : 0;
  for (const x of given) x.dispose();
  return { ms: (user + system) / 1000 / count, wallMs, peakBytes };
}

for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(await answer(line.split(" "))));
