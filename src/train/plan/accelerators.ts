/**
 * What a plan knows of machines: rates of their makers' data sheets, and the shares of those rates that benchmarks of single operations reach. Nothing here
 * was fitted to a training run. Sources of the shares: the best rate of any matrix product in the "maximum achievable matmul FLOPS" tables of
 * Bekman's Machine Learning Engineering (A100 0.87, H100 0.80); Markidis et al. 2018 for V100 (83 of 112 TFLOP/s); BabelStream for memory
 * (0.85 to 0.90); NVIDIA's nccl-tests for all-reduce inside a node (230 to 240 of 300 GB/s on A100, 360 to 370 of 450 on H100, 125 to 130 of 150 on DGX-2).
 */

/** One kind of accelerator, in nodes of some of them. Rates are per second and accelerator, sizes in bytes. */
export interface Accelerator {
  readonly name: string;
  /** Peak FLOP/s of matrix products in 16 bits (float32 where `bytesPerNumber` is 4). */
  readonly peak: number;
  /** Share of the peak that large products reach. */
  readonly productShare: number;
  /** Units that each compute one tile of a product: tiles come in waves of so many. */
  readonly units: number;
  /** Bytes per second of its memory, and the share that passes over memory reach. */
  readonly memoryRate: number;
  readonly memoryShare: number;
  readonly memoryBytes: number;
  /** Accelerators that are joined by the fast links. */
  readonly perNode: number;
  /** Bytes per second that a ring all-reduce moves through an accelerator inside a node ("bus bandwidth"), and through one accelerator's network card. */
  readonly nodeRate: number;
  readonly networkRate: number;
  /** Seconds that a kernel and a collective take at least. */
  readonly kernelSeconds: number;
  readonly collectiveSeconds: number;
  /** Bytes of a weight and an activation: 2 for mixed precision, 4 for float32. */
  readonly bytesPerNumber: 2 | 4;
}

const nvidia = { kernelSeconds: 4e-6, collectiveSeconds: 20e-6, bytesPerNumber: 2 } as const;
const networkShare = 0.85;

/** Known accelerators by name. */
export const accelerators: Readonly<Record<string, Accelerator>> = Object.fromEntries(
  (
    [
      {
        ...nvidia,
        name: "v100-32gb",
        peak: 125e12,
        productShare: 0.74,
        units: 80,
        memoryRate: 0.9e12,
        memoryShare: 0.87,
        memoryBytes: 32e9,
        perNode: 16,
        nodeRate: 128e9,
        networkRate: networkShare * 6.25e9,
      },
      {
        ...nvidia,
        name: "a100-40gb",
        peak: 312e12,
        productShare: 0.87,
        units: 108,
        memoryRate: 1.555e12,
        memoryShare: 0.87,
        memoryBytes: 40e9,
        perNode: 8,
        nodeRate: 235e9,
        networkRate: networkShare * 25e9,
      },
      {
        ...nvidia,
        name: "a100-80gb",
        peak: 312e12,
        productShare: 0.87,
        units: 108,
        memoryRate: 2.039e12,
        memoryShare: 0.87,
        memoryBytes: 80e9,
        perNode: 8,
        nodeRate: 235e9,
        networkRate: networkShare * 25e9,
      },
      {
        ...nvidia,
        name: "h100-80gb",
        peak: 989e12,
        productShare: 0.8,
        units: 132,
        memoryRate: 3.35e12,
        memoryShare: 0.88,
        memoryBytes: 80e9,
        perNode: 8,
        nodeRate: 365e9,
        networkRate: networkShare * 50e9,
      },
      {
        ...nvidia,
        name: "h200-141gb",
        peak: 989e12,
        productShare: 0.8,
        units: 132,
        memoryRate: 4.8e12,
        memoryShare: 0.88,
        memoryBytes: 141e9,
        perNode: 8,
        nodeRate: 365e9,
        networkRate: networkShare * 50e9,
      },
      // one large core a chip: no waves of tiles; all chips of a slice are joined by the same links
      {
        ...nvidia,
        name: "tpu-v5e",
        peak: 197e12,
        productShare: 0.87,
        units: 1,
        memoryRate: 0.819e12,
        memoryShare: 0.87,
        memoryBytes: 16e9,
        perNode: 256,
        nodeRate: 90e9,
        networkRate: 3e9,
      },
    ] satisfies Accelerator[]
  ).map(a => [a.name, a]),
);
