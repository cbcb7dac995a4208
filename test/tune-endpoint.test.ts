/**
 * A teacher behind `loam serve` in a process of its own: the student comes out as the one of the same teacher in its own process; what the teacher told
 * outlives kills and the teacher; one of other tokens is refused.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { random } from "../src/base/index.ts";
import { jsonLines, loam, type Running, start, startProcess } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { writeToy } from "./support/project.ts";

const colours = ["red", "blue", "green", "black", "white"];
const things = ["cat", "dog", "house", "tree", "sea", "sun", "car", "hat"];
const lines = (records: readonly object[]): string => records.map(r => `${JSON.stringify(r)}\n`).join("");

const root = mkdtempSync(join(tmpdir(), "loam-tune-endpoint-"));
const cwd = join(root, "project");
const servers: Running[] = [];
afterAll(async () => {
  for (const s of servers) s.kill("SIGTERM");
  await Promise.all(servers.map(s => s.ended));
  rmSync(root, { recursive: true, force: true });
});

const fit = "on: ./things.jsonl, method: full, length: 64, epochs: 12, rate: 0.01, rows: 4, soft: 1, validation: 0.2";
const yaml = (url: string, more = "", on = fit) => `name: toy
data:
  letters:
    source: { folder: texts, reader: text }
    steps: [clean]
tokenizer: { vocab: 300, from: letters }
models:
  toy: { layers: 1, width: 32, heads: 2, context: 64, train: { on: letters, tokens: 20000, rows: 8, rate: 0.02 }, evaluate: { baselines: [gzip] } }
  tiny: { layers: 1, width: 16, heads: 2, context: 64, train: { on: letters, tokens: 3200, rows: 8, rate: 0.02 }, evaluate: { baselines: [gzip] } }
  sir:
    base: toy
    tune: { task: instruct, on: ./things.jsonl, method: full, length: 64, epochs: 6, rate: 0.01, rows: 4, validation: 0.2 }
  near: { base: tiny, tune: { task: distill, teacher: sir, ${fit} } }
  far: { base: tiny, tune: { task: distill, teacher: { endpoint: "${url}", model: sir@latest${more} }, ${on} } }
device: { threads: 1 }
`;
const configure = (...given: Parameters<typeof yaml>) => writeFileSync(join(cwd, "loam.yaml"), yaml(...given));
const nowhere = "http://127.0.0.1:9/v1";

interface Tuned {
  readonly validationLoss: number;
  readonly baseLoss: number;
  readonly validationDivergence: number;
}
async function tune(name: string): Promise<Tuned> {
  const { code, stdout, stderr } = await loam(["tune", name, "--json"], { cwd });
  expect(code, stderr).toBe(0);
  return (jsonLines(stdout).find(l => l.event === "stage" && l.label === name) as unknown as { summary: Tuned }).summary;
}
async function serve(name: string, folder: string): Promise<{ readonly url: string; readonly child: Running }> {
  const child = start(["serve", name, "--port", "0", "--json"], { cwd: folder });
  servers.push(child);
  const [, origin] = await child.says(/"url":"(http:\/\/127\.0\.0\.1:\d+)/);
  return { url: `${origin}/v1`, child };
}
const teachers = join(cwd, ".loam", "teachers");
/** Texts that were told, in each teacher's file. */
const told = (): number[] => readdirSync(teachers).map(f => readFileSync(join(teachers, f), "utf8").split("\n").filter(Boolean).length);

beforeAll(async () => {
  writeToy(cwd);
  writeFileSync(
    join(cwd, "things.jsonl"),
    lines(colours.flatMap(c => things.map(t => ({ prompt: `what is the ${c} ${t}?`, completion: `the ${t} is ${c}, sir` })))),
  );
  configure(nowhere);
});

