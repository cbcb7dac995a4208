/** A real Ray of one node for a test file: `ray start --head` on loopback with a folder and ports of its own. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort, installed } from "./installed.ts";

/** LOAM_RAY names an environment of Python with `ray[default]`, as `.ci/run` makes it. */
const folder = process.env.LOAM_RAY ?? join(homedir(), ".cache", "loam-ray", "venv");
const program = (): string | undefined => {
  const own = join(folder, "bin", "ray");
  return existsSync(own) ? own : installed("ray", "LOAM_RAY_PROGRAM");
};

/** Why none can be started here. */
export const noRay = (): string | undefined =>
  program() === undefined
    ? (process.env.LOAM_RAY_REASON ?? 'no ray: pip install "ray[default]" into an environment, LOAM_RAY names it')
    : undefined;

export interface TestRay {
  /** Of the dashboard. */
  readonly address: string;
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts it in the foreground (`--block`), so that it ends with its process. */
export async function openRay(cpus = 4): Promise<TestRay> {
  // paths of sockets are short
  const base = mkdtempSync(join(tmpdir(), "ray-"));
  const [port, dashboard, agent] = [await freePort(), await freePort(), await freePort()];
  const args = [
    "start",
    "--head",
    "--block",
    "--node-ip-address=127.0.0.1",
    `--port=${port}`,
    `--num-cpus=${cpus}`,
    "--include-dashboard=true",
  ];
  const own = [
    "--dashboard-host=127.0.0.1",
    `--dashboard-port=${dashboard}`,
    `--dashboard-agent-listen-port=${agent}`,
    `--temp-dir=${base}`,
  ];
  const memory = [`--object-store-memory=${100 * 2 ** 20}`, "--disable-usage-stats"];
  const child = spawn(program()!, [...args, ...own, ...memory], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, RAY_DISABLE_DOCKER_CPU_WARNING: "1", RAY_USAGE_STATS_ENABLED: "0" },
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4000);
    });
  const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const address = `http://127.0.0.1:${dashboard}`;
  const close = async () => {
    if (!isOver) child.kill("SIGTERM");
    const late = setTimeout(() => process.kill(-child.pid!, "SIGKILL"), 20_000);
    await ended;
    clearTimeout(late);
    // processes of Ray outlive its first one by a moment, and write
    rmSync(base, { recursive: true, force: true, maxRetries: 40, retryDelay: 250 });
  };
  for (const end = performance.now() + 240_000; !isOver && performance.now() < end; await sleep(300)) {
    const reply = await fetch(`${address}/api/jobs/`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    if (reply?.ok) return { address, env: { RAY_API_SERVER_ADDRESS: address }, close };
  }
  await close();
  throw new Error(`Ray did not come up:\n${said}`);
}
