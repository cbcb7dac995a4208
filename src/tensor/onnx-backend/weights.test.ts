/** Laws of weights in another order: one copy for all that share it, gone with the last of them, and never more than the room there is. */
import { expect, test } from "vitest";
import { packPair, strassenLayout, usableFeatures } from "../../machine/index.ts";
import { type NativeBuffer, openRuntime } from "../onnxruntime/index.ts";
import { BackendWeights } from "./weights.ts";

const isHere = usableFeatures().wide512;
const why = isHere ? "" : " (skipped: the processor has no 512-bit vectors)";

const weight = { columns: 130, inner: 160, transposed: false };
const { weightFloats, pairs } = strassenLayout({ ...weight, rows: 0 });

test.skipIf(!isHere)(`a weight is packed once for all shares, and freed with the last; what does not fit is refused${why}`, async () => {
  const runtime = openRuntime({ threads: 1 });
  const numbers = new Map<NativeBuffer, number>();
  const number = (b: NativeBuffer) => {
    if (!numbers.has(b)) numbers.set(b, numbers.size);
    return numbers.get(b)!;
  };
  const weights = new BackendWeights(runtime, number, 4 * weightFloats);
  const made = () => {
    const buffer = runtime.allocate("f32", [weight.inner, weight.columns]);
    (buffer.array as Float32Array).forEach((_, i, all) => {
      all[i] = Math.sin(i + numbers.size);
    });
    return buffer;
  };
  const [first, second] = [made(), made()];
  const [a, b] = [weights.take(first, weight)!, weights.take(first, weight)!];
  expect(b.buffer).toBe(a.buffer);
  await a.ready;
  const want = new Float32Array(weightFloats);
  for (let pair = 0; pair < pairs; pair++) packPair(first.array as Float32Array, weight, pair, want);
  expect(Float32Array.from(a.buffer.array as Float32Array)).toEqual(want);
  expect(weights.take(second, weight)).toBeUndefined();
  a.giveBack();
  expect(weights.take(second, weight)).toBeUndefined();
  b.giveBack();
  await Promise.resolve().then(() => {});
  const c = weights.take(second, weight)!;
  await c.ready;
  expect(a.buffer.disposed).toBe(true);
  expect((c.buffer.array as Float32Array).every(Number.isFinite)).toBe(true);
  c.giveBack();
});
