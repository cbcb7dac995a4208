/**
 * Platforms by what the packages with native parts ship: ONNX Runtime (`platformLibraries` of tensor: Linux x64/arm64 with glibc, macOS
 * x64/arm64, Windows x64), libsql 0.5 (Linux and macOS x64/arm64, Windows x64), koffi 3 (all of these). A platform works where all three do.
 */
interface Platform {
  readonly name: string;
  readonly works: boolean;
  readonly why?: string;
}

export const platforms: Readonly<Record<string, Platform>> = {
  "linux-x64": { name: "Linux on x86-64 (glibc)", works: true },
  "linux-arm64": { name: "Linux on Arm64 (glibc)", works: true },
  "darwin-arm64": { name: "macOS on Apple silicon", works: true },
  "win32-x64": { name: "Windows on x86-64", works: true },
  "darwin-x64": { name: "macOS on Intel", works: true },
  "win32-arm64": { name: "Windows on Arm64", works: false, why: "libsql ships no binary for it; Node for x64 runs there in emulation" },
};

/** Whether the C library is musl (Alpine), for which ONNX Runtime has no build. */
export function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return !report.header?.glibcVersionRuntime;
}
