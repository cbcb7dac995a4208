/** Images of a served toy, unpacked and run by the programs that run containers: no Node on the path, nobody's user, a read-only root. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { leftOutPackages, servedPackages } from "../src/deploy/image/serving-packages.ts";
import { loam, root } from "./support/child.ts";
import {
  answersOf,
  type Image,
  image,
  installedAnswers,
  isLinux,
  layersHome,
  runImage,
  unpackImage,
  withoutRuntime,
} from "./support/image.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";

/** Other versions of Node on this machine: paths, with colons between them. */
const otherNodes = (process.env.LOAM_NODES ?? "").split(":").filter(path => path !== "");
/** A clock that is three years ahead, and other chance. */
const laterClock = `data:text/javascript,${encodeURIComponent(
  "const D = Date; globalThis.Date = class extends D { constructor(...a) { super(...(a.length ? a : [D.now() + 1e11])); } static now() { return D.now() + 1e11; } }; Math.random = () => 0.5;",
)}`;
const isRoot = process.getuid?.() === 0;

/** The image of a copy of a project, by a process whose home is that copy: no layer is taken from an image before. */
function builtElsewhere(from: string, node: string, given: readonly string[], nobody: boolean): Image {
  const copy = temporaryCopy(from);
  const user = nobody ? { uid: 65_534, gid: 65_534 } : {};
  if (nobody) execFileSync("chown", ["-R", "65534:65534", copy]);
  const out = execFileSync(node, [...given, join(root, "bin", "loam.js"), "deploy", "image", "toy@latest", "--to", "toy.oci", "--json"], {
    cwd: copy,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env.PATH, HOME: copy, LOAM_HOME: copy, LC_ALL: "tr_TR.UTF-8", TZ: "Asia/Tokyo", LANG: "tr_TR.UTF-8" },
    maxBuffer: 1 << 26,
    ...user,
  });
  return { ...(JSON.parse(out.trim().split("\n").at(-1)!) as Image), path: copy } as Image;
}

