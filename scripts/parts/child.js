/** Runs a program and keeps what it says: shown only when it fails, or passed through. */
import { spawn } from "node:child_process";
import { root } from "./places.js";

/**
 * `{ code, signal, output }` of a program that has ended. `show` passes its output through as it comes. A program that cannot start has
 * code 127.
 */
export function child(program, args, { show = false, env = {}, cwd = root, shell = false } = {}) {
  return new Promise(resolve => {
    const running = spawn(program, args, {
      cwd,
      shell,
      env: { ...process.env, ...env },
      stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [running.stdout, running.stderr])
      stream?.on("data", data => {
        output += data;
      });
    running.on("error", error => resolve({ code: 127, signal: null, output: error.message }));
    running.on("close", (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

/** A JavaScript program under this Node. */
export const node = (file, args, options) => child(process.execPath, [file, ...args], options);

/** npm: the one that started us, else the one in PATH. */
export function npm(args, options) {
  const own = process.env.npm_execpath;
  if (own?.endsWith(".js")) return node(own, args, options);
  return child("npm", args, { ...options, shell: process.platform === "win32" });
}
