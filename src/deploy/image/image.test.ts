import { execFileSync } from "node:child_process";
import { createPublicKey, verify } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { sha256 } from "../../base/index.ts";
import { documentOf, makeKeys, type Signer, signerOf } from "../../registry/index.ts";
import { toyVersion } from "../toy-version.laws.ts";
import { imageArchitecture } from "./build-image.ts";
import { writeDockerContext } from "./dockerfile.ts";
import { keptLayers } from "./kept-layers.ts";
import { writeLayer } from "./layer.ts";
import { librariesIn } from "./machine-base.ts";
import { planImage, pulledFilesText, sagemakerText } from "./plan.ts";
import { sbomReferrer, signatureReferrer, signImage, taggedSignatures } from "./referrers.ts";
import { spdxDocument } from "./sbom.ts";
import { type TreeEntry, textEntry, wholeTree } from "./tree.ts";

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "loam-layer-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
};

const deep = `app/node_modules/${"long-name-of-a-folder/".repeat(6)}index.js`;
const entries: readonly TreeEntry[] = [
  textEntry("etc/passwd", "root:x:0:0::/root:/sbin/nologin\n"),
  textEntry("usr/local/bin/node", "\u007fELF".repeat(2000), 0o755),
  { path: "tmp", mode: 0o1777, content: { kind: "folder" } },
  textEntry(deep, "export {};\n"),
];

test("a layer is what GNU tar lists: folders first, owner 0, time 0, modes as given, names of more than 100 bytes", async () => {
  const at = folder();
  const { descriptor } = await writeLayer({ name: "base", coding: "gzip", entries }, at);
  const file = join(at, descriptor.digest.replace("sha256:", ""));
  const listed = execFileSync("tar", ["tzvf", file, "--numeric-owner", "--utc"], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });
  const rows = listed
    .trim()
    .split("\n")
    .map(line => line.split(/\s+/));
  expect(new Set(rows.map(([, owner, , date, time]) => `${owner} ${date} ${time}`))).toEqual(new Set(["0/0 1970-01-01 00:00"]));
  expect(rows.map(([mode, , , , , name]) => `${mode} ${name}`)).toEqual(
    wholeTree(entries).map(({ path, mode, content }) =>
      content.kind === "folder"
        ? `${mode === 0o1777 ? "drwxrwxrwt" : "drwxr-xr-x"} ${path}/`
        : `${mode === 0o755 ? "-rwxr-xr-x" : "-rw-r--r--"} ${path}`,
    ),
  );
});

test("bytes of a layer depend on its entries alone: not on their order, and not on the Node that writes it (golden digest)", async () => {
  const digests = [];
  for (const given of [entries, [...entries].reverse()])
    digests.push(await writeLayer({ name: "base", coding: "gzip", entries: given }, folder()));
  expect(digests[0]).toEqual(digests[1]);
  expect(digests[0]!.descriptor.digest).toBe("sha256:f02a5f20cc801ff3b484a4b42ecbe0cf6b105e664f8a94634857b013ccf0f419");
});

test("the blob's digest is of the compressed bytes, the diffId of what they decompress to", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.string({ unit: "binary", maxLength: 200 }), { maxLength: 8 }), async texts => {
      const at = folder();
      const given = texts.map((t, i) => textEntry(`model/${i}`, t));
      const gzip = await writeLayer({ name: "code", coding: "gzip", entries: given }, at);
      const plain = await writeLayer({ name: "weights", coding: "stored", entries: given }, at);
      const bytes = readFileSync(join(at, gzip.descriptor.digest.replace("sha256:", "")));
      expect(bytes.length).toBe(gzip.descriptor.size);
      const tar = gunzipSync(bytes);
      expect(gunzipSync(readFileSync(join(at, plain.descriptor.digest.replace("sha256:", ""))))).toEqual(tar);
      expect(plain.descriptor.size).toBeLessThan(tar.length + 64);
      expect([plain.diffId, `sha256:${sha256(tar)}`]).toEqual([gzip.diffId, gzip.diffId]);
      expect(readdirSync(at).filter(f => f.endsWith(".part"))).toEqual([]);
    }),
    { numRuns: 20 },
  );
});

