/** The log as Go's transparency-dev modules see it: checkpoint, co-signature, every inclusion and consistency proof of sizes around a full tile. */
import { spawnSync } from "node:child_process";
import { generateKeyPairSync, sign } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import {
  consistencyProof,
  cosign,
  inclusionProof,
  leafHash,
  type NoteSigner,
  openStore,
  recordActs,
  rootOf,
  signCheckpoint,
  verifierKey,
} from "../src/store/index.ts";

const folder = mkdtempSync(join(tmpdir(), "loam-merkle-go-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const source = join(import.meta.dirname, "merkle-go");
const program = join(folder, "verify");
// the modules come from the module cache or the proxy
const built = spawnSync("go", ["build", "-o", program, "."], { cwd: source, encoding: "utf8", timeout: 180_000 });
const missing = built.error ? "no Go here" : built.status === 0 ? undefined : "the Go modules cannot be built here";

const signerOf = (name: string): NoteSigner => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { name, publicKey: publicKey.export({ format: "der", type: "spki" }).subarray(-32), sign: data => sign(null, data, privateKey) };
};

const title = "Go's transparency-dev accepts checkpoint, co-signature and every proof, and refuses each after one changed bit";
test.skipIf(missing !== undefined)(missing === undefined ? title : `${title} (skipped: ${missing})`, { timeout: 300_000 }, async () => {
  const root = join(folder, "project");
  mkdirSync(root);
  const store = await openStore({ root });
  try {
    await recordActs(
      store,
      Array.from({ length: 300 }, (_, i) => ({ kind: "incident" as const, who: "ann", what: "test", on: `thing ${i}` })),
    );
    const entries = (await store.records.read.selectFrom("log").select("entry").orderBy("position").execute()).map(r => r.entry);
    const leaves = entries.map(leafHash);
    const log = signerOf("example.com/mail");
    const witness = signerOf("witness.example.org");
    const checkpoint = { origin: log.name, size: leaves.length, root: rootOf(leaves) };
    writeFileSync(join(folder, "checkpoint"), (await signCheckpoint(checkpoint, log)) + (await cosign(checkpoint, witness, 1_795_616_000)));
    const given = {
      dir: folder,
      origin: log.name,
      key: verifierKey(log, "log"),
      witness: verifierKey(witness, "witness"),
      inclusion: entries.map((entry, index) => ({ index, entry, proof: inclusionProof(leaves, index) })),
      consistency: [1, 2, 3, 128, 255, 256, 257, 299, 300].map(size => ({
        size,
        root: rootOf(leaves.slice(0, size)),
        proof: consistencyProof(leaves, size),
      })),
    };
    const judge = (input: object) => spawnSync(program, { input: JSON.stringify(input), encoding: "utf8" });
    expect(judge(given)).toMatchObject({ status: 0, stdout: "300 300 9\n" });
    const [first] = given.inclusion;
    const flipped = (hex: string) => (hex.startsWith("0") ? "1" : "0") + hex.slice(1);
    for (const changed of [
      { inclusion: [{ ...first!, entry: `${first!.entry} ` }] },
      { inclusion: [{ ...first!, index: 1 }] },
      { inclusion: [{ ...first!, proof: first!.proof.map(flipped) }] },
      { consistency: [{ ...given.consistency[3]!, root: flipped(given.consistency[3]!.root) }] },
      { origin: "example.com/other" },
      { witness: verifierKey(signerOf(witness.name), "witness") },
    ])
      expect(judge({ ...given, ...changed }).status, Object.keys(changed)[0]).toBe(1);
  } finally {
    await store.close();
  }
});
