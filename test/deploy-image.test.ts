/** Images of a served toy, unpacked and run by the programs that run containers: no Node on the path, nobody's user, a read-only root. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { leftOutPackages, servedPackages } from "../src/deploy/image/serving-packages.ts";
import { loam, root, startProcess } from "./support/child.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";

interface Image {
  readonly digest: string;
  readonly id: string;
  readonly programBytes: number;
  readonly entrypoint: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly layers: readonly { readonly name: string; readonly digest: string; readonly unpackedBytes: number }[];
}

const has = (program: string): boolean => {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};
const isLinux = process.platform === "linux";
const withoutRuntime = !isLinux || process.getuid?.() !== 0 || !["umoci", "runc", "unshare"].every(has);

async function image(cwd: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Image> {
  const { code, stdout, stderr } = await loam(["deploy", "image", "toy@latest", "--to", "toy.oci", "--json", ...args], { cwd, env });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Image;
}

const body = JSON.stringify({
  model: "toy",
  messages: [{ role: "user", content: "Dear Anna" }],
  max_tokens: 12,
  temperature: 0.7,
  seed: 7,
  logprobs: true,
  top_logprobs: 3,
});

/** What a server answers, without what is of the request alone. */
async function answersOf(url: string): Promise<unknown[]> {
  const post = async (path: string, sent: string) =>
    (await (await fetch(`${url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: sent })).text())
      .replaceAll(/"id":"[^"]*"/g, '"id":""')
      .replaceAll(/"created":\d+/g, '"created":0');
  const get = async (path: string) => (await (await fetch(`${url}${path}`)).text()).replaceAll(/"created":\d+/g, '"created":0');
  return [
    await post("/v1/chat/completions", body),
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

test.skipIf(!isLinux)(
  "an image is the same bytes from two folders, by any umask and locale, and holds 180 MB at most without weights",
  async () => {
    const [first, second] = [await trainedToy(), join(temporaryFolder("other"), "deeper", "folder")];
    mkdirSync(second, { recursive: true });
    cpSync(first, second, { recursive: true });
    const one = await image(first);
    const before = process.umask(0o077);
    const two = await image(second, [], { LC_ALL: "tr_TR.UTF-8", TZ: "Asia/Tokyo", LANG: "tr_TR.UTF-8" }).finally(() =>
      process.umask(before),
    );
    expect(two).toEqual({ ...one, path: join(second, "toy.oci") });
    expect(one.programBytes).toBeLessThan(180e6);
    expect(one.layers.map(l => l.name)).toEqual(["base", "library", "code", "weights"]);
    expect(one.labels).toMatchObject({ "loam.model": "toy", "loam.version": "1", "loam.approval": "none", "loam.weights": "inside" });
    const blobs = readdirSync(join(first, "toy.oci", "blobs", "sha256"));
    expect(blobs.toSorted()).toEqual([one.digest, one.id, ...one.layers.map(l => l.digest)].map(d => d.replace("sha256:", "")).toSorted());
    // mounted weights: every layer but the last is the same
    const mounted = await image(temporaryCopy(first), ["--weights", "mounted"]);
    expect(mounted.layers.slice(0, 3)).toEqual(one.layers.slice(0, 3));
    expect(mounted.layers[3]!.unpackedBytes).toBeLessThan(one.layers[3]!.unpackedBytes);
  },
);

function temporaryCopy(of: string): string {
  const to = temporaryFolder("copy");
  cpSync(join(of, "loam.yaml"), join(to, "loam.yaml"));
  cpSync(join(of, ".loam"), join(to, ".loam"), { recursive: true });
  return to;
}

interface RuntimeConfig {
  process: Record<string, unknown> & { args: string[]; user: { uid: number } };
  root: { readonly: boolean };
  linux: Record<string, unknown> & { namespaces: { type: string }[] };
  mounts: { destination: string; type?: string; source?: string; options?: string[] }[];
}

/** Runs an unpacked image on this machine's network, as nobody, with a read-only root; answers when it is ready. */
async function runImage(bundle: string, name: string, port: number): Promise<string> {
  const path = join(bundle, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as RuntimeConfig;
  expect(config.process.user.uid).toBe(65_532);
  config.process.terminal = false;
  config.process.args.push("--host", "127.0.0.1", "--port", String(port), "--seed", "1");
  config.process.capabilities = {};
  config.process.noNewPrivileges = true;
  config.root.readonly = true;
  config.linux.namespaces = config.linux.namespaces.filter(n => n.type !== "network");
  delete config.linux.resources;
  config.mounts = config.mounts.filter(m => !/^\/sys|resolv/.test(m.destination));
  config.mounts.push({ destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "nodev", "mode=1777", "size=64m"] });
  writeFileSync(path, JSON.stringify(config));
  const child = spawn("runc", ["run", "--bundle", bundle, name], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
  });
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
  const url = `http://127.0.0.1:${port}`;
  await expect
    .poll(async () => (child.exitCode === null ? (await fetch(`${url}/readyz`).catch(() => undefined))?.status : said), {
      timeout: 120_000,
    })
    .toBe(200);
  return url;
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  return new Promise(done => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

test.skipIf(withoutRuntime)(
  "run by runc, without Node on the path, as nobody, with a read-only root, an image answers byte by byte as the whole install does (needs umoci, runc, root)",
  async () => {
    const cwd = await trainedToy();
    await image(cwd);
    const bundle = join(cwd, "bundle");
    execFileSync("umoci", ["unpack", "--image", `${join(cwd, "toy.oci")}:toy-1`, bundle], { stdio: "ignore" });
    const rootfs = join(bundle, "rootfs");
    expect(readdirSync(rootfs).toSorted()).toEqual(
      ["app", "etc", "lib", "lib64", "model", "tmp", "usr"].filter(f => existsSync(join(rootfs, f))),
    );
    expect(["bin/sh", "usr/bin/sh", "usr/bin/env"].filter(f => existsSync(join(rootfs, f)))).toEqual([]);
    const model = temporaryFolder("model");
    cpSync(join(rootfs, "model"), model, { recursive: true });
    const home = temporaryFolder("home");
    const whole = startProcess(["serve", model, "--served-model-name", "toy", "--port", "0", "--seed", "1", "--json"], {
      cwd: home,
      env: { LOAM_HOME: home },
    });
    onTestFinished(() => void whole.kill("SIGKILL"));
    const [, json] = await whole.says(/^(\{"event":"serving".*\})$/m);
    const { url } = JSON.parse(json!) as { url: string };
    const inImage = await runImage(bundle, `loam-toy-${process.pid}`, await freePort());
    expect(await answersOf(inImage)).toEqual(await answersOf(url));
  },
);

test.skipIf(withoutRuntime)(
  "mounted files other than the version's are refused at start, and named (needs umoci, runc, root)",
  async () => {
    const cwd = await trainedToy();
    const { entrypoint } = await image(cwd);
    const bundle = join(cwd, "bundle");
    execFileSync("umoci", ["unpack", "--image", `${join(cwd, "toy.oci")}:toy-1`, bundle], { stdio: "ignore" });
    const model = join(bundle, "rootfs", "model");
    const args = ["serve", model, ...entrypoint.slice(4, 8), "--port", "0"];
    const weights = join(model, "weights.safetensors");
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weights, bytes);
    const refused = await loam(args, { cwd: temporaryFolder("empty") });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/expected the files with digest [0-9a-f]{64}, got [0-9a-f]{64}\. It holds .*weights\.safetensors/);
  },
);

test("every package that the bundle of `serve` may load is in the image, inside the bundle, or left out for a reason", () => {
  const folder = join(root, "dist", "bundle");
  const names = readdirSync(folder);
  const bundled = new Set((JSON.parse(readFileSync(join(folder, "packages.json"), "utf8")) as { name: string }[]).map(p => p.name));
  const specifiers = /^import (?:[\w*{][^"'\n]*? from )?"([^"\n]+)";|(?<![.\w])import\("([^"\n]+)"\)|\brequire\("([^"\n]+)"\)/gm;
  const [seen, reached] = [new Set<string>(), new Map<string, string>()];
  const queue = [names.find(n => /^serve-[\w-]{8}\.js$/.test(n))!];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    for (const [, a, b, c] of readFileSync(join(folder, at), "utf8").matchAll(specifiers)) {
      const name = a ?? b ?? c!;
      if (name.startsWith("./")) queue.push(name.slice(2));
      else if (!name.startsWith("node:"))
        reached.set(
          name
            .split("/")
            .slice(0, name.startsWith("@") ? 2 : 1)
            .join("/"),
          at,
        );
    }
  }
  expect([...reached.keys()]).toEqual(expect.arrayContaining(["koffi", "prom-client", "@grpc/grpc-js"]));
  // modules of Node that packages inside the bundle name without `node:`
  const builtin = new Set(["buffer", "process"]);
  const unknown = [...reached].filter(
    ([name]) => !(name in servedPackages) && !(name in leftOutPackages) && !bundled.has(name) && !builtin.has(name),
  );
  expect(unknown).toEqual([]);
});

test("a version that its release does not hold for, or that no release approves, is refused; --unapproved does not help", async () => {
  const cwd = await trainedToy({
    more: "releases: { prod: { approvals: [{ role: owner, unsigned: true }] } }",
  });
  const refused = async (name: string, ...args: string[]) => {
    const { code, stderr } = await loam(["deploy", "image", name, "--to", "x.oci", ...args], { cwd });
    expect(existsSync(join(cwd, "x.oci"))).toBe(false);
    return `${code} ${stderr}`;
  };
  expect(await refused("toy@1")).toMatch(
    /^1 [\s\S]*toy@1: no release approves it: prod points at other versions\. Promote it first: loam models promote toy@1 prod\./,
  );
  expect(await refused("toy@1", "--unapproved")).toMatch(
    /^2 [\s\S]*--unapproved: expected a project without release rules for the model, got releases: prod/,
  );
  const run = async (...args: string[]) => {
    const { code, stderr } = await loam(args, { cwd });
    expect(code, stderr).toBe(0);
  };
  await run("models", "approve", "toy@1", "--for", "prod", "--role", "owner", "--as", "ann");
  await run("models", "promote", "toy@1", "prod");
  await run("deploy", "image", "toy@prod", "--to", "approved.tar", "--weights", "mounted");
  // the release asks for more than when the version was promoted: signatures
  await run("models", "keygen", "key");
  const yaml = readFileSync(join(cwd, "loam.yaml"), "utf8");
  writeFileSync(join(cwd, "loam.yaml"), yaml.replace("releases: { prod: { ", "releases: { prod: { signedBy: [key.pub], "));
  expect(await refused("toy@prod")).toMatch(/^1 [\s\S]*prod: "signed" is not met \(by none of the keys\)/);
  await run("models", "sign", "toy@1", "--key", "key");
  await run("deploy", "image", "toy@1", "--to", "signed.tar", "--weights", "mounted");
});

test("bad input of an image is an error with place, expectation and hint, and leaves nothing", async () => {
  const cwd = await trainedToy();
  const refused = async (...args: string[]) => {
    const { code, stderr } = await loam(["deploy", "image", ...args], { cwd });
    return `${code} ${stderr}`;
  };
  const before = readdirSync(cwd).toSorted();
  mkdirSync(join(cwd, "there"));
  expect(await refused("toy", "--to", "there")).toMatch(
    /^2 [\s\S]*there: expected nothing of that name yet, got one\. Choose another name/,
  );
  expect(await refused("toy")).toMatch(/^2 [\s\S]*expected --to FOLDER, --to FILE\.tar or --push HOST\/REPOSITORY:TAG, got neither/);
  expect(await refused("toy@9", "--to", "a")).toMatch(/^[12] [\s\S]*toy@9/);
  expect(await refused("toy", "--to", "a", "--weights", "no")).toMatch(/^2 [\s\S]*--weights: expected one of inside, mounted, got "no"/);
  expect(await refused("toy", "--to", "a", "--base", "registry.example.com/node:24")).toMatch(
    /^2 [\s\S]*--base: expected an image by its digest/,
  );
  expect(await refused("toy", "--to", "a", "--base", `127.0.0.1:9/node@sha256:${"0".repeat(64)}`)).toMatch(/^3 [\s\S]*127\.0\.0\.1:9/);
  rmSync(join(cwd, ".loam", "blobs"), { recursive: true });
  expect(await refused("toy", "--to", "a")).toMatch(/^1 [\s\S]*weights\.safetensors/);
  expect(readdirSync(cwd).toSorted()).toEqual([...before, "there"].toSorted());
});
