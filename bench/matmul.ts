/**
 * Every matrix product of a training step as the kernels run it, with its packing, on one thread: its speed beside a loop of nothing but the
 * same instruction in registers, in f32 and in bf16. Attention's products are part of an operator of their own (the bench `attention`).
 */
import {
  Assembler,
  allocatePages,
  canReadWords,
  gpr,
  loadCode,
  machineFunction,
  type Pages,
  type ProductForm,
  type ProductShape,
  productCode,
  usableFeatures,
} from "../src/machine/index.ts";
import { type Bar, type BenchContext, type BenchResult, digits, median } from "./harness.ts";

const rounds = 7;
/** A measurement takes at least so long; operands lie in so many places in turn, so that they come from memory as in a step. */
const leastMs = 40;
const places = 4;
const leastShare = 0.8;

/** A weight that rows are multiplied by: the forward product, the gradient of its rows and its own. */
interface LinearLayer {
  readonly name: string;
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}
const models: Readonly<Record<string, readonly LinearLayer[]>> = {
  "GPT 10.8M, 4,096 tokens": [
    { name: "query, key, value, output", rows: 4096, inner: 384, columns: 384 },
    { name: "up", rows: 4096, inner: 384, columns: 1536 },
    { name: "down", rows: 4096, inner: 1536, columns: 384 },
  ],
  "MiniLM, 2,048 tokens": [
    { name: "query, key, value, output", rows: 2048, inner: 384, columns: 384 },
    { name: "up", rows: 2048, inner: 384, columns: 1536 },
    { name: "down", rows: 2048, inner: 1536, columns: 384 },
  ],
  "SmolLM2-135M, 1,024 tokens": [
    { name: "query, output", rows: 1024, inner: 576, columns: 576 },
    { name: "key, value", rows: 1024, inner: 576, columns: 192 },
    { name: "gate, up", rows: 1024, inner: 576, columns: 1536 },
    { name: "down", rows: 1024, inner: 1536, columns: 576 },
  ],
};

/** The three products of a layer. Activations and their gradients are there as words where the form takes them, weights as f32. */
function productsOf(form: ProductForm, { rows, inner, columns }: LinearLayer): Readonly<Record<string, ProductShape>> {
  const base = { form, count: 1, alpha: 1, sharesB: true, transposeA: false, transposeB: false };
  const isWords = (length: number, isInnerLast: boolean) => canReadWords(form, length, isInnerLast);
  return {
    forward: { ...base, rows, inner, columns, wordsA: isWords(inner, true) },
    "input gradient": { ...base, rows, inner: columns, columns: inner, transposeB: true, wordsA: isWords(columns, true) },
    "weight gradient": {
      ...base,
      rows: inner,
      inner: rows,
      columns,
      transposeA: true,
      wordsA: isWords(rows, false),
      wordsB: isWords(rows, false),
    },
  };
}

const operations = ({ count, rows, inner, columns }: ProductShape): number => 2 * count * rows * inner * columns;

/** Runs a piece of work again and again; gives the processor milliseconds of one run. */
function processorMs(run: () => void): number {
  run();
  for (let count = 1; ; ) {
    const before = process.cpuUsage();
    for (let i = 0; i < count; i++) run();
    const { user, system } = process.cpuUsage(before);
    const ms = (user + system) / 1000;
    if (ms >= leastMs) return ms / count;
    count = Math.max(count + 1, Math.ceil((1.2 * leastMs * count) / Math.max(ms, 0.5)));
  }
}

/** Operations a second of the instruction alone, with operands and 24 sums in registers. */
function registerLoop(form: ProductForm): () => number {
  const { rcx, rsi } = gpr;
  const sums = 24;
  const a = new Assembler();
  for (let r = 0; r < 32; r++) a.v("vpxord", r, r, r);
  a.mov(rcx, rsi);
  const loop = a.here();
  for (let r = 0; r < sums; r++) a.v(form === "bf16" ? "vdpbf16ps" : "vfmadd231ps", r, 24 + (r % 4), 28 + (r % 3));
  a.alu("sub", rcx, { value: 1 });
  a.jumpIf("ne", loop);
  a.vzeroupper();
  a.ret();
  const kernel = machineFunction(loadCode(a.code()));
  const turns = 200_000;
  const work = sums * 16 * (form === "bf16" ? 4 : 2) * turns;
  return () => work / processorMs(() => kernel(0n, turns)) / 1e6;
}

