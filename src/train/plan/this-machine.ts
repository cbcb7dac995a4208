/** This machine as an accelerator whose ranks have one thread each: its rates are measured with the engine's own products and passes, in a second or two. */
import { availableParallelism, totalmem } from "node:os";
import { add, compile, type Device, matmul, type Tensor } from "../../tensor/index.ts";
import type { Accelerator } from "./accelerators.ts";

/** Median seconds of some runs of `run`. */
async function seconds(run: () => Promise<void>, runs = 7): Promise<number> {
  const taken: number[] = [];
  for (let i = 0; i < runs + 1; i++) {
    const began = performance.now();
    await run();
    // the first one compiles
    if (i > 0) taken.push((performance.now() - began) / 1000);
  }
  return taken.sort((a, b) => a - b)[runs >> 1]!;
}

const matrix = 768;
const wide = 2 ** 23;

/** `device` has one thread. The rate of products is that of large ones; that of memory, of an addition of arrays beyond the caches. */
export async function measureThisMachine(device: Device): Promise<Accelerator> {
  const product = compile((x: Tensor, y: Tensor) => matmul(x, y), { device, fuse: true, name: "plan-product" });
  const pass = compile((x: Tensor, y: Tensor) => add(x, y), { device, fuse: true, name: "plan-pass" });
  const small = compile((x: Tensor, y: Tensor) => add(x, y), { device, fuse: true, name: "plan-kernel" });
  const square = [await device.full([matrix, matrix], 0.5), await device.full([matrix, matrix], 0.25)] as const;
  const long = [await device.full([wide], 1), await device.full([wide], 2)] as const;
  const short = [await device.full([16], 1), await device.full([16], 2)] as const;
  const timed = (program: typeof product, [x, y]: typeof square) => seconds(async () => (await program(x, y)).dispose());
  try {
    const rate = (2 * matrix ** 3) / (await timed(product, square));
    const memoryRate = (3 * 4 * wide) / (await timed(pass, long));
    const kernelSeconds = await timed(small, short);
    return {
      name: "this machine",
      peak: rate,
      productShare: 1,
      units: 1,
      memoryRate,
      memoryShare: 1,
      memoryBytes: totalmem() / availableParallelism(),
      perNode: availableParallelism(),
      // each byte of a sum through shared memory is read from two ranks and written
      nodeRate: memoryRate / 3,
      networkRate: 1e9,
      kernelSeconds,
      collectiveSeconds: 1e-4,
      bytesPerNumber: 4,
    };
  } finally {
    for (const a of [...square, ...long, ...short]) a.dispose();
    for (const program of [product, pass, small]) program.dispose();
  }
}
