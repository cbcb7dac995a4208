/**
 * Weights in the order in which products in seven parts read them: made once for all programs over the same weights, gone with the last of
 * them. Together they take a quarter of the machine's memory at most; what does not fit is multiplied as it is.
 */

import { totalmem } from "node:os";
import { packPair, type StrassenWeight, strassenLayout, wholePairs } from "../../machine/index.ts";
import { defaultOpsets, writeModel } from "../onnx/index.ts";
import type { EngineRuntime, NativeBuffer } from "../onnxruntime/index.ts";
import { operatorDomain, operatorDomainOf, strassenWeightOperator } from "../operators/index.ts";

const mostBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY) / 4;

interface Packed {
  readonly buffer: NativeBuffer;
  readonly ready: Promise<void>;
  users: number;
}

/** A share in a weight's other order; its elements are there when it is ready. */
export interface Share extends Pick<Packed, "buffer" | "ready"> {
  readonly giveBack: () => void;
}

export class BackendWeights {
  readonly #runtime: EngineRuntime;
  readonly #number: (b: NativeBuffer) => number;
  readonly #mostBytes: number;
  readonly #packed = new Map<string, Packed>();
  #bytes = 0;

  /** `number` tells buffers apart. */
  constructor(runtime: EngineRuntime, number: (b: NativeBuffer) => number, most = mostBytes) {
    this.#mostBytes = most;
    this.#runtime = runtime;
    this.#number = number;
  }

  /** A share until it is given back; undefined where there is no room. */
  take(of: NativeBuffer, weight: StrassenWeight): Share | undefined {
    const key = `${this.#number(of)} ${weight.columns} ${weight.inner} ${weight.transposed}`;
    const known = this.#packed.get(key);
    const floats = strassenLayout({ rows: 0, ...weight }).weightFloats;
    if (!known && this.#bytes + 4 * floats > this.#mostBytes) return undefined;
    const packed = known ?? this.#pack(of, weight, floats);
    this.#packed.set(key, packed);
    packed.users++;
    const { buffer, ready } = packed;
    const giveBack = () => {
      if (--packed.users > 0) return;
      this.#packed.delete(key);
      this.#bytes -= buffer.sizeBytes;
      void ready.catch(() => {}).then(() => buffer.dispose());
    };
    return { buffer, ready, giveBack };
  }

  #pack(of: NativeBuffer, weight: StrassenWeight, floats: number): Packed {
    const buffer = this.#runtime.allocate("f32", [floats]);
    this.#bytes += buffer.sizeBytes;
    return { buffer, ready: this.#fill(of, weight, buffer), users: 0 };
  }

  async #fill(of: NativeBuffer, weight: StrassenWeight, buffer: NativeBuffer): Promise<void> {
    const whole = wholePairs(weight);
    if (whole > 0) {
      const operator = strassenWeightOperator(weight);
      const model = writeModel({
        opsets: { ...defaultOpsets, [operatorDomain]: 1 },
        nodes: [{ op: operator.name, domain: operatorDomain, inputs: ["weight"], outputs: ["packed"], attributes: {} }],
        inputs: [{ name: "weight", dtype: "f32", shape: of.shape }],
        outputs: [{ name: "packed", dtype: "f32", shape: buffer.shape }],
        initializers: [],
      });
      const session = await this.#runtime.createSessionAsync(model, { operators: operatorDomainOf(this.#runtime.library, [operator]) });
      const run = session.prepare(new Map([["weight", of]]), new Map([["packed", buffer]]));
      try {
        await run.async();
      } finally {
        run.dispose();
        session.dispose();
      }
    }
    if (whole < strassenLayout({ rows: 0, ...weight }).pairs)
      packPair(of.array as Float32Array, weight, whole, buffer.array as Float32Array);
  }
}
