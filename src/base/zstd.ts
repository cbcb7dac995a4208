/**
 * Zstandard's compressor (its own C code as WebAssembly), one for the whole process and loaded when first wanted. Its package keeps one instance
 * for all who import it: started a second time, functions of the first instance work on memory of the second, and what comes out is no frame.
 */
let ready: Promise<typeof import("@bokuweb/zstd-wasm")> | undefined;

async function load() {
  const zstd = await import("@bokuweb/zstd-wasm");
  await zstd.init();
  return zstd;
}

export const zstdLibrary = (): Promise<typeof import("@bokuweb/zstd-wasm")> => {
  ready ??= load();
  return ready;
};
