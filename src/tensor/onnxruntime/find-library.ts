/**
 * Which shared library of ONNX Runtime a provider loads. The processor's is in an optional dependency of this platform alone; WebGPU's is in
 * `onnxruntime-node`, which carries five platforms and is installed on request. docs/decisions/004 says why these packages.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { engineErrors } from "./errors.ts";
import type { Provider } from "./provider.ts";

interface LibraryPlace {
  readonly package: string;
  /** Within the package. */
  readonly file: string;
}

/** By `process.platform` and `process.arch`; glibc on Linux. `package.json` pins the same packages. */
export const platformLibraries: Readonly<Record<string, LibraryPlace>> = {
  "linux-x64": { package: "sherpa-onnx-linux-x64", file: "libonnxruntime.so" },
  "linux-arm64": { package: "sherpa-onnx-linux-arm64", file: "libonnxruntime.so" },
  "darwin-arm64": { package: "sherpa-onnx-darwin-arm64", file: "libonnxruntime.dylib" },
  "darwin-x64": { package: "sherpa-onnx-darwin-x64", file: "libonnxruntime.dylib" },
  "win32-x64": { package: "sherpa-onnx-win-x64", file: "onnxruntime.dll" },
};

/** The version that Loam's own tests of WebGPU run on. */
export const webgpuPackage = { name: "onnxruntime-node", version: "1.30.0" } as const;

/** Within `onnxruntime-node`: builds with WebGPU inside. */
const webgpuFiles: Readonly<Record<string, string>> = {
  "linux-x64": "linux/x64/libonnxruntime.so.1",
  "linux-arm64": "linux/arm64/libonnxruntime.so.1",
  "darwin-arm64": "darwin/arm64/libonnxruntime.1.dylib",
  "win32-x64": "win32/x64/onnxruntime.dll",
};

/** Where the processor's library of a platform is. Throws `onnxruntime/platform` where none exists. */
export function libraryOf(platform: string, arch: string, musl: boolean): LibraryPlace {
  const place = platformLibraries[`${platform}-${arch}`];
  if (place && !musl) return place;
  throw engineErrors.fail("platform", {
    place: "ONNX Runtime",
    expected: `one of ${Object.keys(platformLibraries).join(", ")} (Linux with glibc)`,
    received: `${platform}-${arch}${musl ? " with musl" : ""}`,
    hint: musl
      ? "Use an image with glibc, such as node:20-slim in place of node:20-alpine."
      : "Run on one of these, or set LOAM_ONNXRUNTIME to the path of a libonnxruntime >= 1.24 built for this machine.",
  });
}

const require = createRequire(import.meta.url);

/** A package's folder as Node finds it from here, undefined where it is not installed. */
function packageFolder(name: string): string | undefined {
  try {
    return dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** The folder whose node_modules Loam is in: where another package has to be installed for Loam to find it. */
function installFolder(): string {
  const here = fileURLToPath(import.meta.url);
  const at = here.lastIndexOf(`${sep}node_modules${sep}`);
  return at < 0 ? "Loam's folder" : here.slice(0, at);
}

function cpuLibrary(): string {
  const { package: name, file } = libraryOf(process.platform, process.arch, false);
  const folder = packageFolder(name);
  const path = folder && join(folder, file);
  if (path && existsSync(path)) return path;
  throw engineErrors.fail("library", {
    place: name,
    expected: path ? `the file ${path}` : "the installed package, an optional dependency of Loam",
    received: "none",
    hint: `Run npm install without --omit=optional in ${installFolder()}; on another platform than the lock file was installed for, delete node_modules first.`,
  });
}

function webgpuLibrary(): string {
  const file = webgpuFiles[`${process.platform}-${process.arch}`];
  if (!file)
    throw engineErrors.fail("provider", {
      place: "device webgpu",
      expected: `one of ${Object.keys(webgpuFiles).join(", ")}`,
      received: `${process.platform}-${process.arch}`,
      hint: "Use the device cpu.",
    });
  const folder = packageFolder(webgpuPackage.name);
  const path = folder && join(folder, "bin", "napi-v6", file);
  if (path && existsSync(path)) return path;
  const wanted = `${webgpuPackage.name}@${webgpuPackage.version}`;
  throw engineErrors.fail("provider", {
    place: "device webgpu",
    expected: path ? `the file ${path}` : `the package ${wanted}, whose ONNX Runtime has WebGPU`,
    received: "none",
    hint: `Run npm install --ignore-scripts --save-exact ${wanted} in ${installFolder()} (300 MB), or use the device cpu.`,
  });
}

/** The path of the library; CUDA's is one that LOAM_ONNXRUNTIME names. Throws `onnxruntime/platform`, `onnxruntime/library` or, for WebGPU, `onnxruntime/provider`. */
export function findLibrary(provider: Provider): string {
  const given = process.env.LOAM_ONNXRUNTIME;
  if (!given) return provider === "webgpu" ? webgpuLibrary() : cpuLibrary();
  if (existsSync(given)) return given;
  throw engineErrors.fail("library", { place: "LOAM_ONNXRUNTIME", expected: "the path of an existing file", received: `"${given}"` });
}