test("a layer that was kept is the same blob as a new one; one that is damaged, of another tar, or in a folder that cannot be written, is as if none was", async () => {
  const kept = join(folder(), "layers");
  const write = (given: readonly TreeEntry[], from = keptLayers(kept)) => {
    const at = folder();
    return writeLayer({ name: "code", coding: "gzip", entries: given }, at, { kept: from }).then(layer => ({
      layer,
      bytes: readFileSync(join(at, layer.descriptor.digest.replace("sha256:", ""))),
      names: readdirSync(at).length,
    }));
  };
  const plain = await writeLayer({ name: "code", coding: "gzip", entries }, folder());
  const first = await write(entries);
  expect(first).toMatchObject({ layer: plain, names: 1 });
  const [name] = readdirSync(kept);
  const place = join(kept, name!);
  const { diffId, descriptor } = plain;
  const fetched = (tarHex: string) => keptLayers(kept).fetch(tarHex, join(folder(), "blob"));
  const hexOf = (digest: string) => digest.replace("sha256:", "");
  expect(await fetched(hexOf(diffId))).toEqual({ blobHex: hexOf(descriptor.digest), sizeBytes: descriptor.size });
  expect(await fetched(hexOf(descriptor.digest))).toBeUndefined();
  utimesSync(place, 1, 1);
  expect(await write(entries)).toEqual(first);
  expect(statSync(place).mtimeMs).toBeGreaterThan(1_000_000);
  const bytes = readFileSync(place);
  for (const damaged of [bytes.subarray(0, -1), Buffer.from(bytes).fill(0, 20, 21), Buffer.alloc(0)]) {
    writeFileSync(place, damaged);
    expect(await write(entries)).toEqual(first);
    expect(readFileSync(place)).toEqual(bytes);
  }
  const other = [...entries, textEntry("more", "more")];
  expect((await write(other)).layer).toEqual(await writeLayer({ name: "code", coding: "gzip", entries: other }, folder()));
  const file = join(folder(), "file");
  writeFileSync(file, "");
  expect(await write(entries, keptLayers(join(file, "layers")))).toEqual(first);
  // weights are in the artifact store
  await writeLayer({ name: "weights", coding: "stored", entries }, folder(), { kept: keptLayers(kept) });
  expect(readdirSync(kept)).toHaveLength(2);
  // and of many layers the newest
  for (let i = 0; i < 12; i++) await write([textEntry("i", String(i))]);
  expect(readdirSync(kept)).toHaveLength(9);
});

test("a stored layer of several blocks is gzip that GNU gzip accepts, and as large as its tar but for 5 bytes in 65,535", async () => {
  const at = folder();
  const bytes = Buffer.from(Array.from({ length: 200_003 }, (_, i) => (i * 7919) & 255));
  const entry = (cut: number): TreeEntry => ({
    path: "model/weights",
    mode: 0o644,
    content: {
      kind: "stream",
      sizeBytes: bytes.length,
      async *open() {
        for (let i = 0; i < bytes.length; i += cut) yield bytes.subarray(i, i + cut);
      },
    },
  });
  const whole = await writeLayer({ name: "weights", coding: "stored", entries: [entry(bytes.length)] }, at);
  for (const cut of [1000, 65_535, 65_536])
    expect(await writeLayer({ name: "weights", coding: "stored", entries: [entry(cut)] }, folder())).toEqual(whole);
  const file = join(at, whole.descriptor.digest.replace("sha256:", ""));
  const tar = execFileSync("gzip", ["-dc"], { input: readFileSync(file), maxBuffer: 1 << 24 });
  expect(`sha256:${sha256(tar)}`).toBe(whole.diffId);
  expect(whole.descriptor.size - tar.length).toBe(18 + 5 * (Math.floor(tar.length / 65_535) + 1));
});

test("SageMaker's variant is started by a program that takes the argument serve; its settings are the container's but for the user", () => {
  const wishes = {
    weights: "mounted",
    architecture: "amd64",
    node: "usr/local/bin/node",
    version: "0.1.0",
  } as const;
  const sagemaker = planImage(toyVersion, { ...wishes, variant: "sagemaker" }).settings;
  const container = planImage(toyVersion, wishes).settings;
  expect({ ...sagemaker, User: container.User, Entrypoint: container.Entrypoint, Labels: container.Labels }).toEqual(container);
  expect([sagemaker.User, sagemaker.Entrypoint]).toEqual(["0:0", ["/usr/local/bin/node", "/app/sagemaker.mjs"]]);
  expect(sagemakerText(toyVersion, { ...wishes, variant: "sagemaker" })).toContain(
    '"serve","/opt/ml/model","--served-model-name","mail-small"',
  );
});

test("pulled weights are named by digest in the entry point", () => {
  const reference = `r.example/toy@sha256:${"1".repeat(64)}`;
  const { Entrypoint } = planImage(toyVersion, {
    weights: "pulled",
    pull: { reference, plainHttp: true, isAddress: false },
    architecture: "amd64",
    node: "usr/local/bin/node",
    version: "0.1.0",
  }).settings;
  expect(Entrypoint.slice(8)).toEqual(["--pull", reference, "--plain-http", "--host", "0.0.0.0", "--port", "8080"]);
});

