/**
 * Images in a real registry of containers: pushed as a user does it, read back by independent programs (crane, skopeo, oras, cosign), over a line that breaks
 * off, into a registry that is full, on a base that crane made there, and with weights that are pulled at start.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findGoProgram } from "../src/store/servers.laws.ts";
import { loam } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { deployPython, lacksSpdx } from "./support/deploy-python.ts";
import { answersOf, has, type Image, image, installedAnswers, layersHome, runImage, unpackImage, withoutRuntime } from "./support/image.ts";
import { noDisks, smallDisk } from "./support/mount.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";
import { brittleLine, findRegistry, startRegistry } from "./support/registry.ts";

const registry = findRegistry();
const crane = findGoProgram("crane", "LOAM_CRANE", "github.com/google/go-containerregistry/cmd/crane");
const cosign = findGoProgram("cosign", "LOAM_COSIGN", "github.com/sigstore/cosign/v2/cmd/cosign");
const oras = findGoProgram("oras", "LOAM_ORAS", "oras.land/oras/cmd/oras");

/** Skipped with the first reason; each builds several images, so they are part of the full suite. */
const real = (claim: string, reasons: readonly (string | undefined | false)[], run: () => Promise<void>) => {
  const reason = [registry.reason, ...reasons].find(r => typeof r === "string" && r !== "");
  return reason === undefined ? deepTest(claim, run) : test.skip(`${claim} (skipped: ${reason})`, run);
};

interface Pushed extends Image {
  readonly pushed: { readonly reference: string; readonly sentBytes: number; readonly skipped: number; readonly sbom: string };
}

async function deployed(cwd: string, args: readonly string[]): Promise<Pushed> {
  const { code, stdout, stderr } = await loam(["deploy", "image", ...args, "--json"], { cwd, env: { LOAM_HOME: layersHome() } });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Pushed;
}

const run = (program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): string =>
  execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });

real(
  "a pushed image is what crane and skopeo read under the digest that was said, and a new version sends its weights alone",
  [crane.reason, has("skopeo") ? "" : "skopeo is not installed: apt-get install skopeo"],
  async () => {
    const { host } = await startRegistry(registry.program!);
    const cwd = await trainedToy();
    const one = await deployed(cwd, ["toy@1", "--push", `${host}/team/toy:1`]);
    expect(run(crane.program!, ["validate", "--insecure", "--remote", `${host}/team/toy:1`])).toMatch(/^PASS/);
    expect(run(crane.program!, ["digest", "--insecure", `${host}/team/toy:1`]).trim()).toBe(one.digest);
    const copy = join(temporaryFolder("copy"), "oci");
    run("skopeo", ["copy", "--src-tls-verify=false", "--insecure-policy", `docker://${host}/team/toy:1`, `oci:${copy}:toy`]);
    const index = JSON.parse(readFileSync(join(copy, "index.json"), "utf8")) as { manifests: { digest: string }[] };
    expect(index.manifests.map(m => m.digest)).toEqual([one.digest]);
    // the next version: its weights, its configuration and its list of contents
    const yaml = readFileSync(join(cwd, "loam.yaml"), "utf8");
    writeFileSync(join(cwd, "loam.yaml"), yaml.replace("tokens: 20000", "tokens: 21000"));
    expect((await loam(["run"], { cwd })).code).toBe(0);
    const two = await deployed(cwd, ["toy@2", "--push", `${host}/team/toy:2`]);
    const weights = two.layers.find(l => l.name === "weights")!;
    expect(two.layers.slice(0, 3)).toEqual(one.layers.slice(0, 3));
    const documents = 200_000;
    expect(two.pushed.sentBytes).toBeGreaterThan(weights.unpackedBytes);
    expect(two.pushed.sentBytes).toBeLessThan(weights.unpackedBytes + documents);
    expect(two.pushed.sentBytes).toBeLessThan(one.pushed.sentBytes / 50);
    expect(two.pushed.skipped).toBe(4);
    // and once more nothing at all
    expect((await deployed(cwd, ["toy@2", "--push", `${host}/team/toy:again`])).pushed.sentBytes).toBe(0);
  },
);

