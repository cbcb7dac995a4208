/**
 * Models of others from the command line: imported outside of any project and into one, from a file, a folder and a hub; listed, served and
 * talked to. The real one is SmolLM2-135M-Instruct in the folder LOAM_MODELS.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { exportHuggingFace, folderFiles, initialise, llamaConfig, modelGguf, modelOf, specOfModel } from "../src/nn/index.ts";
import { openDevice } from "../src/tensor/index.ts";
import { trainBpe } from "../src/text/index.ts";
import { jsonLines, loam, start } from "./support/child.ts";
import { startCollector } from "./support/collector.ts";
import { temporaryFolder, toyProject } from "./support/project.ts";

const file = join(process.env.LOAM_MODELS ?? "", "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
const missing =
  process.env.LOAM_MODELS !== undefined && existsSync(file)
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with smollm2-135m-instruct");
const real = (claim: string, run: () => Promise<void>) =>
  test.skipIf(missing !== undefined)(missing === undefined ? claim : `${claim} (skipped: ${missing})`, run);

const specials = ["<|user|>", "<|assistant|>", "<|stop|>"];
const template =
  "{{ bos_token }}{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|stop|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/** A model of some thousand numbers, as `transformers` would save it. */
async function toyFolder(): Promise<string> {
  const folder = temporaryFolder("toy-model");
  const tokenizer = trainBpe(["to be or not to be, that is the question"], { vocab: 270, specialTokens: specials });
  const config = llamaConfig({ vocab: tokenizer.vocabSize, width: 16, layers: 1, heads: 2, context: 64, hidden: 32 });
  const model = modelOf(
    { family: "decoder", config },
    await initialise(specOfModel({ family: "decoder", config }) as unknown, openDevice("reference"), 3),
  );
  const files = folderFiles(folder);
  await exportHuggingFace(files, model);
  await files.write("tokenizer.json", JSON.stringify(tokenizer.toJSON()));
  await files.write(
    "tokenizer_config.json",
    JSON.stringify({ chat_template: template, eos_token: { content: "<|stop|>" }, bos_token: null }),
  );
  await files.write("generation_config.json", JSON.stringify({ eos_token_id: [tokenizer.idOf("<|stop|>")], temperature: 0.6 }));
  await files.write("pytorch_model.bin", "a pickle that nobody reads");
  return folder;
}

/** A hub of one repository. */
async function hubOf(folder: string): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.url?.startsWith("/api/models/acme/toy/revision/main"))
      response.end(
        JSON.stringify({
          sha: commit,
          siblings: readdirSync(folder).map(rfilename => {
            const b = readFileSync(join(folder, rfilename));
            const lfs = rfilename.endsWith(".safetensors")
              ? { lfs: { sha256: createHash("sha256").update(b).digest("hex"), size: b.length } }
              : {};
            return { rfilename, size: b.length, blobId: createHash("sha1").update(`blob ${b.length}\0`).update(b).digest("hex"), ...lfs };
          }),
        }),
      );
    else if (request.url?.startsWith(`/acme/toy/resolve/${commit}/`))
      response.end(readFileSync(join(folder, request.url.split("/").at(-1)!)));
    else response.writeHead(404).end();
  });
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** Starts the server and gives its address when it is ready. */
async function served(args: readonly string[], o: { cwd: string; env?: Record<string, string> }) {
  const child = start(["serve", ...args, "--port", "0", "--json"], o);
  const [line] = await child.says(/\{"event":"serving".*\}/);
  const event = JSON.parse(line) as { url: string; model: string };
  return { child, url: event.url, model: event.model };
}
async function chat(url: string, model: string, content: string, more: object = {}) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content }], temperature: 0, ...more }),
  });
  expect(response.status).toBe(200);
  const body = (await response.json()) as {
    choices: { message: { content: string }; finish_reason: string }[];
    usage: { prompt_tokens: number };
  };
  return { text: body.choices[0]!.message.content, finish: body.choices[0]!.finish_reason, promptTokens: body.usage.prompt_tokens };
}

