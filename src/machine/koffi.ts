/** koffi, by which native functions are called: loaded and set up once, before any library is. */
import { createRequire } from "node:module";

export type { LibraryHandle } from "koffi";
export type Koffi = typeof import("koffi");

/** Creating an ONNX Runtime session of a deep graph recurses, and kernels keep scores on the stack; below this they overflow. koffi's maximum. */
const stackBytes = 16 * 1024 * 1024;

const require = createRequire(import.meta.url);
let loaded: Koffi | undefined;

export function loadKoffi(): Koffi {
  if (loaded) return loaded;
  loaded = require("koffi") as Koffi;
  // another copy of Loam in this process (an installed one beside a bundle) may have set it up, and loaded a library since
  const { sync_stack_size, async_stack_size } = loaded.config();
  if (sync_stack_size !== stackBytes || async_stack_size !== stackBytes)
    loaded.config({ sync_stack_size: stackBytes, async_stack_size: stackBytes });
  return loaded;
}