test("files of an address are listed in the image with their digests, and guards are named by a label", () => {
  const reference = "s3://models/mail/3?region=eu-central-1";
  const { Entrypoint, Labels } = planImage(toyVersion, {
    weights: "pulled",
    pull: { reference, plainHttp: false, isAddress: true },
    guards: { file: "app/guards/guards.json", digest: "9".repeat(64) },
    architecture: "amd64",
    node: "usr/local/bin/node",
    version: "0.1.0",
  }).settings;
  const more = ["--pull", reference, "--pull-files", "/app/pull.json", "--guards", "/app/guards/guards.json"];
  expect(Entrypoint.slice(8)).toEqual([...more, "--host", "0.0.0.0", "--port", "8080"]);
  expect(Labels["loam.guards"]).toBe("9".repeat(64));
  const [file] = toyVersion.files;
  expect(JSON.parse(pulledFilesText(toyVersion))).toEqual({ format: 1, files: [file] });
});

test("a Dockerfile has the plan's settings, quoted, and a folder for each layer with the modes of the image (golden)", async () => {
  const at = folder();
  const { settings } = planImage(toyVersion, {
    weights: "inside",
    architecture: "amd64",
    node: "usr/local/bin/node",
    version: "0.1.0",
    env: ['GIVEN=a $b "c"'],
  });
  const layers = [
    { name: "library", coding: "gzip", entries: [textEntry("app/node_modules/a/index.js", "a")] },
    { name: "weights", coding: "stored", entries: [{ path: "tmp", mode: 0o1777, content: { kind: "folder" } }] },
  ] as const;
  const before = process.umask(0o077);
  await writeDockerContext(at, settings, layers, undefined).finally(() => process.umask(before));
  const lines = readFileSync(join(at, "Dockerfile"), "utf8").split("\n");
  expect(lines.filter(l => /^(FROM|COPY|USER|EXPOSE|STOPSIGNAL|ENV GIVEN)/.test(l))).toEqual([
    "FROM scratch",
    "COPY --chown=0:0 library/ /",
    "COPY --chown=0:0 weights/ /",
    'ENV GIVEN="a \\$b \\"c\\""',
    "EXPOSE 8080/tcp",
    "STOPSIGNAL SIGTERM",
    "USER 65532:65532",
  ]);
  expect(lines.find(l => l.startsWith("ENTRYPOINT"))).toBe(`ENTRYPOINT ${JSON.stringify(settings.Entrypoint)}`);
  const mode = (path: string) => (statSync(join(at, path)).mode & 0o7777).toString(8);
  expect([mode("library/app/node_modules/a"), mode("library/app/node_modules/a/index.js"), mode("weights/tmp")]).toEqual([
    "755",
    "644",
    "1777",
  ]);
});

test("a signature is over the image's digest in cosign's words; one more signer adds a layer, the same one again none", async () => {
  const image = documentOf("application/vnd.oci.image.manifest.v1+json", { a: 1 });
  const [ann, bob] = [makeKeys(), makeKeys()].map(k => signerOf(k.privateKey, "key")) as [Signer, Signer];
  const one = await signImage(image, "r.example/toy", ann);
  expect(JSON.parse(one.payload.bytes.toString())).toEqual({
    critical: {
      identity: { "docker-reference": "r.example/toy" },
      image: { "docker-manifest-digest": image.descriptor.digest },
      type: "cosign container image signature",
    },
    optional: null,
  });
  const base64 = one.layer.annotations!["dev.cosignproject.cosign/signature"]!;
  expect(verify(null, one.payload.bytes, createPublicKey(ann.publicKey), Buffer.from(base64, "base64"))).toBe(true);
  const layersOf = (r: { manifest: { bytes: Buffer } }) =>
    (JSON.parse(r.manifest.bytes.toString()) as { layers: (typeof one.layer)[] }).layers;
  const first = taggedSignatures([], one);
  const both = taggedSignatures(layersOf(first), await signImage(image, "r.example/toy", bob));
  expect([layersOf(first).length, layersOf(both).length]).toEqual([1, 2]);
  expect(taggedSignatures(layersOf(both), await signImage(image, "r.example/toy", ann)).manifest).toEqual(both.manifest);
  const attached = [signatureReferrer(image, one), sbomReferrer(image, {}, "2026-01-01T00:00:00Z")];
  for (const { manifest } of attached)
    expect((JSON.parse(manifest.bytes.toString()) as { subject: object }).subject).toEqual(image.descriptor);
  expect(attached.map(r => r.manifest.descriptor.artifactType)).toEqual([
    "application/vnd.dev.cosign.artifact.sig.v1+json",
    "application/spdx+json",
  ]);
});

