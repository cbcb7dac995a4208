/**
 * Platforms by what the packages with native parts ship: onnxruntime-node 1.30 (linux x64/arm64 with glibc, macOS arm64, Windows x64/arm64),
 * libsql 0.5 (linux and macOS x64/arm64, Windows x64), koffi 3 (all of these). A platform works where all three do.
 */
export interface Platform {
  readonly name: string;
  readonly works: boolean;
  readonly why?: string;
}

export const platforms: Readonly<Record<string, Platform>> = {
  "linux-x64": { name: "Linux on x86-64 (glibc)", works: true },
  "linux-arm64": { name: "Linux on Arm64 (glibc)", works: true },
  "darwin-arm64": { name: "macOS on Apple silicon", works: true },
  "win32-x64": { name: "Windows on x86-64", works: true },
  "win32-arm64": { name: "Windows on Arm64", works: false, why: "libsql ships no binary for it; Node for x64 runs there in emulation" },
  "darwin-x64": {
    name: "macOS on Intel",
    works: false,
    why: "ONNX Runtime ships no library for it any more; LOAM_ONNXRUNTIME may name one",
  },
};

/** Whether the C library is musl (Alpine), for which ONNX Runtime has no build. */
export function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return !report.header?.glibcVersionRuntime;
}
