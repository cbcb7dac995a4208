import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { deep } from "../../test/support/deep.ts";
import { random } from "../base/index.ts";
import type { Document } from "./document.ts";
import type { LedgerEntry, SetAside } from "./ledger.ts";
import { reasonsLine } from "./pipeline.ts";
import { keptTasks } from "./plan/kept.ts";
import { bad, type Given, good, type Made, runRecords } from "./plan/runs.laws.ts";
import { folderWorkspace, memoryWorkspace, type StepWorkspace, type TaskOutput } from "./plan/workspace.ts";
import { noResources } from "./resources.ts";
import type { ReadRecord } from "./sources/source.ts";
import { stepEntry } from "./steps/step-entry.ts";
import { chooseStep } from "./steps/steps.ts";

const run = (records: readonly ReadRecord[], steps: unknown[], maxBad = 0.1, more: Partial<Given> = {}) =>
  runRecords([records], { steps, maxBad, ...more });
const kept = (m: Made) => m.rows<Document>("train.jsonl");
const dropped = (m: Made) =>
  m.rows<Document & { dropped: { step: string; rule: string } }>("dropped.jsonl").map(d => `${d.id} ${d.dropped.step}/${d.dropped.rule}`);
const ledger = (m: Made) => m.rows<LedgerEntry>("ledger.jsonl");

const words = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `w${from + i}`).join(" ");
const records = [
  good("a", `${words(40)}  \n\n\n\n\nend`, [{ rule: "html-in-plain", value: 3 }]),
  good("b", `${words(40)}\n\n\nEND`),
  good("c", "too short"),
  good("d", "\u200b"),
  good("e", words(60, 100)),
  good("f", `${words(60, 100)} and more`),
];
const steps = ["clean", { length: { minWords: 5 } }, { deduplicate: { fuzzy: true } }];

test("every record is kept, dropped with a reason, or set aside; nothing is lost", async () => {
  const m = await run([...records, bad("x:3")], steps, 2);
  expect(kept(m).map(d => d.id)).toEqual(["t:a", "t:f"]);
  expect(dropped(m)).toEqual(["t:b deduplicate/exact", "t:c length/min-words", "t:d clean/empty", "t:e deduplicate/near-duplicate"]);
  expect(m.rows<SetAside>("set-aside.jsonl")).toEqual([{ place: "x:3", reason: "json", message: "broken" }]);
  expect(m.kept + m.dropped + m.setAside).toBe(m.read);
});

test("the ledger tells each document's story in the order it happened", async () => {
  const m = await run(records, steps);
  const story = (id: string) => ledger(m).flatMap(e => (e.document === id ? [`${e.step} ${e.action} ${e.rule}`] : []));
  expect(story("t:a")).toEqual(["read edit html-in-plain", "clean edit trailing-space", "clean edit empty-lines"]);
  expect(story("t:c")).toEqual(["length drop min-words"]);
  expect(ledger(m).find(e => e.document === "t:c")).toEqual({
    document: "t:c",
    step: "length",
    action: "drop",
    rule: "min-words",
    value: 2,
    threshold: 5,
  });
  expect(ledger(m).find(e => e.document === "t:e" && e.action === "drop")).toMatchObject({
    survivor: "t:f",
    cluster: "t:e",
    threshold: 0.7,
  });
});

/** A corpus with copies, near-copies, repeated lines and passages, and what all steps have to say of it. */
const many: readonly ReadRecord[] = (() => {
  const draw = random("many");
  const footer = "This line stands below every other document of this corpus.";
  return Array.from({ length: 120 }, (_, i) => {
    const from = 7 * (i % 40);
    const text = Array.from({ length: 30 + (i % 5) }, (_, k) => (draw.uniform() < 0.02 ? `x${i}` : `w${from + k}`)).join(" ");
    return i % 17 === 3 ? bad(`m${i}`) : good(`m${String(i).padStart(3, "0")}`, i % 2 ? `${text}\n${footer}` : `${text}\n`);
  });
})();
const everything: Given = {
  steps: [
    "clean",
    { length: { minWords: 5 } },
    { repeats: { lines: { minDocuments: 5 } } },
    { deduplicate: { fuzzy: true } },
    "gopher-repetition",
    { substrings: { minBytes: 60 } },
  ],
  split: { heldOut: 0.2 },
  keep: ["t:m004"],
  forget: ["t:m010"],
  maxBad: 20,
};
const partitioned = (n: number, list: readonly ReadRecord[] = many) =>
  Array.from({ length: n }, (_, p) => list.filter((_, i) => i % n === p));

