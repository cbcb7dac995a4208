/**
 * Zstandard's compressor (its own C code as WebAssembly), one for the whole process and loaded when first wanted. Its package keeps one instance
 * for all who import it: started a second time, functions of the first instance work on memory of the second, and what comes out is no frame. So
 * the promise of it is the process's, not this module's: another copy of Loam may be there (an installed one beside a bundle).
 */
type Zstd = typeof import("@bokuweb/zstd-wasm");

const key = Symbol.for("loam.zstd");
const shared = globalThis as { [key]?: Promise<Zstd> };

async function load(): Promise<Zstd> {
  const zstd = await import("@bokuweb/zstd-wasm");
  await zstd.init();
  return zstd;
}

export const zstdLibrary = (): Promise<Zstd> => {
  shared[key] ??= load();
  return shared[key];
};
