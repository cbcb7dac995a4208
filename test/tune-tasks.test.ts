/** Numbers, vectors, distillation and the choice of a base through the command line, on a project of seconds: what is served is what was reported. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openArtifact, openStore } from "../src/store/index.ts";
import { readRelated, splitRelated } from "../src/tune/contrast/pairs.ts";
import { jsonLines, loam, start, startProcess } from "./support/child.ts";
import { modelContent } from "./support/project.ts";
import { writeEncoder, writeTasksProject } from "./support/tasks-project.ts";

const folders: string[] = [];
afterAll(() => {
  for (const f of folders) rmSync(f, { recursive: true, force: true });
});
async function project(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "loam-tasks-"));
  folders.push(folder);
  return writeTasksProject(folder);
}

let cwd = "";
beforeAll(async () => {
  cwd = await project();
  await writeEncoder(join(cwd, "encoder"));
  const imported = await loam(["models", "import", "./encoder", "--name", "sentences"], { cwd });
  expect(imported.code, imported.stderr).toBe(0);
});

/** The last line of `loam tune MODEL --json`, and what it told people. */
async function tuned(model: string) {
  const { code, stdout, stderr } = await loam(["tune", model, "--json"], { cwd });
  expect(code, stderr).toBe(0);
  return { result: jsonLines(stdout).at(-1) as { version: string; ran: number; artifacts: Record<string, string> }, stderr };
}
async function fileOf(artifact: string, name: string, folder = cwd): Promise<string> {
  const store = await openStore({ root: folder });
  try {
    return (await (await openArtifact(store, artifact)).read(name)).toString("utf8");
  } finally {
    await store.close();
  }
}
const post = async <T>(url: string, body: object): Promise<T> => {
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  expect(answer.status).toBe(200);
  return (await answer.json()) as T;
};