/** Fills an operand with numbers, as words of bf16 or as floats. */
function fill(pages: Pages, isWords: boolean | undefined): Pages {
  const all = isWords ? new Uint16Array(pages.buffer) : new Float32Array(pages.buffer);
  for (let i = 0; i < all.length; i++) all[i] = isWords ? 0x3f00 + ((i * 37) & 0x80ff) : ((i * 37) % 101) / 101 - 0.5;
  return pages;
}

/** GFLOP/s of a product, packing and multiplying, on this thread. */
function productSpeed(s: ProductShape): { readonly measure: () => number; readonly free: () => void } {
  const { code, kernels, scratchBytes } = productCode(s);
  const start = loadCode(code);
  const functions = kernels.map(k => ({ run: machineFunction(start + BigInt(k.at)), items: k.items }));
  const scratch = allocatePages(Math.max(64, scratchBytes));
  const owned: Pages[] = [scratch];
  const records = Array.from({ length: places }, () => {
    const pages = [
      fill(allocatePages((s.wordsA ? 2 : 4) * s.rows * s.inner), s.wordsA),
      fill(allocatePages((s.wordsB ? 2 : 4) * s.inner * s.columns), s.wordsB),
      allocatePages(4 * s.rows * s.columns),
    ];
    const record = allocatePages(64);
    new BigUint64Array(record.buffer).set([...pages, scratch].map(p => p.address));
    owned.push(...pages, record);
    return record;
  });
  let turn = 0;
  const once = () => {
    const { address } = records[turn++ % places]!;
    for (const { run, items } of functions) for (let i = 0; i < items; i++) run(address, i);
  };
  return {
    measure: () => operations(s) / processorMs(once) / 1e6,
    free: () =>
      owned.forEach(p => {
        p.free();
      }),
  };
}

export async function run({ scale, say }: BenchContext): Promise<BenchResult> {
  const { wide512, bf16 } = usableFeatures();
  const forms: readonly ProductForm[] = [...(wide512 ? ["f32" as const] : []), ...(bf16 ? ["bf16" as const] : [])];
  const numRounds = Math.max(1, Math.round(rounds * scale));
  const ours: Record<string, unknown> = {};
  const bars: Bar[] = [];
  for (const form of forms) {
    const peak = registerLoop(form);
    const peaks: number[] = [];
    for (const [model, layers] of Object.entries(models))
      for (const layer of layers)
        for (const [kind, shape] of Object.entries(productsOf(form, layer))) {
          const name = `${form}, ${model}: ${layer.name}, ${kind} (${shape.rows} x ${shape.inner} by ${shape.inner} x ${shape.columns})`;
          say(name);
          const speed = productSpeed(shape);
          const measured = Array.from({ length: numRounds }, () => ({ peak: peak(), speed: speed.measure() }));
          speed.free();
          peaks.push(...measured.map(m => m.peak));
          const share = digits(median(measured.map(m => m.speed / m.peak)));
          ours[name] = { "GFLOP/s": digits(median(measured.map(m => m.speed))), share };
          bars.push({ name, want: `>= ${leastShare} of the register loop`, got: share, holds: share >= leastShare });
        }
    ours[`${form}, the instruction alone, GFLOP/s`] = digits(median(peaks));
  }
  const notes = [
    ...(wide512 ? [] : ["f32: not measured here (no AVX-512)."]),
    ...(bf16 ? [] : ["bf16: not measured here (no AVX-512 BF16)."]),
  ];
  return {
    method: `products with their packing on one thread, operands in ${places} places in turn, beside a loop of the same instruction in registers before each; processor time, median of ${numRounds} rounds`,
    ours,
    peers: {},
    ratios: {},
    bars,
    notes,
  };
}
