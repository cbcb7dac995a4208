/** Images of a served toy: built, unpacked and run by the programs that run containers, and what a server answers. */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { expect, onTestFinished } from "vitest";
import { freePort } from "../../src/store/servers.laws.ts";
import { loam, startProcess } from "./child.ts";
import { temporaryFolder } from "./project.ts";
import { toysFolder } from "./toys-folder.ts";

export interface Image {
  readonly digest: string;
  readonly id: string;
  readonly programBytes: number;
  readonly entrypoint: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly layers: readonly { readonly name: string; readonly digest: string; readonly unpackedBytes: number }[];
}

export const has = (program: string): boolean => {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
export const isLinux = process.platform === "linux";
export const withoutRuntime = !isLinux || process.getuid?.() !== 0 || !["umoci", "runc", "unshare"].every(has);

/** A home of all tests of this build of the program: its layers are compressed once. */
export const layersHome = (): string => join(toysFolder(), "home");

export async function image(cwd: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Image> {
  const { code, stdout, stderr } = await loam(["deploy", "image", "toy@latest", "--to", "toy.oci", "--json", ...args], {
    cwd,
    env: { LOAM_HOME: layersHome(), ...env },
  });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Image;
}

const body = JSON.stringify({
  model: "toy",
  messages: [{ role: "user", content: "Dear Anna" }],
  // the toy's context has 32 tokens
  max_tokens: 6,
  temperature: 0.7,
  seed: 7,
  logprobs: true,
  top_logprobs: 3,
});

/** What a server answers, without what is of the request alone. */
export async function answersOf(url: string): Promise<unknown[]> {
  const post = async (path: string, sent: string) =>
    (await (await fetch(`${url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: sent })).text())
      .replaceAll(/"id":"[^"]*"/g, '"id":""')
      .replaceAll(/"created":\d+/g, '"created":0');
  const get = async (path: string) => (await (await fetch(`${url}${path}`)).text()).replaceAll(/"created":\d+/g, '"created":0');
  const chat = await post("/v1/chat/completions", body);
  expect(chat).toContain('"chat.completion"');
  return [
    chat,
    await post("/v1/chat/completions", body.replace("{", '{"stream":true,')),
    await post("/v1/completions", '{"model":"toy","prompt":["Dear","Tom"],"max_tokens":6,"temperature":0,"logprobs":2}'),
    await post("/v1/completions", '{"model":"toy","prompt":"a","max_tokens":-1}'),
    await post("/tokenize", '{"model":"toy","prompt":"Dear Anna"}'),
    await post("/v1/embeddings", '{"model":"toy","input":"a"}'),
    await get("/v1/models"),
    await get("/openapi.json"),
    await get("/"),
    await get("/version"),
    await get("/nothing"),
  ];
}

interface RuntimeConfig {
  process: Record<string, unknown> & { args: string[]; user: { uid: number } };
  root: { readonly: boolean };
  linux: Record<string, unknown> & { namespaces: { type: string }[] };
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
}

interface RunWishes {
  /** Default: nobody. */
  readonly uid?: number;
  /** Behind the entry point; default: a port of its own on loopback. */
  readonly args?: (port: number) => readonly string[];
  /** Folders here by their places in the container. */
  readonly volumes?: Readonly<Record<string, string>>;
}

/** What a container's program has written so far; the container is killed when the test ends. */
export function watchContainer(child: ChildProcessByStdio<Writable | null, Readable, Readable>, name: string): () => string {
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = new Promise<void>(done => child.once("exit", () => done()));
  onTestFinished(async () => {
    try {
      execFileSync("runc", ["kill", name, "KILL"], { stdio: "ignore" });
    } catch {
      // it has ended
    }
    await ended;
  });
  return () => said;
}

/** Runs an unpacked image on this machine's network, with a read-only root; answers when it is ready. */
export async function runImage(
  bundle: string,
  name: string,
  { uid = 65_532, args = port => ["--host", "127.0.0.1", "--port", String(port), "--seed", "1"], volumes = {} }: RunWishes = {},
): Promise<string> {
  const port = await freePort();
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as RuntimeConfig;
  expect(config.process.user.uid).toBe(uid);
  config.process.terminal = false;
  config.process.args.push(...args(port));
  config.process.capabilities = {};
  config.process.noNewPrivileges = true;
  config.root.readonly = true;
  config.linux.namespaces = config.linux.namespaces.filter(n => n.type !== "network");
  delete config.linux.resources;
  config.mounts = config.mounts.filter(m => !/^\/sys|resolv/.test(m.destination));
  config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=1777", "size=64m"] });
  for (const [destination, source] of Object.entries(volumes))
    config.mounts.push({ destination, type: "bind", source, options: ["rbind", "rw"] });
  writeFileSync(path, JSON.stringify(config));
  const child = spawn("runc", ["run", "--bundle", bundle, name], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
  const said = watchContainer(child, name);
  const url = `http://127.0.0.1:${port}`;
  await expect
    .poll(async () => (child.exitCode === null ? (await fetch(`${url}/readyz`).catch(() => undefined))?.status : said()), {
      timeout: 120_000,
    })
    .toBe(200);
  return url;
}

/** What the whole install answers for the files in a folder, on this machine. */
export async function installedAnswers(model: string): Promise<unknown[]> {
  const [files, home] = [temporaryFolder("model"), temporaryFolder("home")];
  cpSync(model, files, { recursive: true });
  const whole = startProcess(["serve", files, "--served-model-name", "toy", "--port", "0", "--seed", "1", "--json"], {
    cwd: home,
    env: { LOAM_HOME: home },
  });
  onTestFinished(() => void whole.kill("SIGKILL"));
  const [, json] = await whole.says(/^(\{"event":"serving".*\})$/m);
  const { url } = JSON.parse(json!) as { url: string };
  return answersOf(url);
}

/** Unpacks an image layout; gives the bundle. */
export function unpackImage(layout: string, tag: string): string {
  const bundle = join(temporaryFolder("bundle"), "bundle");
  execFileSync("umoci", ["unpack", "--image", `${layout}:${tag}`, bundle], { stdio: "ignore" });
  return bundle;
}