real(
  "an image that skopeo pulls by its tag answers as the installation does; the tag of an alias moves with a push, and the image before stays under its digest",
  [crane.reason, has("skopeo") ? "" : "skopeo is not installed: apt-get install skopeo", withoutRuntime && "needs umoci, runc, root"],
  async () => {
    const { host } = await startRegistry(registry.program!);
    const cwd = await trainedToy();
    const alias = `${host}/team/toy:prod`;
    const one = await deployed(cwd, ["toy@1", "--push", alias]);
    const yaml = readFileSync(join(cwd, "loam.yaml"), "utf8");
    writeFileSync(join(cwd, "loam.yaml"), yaml.replace("tokens: 20000", "tokens: 21000"));
    expect((await loam(["run"], { cwd })).code).toBe(0);
    const two = await deployed(cwd, ["toy@2", "--push", `${host}/team/toy:2`]);
    const digestOf = (name: string) => run(crane.program!, ["digest", "--insecure", name]).trim();
    expect(digestOf(alias)).toBe(one.digest);
    const moved = await deployed(cwd, ["toy@2", "--push", alias]);
    expect([moved.digest, moved.pushed.sentBytes]).toEqual([two.digest, 0]);
    expect(digestOf(alias)).toBe(two.digest);
    const answered: unknown[] = [];
    for (const [i, from] of [alias, `${host}/team/toy@${one.digest}`].entries()) {
      const copy = join(temporaryFolder("pulled"), "oci");
      run("skopeo", ["copy", "--src-tls-verify=false", "--insecure-policy", `docker://${from}`, `oci:${copy}:toy`]);
      const bundle = unpackImage(copy, "toy");
      const answers = await answersOf(await runImage(bundle, `loam-pulled-${i}-${process.pid}`));
      expect(answers).toEqual(await installedAnswers(join(bundle, "rootfs", "model")));
      answered.push(answers[0]);
    }
    // of two versions
    expect(answered[0]).not.toEqual(answered[1]);
  },
);

real("a push over a line that breaks off goes on where it stopped, and what is there is whole", [crane.reason], async () => {
  const { host } = await startRegistry(registry.program!);
  const cwd = await trainedToy();
  const line = await brittleLine(host, { up: [3_000_000, 20_000_000] });
  await deployed(cwd, ["toy@1", "--push", `${line.host}/toy:1`]);
  expect(line.breaks()).toBe(2);
  expect(run(crane.program!, ["validate", "--insecure", "--remote", `${host}/toy:1`])).toMatch(/^PASS/);
});

real("a missing registry, and one whose disk is full, are errors that name it; no tag is left", [crane.reason, noDisks], async () => {
  const cwd = await trainedToy();
  const refused = async (reference: string) => {
    const { code, stderr } = await loam(["deploy", "image", "toy@1", "--push", reference], { cwd, env: { LOAM_HOME: layersHome() } });
    return `${code} ${stderr}`;
  };
  expect(await refused("127.0.0.1:9/toy:1")).toMatch(/^3 [\s\S]*127\.0\.0\.1:9\/toy:1: expected an answer of http:\/\/127\.0\.0\.1:9, got/);
  const disk = smallDisk("24m");
  onTestFinished(() => disk.remove());
  const { host } = await startRegistry(registry.program!, {}, disk.folder);
  expect(await refused(`${host}/toy:1`)).toMatch(/^3 [\s\S]*toy:1[\s\S]*expected an answer that lets it go on, got 500/);
  expect(run(crane.program!, ["catalog", "--insecure", host]).trim()).not.toMatch(/toy:1/);
  expect(spawnSync(crane.program!, ["manifest", "--insecure", `${host}/toy:1`]).status).not.toBe(0);
});

/** A base image in a registry, made by crane from the base layer of an image of this machine: Node at /usr/local/bin/node. */
async function pushedBase(cwd: string, reference: string, platform: string): Promise<string> {
  const layout = join(cwd, "base.oci");
  const { layers } = await deployed(cwd, ["toy@1", "--weights", "mounted", "--to", "base.oci"]);
  const layer = join(layout, "blobs", "sha256", layers[0]!.digest.replace("sha256:", ""));
  const named = join(temporaryFolder("base"), "layer.tar.gz");
  writeFileSync(named, readFileSync(layer));
  run(crane.program!, ["append", "--insecure", "--oci-empty-base", "--new_layer", named, "--new_tag", reference]);
  run(crane.program!, ["mutate", "--insecure", "--set-platform", platform, "--env", "NODE_VERSION=local", "--tag", reference, reference]);
  return `${reference.replace(/:[^:/]*$/, "")}@${run(crane.program!, ["digest", "--insecure", reference]).trim()}`;
}

