import { expect, test } from "vitest";
import { isLoamError, sha256, silent } from "../base/index.ts";
import type { ArtifactReader } from "../store/index.ts";
import { type Document, type DocumentAttributes, documentLine, parseDocument } from "./document.ts";
import { lacksPurpose, purposeStage } from "./purpose.ts";
import { type PurposeRule, purposePart } from "./purpose-rule.ts";

const rule = (more: Partial<PurposeRule> = {}): PurposeRule => ({ for: "support", consent: false, lacking: "refuse", ...more });
const lacks = (attributes: DocumentAttributes, more: Partial<PurposeRule> = {}) => lacksPurpose({ attributes }, rule(more));

test("a document has a purpose that it states, alone, in a list or between commas, and no part or other case of it", () => {
  for (const purpose of ["support", " support ", "billing, support", ["billing", "support"]]) expect(lacks({ purpose })).toBeUndefined();
  for (const purpose of ["supports", "Support", "", "billing", null, true, 1, [], ["billing,support"]])
    expect(lacks({ purpose })).toBe("purpose");
  expect(lacks({})).toBe("purpose");
});

test("consent is asked for where the rule says so, and a refusal is none", () => {
  const of = (consent: DocumentAttributes[string]) => lacks({ purpose: "support", consent }, { consent: true });
  for (const given of ["2026-01-02", "yes", true, ["form 3"], 20260102]) expect(of(given)).toBeUndefined();
  for (const given of [null, "", "no", "No ", "false", false, 0, "withdrawn", [], "refused"]) expect(of(given)).toBe("consent");
  expect(lacks({ purpose: "support" }, { consent: true })).toBe("consent");
  expect(lacks({ purpose: "support" })).toBeUndefined();
  // a document that lacks both is counted once
  expect(lacks({}, { consent: true })).toBe("purpose");
});

test("a purpose alone refuses, and an unknown key is an error", () => {
  expect(purposePart.parse("support")).toEqual(rule());
  expect(purposePart.safeParse({ for: "support", lack: "drop" }).success).toBe(false);
  expect(purposePart.safeParse("").success).toBe(false);
});

const reader = (files: ReadonlyMap<string, Buffer>, summary: ArtifactReader["summary"]): ArtifactReader => ({
  id: "documents-1",
  kind: "documents",
  digest: "",
  summary,
  files: [...files].map(([name, b]) => ({ name, digest: sha256(b), sizeBytes: b.length })),
  read: async name => files.get(name)!,
  async *stream(name) {
    yield files.get(name)!;
  },
  localPath: async name => name,
});

const document = (i: number): Document => ({
  id: `t:${String(i).padStart(2, "0")}`,
  text: `Letter ${i}`,
  source: "t.jsonl",
  attributes: { purpose: i % 4 === 0 ? "billing" : "support", consent: i % 5 === 0 ? "no" : "yes" },
});
const sides = {
  "train.jsonl": Array.from({ length: 30 }, (_, i) => document(i)),
  "held-out.jsonl": Array.from({ length: 10 }, (_, i) => document(30 + i)),
};

async function run(given: PurposeRule, more: readonly (readonly [string, Buffer])[] = []) {
  const of = Object.entries(sides).map(([name, all]) => [name, Buffer.from(all.map(documentLine).join(""))] as const);
  const files = new Map<string, string>();
  const writeStream = async (name: string, data: AsyncIterable<string | Uint8Array> | Iterable<string | Uint8Array>) => {
    let text = "";
    for await (const p of data) text += Buffer.from(p).toString();
    files.set(name, text);
  };
  const summary = await purposeStage.run({
    inputs: { documents: reader(new Map([...of, ...more]), { trainDocuments: 30, heldOutDocuments: 10 }) },
    options: { model: "risk", rule: given },
    output: { write: (name, data) => writeStream(name, [data]), writeStream },
    progress: silent,
    signal: new AbortController().signal,
    runData: { write() {} },
    scratch: "",
  });
  const ids = (name: string) =>
    files
      .get(name)!
      .trim()
      .split("\n")
      .map(line => {
        const parsed = parseDocument(line);
        if ("reason" in parsed) throw new Error(parsed.reason);
        return parsed.id;
      });
  return { summary, ids, files };
}

const refusal = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    if (isLoamError(error, "data/purpose")) return error.message;
    throw error;
  }
  return "none";
};

test("documents without it are refused with counts, or dropped from both sides and counted", async () => {
  const wanted = (d: Document) => lacksPurpose(d, rule({ consent: true })) === undefined;
  expect(await refusal(run(rule({ consent: true })))).toMatch(/16 of 40 documents lack it.*billing: 10.*consent of 6.*t:00/s);
  const { summary, ids } = await run(rule({ consent: true, lacking: "drop" }));
  expect(ids("train.jsonl")).toEqual(sides["train.jsonl"].filter(wanted).map(d => d.id));
  expect(ids("held-out.jsonl")).toEqual(sides["held-out.jsonl"].filter(wanted).map(d => d.id));
  expect(summary).toMatchObject({ lackingPurpose: 10, lackingConsent: 6, trainDocuments: ids("train.jsonl").length });
  // all would be dropped: more likely a wrong name than a wish
  expect(await refusal(run(rule({ for: "research", lacking: "drop" })))).toContain("40 of 40");
});

test("a mixture is not thinned: its weights are of all documents", async () => {
  const mixture = [["mixture.column", Buffer.alloc(30, 1)]] as const;
  expect(await refusal(run(rule({ lacking: "drop" }), mixture))).toContain("mixture");
});
