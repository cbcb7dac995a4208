/** A gateway on this machine that follows the pods of two Services, one of the stable version and one of a canary. */
import { spawn, spawnSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

/**
 * @typedef {{ url: string, key: string, split: (stable: number, canary: number) => Promise<void>, close: () => Promise<void> }} RunningGateway
 */

/** @param {string} model @param {string} stableUrl @param {string} canaryUrl @param {number} stable @param {number} canary */
const yaml = (model, stableUrl, canaryUrl, stable, canary) => `listen: { port: 0 }
state: "sqlite:gateway.sqlite"
log: { to: none }
upstreams:
  stable: { url: "${stableUrl}/v1", kubernetes: { service: ${model}, port: http }, timeouts: { connect: 2s, firstByte: 60s } }
  canary: { url: "${canaryUrl}/v1", kubernetes: { service: ${model}-canary, port: http }, timeouts: { connect: 2s, firstByte: 60s } }
models:
  ${model}:
    targets: [{ upstream: stable, weight: ${stable} }, { upstream: canary, weight: ${canary} }]
access:
  principals: { serviceAccounts: { load: { roles: [admin] } } }
  policies: [{ id: load, effect: allow, who: { subjects: [load] } }]
`;

/**
 * Starts it in `folder`. It stops with `close`.
 * @param {{ loam: readonly string[], folder: string, model: string, stableUrl: string, canaryUrl: string, env: NodeJS.ProcessEnv, log: (text: string) => void }} options
 * @returns {Promise<RunningGateway>}
 */
export async function startGateway({ loam, folder, model, stableUrl, canaryUrl, env, log }) {
  const file = join(folder, "gateway.yaml");
  const write = (/** @type {number} */ stable, /** @type {number} */ canary) => {
    writeFileSync(`${file}.part`, yaml(model, stableUrl, canaryUrl, stable, canary));
    renameSync(`${file}.part`, file);
  };
  write(1, 0);
  const [program, ...first] = loam;
  const made = spawnSync(
    program ?? "loam",
    [...first, "gateway", "keys", "create", "load", "--subject", "load", "--config", file, "--json"],
    {
      cwd: folder,
      env,
      encoding: "utf8",
    },
  );
  const key = /"secret":"([^"]+)"/.exec(made.stdout)?.[1];
  if (key === undefined) throw new Error(`no key of the gateway: ${made.stdout}${made.stderr}`);
  const child = spawn(program ?? "loam", [...first, "gateway", "--config", file, "--port", "0", "--json"], {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise(done => child.once("close", done));
  const stopped = () => child.kill("SIGTERM");
  process.once("exit", stopped);
  let said = "";
  let taken = () => {};
  createInterface(child.stderr).on("line", line => {
    said += `${line}\n`;
    log(`gateway: ${line}`);
    if (line.includes("was taken up")) taken();
  });
  const url = await new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", line => {
      const found = /"url":"([^"]+)"/.exec(line);
      if (found) resolve(found[1]);
    });
    ended.then(() => reject(new Error(`the gateway ended: ${said}`)));
  });
  return {
    url,
    key,
    split: async (stable, canary) => {
      const isTaken = new Promise(done => {
        taken = () => done(undefined);
      });
      write(stable, canary);
      await isTaken;
    },
    close: async () => {
      process.off("exit", stopped);
      child.kill("SIGTERM");
      await ended;
    },
  };
}
