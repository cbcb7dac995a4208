/**
 * The law of limits across processes: four of them share a state and together let through what the limit says, whichever asks first; what one
 * that is killed held comes back. `test/gateway-state.test.ts` runs it on a SQLite file and on PostgreSQL, `test/gateway-redis.test.ts` on Redis.
 */
import { expect, test } from "vitest";
import { defined } from "../../base/index.ts";
import { openControl } from "../control.ts";
import { identityWith } from "../policy/fakes.ts";

/** What a bundled child runs, over this room's sources: `go N` reserves N times at once and says how many passed. */
export const childScript = `
import { createInterface } from "node:readline";
import { openControl } from "../gateway/control.ts";
import { identityWith } from "../gateway/policy/fakes.ts";
const [state, config, limitsState] = process.argv.slice(2);
const control = await openControl({ state, ...(limitsState ? { limitsState } : {}), root: ".", config: JSON.parse(config), secrets: ["test-only".repeat(5)], leaseMs: 3000, timeoutMs: 60000 });
const subjects = { identity: identityWith(), model: "mail", ip: null };
const demand = { inputTokens: 3, maxOutputTokens: 7, bytes: 0 };
console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, count] = line.split(" ");
  if (word === "end") break;
  const answers = await Promise.all(Array.from({ length: Number(count) }, () => control.limits.reserve(subjects, demand)));
  const passed = answers.filter(a => !a.denial);
  const lost = answers.filter(a => a.denial && a.denial.status === 503 || a.unlimited).length;
  if (word === "use") await Promise.all(passed.map(r => r.settle({ inputTokens: 3, cachedTokens: 0, outputTokens: 2, status: 200 })));
  console.log("passed " + passed.length + " lost " + lost);
}
process.stdin.destroy();
await control.close();
`;

export interface ChildProcess {
  line(word: string): Promise<string>;
  say(text: string): void;
  kill(): Promise<void>;
  readonly ended: Promise<number | null>;
}

const requests = 250;
const processes = 4;

/** `start` runs the script with a state of its own name and a configuration; `url` is that state's for this process, `limitsUrl` where its limits are. */
export function processLaws(
  start: (state: string, config: object, limitsState?: string) => Promise<ChildProcess>,
  url: (name: string) => string,
  limitsUrl?: (name: string) => string,
): void {
  let n = 0;
  const four = async (config: object) => {
    const name = `processes${n++}`;
    const [state, limitsState] = [url(name), limitsUrl?.(name)];
    // one makes the tables first, as whoever deploys does
    const options = { state, root: ".", config, secrets: ["test-only".repeat(5)], leaseMs: 3_000, timeoutMs: 60_000 };
    const own = await openControl({ ...options, ...defined({ limitsState }) });
    const children: ChildProcess[] = await Promise.all(Array.from({ length: processes }, () => start(state, config, limitsState)));
    await Promise.all(children.map(c => c.line("ready")));
    const all = async (text: string): Promise<number> => {
      for (const c of children) c.say(text);
      const lines = await Promise.all(children.map(c => c.line("passed")));
      const counts = lines.map(line => line.split(" "));
      expect(counts.map(words => words[3])).toEqual(counts.map(() => "0"));
      return counts.reduce((sum, words) => sum + Number(words[1]), 0);
    };
    const end = async () => {
      for (const c of children) c.say("end");
      await Promise.all(children.map(c => c.ended));
      await own.close();
    };
    return { children, all, end, own };
  };

  test(`${processes * requests} requests at once in ${processes} processes let through exactly the limit`, async () => {
    const { all, end } = await four({ limits: [{ name: "day", per: ["key"], measure: "requests", limit: 137, period: "total" }] });
    expect(await all(`go ${requests}`)).toBe(137);
    expect(await all("go 5")).toBe(0);
    await end();
  });

  test("tokens, money and requests of one request are taken together: never more passes than the tightest allows, and usage adds up", async () => {
    const { all, end, own } = await four({
      prices: { models: { mail: { output: 1 } } },
      limits: [
        { name: "requests", measure: "requests", limit: 10_000, period: "total" },
        // 10 tokens are held, 5 are used
        { name: "tokens", per: ["team"], measure: "tokens", limit: 1_000, period: "total" },
        { name: "money", per: ["user"], measure: "cost", limit: 1, period: "total" },
      ],
    });
    let passed = 0;
    // what each leaves unused opens room for others, until less than one request's is left: 1 + floor((1000 - 10) / 5)
    for (let round = 0; round < 40 && passed < 199; round++) passed += await all("use 60");
    expect(passed).toBe(199);
    expect(await all("use 5")).toBe(0);
    const rows = await own.usage("2000-01-01", "2999-12-31");
    expect(rows.reduce((sum, r) => sum + r.requests, 0)).toBe(199);
    expect(rows.reduce((sum, r) => sum + r.inputTokens + r.outputTokens, 0)).toBe(995);
    await end();
  });

  test("what a process held that was killed comes back within its lease", async () => {
    const { children, end, own } = await four({ limits: [{ name: "at-once", measure: "concurrency", limit: 8 }] });
    const victim = children.pop()!;
    victim.say("go 20");
    expect(await victim.line("passed")).toBe("passed 8 lost 0");
    const ask = async () => {
      const room = { inputTokens: 0, maxOutputTokens: 0, bytes: 0 };
      return (await own.limits.reserve({ identity: identityWith(), model: "mail", ip: null }, room)).denial?.status ?? 200;
    };
    expect(await ask()).toBe(429);
    await victim.kill();
    await expect.poll(ask, { timeout: 60_000, interval: 500 }).toBe(200);
    await end();
  });
}
