/** The Dockerfile that is written beside an image, built by a builder without a daemon, on a base from a registry, and run: it answers what the image answers. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findGoProgram } from "../src/store/servers.laws.ts";
import { loam } from "./support/child.ts";
import { answersOf, has, type Image, image, installedAnswers, runImage, unpackImage, withoutRuntime } from "./support/image.ts";
import { temporaryFolder, trainedToy } from "./support/project.ts";
import { findRegistry, startRegistry } from "./support/registry.ts";

const registry = findRegistry();
const crane = findGoProgram("crane", "LOAM_CRANE", "github.com/google/go-containerregistry/cmd/crane");
const reason =
  registry.reason ??
  crane.reason ??
  (withoutRuntime ? "needs umoci, runc, root" : has("buildah") ? undefined : "buildah is not installed: apt-get install buildah");
const claim = "the Dockerfile, built by buildah on a base from a registry, is an image that answers byte by byte as the whole install does";

const run = (program: string, args: readonly string[], cwd: string): string =>
  execFileSync(program, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

test.skipIf(reason !== undefined)(reason === undefined ? claim : `${claim} (skipped: ${reason})`, async () => {
  const { host } = await startRegistry(registry.program!);
  const cwd = await trainedToy();
  const { layers } = await image(cwd, ["--weights", "mounted"]);
  const layer = join(temporaryFolder("base"), "layer.tar.gz");
  writeFileSync(layer, readFileSync(join(cwd, "toy.oci", "blobs", "sha256", layers[0]!.digest.replace("sha256:", ""))));
  const platform = `linux/${process.arch === "arm64" ? "arm64" : "amd64"}`;
  run(crane.program!, ["append", "--insecure", "--oci-empty-base", "--new_layer", layer, "--new_tag", `${host}/node:local`], cwd);
  run(crane.program!, ["mutate", "--insecure", "--set-platform", platform, "--tag", `${host}/node:local`, `${host}/node:local`], cwd);
  const base = `${host}/node@${run(crane.program!, ["digest", "--insecure", `${host}/node:local`], cwd).trim()}`;

  const { code, stdout, stderr } = await loam(["deploy", "image", "toy@1", "--dockerfile", "context", "--base", base, "--json"], { cwd });
  expect(code, stderr).toBe(0);
  const written = JSON.parse(stdout.trim().split("\n").at(-1)!) as Image & { readonly dockerfile: string };
  expect([written.digest, written.layers, written.dockerfile]).toEqual([null, [], join(cwd, "context")]);
  const text = readFileSync(join(cwd, "context", "Dockerfile"), "utf8");
  expect(text).toContain(`FROM ${base}\n`);
  expect(text).not.toContain("COPY --chown=0:0 base/");

  const storage = temporaryFolder("buildah");
  const buildah = (...args: string[]) =>
    run("buildah", ["--root", join(storage, "root"), "--runroot", join(storage, "run"), "--storage-driver", "vfs", ...args], cwd);
  onTestFinished(() => void buildah("rmi", "--all", "--force"));
  buildah("bud", "--isolation", "chroot", "--tls-verify=false", "--tag", "toy-of-a-dockerfile", "context");
  buildah("push", "toy-of-a-dockerfile", `oci:${join(cwd, "built")}:toy`);
  const bundle = unpackImage(join(cwd, "built"), "toy");
  const url = await runImage(bundle, `loam-dockerfile-${process.pid}`);
  expect(await answersOf(url)).toEqual(await installedAnswers(join(bundle, "rootfs", "model")));
});