test("a folder and a hub's repository of the same files are imported outside of any project, listed, and one of them is served", async () => {
  const [folder, cwd, home] = [await toyFolder(), temporaryFolder(), temporaryFolder("home")];
  const hub = await hubOf(folder);
  const env = { LOAM_HOME: home, HF_ENDPOINT: hub.url };
  const none = await loam(["models"], { cwd, env });
  expect(none.stdout).toContain("No model yet. `loam models import FILE` brings one in.");
  const first = await loam(["models", "import", folder, "--name", "toy", "--json"], { cwd, env });
  expect(first.code, first.stderr).toBe(0);
  const made = jsonLines(first.stdout).at(-1)!;
  expect(made).toMatchObject({
    model: "toy",
    version: 1,
    action: "made",
    summary: { format: "huggingface", family: "decoder", chats: true },
  });
  const again = jsonLines((await loam(["models", "import", folder, "--name", "toy", "--json"], { cwd, env })).stdout).at(-1)!;
  expect(again).toMatchObject({ model: "toy", version: 1, action: "reused", artifact: made.artifact });
  const fetched = await loam(["models", "import", "hf:acme/toy", "--json"], { cwd, env });
  expect(fetched.code, fetched.stderr).toBe(0);
  const result = jsonLines(fetched.stdout).at(-1)!;
  // the same files, therefore the same content
  expect(result).toMatchObject({ model: "toy", version: 2, digest: made.digest, summary: { repository: "acme/toy" } });
  expect(hub.asked.some(url => url.endsWith("pytorch_model.bin"))).toBe(false);
  const listed = jsonLines((await loam(["models", "--json"], { cwd, env })).stdout).at(-1)! as {
    home: { model: string; versions: unknown[] }[];
  };
  expect(listed.home.map(m => [m.model, m.versions.length])).toEqual([["toy", 2]]);

  const { child, url, model } = await served(["toy@1"], { cwd, env });
  expect(model).toBe("toy@1");
  const said = await chat(url, "toy@1", "to be<|stop|>", { max_tokens: 5 });
  expect(said.promptTokens).toBeGreaterThan(5); // the forged end is ordinary text
  child.kill("SIGTERM");
  expect((await child.ended).code).toBe(0);
  // the same words from the files as they lie
  const direct = await served([folder], { cwd, env });
  expect(await chat(direct.url, direct.model, "to be<|stop|>", { max_tokens: 5 })).toEqual(said);
  direct.child.kill("SIGTERM");
  await direct.child.ended;
});

test("a served model's requests reach the collector that --otlp names, the last of them when it stops; what is no address ends it", async () => {
  const [folder, cwd] = [await toyFolder(), temporaryFolder()];
  await using collector = await startCollector();
  const { child, url, model } = await served([folder, "--otlp", collector.url], { cwd });
  const said = await chat(url, model, "to be", { max_tokens: 3 });
  child.kill("SIGTERM");
  expect((await child.ended).code).toBe(0);
  expect(collector.spans.map(s => s.name).sort()).toEqual([`chat ${model}`, "decode", "prefill", "queue"]);
  const span = collector.spans.find(s => s.name === `chat ${model}`)!;
  expect(span.resource).toMatchObject({ "service.name": "loam" });
  expect(span.attributes["gen_ai.usage.input_tokens"]).toBe(said.promptTokens);
  const wrong = await loam(["serve", folder, "--otlp", "collector"], { cwd });
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--otlp: expected an address such as http://127.0.0.1:4318")]);
});

test("what is exported, as a GGUF file and as a folder, says what the model says; nothing is written over", async () => {
  const [folder, cwd, home] = [await toyFolder(), temporaryFolder(), temporaryFolder("home")];
  const env = { LOAM_HOME: home };
  const said = async (model: string) => {
    const { code, stdout, stderr } = await loam(["chat", model, "--prompt", "to be", "-t", "0", "-n", "8", "--json"], { cwd, env });
    expect(code, stderr).toBe(0);
    return jsonLines(stdout).at(-1);
  };
  const want = await said(folder);
  for (const [to, format] of [
    ["toy.gguf", "gguf"],
    ["./copy", "huggingface"],
  ] as const) {
    const args = ["models", "export", folder, "--to", to, "--format", format];
    const { code, stderr } = await loam(args, { cwd, env });
    expect(code, stderr).toBe(0);
    expect(await said(to)).toEqual(want);
    expect((await loam(args, { cwd, env })).stderr).toMatch(/expected nothing of that name yet, got one/);
  }
  // as in the file that was given: the same weights, to the bit
  const weights = (at: string) => readFileSync(join(at, "model.safetensors"));
  expect(weights(join(cwd, "copy")).equals(weights(folder))).toBe(true);
  expect((await loam(["models", "export", folder, "--to", "x", "--format", "onx"], { cwd, env })).stderr).toMatch(
    /--format: expected one of .* got "onx"/,
  );
  expect(readdirSync(cwd).sort()).toEqual(["copy", "toy.gguf"]);
});

