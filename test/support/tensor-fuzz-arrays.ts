/**
 * Random lives of arrays: made, run (many at once, donated, stopped), viewed, transferred, written, disposed, used after that. Beside each array
 * stands what its elements must be; every result and every array that is left is held against that.
 */
import { MessageChannel } from "node:worker_threads";
import { LoamError, type Random } from "../../src/base/index.ts";
import { add, compile, type Device, type DeviceArray, mul, sum, type Tensor, type TypedArray } from "../../src/tensor/index.ts";
import type { Outcome } from "./tensor-fuzz.ts";

interface Known {
  readonly array: DeviceArray;
  /** undefined: a run that failed, or a view, may have left anything. */
  want: Float32Array | undefined;
}
const pick = <T>(r: Random, from: readonly T[]): T => from[r.below(from.length)]!;
const sizes = [1, 5, 64, 64, 64, 4096];

class World {
  readonly r: Random;
  readonly device: Device;
  readonly known: Known[] = [];
  readonly views: TypedArray[] = [];
  readonly running: Promise<void>[] = [];
  wrong: Error | undefined;
  values = 0;
  readonly #programs;

  constructor(r: Random, device: Device) {
    this.r = r;
    this.device = device;
    const named = { device, name: "fuzz" };
    this.#programs = {
      plain: compile((x: Tensor, y: Tensor) => [add(x, mul(y, 2)), sum(x)] as const, named),
      first: compile((x: Tensor, y: Tensor) => [add(x, mul(y, 2)), sum(x)] as const, { ...named, donate: [0] }),
      both: compile((x: Tensor, y: Tensor) => [add(x, mul(y, 2)), sum(x)] as const, { ...named, donate: [0, 1] }),
      later: compile((x: Tensor, y: Tensor) => [add(mul(add(x, y), 0.5), mul(x, 0.5)), sum(add(x, y))] as const, { ...named, donate: [1] }),
    };
  }

  async make(): Promise<void> {
    const n = pick(this.r, sizes);
    const data = Float32Array.from({ length: n }, () => this.r.below(9) - 4);
    const array = this.r.below(2) ? await this.device.array(data) : await this.device.full([n], data[0]!);
    const isFull = array.size > 0 && (await array.read()).every(v => v === data[0]);
    this.known.push({ array, want: isFull ? new Float32Array(n).fill(data[0]!) : data });
  }

  run(): void {
    if (this.known.length === 0) return;
    const x = pick(this.r, this.known);
    const alike = this.known.filter(k => k.array.size === x.array.size);
    const y = this.r.below(12) === 0 ? pick(this.r, this.known) : pick(this.r, alike);
    const name = pick(this.r, ["plain", "plain", "first", "both", "later"] as const);
    const [wx, wy] = [x.want?.slice(), y.want?.slice()];
    const stop = this.r.below(8) === 0 ? new AbortController() : undefined;
    const program = this.#programs[name];
    const call = stop ? program.with({ signal: stop.signal }, x.array, y.array) : program(x.array, y.array);
    if (stop) setImmediate(() => stop.abort());
    this.running.push(
      call.then(
        ([result]) => {
          const want =
            wx && wy && wx.length === wy.length
              ? wx.map((v, i) => (name === "later" ? (v + wy[i]!) * 0.5 + v * 0.5 : v + 2 * wy[i]!))
              : undefined;
          const known = { array: result, want };
          this.known.push(known);
          return this.check(known);
        },
        error => {
          if (!(error instanceof LoamError) && !(stop && (error as Error).name === "AbortError")) this.wrong ??= error as Error;
        },
      ),
    );
  }

  async check({ array, want }: Known): Promise<void> {
    if (!want) return;
    const expected = want.slice();
    let got: Float64Array;
    try {
      got = await array.numbers();
    } catch (error) {
      if (!(error instanceof LoamError)) this.wrong ??= error as Error;
      return;
    }
    this.values++;
    const at = expected.findIndex((v, i) => v !== got[i]);
    if (at >= 0 || got.length !== expected.length)
      this.wrong ??= new Error(`element ${at} of ${got.length}: got ${got[at]}, expected ${expected[at]}`);
  }

  view(): void {
    if (this.known.length === 0) return;
    const k = pick(this.r, this.known);
    this.views.push(k.array.view());
  }

  /** Through a view whose array may be alive: then its elements are what was written, and runs in flight may read either. */
  async scribble(): Promise<void> {
    await this.settle();
    if (this.views.length === 0) return;
    const view = pick(this.r, this.views) as Float32Array;
    const value = 100 + this.r.below(9);
    const alive = this.known.find(k => k.array.isAlive && isViewOf(view, k.array));
    view.fill(value);
    if (alive?.want) alive.want = alive.want.map(() => value);
  }

  transfer(): void {
    if (this.views.length === 0) return;
    const buffer = pick(this.r, this.views).buffer as ArrayBuffer & { transfer?: () => ArrayBuffer };
    const { port1, port2 } = new MessageChannel();
    const ways = [
      () => structuredClone(buffer, { transfer: [buffer] }),
      () => port1.postMessage(buffer, [buffer]),
      () => buffer.transfer?.(),
    ];
    try {
      pick(this.r, ways)();
    } catch (error) {
      if (!(error instanceof LoamError) && (error as Error).name !== "DataCloneError") throw error;
    } finally {
      port1.close();
      port2.close();
    }
  }

  dispose(): void {
    if (this.known.length === 0) return;
    pick(this.r, this.known).array.dispose();
  }

  async write(): Promise<void> {
    if (this.known.length === 0) return;
    const k = pick(this.r, this.known);
    const n = k.array.size;
    const data = pick<() => unknown>(this.r, [
      () => new Float32Array(n).fill(7),
      () => Array.from({ length: n }, () => 7),
      () => new Float32Array(n + 1),
      () => new Uint16Array(n),
      () => new Float64Array(n),
      () => undefined,
      () => "7",
    ])();
    await k.array.write(data as never);
    k.want = new Float32Array(n).fill(7);
  }

  async settle(): Promise<void> {
    await Promise.all(this.running.splice(0));
  }

  end(): void {
    for (const k of this.known) k.array.dispose();
    for (const p of Object.values(this.#programs)) p.dispose();
  }
}

/** Does a view show an array's memory now? Told by the view that the array gives out. */
const isViewOf = (view: TypedArray, array: DeviceArray): boolean => {
  try {
    const now = array.view();
    return now.buffer === view.buffer && now.byteOffset === view.byteOffset;
  } catch {
    return false;
  }
};

export async function arrayRound(r: Random, device: Device): Promise<Outcome> {
  const world = new World(r, device);
  const acts = ["make", "make", "run", "run", "run", "run", "view", "scribble", "transfer", "dispose", "write", "settle"] as const;
  try {
    await world.make();
    await world.make();
    for (let n = 10 + r.below(30); n > 0 && !world.wrong; n--)
      try {
        // a run that is in flight is not waited for, unless the act is one that needs to know
        await world[pick(r, acts)]();
      } catch (error) {
        if (!(error instanceof LoamError)) throw error;
      }
    await world.settle();
    for (const k of world.known) if (k.array.isAlive) await world.check(k);
    if (world.wrong) throw world.wrong;
    return world.values > 0 ? "value" : "refused";
  } finally {
    await world.settle();
    world.end();
  }
}
