/** What the journal obeys on every state; `journal.test.ts` runs it in memory and on SQLite, `journal.life.test.ts` on PostgreSQL. */
import { expect, test } from "vitest";
import type { RequestRecord } from "../http/request-record.ts";
import type { State } from "../state/state.ts";
import { openJournal } from "./journal.ts";

export const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;

export const recordOf = (id: string, more: Partial<RequestRecord> = {}): RequestRecord => ({
  id,
  time: new Date(startMs).toISOString(),
  method: "POST",
  path: "/v1/chat/completions",
  ip: "203.0.113.7",
  key: "key_a",
  subject: "ann",
  model: "chat",
  target: "local/inner",
  attempts: [{ target: "local/inner", ms: 3, how: "answered" }],
  status: 200,
  error: null,
  detail: null,
  ms: 12.5,
  firstMs: 3,
  isStream: false,
  resumed: 0,
  rule: null,
  queuedMs: 0,
  isHedged: false,
  inputTokens: 7,
  outputTokens: 60,
  cachedTokens: 0,
  served: "inner@3",
  trace: null,
  cache: null,
  guards: [],
  warnings: [],
  ...more,
});

export function journalLaws(open: (name: string) => Promise<State>) {
  let n = 0;
  const under = async (how: { keepMs?: number; most?: number; sample?: number } = {}) => {
    const state = await open(`journal${n++}`);
    const clock = { ms: startMs };
    const random = { value: 0.5 };
    const journal = openJournal(
      state.journal,
      () => clock.ms,
      () => random.value,
    );
    journal.keep({ keepMs: dayMs, most: 1_000, sample: 1, ...how });
    return { state, clock, random, journal, close: () => journal.close().then(() => state.close()) };
  };

  test("a request is found by its id with all that is known of it, but without the client's address and without secrets", async () => {
    const { journal, clock, close } = await under();
    journal.note(recordOf("req_1"));
    clock.ms += 5;
    journal.note(recordOf("req_2", { status: 502, error: "gateway/upstream", detail: "api_key=sk-abcdefghijkl said no" }));
    const [one] = await journal.find("req_1");
    const { ip: _, ...rest } = recordOf("req_1");
    expect(one).toEqual(rest);
    const [two] = await journal.find("req_2");
    expect(two!.detail).not.toContain("abcdefghijkl");
    expect(await journal.find("req_3")).toEqual([]);
    await close();
  });

  test("an id that a client gave twice is two entries, the newest first", async () => {
    const { journal, clock, close } = await under();
    journal.note(recordOf("mine", { status: 429 }));
    clock.ms++;
    journal.note(recordOf("mine"));
    expect((await journal.find("mine")).map(e => e.status)).toEqual([200, 429]);
    await close();
  });

  test("entries are listed by key, subject, model, time and status, the newest first", async () => {
    const { journal, clock, close } = await under();
    const all = [
      recordOf("a"),
      recordOf("b", { key: "key_b", subject: "bob" }),
      recordOf("c", { model: "mail", status: 404 }),
      recordOf("d", { status: 429 }),
      recordOf("e", { status: 503, key: "key_b", subject: "bob" }),
    ];
    for (const record of all) {
      journal.note(record);
      clock.ms += 1_000;
    }
    const ids = async (filter: Parameters<typeof journal.list>[0]) => (await journal.list(filter)).map(e => e.id).join("");
    expect(await ids({})).toBe("edcba");
    expect(await ids({ key: "key_b" })).toBe("eb");
    expect(await ids({ subject: "bob", status: "error" })).toBe("e");
    expect(await ids({ model: "mail" })).toBe("c");
    expect(await ids({ status: "4xx" })).toBe("dc");
    expect(await ids({ status: "429" })).toBe("d");
    expect(await ids({ status: "error" })).toBe("edc");
    expect(await ids({ sinceMs: startMs + 2_000 })).toBe("edc");
    expect(await ids({ most: 2 })).toBe("ed");
    expect(await ids({ key: "key_b' or '1'='1" })).toBe("");
    await close();
  });

  test("what is too old, or one too many, is forgotten", async () => {
    const { journal, clock, close } = await under();
    for (let i = 0; i < 250; i++) {
      journal.note(recordOf(`r${i}`));
      clock.ms += 1_000;
    }
    expect(await journal.list({ most: 1_000 })).toHaveLength(250);
    journal.keep({ keepMs: dayMs, most: 100, sample: 1 });
    await expect.poll(async () => (await journal.list({ most: 1_000 })).length).toBe(100);
    expect((await journal.list({ most: 1 }))[0]!.id).toBe("r249");
    clock.ms += dayMs - 50_000;
    journal.keep({ keepMs: dayMs, most: 100, sample: 1 });
    await expect.poll(async () => (await journal.list({ most: 1_000 })).length).toBe(50);
    await close();
  });

  test("of good answers a share is kept, of errors all, and nothing where it is off", async () => {
    const { journal, random, close } = await under({ sample: 0.4 });
    journal.note(recordOf("left out"));
    random.value = 0.3;
    journal.note(recordOf("kept"));
    random.value = 0.9;
    journal.note(recordOf("error", { status: 500 }));
    journal.keep(undefined);
    journal.note(recordOf("off", { status: 500 }));
    expect((await journal.list()).map(e => e.id).sort()).toEqual(["error", "kept"]);
    await close();
  });

  test("what waits for a state that does not answer is bounded, counted, and written when it answers", async () => {
    const { state, clock, close } = await under();
    const is = { down: true };
    const sql: State["journal"] = {
      all: (text, values) => (is.down ? Promise.reject(new Error("gone")) : state.journal.all(text, values)),
    };
    const journal = openJournal(sql, () => clock.ms);
    journal.keep({ keepMs: dayMs, most: 100_000, sample: 1 });
    for (let i = 0; i < 10_100; i++) journal.note(recordOf(`r${i}`));
    expect(journal.dropped).toBe(100);
    await expect(journal.find("r1")).rejects.toThrow("gone");
    is.down = false;
    expect(await journal.find("r9999")).toHaveLength(1);
    expect(await journal.find("r10000")).toEqual([]);
    await journal.close();
    await close();
  });
}