test("a number of a text and vectors of texts are served as they were reported", async () => {
  const stars = await tuned("stars");
  expect(stars.result.version).toBe("stars@1");
  expect(stars.stderr).toMatch(/stars against the mean of what was trained on .*: better/);
  expect((await tuned("stars")).result).toMatchObject({ version: "stars@1", ran: 0 });
  // what a release may ask of it
  const { facts } = JSON.parse((await loam(["models", "show", "stars@1", "--json"], { cwd })).stdout) as { facts: Record<string, number> };
  for (const name of ["mae", "rmse", "r2"]) expect(facts[name]).toEqual(expect.any(Number));
  const finder = await tuned("finder");
  expect(finder.stderr).toMatch(/validation nDCG@10 .* Spearman .* on scored pairs/);
  const { report } = JSON.parse(await fileOf(finder.result.version, "tuning.json")) as {
    report: { retrieval: { recall1: Record<"base" | "tuned", { value: number }> } };
  };
  const { base, tuned: after } = report.retrieval.recall1;
  expect(after.value).toBeGreaterThan(base.value);

  const server = start(["serve", "--json"], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
  const predictions = jsonLines(await fileOf(stars.result.artifacts["evaluate/stars"]!, "predictions.jsonl")) as unknown as {
    id: string;
    predicted: number;
  }[];
  const documents = jsonLines(await fileOf(stars.result.artifacts["data/notes"]!, "held-out.jsonl")) as unknown as {
    id: string;
    text: string;
  }[];
  const asked = documents.slice(0, 8);
  const { result } = await post<{ result: number[] }>(`${url}/v1/models/stars:regress`, { examples: asked.map(d => ({ text: d.text })) });
  for (const [i, d] of asked.entries()) expect(result[i]).toBeCloseTo(predictions.find(p => p.id === d.id)!.predicted, 4);

  const { validation } = splitRelated(await readRelated(join(cwd, "pairs.jsonl"), "pairs"), { validation: 0.3, seed: 1 }, "pairs");
  const texts = [...new Set(validation.map(v => v.positive))];
  const vectors = async (input: string[]) =>
    (await post<{ data: { embedding: number[] }[] }>(`${url}/v1/embeddings`, { model: "finder", input })).data.map(d => d.embedding);
  const found = await vectors(texts);
  const wanted = await vectors(validation.map(v => v.anchor));
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((s, x, i) => s + x * b[i]!, 0);
  const right = wanted.filter((w, i) => {
    const scores = found.map(f => dot(w, f));
    return texts[scores.indexOf(Math.max(...scores))] === validation[i]!.positive;
  });
  expect(right.length / wanted.length).toBeCloseTo(after.value, 6);
  server.kill("SIGINT");
  expect((await server.ended).code).toBe(0);
});

test("an encoder's factors are merged with proof, and the merged version tells what its report says, in float32 and nearly so in 8 bits", async () => {
  const { result, stderr } = await tuned("mark");
  expect(stderr).toMatch(/merging moves logits by at most \S+ and changes 0 labels of \d+ texts, int8 by \S+ and \d+ /);
  interface Proof {
    readonly texts: number;
    readonly greatest: number;
    readonly merged: { readonly greatest: number; readonly others?: number };
    readonly quantised: { readonly form: string; readonly greatest: number; readonly others?: number };
  }
  const proofOf = async (version: string) => (JSON.parse(await fileOf(version, "tuning.json")) as { proof: Proof }).proof;
  const proof = await proofOf(result.version);
  expect(proof.texts).toBeGreaterThan(20);
  expect(proof.merged.others).toBe(0);
  expect(proof.merged.greatest).toBeLessThan(1e-4 * proof.greatest);
  expect(proof.quantised.form).toBe("int8");
  expect(proof.quantised.greatest).toBeGreaterThan(proof.merged.greatest);
  const count = await tuned("count");
  expect(count.stderr).toMatch(/merging moves numbers by at most \S+ of \d+ texts, int8 by /);
  const ofNumbers = await proofOf(count.result.version);
  expect(ofNumbers.merged.greatest).toBeLessThan(1e-3);
  expect(ofNumbers.quantised.others).toBeUndefined();

  type Answers = { id: string; predicted: string; text: string; scores: number[] }[];
  const predictions = jsonLines(await fileOf(result.artifacts["evaluate/mark"]!, "predictions.jsonl")) as unknown as Answers;
  for (const [form, within] of [
    ["exact", 1e-5],
    // a logit's greatest change on the probe, and texts that are not of it
    ["int8", 2 * proof.quantised.greatest],
  ] as const) {
    const server = start(["serve", "mark", "--port", "0", "--quantize", form, "--json"], { cwd });
    const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
    const { predictions: answers } = await post<{ predictions: { label: string; scores: number[] }[] }>(`${url}/v1/models/mark:predict`, {
      instances: predictions.map(p => p.text),
    });
    const far = Math.max(...answers.flatMap((a, i) => a.scores.map((s, k) => Math.abs(s - predictions[i]!.scores[k]!))));
    expect(far, form).toBeLessThan(within);
    if (form === "exact") expect(answers.map(a => a.label)).toEqual(predictions.map(p => p.predicted));
    server.kill("SIGINT");
    expect((await server.ended).code).toBe(0);
  }
});

test("a student comes nearer to its teacher; killed in the middle it goes on to the very same weights", async () => {
  const { result, stderr } = await tuned("student");
  expect(result.version).toBe("student@1");
  const { history } = JSON.parse(await fileOf(result.version, "tuning.json")) as { history: { loss: number; divergence: number }[] };
  expect(Math.min(...history.map(h => h.divergence)), stderr).toBeLessThan(0.5 * history[0]!.divergence);
  const whole = await modelContent(cwd, "student@1");
  const trace = await loam(["trace", "student@1"], { cwd });
  const made = result as unknown as { artifacts: Record<string, string> };
  for (const part of ["sir", "tiny", "toy", "tokenizer"]) expect(trace.stdout).toContain(made.artifacts[part]);

  const other = await project();
  const before = await loam(["tune", "sir"], { cwd: other });
  expect(before.code, before.stderr).toBe(0);
  const running = startProcess(["tune", "student", "--json"], { cwd: other });
  // lines come by time: which steps they tell of is the machine's business
  await running.says(/"label":"student".*"step":([5-9]|\d\d+)\D/);
  running.kill("SIGKILL");
  await running.ended;
  const rest = await loam(["tune", "student", "--json"], { cwd: other });
  expect(rest.code, rest.stderr).toBe(0);
  const steps = [...rest.stdout.matchAll(/"label":"student".*?"step":(\d+)/g)].map(m => Number(m[1]));
  expect(steps[0]).toBeGreaterThan(1);
  const weightsOf = (content: object) => Object.entries(content).filter(([name]) => name.endsWith(".safetensors"));
  expect(weightsOf(whole).length).toBeGreaterThan(0);
  expect(weightsOf(await modelContent(other, "student@1"))).toEqual(weightsOf(whole));
});

test("of several bases one is recommended with its reason; what cannot be one is told", async () => {
  for (const model of ["toy", "tiny"]) {
    const made = await loam(["train", model], { cwd });
    expect(made.code, made.stderr).toBe(0);
  }
  const { code, stdout, stderr } = await loam(
    ["tune", "select", "toy", "tiny", "sentences", "--documents", "8", "--steps", "4", "--json"],
    {
      cwd,
    },
  );
  expect(code, stderr).toBe(0);
  const chosen = jsonLines(stdout).at(-1) as {
    documents: number;
    recommended: string;
    candidates: { name: string; parameters: number; bitsPerByte: number; fewStepBitsPerByte: number | null }[];
    refused: { name: string; reason: string }[];
  };
  expect(chosen.documents).toBe(8);
  expect(chosen.candidates.map(c => c.name).sort()).toEqual(["tiny", "toy"]);
  const [best, second] = chosen.candidates;
  expect(best!.fewStepBitsPerByte!).toBeLessThanOrEqual(second!.fewStepBitsPerByte!);
  expect(chosen.candidates.map(c => c.name)).toContain(chosen.recommended);
  expect(chosen.refused).toEqual([{ name: "sentences", reason: expect.stringContaining("expected a decoder") }]);
  expect(stderr).toContain(`Take ${chosen.recommended}: `);
  const none = await loam(["tune", "select", "sentences"], { cwd });
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("expected a language model or more");
  const unknown = await loam(["tune", "select", "toy", "--on", "note"], { cwd });
  expect(unknown.stderr).toContain('Did you mean "notes"?');
});
