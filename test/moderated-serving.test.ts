/** `loam.yaml` with `serve.moderate`: a decoder and a classifier of the same toy notes, and no note of the refused mood. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { random } from "../src/base/index.ts";
import { openProject } from "../src/project/index.ts";
import { loam, startProcess } from "./support/child.ts";
import { temporaryFolder, toyBase } from "./support/project.ts";

const words = { glad: ["sun", "cake", "dance", "smile"], low: ["rain", "grey", "alone", "cold"] } as const;

function notes(): string {
  const r = random("moderated notes");
  const rows = Array.from({ length: 300 }, (_, i) => {
    const mood = i % 2 ? "glad" : "low";
    return `"${Array.from({ length: 8 }, () => [...words[mood], ...words[mood], "the", "day"][r.below(10)]).join(" ")}",${mood}`;
  });
  return `text,mood\n${rows.join("\n")}\n`;
}

const yaml = (moderate: string) => `name: moods
data:
  notes:
    source: { folder: notes, reader: csv }
    steps: [clean]
    split: { heldOut: 0.2, near: { shortWords: 0 } }
tokenizer: { vocab: 300, from: notes }
models:
${toyBase("notes", 40000)}
  mood:
    base: toy
    tune: { task: classify, on: notes, label: mood, length: 48, epochs: 6, rate: 0.01, pooling: mean, validation: 0.2 }
serve:
  model: toy
  moderate: ${moderate}
device: { threads: 1 }
`;

/** Answers to the same 24 requests, and how many spans were refused. */
async function answersOf(url: string) {
  const texts: string[] = [];
  const reasons: string[] = [];
  for (let seed = 0; seed < 24; seed++) {
    const response = await fetch(`${url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "toy", prompt: "the day", max_tokens: 16, temperature: 0.7, seed }),
    });
    const { choices } = (await response.json()) as { choices: [{ text: string; finish_reason: string }] };
    texts.push(choices[0].text);
    reasons.push(choices[0].finish_reason);
  }
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return { texts, reasons, refused: Number(/^loam_refused_spans_total\{.*\} (\d+)$/m.exec(metrics)?.[1] ?? 0) };
}

/** The only path beneath a folder that ends so. */
const pathOf = (folder: string, end: string): string => {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(path => `/${path}`.endsWith(end));
  expect(found, end).toHaveLength(1);
  return join(folder, found[0]!);
};

/** The files and the command line of the image, as `loam deploy image --dockerfile` writes them, served without the project. */
async function deployedAnswers(project: string, change: (guards: string) => void = () => {}) {
  const to = join(temporaryFolder("image"), "context");
  const made = await loam(["deploy", "image", "toy@latest", "--dockerfile", to, "--json"], { cwd: project });
  expect(made.code, made.stderr).toBe(0);
  const { entrypoint, labels } = JSON.parse(made.stdout.trim().split("\n").at(-1)!) as {
    entrypoint: string[];
    labels: Record<string, string>;
  };
  const guards = pathOf(to, "/app/guards/guards.json");
  expect(labels["loam.guards"]).toBe(createHash("sha256").update(readFileSync(guards)).digest("hex"));
  change(guards);
  const model = dirname(pathOf(to, "/model/weights.safetensors"));
  const args = entrypoint
    .slice(2, entrypoint.indexOf("--host"))
    .map(a => (a === "/model" ? model : a === "/app/guards/guards.json" ? guards : a));
  const home = temporaryFolder("home");
  const server = startProcess([...args, "--port", "0", "--json"], { cwd: home, env: { LOAM_HOME: home } });
  onTestFinished(() => void server.kill("SIGKILL"));
  const said = await server.says(/^(\{"event":"serving".*\})$/m).catch(async () => (await server.ended).stderr);
  return typeof said === "string" ? said : answersOf((JSON.parse(said[1]!) as { url: string }).url);
}

test("a served model writes nothing of a mood that the project's classifier refuses, and neither does the image of it", async () => {
  const folder = temporaryFolder("moderated");
  mkdirSync(join(folder, "notes"));
  writeFileSync(join(folder, "notes", "notes.csv"), notes());
  const configure = (moderate: string) => writeFileSync(join(folder, "loam.yaml"), yaml(moderate));
  configure("{ model: mood, categories: { low: 0.4 }, span: 4, attempts: 4 }");
  for (const verb of [["train", "toy"], ["tune"]]) {
    const made = await loam(verb, { cwd: folder });
    expect(made.code, made.stderr).toBe(0);
  }

  const complete = async () => {
    await using project = await openProject(folder);
    await using server = await project.serve({ port: 0 });
    return await answersOf(server.url);
  };
  const count = (texts: readonly string[], mood: keyof typeof words) =>
    texts
      .join(" ")
      .split(/\W+/)
      .filter(w => words[mood].some(x => x === w)).length;

  const moderated = await complete();
  // the same requests, the same answers: of the project, and of what is deployed of it
  configure("{ model: mood, categories: { low: 0.4 }, span: 4, attempts: 4 }\n  blocked: { files: [blocked.txt] }");
  writeFileSync(join(folder, "blocked.txt"), "cake\n");
  const blocked = await complete();
  expect(moderated.texts.join(" ")).toContain("cake");
  expect(blocked.texts.join(" ")).not.toContain("cake");
  expect(await deployedAnswers(folder)).toEqual(blocked);
  const other = await deployedAnswers(folder, guards => writeFileSync(join(dirname(guards), "list-0-0.txt"), "sun\n"));
  expect(other).toMatch(/list-0-0\.txt: expected the list that was deployed, got other bytes/);
  const memoryOf = async (to: string) => {
    const args = ["deploy", "kubernetes", "toy@latest", "--to", to, "--image", "registry.example.com/toy:1", "--json"];
    const { code, stdout, stderr } = await loam(args, { cwd: folder });
    expect(code, stderr).toBe(0);
    const { memory } = JSON.parse(stdout.trim().split("\n").at(-1)!) as {
      memory: { totalBytes: number; moderatorBytes?: number; blocklistBytes?: number };
    };
    const pod = readFileSync(join(folder, to, "manifests", "deployment.yaml"), "utf8");
    return { ...memory, requestMiB: Number(/requests:[\s\S]*?memory: "?(\d+)Mi/.exec(pod)![1]) };
  };
  // the moderator and the list are in a pod's memory, too
  const guardedPod = await memoryOf("k8s-guarded");
  writeFileSync(join(folder, "loam.yaml"), yaml("").replace(/ *moderate: \n/, ""));
  const plainPod = await memoryOf("k8s-plain");
  expect(plainPod.moderatorBytes).toBeUndefined();
  const added = guardedPod.moderatorBytes! + guardedPod.blocklistBytes!;
  expect(added).toBeGreaterThan(2 ** 20);
  // both sums are rounded up to a byte
  expect(Math.abs(guardedPod.totalBytes - plainPod.totalBytes - added)).toBeLessThanOrEqual(1);
  expect(guardedPod.requestMiB).toBe(Math.ceil(guardedPod.totalBytes / 2 ** 20));
  configure("{ model: mood, categories: { low: null, glad: 1 } }");
  const free = await complete();
  expect(free.refused).toBe(0);
  expect(moderated.refused).toBeGreaterThan(4);
  const share = ({ texts }: { readonly texts: readonly string[] }) => count(texts, "low") / (count(texts, "low") + count(texts, "glad"));
  expect(share(free)).toBeGreaterThan(0.2);
  expect(share(moderated)).toBeLessThan(share(free) / 4);
  expect(free.reasons).not.toContain("content_filter");
  expect(moderated.texts.filter((t, i) => t === free.texts[i]).length).toBeGreaterThan(0);

  // the same request, with what the terminal's talk draws with
  const asked = { temperature: 0.7, topP: 1, maxTokens: 16 };
  const generated = async () => {
    await using project = await openProject(folder);
    await using chat = await project.chat("toy");
    const replies = [];
    for (let seed = 0; seed < 24; seed++) replies.push(await chat.ask("the day", { ...asked, seed }));
    return { texts: replies.map(r => r.text), reasons: replies.map(r => r.finishReason) };
  };
  configure("{ model: mood, categories: { low: 0.4 }, span: 4, attempts: 4 }\n  blocked: { files: [blocked.txt] }");
  const { refused: _, ...served } = blocked;
  expect(await generated()).toEqual(served);
  // what was written under the guards is repeated under them
  const guarded = served.texts.findIndex((text, i) => text !== "" && text !== free.texts[i]);
  const request = { prompt: "the day", temperature: 0.7, max_tokens: 16, seed: guarded };
  writeFileSync(join(folder, "request.json"), JSON.stringify(request));
  writeFileSync(join(folder, "response.txt"), served.texts[guarded]!);
  const explained = await loam(["explain", "toy", "--body", "request.json", "--response", "@response.txt", "--json"], { cwd: folder });
  expect(JSON.parse(explained.stdout.trim().split("\n").at(-1)!)).toMatchObject({ isReproduced: true });
  configure("{ model: mood, categories: { low: 0.4 }, span: 4, attempts: 1 }");
  const once = await generated();
  const ended = once.reasons.indexOf("content_filter");
  expect(ended).toBeGreaterThanOrEqual(0);
  const args = ["chat", "toy", "--complete", "--prompt", "the day", "-t", "0.7", "--top-p", "1", "-n", "16", "--seed", `${ended}`];
  const talked = await loam(args, { cwd: folder });
  expect(talked.stdout).toBe(`the day${once.texts[ended]}\n`);
  expect(talked.stderr).toContain("serve.moderate of loam.yaml refused");
  configure("{ model: toy }");
  await using project = await openProject(folder);
  await expect(project.chat("toy")).rejects.toThrow(/serve.moderate.model: expected a classifier, got toy/);
  await expect(project.serve({ port: 0 })).rejects.toThrow(/serve.moderate.model: expected a classifier, got toy/);
});
