/** Checks of the software: Node, npm, ONNX Runtime and its devices, the built console, the terminal. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolder } from "../package.ts";
import { type Check, checkRow, type Finding } from "./check.ts";
import { probeDevice } from "./probe-device.ts";

function nodeVersion(): Finding {
  const { engines } = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8")) as { engines: { node: string } };
  return { state: "ok", found: `${process.versions.node} (${engines.node} is needed)`, data: { version: process.versions.node } };
}

function npmVersion(): Finding {
  try {
    const version = execFileSync("npm", ["--version"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      shell: process.platform === "win32",
      timeout: 20_000,
    }).trim();
    return { state: "ok", found: version, data: { version } };
  } catch {
    return { state: "missing", found: "none", hint: "It comes with Node from nodejs.org; on Debian: apt-get install npm." };
  }
}

async function cpuDevice(): Promise<Finding> {
  const found = await probeDevice("cpu");
  if (found.ok)
    return { state: "ok", found: `ONNX Runtime ${found.details.version}, ${found.details.threads} threads`, data: found.details };
  const hint = `${found.hint ? `${found.hint} ` : ""}LOAM_ONNXRUNTIME may name a library of your own.`;
  return { state: "bad", found: found.reason, hint };
}

async function webgpuDevice(): Promise<Finding> {
  const found = await probeDevice("webgpu");
  if (found.ok) return { state: "ok", found: `an adapter answers (ONNX Runtime ${found.details.version})`, data: { available: true } };
  return { state: "missing", found: found.reason, ...(found.hint ? { hint: found.hint } : {}), data: { available: false } };
}

function terminal(): Finding {
  const { stdout } = process;
  const unicode =
    process.platform === "win32"
      ? process.env.WT_SESSION !== undefined
      : /utf-?8/i.test(process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || "");
  const data = { isTerminal: stdout.isTTY === true, columns: stdout.columns ?? null, unicode };
  if (!stdout.isTTY) return { state: "ok", found: "none: progress is a line every 10 s", data };
  const found = `${stdout.columns} columns, ${stdout.getColorDepth?.() ?? 1} bits of colour`;
  return unicode ? { state: "ok", found, data } : { state: "warn", found, hint: "Bars need a UTF-8 locale: export LANG=C.UTF-8.", data };
}

export const software: readonly Check[] = [
  checkRow("node", nodeVersion),
  checkRow("npm", npmVersion),
  checkRow("device cpu", cpuDevice),
  checkRow("device webgpu", webgpuDevice),
  checkRow("console", () =>
    existsSync(join(packageFolder, "console/dist/index.html"))
      ? { state: "ok", found: "built" }
      : { state: "missing", found: "not built", hint: "npm run build in Loam's clone; a server works without it." },
  ),
  checkRow("terminal", terminal),
];