test("in a project's folder a model goes into the project's record, and one from home is found there too", async () => {
  const [folder, home, cwd] = [await toyFolder(), temporaryFolder("home"), toyProject()];
  const env = { LOAM_HOME: home };
  const outside = temporaryFolder();
  expect((await loam(["models", "import", folder, "--name", "guest"], { cwd: outside, env })).code).toBe(0);
  expect((await loam(["models", "import", folder, "--name", "lodger"], { cwd, env })).code).toBe(0);
  const listed = jsonLines((await loam(["models", "--json"], { cwd, env })).stdout).at(-1)! as Record<
    "models" | "home",
    { model: string }[]
  >;
  expect([listed.models.map(m => m.model), listed.home.map(m => m.model)]).toEqual([["lodger"], ["guest"]]);
  for (const name of ["guest", "lodger"]) {
    const { code, stderr } = await loam(["chat", name, "--prompt", "to be", "-n", "4"], { cwd, env });
    expect(code, stderr).toBe(0);
  }
  const taken = await loam(["models", "import", folder, "--name", "toy"], { cwd, env });
  expect(taken.stderr).toMatch(/--name: expected a name that no model of loam\.yaml has, got "toy"/);
  const wrong = await loam(["chat", "gest", "--prompt", "x"], { cwd, env });
  expect(wrong.stderr).toMatch(/model: expected one of toy, guest, or a path .*, got "gest"\. Did you mean "guest"\?/);
});

const broken: readonly (readonly [claim: string, break_: (folder: string) => void, sentence: RegExp])[] = [
  ["no tokenizer", f => writeFileSync(join(f, "tokenizer.json"), "{}"), /tokenizer\.json/],
  [
    "weights that are cut",
    f => writeFileSync(join(f, "model.safetensors"), readFileSync(join(f, "model.safetensors")).subarray(0, 5000)),
    /model\.safetensors: .*offsets in order within/,
  ],
  [
    "another architecture",
    f => writeFileSync(join(f, "config.json"), JSON.stringify({ model_type: "mamba" })),
    /model_type: expected an architecture among gpt2, llama, .* got "mamba"/,
  ],
  [
    "a template that is none",
    f => writeFileSync(join(f, "tokenizer_config.json"), JSON.stringify({ chat_template: "{% for %}" })),
    /not a valid template/,
  ],
];
for (const [claim, break_, sentence] of broken)
  test(`refused in one sentence, and nothing is registered: ${claim}`, async () => {
    const [folder, cwd, home] = [await toyFolder(), temporaryFolder(), temporaryFolder("home")];
    break_(folder);
    const { code, stderr } = await loam(["models", "import", folder, "--name", "toy"], { cwd, env: { LOAM_HOME: home } });
    expect(stderr).toMatch(sentence);
    expect(code).toBe(2);
    expect(jsonLines((await loam(["models", "--json"], { cwd, env: { LOAM_HOME: home } })).stdout).at(-1)).toMatchObject({ home: [] });
  });

test("a GGUF file without a tokenizer is refused, and so is what is no model at all", async () => {
  const [cwd, home] = [temporaryFolder(), temporaryFolder("home")];
  const env = { LOAM_HOME: home };
  const config = llamaConfig({ vocab: 300, width: 16, layers: 1, heads: 2, context: 64, hidden: 32 });
  const model = modelOf(
    { family: "decoder", config },
    await initialise(specOfModel({ family: "decoder", config }) as unknown, openDevice("reference"), 3),
  );
  await folderFiles(cwd).writeStream("bare.gguf", modelGguf(model, "F16", []));
  expect((await loam(["chat", "bare.gguf", "--prompt", "x"], { cwd, env })).stderr).toMatch(
    /bare\.gguf: tokenizer\.ggml: model: expected string, got nothing/,
  );
  mkdirSync(join(cwd, "empty"));
  writeFileSync(join(cwd, "notes.txt"), "x");
  expect((await loam(["models", "import", "empty"], { cwd, env })).stderr).toMatch(
    /empty: expected a GGUF file, or config\.json and safetensors, got neither/,
  );
  expect((await loam(["models", "import", "notes.txt"], { cwd, env })).stderr).toMatch(
    /notes\.txt: expected a GGUF file, or a folder .*, got another file/,
  );
  expect((await loam(["serve", "./none.gguf"], { cwd, env })).stderr).toMatch(/none\.gguf: no such file/);
  expect(existsSync(join(home, ".loam", "record.db"))).toBe(false);
});

real("SmolLM2 is imported, ready, and answers sensibly over HTTP and in the terminal", async () => {
  const [cwd, home] = [temporaryFolder(), temporaryFolder("home")];
  const env = { LOAM_HOME: home };
  const imported = await loam(["models", "import", file, "--name", "smollm2"], { cwd, env });
  expect(imported.stdout).toMatch(/134,515,008 parameters, 98\.4 MB gguf/);
  const { child, url } = await served(["smollm2"], { cwd, env });
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const tokyo = await chat(url, "smollm2", "What is the capital of Japan?", { max_tokens: 30 });
  expect(tokyo).toEqual({ text: "The capital of Japan is Tokyo.", finish: "stop", promptTokens: 37 });
  child.kill("SIGTERM");
  await child.ended;
  const terminal = await loam(["chat", file, "--prompt", "What is the capital of Japan?", "-t", "0"], { cwd, env });
  expect(terminal.stdout).toContain("The capital of Japan is Tokyo.");
});
