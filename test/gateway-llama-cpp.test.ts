/**
 * llama.cpp's server, which speaks OpenAI's API and Anthropic's Messages by code of its own, behind the gateway: what it says of a chat through Messages
 * is what it says of the chat. It lies in the folder LOAM_LLAMA_CPP.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI, { type APIError } from "openai";
import { afterAll, expect, test } from "vitest";
import { testGateway } from "../src/gateway/fakes.ts";
import { decoderSpec, folderFiles, initialise, llamaConfig, modelGguf, modelOf } from "../src/nn/index.ts";
import { ggufTextEntries } from "../src/project/models/gguf-text.ts";
import { openDevice } from "../src/tensor/index.ts";
import { loadTokenizer } from "../src/text/index.ts";

const program = join(process.env.LOAM_LLAMA_CPP ?? "", "llama-server");
const lacking = process.env.LOAM_LLAMA_REASON ?? "LOAM_LLAMA_CPP names no folder with llama-server";
const reason = process.env.LOAM_LLAMA_CPP && existsSync(program) ? "" : ` (skipped: ${lacking})`;
const root = mkdtempSync(join(tmpdir(), "loam-gateway-llama-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A tokenizer of bytes, as byte-level ones spell them (GPT-2): printable ones stand for themselves, the others follow from U+0100 on. */
const isPrintable = (b: number) => (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
let next = 256;
const bytes = Array.from({ length: 256 }, (_, b) => String.fromCharCode(isPrintable(b) ? b : next++));
const special = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
const byteLevel = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
const tokenizer = loadTokenizer({
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: [
    { id: 0, content: "<s>", ...special },
    { id: 1, content: "</s>", ...special },
  ],
  normalizer: null,
  pre_tokenizer: byteLevel,
  post_processor: null,
  decoder: byteLevel,
  model: {
    type: "BPE",
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(["<s>", "</s>", ...bytes, "ab"].map((token, id) => [token, id])),
    merges: ["a b"],
  },
});

const freePort = (): Promise<number> =>
  new Promise(resolve => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

/** A small model of random weights in a file. */
async function model(): Promise<string> {
  const config = {
    ...llamaConfig({ vocab: tokenizer.vocabSize, width: 64, layers: 2, heads: 4, context: 2048, kvHeads: 2 }),
    deviation: 0.2,
  };
  const parameters = await initialise(decoderSpec(config), openDevice("cpu", { threads: 1 }), "gateway");
  const text = ggufTextEntries({ tokenizer, stopTokens: [1], bosToken: "<s>", eosToken: "</s>" });
  const files = folderFiles(root);
  await files.writeStream("model.gguf", modelGguf(modelOf({ family: "decoder", config }, parameters), "F32", text));
  return join(root, "model.gguf");
}

const weather = {
  type: "function" as const,
  function: {
    name: "weather",
    description: "Weather of a city",
    parameters: { type: "object", properties: { rain: { type: "boolean" } }, required: ["rain"], additionalProperties: false },
  },
};

test.skipIf(reason !== "")(
  `chats through llama.cpp's Messages are its chats, streamed and whole, with tools; its errors keep their words${reason}`,
  async () => {
    const port = await freePort();
    const args = ["-m", await model(), "--port", String(port), "-t", "1", "-c", "2048", "-np", "1", "--no-warmup", "--jinja"];
    const child = spawn(program, args, { stdio: "ignore" });
    const ended = new Promise<void>(resolve => child.once("exit", () => resolve()));
    const url = `http://127.0.0.1:${port}`;
    const gateway = await testGateway({
      upstreams: { chats: { url: `${url}/v1` }, messages: { url, protocol: "anthropic" }, lines: { url: `${url}/v1`, responses: "chat" } },
      models: Object.fromEntries(
        ["chats", "messages", "lines"].map(upstream => [upstream, { targets: [{ upstream, model: "m" }], maxOutputTokens: 40 }]),
      ),
      retries: { attempts: 0 },
    });
    try {
      await expect
        .poll(async () => (await fetch(`${url}/health`).catch(() => undefined))?.status, { timeout: 60_000, interval: 200 })
        .toBe(200);
      const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
      const user = { role: "user" as const, content: "Hi" };
      const messages = [
        { role: "system" as const, content: "Be kind." },
        { role: "user" as const, content: "Hi" },
      ];
      const ask = { messages, temperature: 0, max_tokens: 30 };
      const direct = await client.chat.completions.create({ model: "chats", ...ask });
      const whole = await client.chat.completions.create({ model: "messages", ...ask });
      expect(whole.choices[0]!.message.content).toBe(direct.choices[0]!.message.content);
      expect(whole.choices[0]!.finish_reason).toBe(direct.choices[0]!.finish_reason);
      expect(whole.usage!.completion_tokens).toBe(direct.usage!.completion_tokens);
      expect(whole.usage!.prompt_tokens).toBe(direct.usage!.prompt_tokens);
      const streamed = await client.chat.completions.stream({ model: "messages", ...ask }).finalChatCompletion();
      expect(streamed.choices[0]!.message.content).toBe(direct.choices[0]!.message.content);
      expect(streamed.choices[0]!.finish_reason).toBe(direct.choices[0]!.finish_reason);

      // that the tools, the call and its result are in the prompt shows in the tokens of it, and in what follows them
      const call = { id: "c1", type: "function" as const, function: { name: "weather", arguments: '{"rain":true}' } };
      const turns = [
        ...messages,
        { role: "assistant" as const, content: "Let me look.", tool_calls: [call] },
        { role: "tool" as const, tool_call_id: "c1", content: "rain" },
      ];
      const [theirs, ours] = await Promise.all(
        ["chats", "messages"].map(model => client.chat.completions.create({ model, ...ask, messages: turns, tools: [weather] })),
      );
      expect(ours!.usage!.prompt_tokens).toBe(theirs!.usage!.prompt_tokens);
      expect(ours!.choices[0]!.message.content).toBe(theirs!.choices[0]!.message.content);
      const response = await client.responses.create({
        model: "lines",
        input: "Hi",
        instructions: "Be kind.",
        temperature: 0,
        max_output_tokens: 30,
      });
      expect(response.output_text).toBe(direct.choices[0]!.message.content);

      // Anthropic's client before a server of Messages: nothing is translated
      const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
      // greedy, which its types leave out: Anthropic's newest models take no temperature
      const greedy = { temperature: 0 } as object;
      const said = { model: "messages", max_tokens: 30, system: "Be kind.", messages: [user], ...greedy };
      const own = await anthropic.messages.create(said);
      expect(own.content).toMatchObject([{ type: "text", text: direct.choices[0]!.message.content }]);
      const helped = await anthropic.messages.stream(said).finalMessage();
      expect(helped.content).toMatchObject(own.content.map(b => ({ ...b })));
      const long = await client.chat.completions
        .create({ model: "messages", messages: [{ role: "user", content: "x".repeat(9000) }] })
        .then(
          () => undefined,
          e => e as APIError,
        );
      expect([long?.status, long?.message]).toEqual([400, expect.stringMatching(/context/)]);
    } finally {
      await gateway.close();
      child.kill();
      await ended;
    }
  },
);
