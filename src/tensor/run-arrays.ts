/**
 * The arrays of one run: taken into use when the program is called, given back or given away after it. Here it is seen to that nobody reads what
 * a run writes over: a donated array is passed once, no other run uses it, and memory that somebody else looks at is copied first.
 */
import type { Backend, DeviceMemory } from "./backend.ts";
import type { DeviceArray } from "./device-array.ts";
import { tensorErrors } from "./errors.ts";
import type { Graph } from "./graph.ts";

/** An array among the arguments of a call. */
interface PassedArray {
  readonly array: DeviceArray;
  /** Where it stands, for messages. */
  readonly place: string;
  readonly isDonated: boolean;
}

/** Throws where an array that is donated is passed in another place too. */
function checkPassedOnce(name: string, passed: readonly PassedArray[]): void {
  const known = new Map<DeviceArray, PassedArray>();
  for (const p of passed) {
    const before = known.get(p.array);
    if (before && (before.isDonated || p.isDonated))
      throw tensorErrors.fail("argument", {
        place: name,
        expected: "a donated array in one place of the arguments",
        received: `the same array as ${before.place} and ${p.place}`,
        hint: "Pass a copy: device.array(await array.read(), array.dtype, array.shape).",
      });
    known.set(p.array, p);
  }
}

/** Arrays in use by a call: from here on they are neither written nor recycled, and what is donated is used by nobody else. */
export class ArraysInUse {
  readonly passed: readonly PassedArray[];
  readonly memories: readonly DeviceMemory[];

  /** Takes all of them into use, or none. */
  constructor(name: string, passed: readonly PassedArray[]) {
    if (passed.some(p => p.isDonated)) checkPassedOnce(name, passed);
    this.passed = passed;
    const taken: DeviceMemory[] = [];
    try {
      for (const { array, isDonated } of passed) taken.push(array.beginUse(isDonated));
    } catch (error) {
      for (const { array } of passed.slice(0, taken.length)) array.endUse();
      throw error;
    }
    this.memories = taken;
  }

  end(): void {
    for (const { array } of this.passed) array.endUse();
  }
}

interface RunPlan {
  readonly graph: Graph;
  /** Output -> input whose memory it takes over. */
  readonly aliases: ReadonlyMap<number, number>;
}

/** An input of the graph: an array's memory, or (without one) memory made for the run. */
export interface RunInput {
  readonly memory: DeviceMemory;
  readonly passed: PassedArray | undefined;
}

export class RunMemory {
  readonly inputs: DeviceMemory[];
  readonly outputs: readonly DeviceMemory[];
  readonly #plan: RunPlan;
  readonly #given: readonly RunInput[];
  /** Memory of this run that stands for a donated one, by the input. */
  readonly #copies = new Map<number, DeviceMemory>();
  #hasBegun = false;

  constructor(backend: Backend, plan: RunPlan, given: readonly RunInput[]) {
    this.#plan = plan;
    this.#given = given;
    this.inputs = given.map(g => g.memory);
    const made: DeviceMemory[] = [];
    const fresh = (t: Pick<DeviceMemory, "shape" | "dtype">): DeviceMemory => {
      const memory = backend.allocate(t.shape, t.dtype);
      made.push(memory);
      return memory;
    };
    try {
      for (const i of plan.aliases.values()) if (this.inputs[i]!.isShared) this.#copies.set(i, fresh(this.inputs[i]!));
      this.outputs = plan.graph.outputs.map((t, o) => {
        const alias = plan.aliases.get(o);
        return alias === undefined ? fresh(t) : (this.#copies.get(alias) ?? this.inputs[alias]!);
      });
    } catch (error) {
      for (const m of made) m.dispose();
      throw error;
    }
  }

  /** Copies donated memory that somebody else looks at (a view, a kernel), so that the run writes over nothing of theirs. */
  async copyShared(): Promise<void> {
    for (const [i, copy] of this.#copies) {
      await copy.write(await this.inputs[i]!.read());
      this.inputs[i] = copy;
    }
  }

  /** Outputs may have been written from now on. */
  begun(): void {
    this.#hasBegun = true;
  }

  /** The run failed: results are freed, and what it may have written over is lost. */
  fail(): void {
    for (const [o, m] of this.outputs.entries()) if (!this.#plan.aliases.has(o)) m.dispose();
    for (const m of this.#copies.values()) m.dispose();
    if (!this.#hasBegun) return;
    for (const i of this.#plan.aliases.values()) if (!this.#copies.has(i)) this.#given[i]!.passed?.array.lose();
  }

  /** The run is done: donated arrays are dead, and the results' memory is the caller's. */
  succeed(): readonly DeviceMemory[] {
    const reused = new Set([...this.#plan.aliases.values()].filter(i => !this.#copies.has(i)));
    for (const [i, { passed }] of this.#given.entries()) if (passed?.isDonated) passed.array.give(reused.has(i));
    return this.outputs;
  }
}
