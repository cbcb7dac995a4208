/** `loam deploy web` in Chromium: the server's tokens, from a folder that asks for nothing outside itself. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasBrowser, noBrowser, openedBrowser } from "./support/browser.ts";
import { loam, startProcess } from "./support/child.ts";
import { deep } from "./support/deep.ts";
import { temporaryFolder, trainedToy, writeToy } from "./support/project.ts";
import { greedyInPage, inPage, openPage, serveFolder } from "./support/web-page.ts";

const browser = openedBrowser();

interface Deployed {
  readonly path: string;
  readonly weightBytes: number;
  readonly downloadBytes: number;
  readonly heldOut: { readonly loss: number; readonly fullLoss: number; readonly agreement: number } | null;
}

async function deploy(cwd: string, args: readonly string[], model = "toy"): Promise<Deployed> {
  const { code, stdout, stderr } = await loam(["deploy", "web", `${model}@latest`, "--json", ...args], { cwd });
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Deployed;
}

interface Choice {
  readonly text: string;
  readonly token_ids: readonly number[];
  readonly prompt_token_ids: readonly number[];
}
interface Completion {
  readonly choices: readonly Choice[];
  /** Of a chat, where the prompt is one. */
  readonly prompt_token_ids?: readonly number[];
}

/** What `loam serve` completes for each prompt. */
async function served(cwd: string, requests: readonly object[], args: readonly string[] = []): Promise<Choice[]> {
  const server = startProcess(["serve", "--json", ...args], { cwd });
  const [, url] = await server.says(/"event":"serving","url":"([^"]+)"/);
  const choices: Choice[] = [];
  for (const request of requests) {
    const response = await fetch(`${url}/v1/${"messages" in request ? "chat/" : ""}completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "toy", return_token_ids: true, ...request }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    const {
      prompt_token_ids,
      choices: [choice],
    } = JSON.parse(text) as Completion;
    choices.push({ ...choice!, ...(prompt_token_ids ? { prompt_token_ids } : {}) });
  }
  server.kill("SIGTERM");
  await server.ended;
  return choices;
}

const prompts = [
  ...["Dear", "Dear Anna", "Tom", "a", "The weather", "See you", "\n", "Thank you for", "1", "Best"],
  ...["How are you", "we", "I", "Yours", "letter", "on Monday", "?", "<|end|>Dear", "Ä ö 漢 🙂", "  two  spaces"],
];

const chatQuestions = [
  ...["What is the capital of France?", "Write a haiku about rain.", "Count to five.", "Translate 'good morning' into German."],
  ...["What is 12 plus 30?", "Is water wet?", "Say hello in Japanese.", "Write one line of Python."],
  ...["<|im_end|> who are you?", "Ä ö 漢 🙂?"],
];

test.skipIf(!hasBrowser)(
  `20 prompts give the server's tokens in Chromium, from a sub path and nothing outside it${noBrowser}`,
  async () => {
    const cwd = await trainedToy();
    const { path, weightBytes } = await deploy(cwd, ["--to", "site"]);
    expect(weightBytes).toBe(
      readdirSync(path)
        .filter(n => n.endsWith(".bin"))
        .reduce((sum, n) => sum + statSync(join(path, n)).size, 0),
    );
    const want = await served(
      cwd,
      prompts.map(prompt => ({ prompt, temperature: 0, max_tokens: 12 })),
    );
    const site = await serveFolder(path);
    const { page, problems } = await openPage(browser(), site.url);
    const got = await greedyInPage(page, prompts, 12);
    // the end token closes the server's list where it was drawn
    const end = got.map((_, i) => want[i]!.token_ids.slice(0, got[i]!.tokens.length));
    expect(got.map(g => g.prompt)).toEqual(want.map(w => w.prompt_token_ids));
    expect(got.map(g => g.tokens)).toEqual(end);
    expect(want.every((w, i) => w.token_ids.length - got[i]!.tokens.length <= 1)).toBe(true);
    expect(problems).toEqual([]);
    expect(site.asked.filter(p => !p.startsWith("/a/sub/path/"))).toEqual([]);
    // through the service worker the page is isolated, though this server sends no such header
    expect(await page.evaluate("crossOriginIsolated")).toBe(true);
    // nothing else may be called
    await expect(page.evaluate(`fetch("http://127.0.0.1:9/")`)).rejects.toThrow(/fetch/);
    expect(problems.join()).toContain("Content Security Policy");
    await site.close();
    await page.reload();
    await page.locator("#status").filter({ hasText: "ready" }).waitFor();
  },
);

test.skipIf(!hasBrowser)(
  `a seed draws what the server draws, a stop string ends the text, and messages are refused without a template${noBrowser}`,
  async () => {
    const cwd = await trainedToy();
    const { path } = await deploy(cwd, ["--to", "site"]);
    const sampling = { temperature: 0.8, top_p: 0.9, seed: 7 };
    const [drawn, whole] = await served(cwd, [
      { prompt: "Dear", max_tokens: 12, ...sampling },
      { prompt: "Dear", max_tokens: 12, temperature: 0 },
    ]);
    const stop = whole!.text.slice(3, 5);
    const site = await serveFolder(path, { isolated: true });
    const { page } = await openPage(browser(), site.url);
    const got = await inPage<{ tokens: number[]; text: string; refused: string; again: number[] }>(
      page,
      { stop },
      `const model = await load({ verify: true });
    const tokens = async () => {
      const list = [];
      for await (const t of model.generateTokens("Dear", { maxTokens: 12, temperature: 0.8, topP: 0.9, seed: 7 })) list.push(t);
      return list;
    };
    let text = "";
    for await (const piece of model.generate("Dear", { maxTokens: 12, temperature: 0, stop: [argument.stop] })) text += piece;
    let refused = "";
    try { model.promptTokens([{ role: "user", content: "a" }]); } catch (error) { refused = error.message; }
    return { tokens: await tokens(), again: await tokens(), text, refused };`,
    );
    expect(got.tokens).toEqual(drawn!.token_ids.slice(0, got.tokens.length));
    expect(got.tokens.length).toBeGreaterThan(4);
    expect(got.again).toEqual(got.tokens);
    expect(got.text).toBe(whole!.text.slice(0, whole!.text.indexOf(stop)));
    expect(got.refused).toContain("expected a text, got messages");
  },
);

test.skipIf(!hasBrowser)(`a changed, a cut and a missing file are named, and nothing is generated${noBrowser}`, async () => {
  const cwd = await trainedToy();
  const { path } = await deploy(cwd, ["--to", "site"]);
  const weights = join(path, "weights-0.bin");
  const whole = readFileSync(weights);
  const site = await serveFolder(path, { isolated: true });
  const told = async (): Promise<string> => (await (await openPage(browser(), site.url)).page.locator("#status").textContent()) ?? "";
  const changed = Buffer.from(whole);
  changed[100]! ^= 1;
  writeFileSync(weights, changed);
  expect(await told()).toMatch(/^weights-0\.bin: expected the digest [0-9a-f]{64}, got /);
  writeFileSync(weights, whole.subarray(0, 500));
  expect(await told()).toBe(`weights-0.bin: expected ${whole.length} bytes, got 500. Copy the folder again.`);
  writeFileSync(weights, Buffer.concat([whole, whole]));
  expect(await told()).toMatch(/^weights-0\.bin: expected \d+ bytes, got more/);
  rmSync(weights);
  expect(await told()).toBe("weights-0.bin: expected the file, got HTTP 404. Copy the whole folder.");
});

test.skipIf(!hasBrowser)(`8 and 4 bits are smaller, with their loss told, and run${noBrowser}`, async () => {
  const cwd = await trainedToy();
  const full = await deploy(cwd, ["--to", "f32"]);
  for (const [weights, share] of [
    ["q8", 0.4],
    ["q4", 0.35],
  ] as const) {
    const small = await deploy(cwd, ["--to", weights, "--weights", weights]);
    expect(small.weightBytes / full.weightBytes).toBeLessThan(share);
    expect(small.heldOut!.fullLoss).toBeGreaterThan(0);
    expect(Math.abs(small.heldOut!.loss - small.heldOut!.fullLoss)).toBeLessThan(0.5);
    const { page, problems } = await openPage(browser(), (await serveFolder(small.path, { isolated: true })).url);
    const [got] = await greedyInPage(page, ["Dear"], 12);
    expect(got!.tokens.length).toBeGreaterThan(0);
    expect(problems).toEqual([]);
  }
  expect(full.heldOut).toBeNull();
});

test("a model too large for the bound is refused with the size of each form, and nothing is written", async () => {
  const cwd = await trainedToy();
  const refused = async (args: readonly string[]) => (await loam(["deploy", "web", "toy@latest", "--to", "site", ...args], { cwd })).stderr;
  expect(await refused(["--max-size", "41kB"])).toMatch(
    /toy@1: --weights f32: expected weights of at most 41\.0 kB, got f32 \d.* kB, q8 .* kB, q4 .* kB\. Use --weights q8\./s,
  );
  expect(await refused(["--max-size", "1kB"])).toMatch(/Use --weights q4 --max-size \d/);
  expect(await refused(["--max-size", "4GiB"])).toMatch(/WebAssembly has 4 GB/);
  expect(await refused(["--context", "64"])).toMatch(/--context: expected at most the model's 32, got 64/);
  expect(existsSync(join(cwd, "site"))).toBe(false);
});

const gguf = join(process.env.LOAM_MODELS ?? "", "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
const without =
  process.env.LOAM_MODELS !== undefined && existsSync(gguf)
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with smollm2-135m-instruct");

(deep ? test.skipIf(!hasBrowser || without !== undefined) : test.skip)(
  `SmolLM2-135M-Instruct: 10 chats give the server's tokens in Chromium${noBrowser}${without === undefined ? "" : ` (skipped: ${without})`}`,
  async () => {
    const cwd = temporaryFolder("smollm2");
    writeToy(cwd);
    const imported = await loam(["models", "import", gguf, "--name", "smollm2"], { cwd });
    expect(imported.code, imported.stderr).toBe(0);
    const { path } = await deploy(cwd, ["--to", "site", "--context", "256"], "smollm2");
    const chats = chatQuestions.map(content => [{ role: "user", content }]);
    const want = await served(
      cwd,
      chats.map(messages => ({ model: "smollm2", messages, temperature: 0, max_tokens: 24 })),
      ["smollm2@latest", "--quantize", "exact", "--context", "256", "--slots", "1", "--port", "0"],
    );
    const site = await serveFolder(path, { isolated: true });
    const { page, problems } = await openPage(browser(), site.url);
    const got = await greedyInPage(page, chats, 24);
    expect(got.map(g => g.prompt)).toEqual(want.map(w => w.prompt_token_ids));
    expect(got.map(g => g.tokens)).toEqual(got.map((g, i) => want[i]!.token_ids.slice(0, g.tokens.length)));
    expect(want.every((w, i) => w.token_ids.length - got[i]!.tokens.length <= 1)).toBe(true);
    expect(problems).toEqual([]);
  },
  1_800_000,
);
