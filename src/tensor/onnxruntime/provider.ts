/** Devices as data: what a provider is called in ONNX Runtime, and whether this machine has it. */
import { stringList } from "./c-strings.ts";
import { openEnvironment } from "./environment.ts";
import { engineErrors } from "./errors.ts";
import type { Library, Pointer } from "./library.ts";

interface ProviderRow {
  /** ONNX Runtime's name; undefined for the processor, which is always there. */
  readonly engineName: string | undefined;
  /** Its name for memory on the device. */
  readonly memoryName: string | undefined;
  /** Whether an output may be an input's memory: a WebGPU kernel must not bind one buffer for reading and writing. */
  readonly inPlace: boolean;
  readonly hint: string;
  /** Adds it to native session options where the engine has a function of its own for it. */
  readonly append?: (library: Library, options: Pointer) => void;
}

function appendCuda(library: Library, options: Pointer): void {
  const cuda = library.create("CreateCUDAProviderOptions");
  try {
    library.call("SessionOptionsAppendExecutionProvider_CUDA_V2", options, cuda);
  } finally {
    library.raw("ReleaseCUDAProviderOptions", cuda);
  }
}

export const providerTable = {
  cpu: { engineName: undefined, memoryName: undefined, inPlace: true, hint: "" },
  webgpu: {
    engineName: "WebGPU",
    memoryName: "WebGPU_Buffer",
    inPlace: false,
    hint: "It needs a GPU with a Vulkan, Metal or Direct3D 12 driver; on Linux: apt-get install libvulkan1 mesa-vulkan-drivers (in software), or your card's own. Without one, use the device cpu.",
  },
  cuda: {
    engineName: "CUDA",
    memoryName: "Cuda",
    inPlace: false,
    hint: "It needs an NVIDIA GPU with CUDA and cuDNN, and LOAM_ONNXRUNTIME with the path of the libonnxruntime in the Python package onnxruntime-gpu. Without them, use the device cpu.",
    append: appendCuda,
  },
} as const satisfies Record<string, ProviderRow>;

export type Provider = keyof typeof providerTable;
export const providers = Object.keys(providerTable) as Provider[];

/** Adds a provider to native session options. Throws `onnxruntime/provider` where the machine lacks it; nothing crashes. */
export function appendProvider(library: Library, options: Pointer, provider: Provider): void {
  const row: ProviderRow = providerTable[provider];
  if (row.engineName === undefined) return;
  const none = stringList(library, []);
  try {
    if (row.append) row.append(library, options);
    else library.call("SessionOptionsAppendExecutionProvider", options, row.engineName, none.pointer, none.pointer, 0);
  } catch (error) {
    const words = (error as Error).message.replace(/^.*(?:was false\.|ONNX Runtime \w+:)\s*/s, "");
    throw engineErrors.fail("provider", { place: `device ${provider}`, message: words, hint: row.hint }, error);
  }
}

/** Which devices this machine has; where not, why. A look that may start a driver (some 20 ms), once a process. */
export function deviceReport(): Readonly<Record<Provider, { readonly available: boolean; readonly reason: string }>> {
  const tryProvider = (provider: Provider) => {
    const { library } = openEnvironment(provider);
    const options = library.create("CreateSessionOptions");
    try {
      appendProvider(library, options, provider);
    } finally {
      library.raw("ReleaseSessionOptions", options);
    }
  };
  const look = (provider: Provider) => {
    try {
      tryProvider(provider);
      return { available: true, reason: "" };
    } catch (error) {
      return { available: false, reason: (error as Error).message };
    }
  };
  return { cpu: look("cpu"), webgpu: look("webgpu"), cuda: look("cuda") };
}
