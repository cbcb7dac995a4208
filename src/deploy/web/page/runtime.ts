/** What the page needs of `onnxruntime-web`, which it loads from its own folder: types of that part, and how it is set up. */

interface RuntimeTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
  dispose(): void;
}

export interface RuntimeSession {
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}

export interface Runtime {
  readonly env: { logLevel: string; readonly wasm: { numThreads?: number; wasmPaths?: string; proxy?: boolean } };
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<RuntimeSession> };
  readonly Tensor: new (dtype: "int32" | "float32", data: Int32Array | Float32Array, dims: readonly number[]) => RuntimeTensor;
}

/** What computes: `wasm` is the processor. */
export type WebDevice = "wasm" | "webgpu";

/** Threads beyond these add little to a model that fits a page. */
const mostThreads = 8;

/** Threads need memory that workers share, which browsers allow only in pages that are isolated from other origins. */
export const usableThreads = (asked: number | undefined): number => {
  if (!(globalThis as { readonly crossOriginIsolated?: boolean }).crossOriginIsolated) return 1;
  const { hardwareConcurrency = 1 } = (globalThis as { readonly navigator?: { readonly hardwareConcurrency?: number } }).navigator ?? {};
  return Math.max(1, Math.min(asked ?? hardwareConcurrency, mostThreads));
};

export const hasWebGpu = async (): Promise<boolean> => {
  const { gpu } = (globalThis as { readonly navigator?: { readonly gpu?: { requestAdapter(): Promise<unknown> } } }).navigator ?? {};
  try {
    return gpu !== undefined && (await gpu.requestAdapter()) != null;
  } catch {
    return false;
  }
};

/** The build for a device, from the folder `ort/` beside the page. */
export async function openRuntime(folder: URL, device: WebDevice, threads: number): Promise<Runtime> {
  const runtime = (await import(new URL(`ort/ort.${device}.min.mjs`, folder).href)) as Runtime;
  runtime.env.logLevel = "error";
  runtime.env.wasm.numThreads = threads;
  runtime.env.wasm.wasmPaths = new URL("ort/", folder).href;
  return runtime;
}