test("the plan of an image is a function of the version and the wishes (golden)", () => {
  const wishes = {
    weights: "inside",
    architecture: "amd64",
    node: "usr/local/bin/node",
    version: "0.1.0",
  } as const;
  expect(planImage(toyVersion, wishes)).toMatchInlineSnapshot(`
    {
      "architecture": "amd64",
      "created": "2023-11-14T22:13:20.000Z",
      "settings": {
        "Cmd": [],
        "Entrypoint": [
          "/usr/local/bin/node",
          "/app/bin/loam.js",
          "serve",
          "/model",
          "--served-model-name",
          "mail-small",
          "--expect-digest",
          "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
          "--host",
          "0.0.0.0",
          "--port",
          "8080",
        ],
        "Env": [
          "PATH=/usr/local/bin:/usr/bin:/bin",
          "HOME=/tmp",
          "LOAM_HOME=/tmp",
          "NODE_ENV=production",
          "LANG=C.UTF-8",
        ],
        "ExposedPorts": {
          "8080/tcp": {},
        },
        "Labels": {
          "loam.alias": "prod",
          "loam.approval": "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
          "loam.evaluations": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
          "loam.fingerprint": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
          "loam.guards": "none",
          "loam.lineage": "model-0123456789ab",
          "loam.model": "mail-small",
          "loam.version": "3",
          "loam.weights": "inside",
          "org.opencontainers.image.created": "2023-11-14T22:13:20.000Z",
          "org.opencontainers.image.source": "loam 0.1.0",
          "org.opencontainers.image.title": "mail-small",
          "org.opencontainers.image.version": "3",
        },
        "StopSignal": "SIGTERM",
        "User": "65532:65532",
        "WorkingDir": "/tmp",
      },
    }
  `);
});

test("a base image's environment stays, but for what Loam needs", () => {
  const { settings } = planImage(toyVersion, {
    weights: "mounted",
    architecture: "arm64",
    node: "usr/local/bin/node",
    version: "0.1.0",
    env: ["PATH=/opt/bin", "NODE_VERSION=24.1.0", "HOME=/root"],
  });
  expect(settings.Env).toEqual([
    "PATH=/opt/bin",
    "NODE_VERSION=24.1.0",
    "HOME=/tmp",
    "LOAM_HOME=/tmp",
    "NODE_ENV=production",
    "LANG=C.UTF-8",
  ]);
});

test("an SPDX document is the same for the same packages in any order, and another for another version", () => {
  const packages = [
    { name: "node", version: "20.20.2", license: "MIT", kind: "runtime" },
    { name: "@grpc/grpc-js", version: "1.14.7", license: "Apache-2.0", kind: "npm" },
    { name: "libc.so.6", version: "2.36-9", license: null, kind: "system", digest: "f".repeat(64), source: "libc6" },
  ] as const;
  const document = spdxDocument(toyVersion, packages, "loam-0.1.0");
  expect(spdxDocument(toyVersion, packages.toReversed(), "loam-0.1.0")).toEqual(document);
  expect(document).toMatchObject({
    spdxVersion: "SPDX-2.3",
    creationInfo: { created: "2023-11-14T22:13:20Z" },
    packages: [
      { name: "@grpc/grpc-js", licenseDeclared: "Apache-2.0", externalRefs: [{ referenceLocator: "pkg:npm/%40grpc/grpc-js@1.14.7" }] },
      { name: "node" },
      { name: "libc.so.6", checksums: [{ checksumValue: "f".repeat(64) }] },
    ],
  });
  expect(spdxDocument({ ...toyVersion, fingerprint: "9".repeat(64) }, packages, "loam-0.1.0")).not.toEqual(document);
});

test("a library that the loader does not find is an error that names it", () => {
  const ldd = "\tlinux-vdso.so.1 (0x00007f)\n\tlibm.so.6 => /lib/libm.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
  expect(librariesIn(ldd, "node")).toEqual(["/lib/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]);
  expect(() => librariesIn("\tlibfoo.so.1 => not found\n", "node")).toThrow(
    /node: expected the shared library libfoo\.so\.1, got none on this machine/,
  );
});

test("an image is for the processor that native libraries here are for; another one has none", () => {
  expect([imageArchitecture("x64"), imageArchitecture("arm64")]).toEqual(["amd64", "arm64"]);
  expect(() => imageArchitecture("ia32")).toThrow(/expected a processor among x64, arm64, got ia32/);
});