test("the same bytes, however records are ordered, however they lie in partitions, in however many bins they meet", async () => {
  const first = await runRecords([many], everything);
  expect(first.dropped).toBeGreaterThan(30);
  expect(first.train).toBeGreaterThan(20);
  expect(first.heldOut).toBeGreaterThan(3);
  expect(first.forgotten).toBe(1);
  expect(first.steps.map(s => s.edited)[2]).toBeGreaterThan(10);
  expect(first.steps.map(s => s.edited)[5]).toBeGreaterThan(0);
  for (const [partitions, bins, seed] of [
    [1, 1, 1],
    [2, 3, 0],
    [7, 5, 2],
  ] as const) {
    const list = seed === 0 ? many : [...random(seed).permutation(many.length)].map(i => many[i]!);
    const again = await runRecords(partitioned(partitions, list), { ...everything, bins });
    for (const [name, bytes] of first.files)
      expect(again.files.get(name)!.toString("utf8"), `${name} of ${partitions}`).toBe(bytes.toString("utf8"));
  }
});

/** A workspace that fails after so many finished tasks, or writes. */
function failing(inner: StepWorkspace, finishes: number): StepWorkspace {
  let left = finishes;
  return {
    ...inner,
    async begin(id): Promise<TaskOutput> {
      const output = await inner.begin(id);
      return {
        ...output,
        async finish(values) {
          if (left-- <= 0) throw new Error("the power went out");
          return output.finish(values);
        },
      };
    },
  };
}