test.skipIf(!isLinux)(
  `an image is the same bytes from two folders, by any umask, locale and clock${isRoot ? ", by another user" : " (another user skipped: needs root)"}, with layers kept or new, and holds 180 MB at most without weights`,
  async () => {
    const first = await trainedToy();
    const one = await image(first);
    const again = await image(temporaryCopy(first));
    const before = process.umask(0o077);
    let two: Image;
    try {
      two = builtElsewhere(first, process.execPath, ["--import", laterClock], isRoot);
    } finally {
      process.umask(before);
    }
    for (const other of [again, two]) expect({ ...other, path: "" }).toEqual({ ...one, path: "" });
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

test.skipIf(!isLinux || otherNodes.length === 0)(
  `an image is, but for its base, the same bytes by ${otherNodes.length} other versions of Node${otherNodes.length === 0 ? " (skipped: LOAM_NODES names none)" : ""}`,
  async () => {
    const cwd = await trainedToy();
    const one = await image(cwd);
    for (const node of otherNodes) {
      const { layers } = builtElsewhere(cwd, node, [], false);
      expect(layers.slice(1, 3), node).toEqual(one.layers.slice(1, 3));
      // the list of contents names the Node of the base
      expect(layers[0]!.digest, node).not.toBe(one.layers[0]!.digest);
    }
  },
);

function temporaryCopy(of: string): string {
  const to = temporaryFolder("copy");
  cpSync(join(of, "loam.yaml"), join(to, "loam.yaml"));
  cpSync(join(of, ".loam"), join(to, ".loam"), { recursive: true });
  return to;
}

test.skipIf(withoutRuntime)(
  "run by runc, without Node on the path, as nobody, with a read-only root, an image answers byte by byte as the whole install does (needs umoci, runc, root)",
  async () => {
    const cwd = await trainedToy();
    await image(cwd);
    const bundle = unpackImage(join(cwd, "toy.oci"), "toy-1");
    const rootfs = join(bundle, "rootfs");
    expect(readdirSync(rootfs).toSorted()).toEqual(
      ["app", "etc", "lib", "lib64", "model", "tmp", "usr"].filter(f => existsSync(join(rootfs, f))),
    );
    expect(["bin/sh", "usr/bin/sh", "usr/bin/env"].filter(f => existsSync(join(rootfs, f)))).toEqual([]);
    const url = await runImage(bundle, `loam-toy-${process.pid}`);
    expect(await answersOf(url)).toEqual(await installedAnswers(join(rootfs, "model")));
  },
);

test.skipIf(withoutRuntime)(
  "mounted files other than the version's are refused at start, and named (needs umoci, runc, root)",
  async () => {
    const cwd = await trainedToy();
    const { entrypoint } = await image(cwd);
    const bundle = unpackImage(join(cwd, "toy.oci"), "toy-1");
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

test.skipIf(withoutRuntime)(
  "SageMaker's variant runs as root by the argument `serve`, reads what is unpacked of `loam deploy sagemaker`'s model.tar.gz, and answers /ping and /invocations (needs umoci, runc, root)",
  async () => {
    const cwd = await trainedToy();
    const { labels, entrypoint } = await image(cwd, ["--variant", "sagemaker"]);
    expect(labels).toMatchObject({ "loam.variant": "sagemaker", "loam.weights": "mounted" });
    expect(entrypoint).toEqual(["/usr/local/bin/node", "/app/sagemaker.mjs"]);
    const model = await unpackedArchive(cwd);
    const bundle = unpackImage(join(cwd, "toy.oci"), "toy-1");
    // 8080 may be taken on a machine that runs tests: what follows `serve` comes last
    const url = await runImage(bundle, `loam-sagemaker-${process.pid}`, {
      uid: 0,
      args: port => ["serve", "--host", "127.0.0.1", "--port", String(port), "--seed", "1"],
      volumes: { "/opt/ml/model": model },
    });
    // before anything is cached
    expect(await answersOf(url)).toEqual(await installedAnswers(model));
    expect((await fetch(`${url}/ping`)).status).toBe(200);
    const answer = await fetch(`${url}/invocations`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prompt: "Dear", max_tokens: 4, temperature: 0 }),
    });
    expect(await answer.json()).toMatchObject({ model: "toy", choices: [{ finish_reason: "length" }] });
  },
);

/** What SageMaker finds in /opt/ml/model: the archive of `loam deploy sagemaker`, of the bytes that it reports, unpacked by tar. */
async function unpackedArchive(cwd: string): Promise<string> {
  const { code, stdout, stderr } = await loam(["deploy", "sagemaker", "toy@latest", "--to", "endpoint", "--json"], { cwd });
  expect(code, stderr).toBe(0);
  const { path, files } = JSON.parse(stdout.trim().split("\n").at(-1)!) as { path: string; files: { path: string; digest: string }[] };
  const archive = join(path, "model.tar.gz");
  expect(files.find(f => f.path === "model.tar.gz")?.digest).toBe(createHash("sha256").update(readFileSync(archive)).digest("hex"));
  const model = temporaryFolder("opt-ml-model");
  execFileSync("tar", ["xzf", archive, "-C", model]);
  return model;
}

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
      // a program that is written into an image or an archive, as a text
      if (name.includes("${") || name === "./bin/loam.js") continue;
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
  const env = { LOAM_HOME: layersHome() };
  const refused = async (name: string, ...args: string[]) => {
    const { code, stderr } = await loam(["deploy", "image", name, "--to", "x.oci", ...args], { cwd, env });
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
    const { code, stderr } = await loam(args, { cwd, env });
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
  expect(await refused("toy")).toMatch(
    /^2 [\s\S]*expected --to FOLDER, --to FILE\.tar, --push HOST\/REPOSITORY:TAG or --dockerfile FOLDER, got none of them/,
  );
  expect(await refused("toy@9", "--to", "a")).toMatch(/^[12] [\s\S]*toy@9/);
  expect(await refused("toy", "--to", "a", "--weights", "no")).toMatch(
    /^2 [\s\S]*--weights: expected one of inside, mounted, pulled, got "no"/,
  );
  expect(await refused("toy", "--to", "a", "--base", "registry.example.com/node:24")).toMatch(
    /^2 [\s\S]*--base: expected an image by its digest/,
  );
  expect(await refused("toy", "--to", "a", "--base", `127.0.0.1:9/node@sha256:${"0".repeat(64)}`)).toMatch(/^3 [\s\S]*127\.0\.0\.1:9/);
  expect(await refused("toy", "--to", "a", "--weights", "pulled")).toMatch(
    /^2 [\s\S]*--pull-from: expected HOST\/REPOSITORY:TAG, https:\/\/HOST\/FOLDER or s3:/,
  );
  expect(await refused("toy", "--to", "a", "--pull-from", "h/r:1")).toMatch(/^2 [\s\S]*--pull-from: expected --weights pulled beside it/);
  expect(await refused("toy", "--to", "a", "--sign", "key")).toMatch(/^2 [\s\S]*--sign: expected --push beside it, got none/);
  expect(await refused("toy", "--to", "a", "--variant", "x")).toMatch(/^2 [\s\S]*--variant: expected one of container, sagemaker, got "x"/);
  rmSync(join(cwd, ".loam", "blobs"), { recursive: true });
  expect(await refused("toy", "--to", "a")).toMatch(/^1 [\s\S]*weights\.safetensors/);
  expect(readdirSync(cwd).toSorted()).toEqual([...before, "there"].toSorted());
});