deepTest(
  "the student of a served teacher is the student of the same teacher here; killed while it asks, it goes on; the teacher may leave",
  async () => {
    await tune("sir");
    const near = await tune("near");
    const { url, child } = await serve("sir@latest", cwd);
    // asked slowly, and killed in the middle
    configure(url, ", requestsPerMinute: 600, concurrency: 2");
    const killed = startProcess(["tune", "far", "--json"], { cwd });
    await killed.says(/teacher http[^"]*: ([5-9]|1\d) of 40 texts/);
    killed.kill("SIGKILL");
    await killed.ended;
    const [kept] = told();
    expect(kept).toBeGreaterThanOrEqual(5);
    expect(kept).toBeLessThan(40);

    configure(url);
    const far = await tune("far");
    // the form of answers is learnt by one more
    expect(told()[0]).toBe(40);
    expect(far.validationDivergence).toBeLessThan(0.5 * far.baseLoss);
    expect(Math.abs(far.validationDivergence / near.validationDivergence - 1)).toBeLessThan(0.1);

    // all that the teacher knows: the very student, but for float sums in another order
    configure(url, ", topLogprobs: 300");
    const whole = await tune("far");
    expect(Math.abs(whole.baseLoss / near.baseLoss - 1)).toBeLessThan(1e-5);
    expect(Math.abs(whole.validationDivergence / near.validationDivergence - 1)).toBeLessThan(0.01);

    // another recipe of the same texts asks nobody
    child.kill("SIGTERM");
    await child.ended;
    // nor does a search: its yardstick is what was told, and the same as that of the teacher here
    const searched = (model: string) => `  ${model}: { model: ${model}, trials: 1, pruner: none, space: { tune.rate: [0.01, 0.02] } }\n`;
    const ends = [];
    for (const model of ["near", "far"]) {
      writeFileSync(join(cwd, "loam.yaml"), `${yaml(url, ", topLogprobs: 300")}searches:\n${searched("near")}${searched("far")}`);
      const { code, stdout, stderr } = await loam(["tune", "search", model, "--workers", "0", "--json"], { cwd });
      expect(code, stderr).toBe(0);
      const { verdict } = jsonLines(stdout).at(-1) as unknown as { verdict: { comparisons: { against: string; value: number }[] } };
      ends.push(verdict.comparisons.find(c => c.against === "base")!.value);
    }
    expect(ends[0]).toBeGreaterThan(0.1);
    expect(Math.abs(ends[1]! / ends[0]! - 1)).toBeLessThan(1e-4);
    configure(url, "", fit.replace("epochs: 12", "epochs: 2"));
    expect((await tune("far")).validationDivergence).toBeGreaterThan(far.validationDivergence);
    // new texts need the teacher: an error that says so, and nothing is lost
    writeFileSync(
      join(cwd, "more.jsonl"),
      lines([
        { prompt: "who is it?", completion: "the dog, sir" },
        { prompt: "and now?", completion: "the cat, sir" },
      ]),
    );
    configure(url, "", fit.replace("things", "more").replace("validation: 0.2", "validation: 0"));
    const dead = await loam(["tune", "far", "--json"], { cwd });
    expect(dead.code).toBe(1);
    expect(dead.stdout + dead.stderr).toMatch(/tune\/teacher/);
    expect(dead.stdout + dead.stderr).toContain("Is the server there?");
    expect(told()).toEqual([80]);
  },
);

test("a teacher of other tokens is refused by the first that differs; a temperature and a key that is not set are refused by name", async () => {
  const elsewhere = join(root, "elsewhere");
  const words = "zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich Käse schön früh Öl müde Straße Bär fünf grün Löwe".split(
    " ",
  );
  const r = random("elsewhere");
  writeToy(elsewhere, {
    texts: Array.from({ length: 40 }, (_, i) => `${Array.from({ length: 10 }, () => words[r.below(words.length)]).join(" ")}, ${i} mal.`),
  });
  const ran = await loam(["run"], { cwd: elsewhere });
  expect(ran.code, ran.stderr).toBe(0);
  const { url } = await serve("toy@latest", elsewhere);
  configure(url, "", fit.replace("epochs: 12", "epochs: 1"));
  writeFileSync(join(cwd, "loam.yaml"), readFileSync(join(cwd, "loam.yaml"), "utf8").replace("sir@latest", "toy@latest"));
  const refused = await loam(["tune", "far", "--json"], { cwd });
  expect(refused.code).toBe(2);
  expect(refused.stdout + refused.stderr).toMatch(/expected the student's tokens, got token \d+ is /);
  for (const [more, on, says] of [
    ["", fit.replace("soft: 1", "soft: 1, temperature: 2"), /temperature.*1 for a teacher behind an endpoint/],
    [", key: LOAM_NO_SUCH_KEY", fit, /teacher\.key: expected the teacher's key in the variable LOAM_NO_SUCH_KEY, got none/],
    [", keys: X", fit, /keys/],
  ] as const) {
    configure(url, more, on.replace("epochs: 12", "epochs: 1"));
    const wrong = await loam(["tune", "far", "--json"], { cwd });
    expect(wrong.code).toBe(2);
    expect(wrong.stdout + wrong.stderr).toMatch(says);
  }
});