test("a run that stops anywhere goes on where it was, to the same bytes, and does no finished task again", async () => {
  const first = await runRecords(partitioned(3), { ...everything, bins: 2 });
  const folder = mkdtempSync(join(tmpdir(), "loam-job-"));
  try {
    for (const make of [() => folderWorkspace(join(folder, "w")), ...(deep ? [memoryWorkspace] : [])]) {
      const workspace = make();
      let attempts = 0;
      let began = 0;
      const counted: StepWorkspace = {
        ...workspace,
        begin: id => {
          began++;
          return workspace.begin(id);
        },
      };
      for (;;) {
        const now = failing(counted, 7);
        const made = await runRecords(partitioned(3), { ...everything, bins: 2, workspace: now }).catch((e: Error) => e);
        attempts++;
        if (made instanceof Error) {
          expect(made.message).toBe("the power went out");
          continue;
        }
        for (const [name, bytes] of first.files) expect(made.files.get(name)!.equals(bytes), name).toBe(true);
        break;
      }
      expect(attempts).toBeGreaterThan(3);
      // Each interrupted attempt began one task in vain.
      const whole = { n: 0 };
      const fresh = memoryWorkspace();
      await runRecords(partitioned(3), {
        ...everything,
        bins: 2,
        workspace: {
          ...fresh,
          begin: id => {
            whole.n++;
            return fresh.begin(id);
          },
        },
      });
      expect(began).toBe(whole.n + attempts - 1);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a run takes over what the one before read: only new partitions are read, and the bytes are those of a fresh run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "loam-kept-"));
  try {
    let runs = 0;
    const read: number[] = [];
    const keeping = (partitions: readonly (readonly ReadRecord[])[], more: Partial<Given> = {}) => {
      const workspace = join(folder, `job-${runs++}`);
      read.length = 0;
      return runRecords(partitions, {
        ...everything,
        ...more,
        workspace: folderWorkspace(workspace),
        kept: (job, first) => keptTasks(join(folder, "kept"), workspace, job, first, null),
        onRead: p => read.push(p),
      });
    };
    const same = async (made: Made, partitions: readonly (readonly ReadRecord[])[], more: Partial<Given> = {}) => {
      const fresh = await runRecords(partitions, { ...everything, ...more });
      for (const [name, bytes] of fresh.files) expect(made.files.get(name)!.equals(bytes), name).toBe(true);
    };
    const four = partitioned(4);
    await same(await keeping(four.slice(0, 3)), four.slice(0, 3));
    expect(read).toEqual([0, 1, 2]);
    // One more.
    await same(await keeping(four), four);
    expect(read).toEqual([3]);
    // A document of one partition is to be forgotten: that one is read again.
    const gone = { forget: ["t:m010", "t:m005"] };
    await same(await keeping(four, gone), four, gone);
    expect(read).toEqual([1]);
    // Another option of a step of the first wave: nothing can be taken over.
    const other = { steps: ["clean", { length: { minWords: 6 } }, ...everything.steps.slice(2)] };
    await same(await keeping(four, other), four, other);
    expect(read).toEqual([0, 1, 2, 3]);
    // A step behind the first shuffle may change.
    const later = { steps: [...other.steps.slice(0, 4), "fineweb"] };
    await same(await keeping(four, later), four, later);
    expect(read).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("steps may follow a barrier: what is left is judged in the order of the list", async () => {
  const late = await run(records, ["clean", "deduplicate", { length: { minWords: 50 } }]);
  expect(kept(late).map(d => d.id)).toEqual(["t:e", "t:f"]);
});

test("who is forgotten leaves no trace, and its place goes to the next best", async () => {
  const before = await run(records, steps);
  expect(kept(before).map(d => d.id)).toContain("t:f");
  const after = await run(records, steps, 0.1, { forget: ["t:f"] });
  expect(kept(after).map(d => d.id)).toEqual(["t:a", "t:e"]);
  for (const [name, bytes] of after.files) expect(bytes.includes("t:f"), name).toBe(false);
});

test("bad records stop the run only beyond maxBad, and then the first are named", async () => {
  const some = [bad("x:1"), good("a", words(9)), bad("x:2")];
  expect((await run(some, [], 2)).setAside).toBe(2);
  await expect(run(some, [], 1)).rejects.toThrow("expected at most 1 records that cannot be read, got 2 of 3: x:1 (json: broken); x:2");
  await expect(run(some, [], 0)).rejects.toMatchObject({ code: "data/tooManyBad" });
  await expect(run(some, [], 0.5)).rejects.toThrow("at most 50 %");
  const mostlyGood = [...some, ...Array.from({ length: 30 }, (_, i) => good(`g${i}`, words(9, i)))];
  expect((await run(mostlyGood, [], 0.1)).setAside).toBe(2);
});

test("an empty corpus and a corpus of which nothing is left say so, with the reasons", async () => {
  await expect(run([], steps)).rejects.toThrow("t: expected documents, got none from the source");
  await expect(run([good("c", "too short"), good("d", "\u200b")], steps)).rejects.toThrow(
    "got none of 2 records (1 clean/empty, 1 length/min-words)",
  );
});

test("records that share a key, and keys that fit no line, still have ids of their own", async () => {
  const m = await run([good("a", "one two"), good("a", "three four"), good("line\nend", "five"), good("x".repeat(600), "six")], []);
  expect(new Set(kept(m).map(d => d.id)).size).toBe(4);
  for (const d of kept(m)) expect(d.id).toMatch(/^t:[\w#~]{1,40}$/);
});

test("a text that UTF-8 cannot hold comes through whole", async () => {
  const odd = `half a pair \ud83d of ${words(9)}`;
  const m = await run([good("a", odd), good("b", words(20))], ["deduplicate"]);
  expect(kept(m)[0]!.text).toBe(odd);
});

test("an unknown name under keep is answered with the nearest", async () => {
  await expect(run(records, steps, 0.1, { keep: ["t:aa"] })).rejects.toThrow(
    't: keep: expected ids of documents that were read, got "t:aa". Did you mean "t:a"?',
  );
});

test("an aborted run stops with the signal's reason", async () => {
  const abort = new AbortController();
  abort.abort(new Error("stop here"));
  await expect(run(records, [], 0, { signal: abort.signal })).rejects.toThrow("stop here");
});

test("reasons are counted, the most frequent first", () => {
  expect(reasonsLine({ b: 2, a: 1, c: 1 })).toBe("2 b, 1 a, 1 c");
});

test("steps and their options are written by name, and a wrong name or key is refused", () => {
  expect(chooseStep(stepEntry.parse("deduplicate"))).toEqual({ step: "deduplicate", version: 4, options: { fuzzy: false } });
  expect(chooseStep(stepEntry.parse({ length: { minWords: 3 } })).options).toEqual({ minWords: 3, minBytes: 1 });
  for (const wrong of ["cleen", { cleen: {} }, { clean: {}, length: {} }, { length: { minWord: 3 } }])
    expect(stepEntry.safeParse(wrong).success).toBe(false);
});

test("evaluation items are marked by what is trained on: contaminated, removed or clean", async () => {
  const question = "How many apples does the old farmer carry home from the distant market on Sunday?";
  const items = [
    { question, answer: "Forty two of them, in three baskets." },
    { question: "Which river flows through the capital of the northern province in early spring?", answer: "The Long Water does." },
  ];
  const resources = { ...noResources, file: async () => Buffer.from(items.map(i => `${JSON.stringify(i)}\n`).join("")) };
  const spoilt = good("spoilt", `${words(40)}. ${question} ${items[0]!.answer} ${words(40, 50)}`);
  const step = (action: string) => ({
    decontaminate: { sets: [{ name: "s", file: "s.jsonl", prompt: "question", answer: "answer" }], action },
  });
  const marks = async (action: string) => {
    const m = await runRecords([[...records, spoilt]], { steps: [step(action)], resources });
    return m.rows<{ item: string; mark: string }>("contamination.jsonl").map(r => r.mark);
  };
  expect(await marks("mark")).toEqual(["contaminated", "clean"]);
  expect(await marks("drop")).toEqual(["removed", "clean"]);
});
