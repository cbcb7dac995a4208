/** Asks for a device in a process of its own: a driver that crashes takes only that process with it. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export type Probed =
  | { readonly ok: true; readonly details: Readonly<Record<string, string | number>> }
  | { readonly ok: false; readonly reason: string; readonly hint?: string };

/** A driver that hangs is given up after this. */
const probeMs = 20_000;
/** The module that the process runs; it stands beside this one in the build. */
const program = fileURLToPath(new URL("./open-device.js", import.meta.url));

/** `pjrt:NAME`: its plugin is loaded, no device of it is opened. */
export function probeDevice(name: "cpu" | "webgpu" | `pjrt:${string}`): Promise<Probed> {
  return new Promise(resolve => {
    const child = spawn(process.execPath, [program, name], { stdio: ["ignore", "pipe", "pipe"], timeout: probeMs, killSignal: "SIGKILL" });
    let output = "";
    let errors = "";
    child.stdout.on("data", d => {
      output += d;
    });
    child.stderr.on("data", d => {
      errors += d;
    });
    child.on("error", error => resolve({ ok: false, reason: error.message }));
    child.on("close", (code, signal) => {
      const line = output.split("\n").find(l => l.startsWith("{"));
      if (line) resolve(JSON.parse(line) as Probed);
      else
        resolve({
          ok: false,
          reason: `the driver ended the process (${signal ?? `exit code ${code}`}) ${errors.trim().slice(0, 200)}`.trim(),
        });
    });
  });
}