const own = process.arch === "arm64" ? "arm64" : "amd64";
const other = own === "arm64" ? "amd64" : "arm64";

real(
  "on a base image of a registry, by its digest, an image answers as on this machine's own; another architecture, and a layer that was changed there, are refused",
  [crane.reason, withoutRuntime && "needs umoci, runc, root"],
  async () => {
    const { host, folder } = await startRegistry(registry.program!);
    const cwd = await trainedToy();
    const base = await pushedBase(cwd, `${host}/node:20`, `linux/${own}`);
    const based = await deployed(cwd, ["toy@1", "--base", base, "--to", "based.oci"]);
    expect(based.layers.map(l => l.name)).toEqual(["given", "library", "code", "weights"]);
    const bundle = unpackImage(join(cwd, "based.oci"), "toy-1");
    const config = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as { process: { env: string[] } };
    expect(config.process.env).toContain("NODE_VERSION=local");
    const url = await runImage(bundle, `loam-based-${process.pid}`);
    expect(await answersOf(url)).toEqual(await installedAnswers(join(bundle, "rootfs", "model")));

    const refused = async (reference: string, to: string) => {
      const { code, stderr } = await loam(["deploy", "image", "toy@1", "--base", reference, "--to", to], {
        cwd,
        env: { LOAM_HOME: layersHome() },
      });
      return `${code} ${stderr}`;
    };
    run(crane.program!, ["mutate", "--insecure", "--set-platform", `linux/${other}`, "--tag", `${host}/node:other`, base]);
    const otherDigest = run(crane.program!, ["digest", "--insecure", `${host}/node:other`]).trim();
    expect(await refused(`${host}/node@${otherDigest}`, "other.oci")).toMatch(
      new RegExp(`^1 [\\s\\S]*expected linux/${own}, which Loam's native libraries here are for, got linux/${other}`),
    );
    const hex = based.layers[0]!.digest.replace("sha256:", "");
    const blob = join(folder, "docker", "registry", "v2", "blobs", "sha256", hex.slice(0, 2), hex, "data");
    const bytes = readFileSync(blob);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(blob, bytes);
    expect(await refused(base, "changed.oci")).toMatch(new RegExp(`^1 [\\s\\S]*expected sha256:${hex}, got sha256:`));
    expect(readdirSync(cwd)).not.toContain("changed.oci");
  },
);

