/** `loam serve` over a version's files in a process of its own, as its pod has it: no project, no gateway, a free port of this machine. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { environment, makeFolder } from "../../../base/index.ts";
import { deployErrors, type PodForm } from "../../../deploy/index.ts";
import type { FilesReader } from "../../../nn/index.ts";
import { packageFolder } from "../../package.ts";

export interface ServingProcess extends AsyncDisposable {
  readonly url: string;
  /** The most memory that was resident since the start; undefined where the system does not tell. */
  peakBytes(): number | undefined;
}

interface ServingWishes {
  readonly files: FilesReader;
  readonly model: string;
  readonly slots: number;
  readonly context: number;
  readonly form: PodForm;
}

const lastWords = 2000;
/** A server that does not end by then is ended. */
const endsWithinMs = 10_000;

/** The files as a folder; those of the store stay where they are. */
async function folderOf({ files }: ServingWishes, folder: string): Promise<string> {
  for (const { name } of files.files) {
    const path = join(folder, name);
    makeFolder(dirname(path));
    symlinkSync(await files.localPath(name), path);
  }
  return folder;
}

/** VmHWM: pages in memory that belong to the process, page cache that it does not map excluded. */
function peakOf(pid: number | undefined): number | undefined {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return found ? 1024 * Number(found[1]) : undefined;
  } catch {
    return undefined;
  }
}

/** Starts it and waits until it serves. Errors: deploy/measure with its last words; the signal's reason. */
export async function startServing(wishes: ServingWishes, signal: AbortSignal): Promise<ServingProcess> {
  signal.throwIfAborted();
  const at = mkdtempSync(join(tmpdir(), "loam-measure-"));
  const model = await folderOf(wishes, join(at, "model")).catch((error: unknown) => {
    rmSync(at, { recursive: true, force: true });
    throw error;
  });
  const args = ["serve", model, "--served-model-name", wishes.model, "--port", "0", "--json", "--slots", String(wishes.slots)];
  const child = spawn(
    process.execPath,
    [join(packageFolder, "bin", "loam.js"), ...args, "--context", String(wishes.context), "--quantize", wishes.form],
    { stdio: ["ignore", "pipe", "pipe"], cwd: at, env: environment() },
  );
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-lastWords);
  });
  const ended = new Promise<void>(resolve => {
    child.once("close", () => resolve());
    child.once("error", error => {
      said += error.message;
      resolve();
    });
  });
  const stop = () => void child.kill("SIGTERM");
  signal.addEventListener("abort", stop, { once: true });
  const close = async (): Promise<void> => {
    signal.removeEventListener("abort", stop);
    child.kill("SIGTERM");
    const timer = setTimeout(() => void child.kill("SIGKILL"), endsWithinMs);
    await ended;
    clearTimeout(timer);
    rmSync(at, { recursive: true, force: true });
  };
  const serving = new Promise<string>(resolve => {
    createInterface({ input: child.stdout }).on("line", line => {
      if (!line.startsWith("{")) return;
      const told = JSON.parse(line) as { readonly event?: string; readonly url?: string };
      if (told.event === "serving" && told.url !== undefined) resolve(told.url);
    });
  });
  const url = await Promise.race([serving, ended]);
  if (url !== undefined) return { url, peakBytes: () => peakOf(child.pid), [Symbol.asyncDispose]: close };
  await close();
  if (signal.aborted) throw signal.reason;
  throw deployErrors.fail("measure", {
    place: `loam serve ${wishes.model}`,
    expected: "a server that starts",
    received: said.trim().split("\n").at(-1) || `exit code ${child.exitCode ?? child.signalCode}`,
  });
}