real(
  "a signed image is one that `cosign verify --key` accepts, by that key alone, and a second signer's is beside it",
  [cosign.reason],
  async () => {
    const { host } = await startRegistry(registry.program!);
    const cwd = await trainedToy();
    for (const key of ["ann", "bob", "eve"]) expect((await loam(["models", "keygen", key], { cwd })).code).toBe(0);
    const reference = `${host}/team/toy:1`;
    const home = temporaryFolder("cosign");
    const verify = (key: string, name = reference) =>
      spawnSync(
        cosign.program!,
        ["verify", "--key", join(cwd, `${key}.pub`), "--insecure-ignore-tlog", "--allow-http-registry", "--allow-insecure-registry", name],
        { encoding: "utf8", env: { ...process.env, HOME: home } },
      );
    const { digest } = await deployed(cwd, ["toy@1", "--push", reference, "--sign", "ann"]);
    const accepted = verify("ann");
    expect(accepted.status, accepted.stderr).toBe(0);
    const [claim] = JSON.parse(accepted.stdout) as [{ critical: { image: object; identity: object } }];
    expect(claim.critical).toMatchObject({
      image: { "docker-manifest-digest": digest },
      identity: { "docker-reference": `${host}/team/toy` },
    });
    expect(verify("bob").status).not.toBe(0);
    await deployed(cwd, ["toy@1", "--push", reference, "--sign", "bob"]);
    // once more by the same key adds nothing
    await deployed(cwd, ["toy@1", "--push", reference, "--sign", "ann"]);
    expect([verify("ann").status, verify("bob").status]).toEqual([0, 0]);
    expect(verify("eve").status).not.toBe(0);
    const tagged = await fetch(`http://${host}/v2/team/toy/manifests/${digest.replace(":", "-")}.sig`, {
      headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    const signatures = (await tagged.json()) as { layers: unknown[] };
    expect(signatures.layers).toHaveLength(2);
    // an image that nobody signed
    await deployed(cwd, ["toy@1", "--push", `${host}/team/plain:1`, "--weights", "mounted"]);
    expect(verify("ann", `${host}/team/plain:1`).status).not.toBe(0);
  },
);

real(
  "the list of contents is a referrer of the image, and SPDX's own library finds nothing wrong in it",
  [oras.reason, lacksSpdx],
  async () => {
    const { host } = await startRegistry(registry.program!);
    const cwd = await trainedToy();
    const { digest, pushed } = await deployed(cwd, ["toy@1", "--push", `${host}/toy:1`]);
    const found = JSON.parse(run(oras.program!, ["discover", "--plain-http", "--format", "json", `${host}/toy@${digest}`])) as {
      referrers?: { digest: string; artifactType: string }[];
      manifests?: { digest: string; artifactType: string }[];
    };
    expect((found.referrers ?? found.manifests ?? []).map(m => [m.digest, m.artifactType])).toEqual([
      [pushed.sbom, "application/spdx+json"],
    ]);
    const into = temporaryFolder("sbom");
    run(oras.program!, ["pull", "--plain-http", "--output", into, `${host}/toy@${pushed.sbom}`]);
    const program = [
      "import sys",
      "from spdx_tools.spdx.parser.parse_anything import parse_file",
      "from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document",
      "document = parse_file(sys.argv[1])",
      "for m in validate_full_spdx_document(document): print(m.validation_message)",
      "print(len(document.packages))",
    ].join("\n");
    const said = run(deployPython, ["-c", program, join(into, "sbom.spdx.json")]).trim();
    expect(Number(said)).toBeGreaterThan(30);
    const names = (JSON.parse(readFileSync(join(into, "sbom.spdx.json"), "utf8")) as { packages: { name: string }[] }).packages.map(
      p => p.name,
    );
    expect(names).toEqual(expect.arrayContaining(["node", "koffi", "hono", "loam", "toy"]));
    expect(names.some(n => n.startsWith("libc.so"))).toBe(true);
  },
);

real(
  "pulled weights come from the registry into a mounted folder at start, a file that was changed is fetched again, and with all of them there the registry may be away",
  [withoutRuntime && "needs umoci, runc, root"],
  async () => {
    const { host } = await startRegistry(registry.program!);
    const cwd = await trainedToy();
    expect((await loam(["models", "push", "toy@1", `${host}/models/toy:1`], { cwd })).code).toBe(0);
    const { layers, entrypoint } = await image(cwd, ["--weights", "pulled", "--pull-from", `${host}/models/toy:1`]);
    expect(entrypoint.join(" ")).toMatch(/--pull \S+\/models\/toy@sha256:[0-9a-f]{64} --host/);
    expect(layers[3]!.unpackedBytes).toBeLessThan(200_000);
    const volume = temporaryFolder("volume");
    const model = join(volume, "model");
    mkdirSync(model);
    run("chmod", ["-R", "a+rwX", volume]);
    const start = async (name: string) =>
      runImage(unpackImage(join(cwd, "toy.oci"), "toy-1"), `loam-${name}-${process.pid}`, { volumes: { "/model": model } });
    const first = await answersOf(await start("pulled"));
    expect(first).toEqual(await installedAnswers(model));
    // a file with other bytes is not served: it is fetched again
    const weights = join(model, "weights.safetensors");
    const bytes = readFileSync(weights);
    writeFileSync(weights, Buffer.from(bytes.toReversed()));
    expect(await answersOf(await start("mended"))).toEqual(first);
    expect(readFileSync(weights)).toEqual(bytes);
    // the registry of this reference is gone
    const args = entrypoint.slice(2, entrypoint.indexOf("--host")).map(a => (a === "/model" ? model : a.replace(host, "127.0.0.1:9")));
    const { code, stderr } = await loam([...args, "--port", "0", "--context", "1"], { cwd: temporaryFolder("empty") });
    // past the files, at an option that does not hold
    expect(`${code} ${stderr}`).toMatch(/^2 [\s\S]*--context/);
  },
);
