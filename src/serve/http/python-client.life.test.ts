/** OpenAI's Python client against a real server: what it makes of every call (`bench/peers/openai_client.py`). */
import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import OpenAI from "openai";
import { expect, test } from "vitest";
import { openDevice } from "../../tensor/index.ts";
import { chatTemplate } from "../../text/index.ts";
import { createEmbeddingEngine } from "../embedding/embedding-engine.ts";
import { createEngine } from "../engine.ts";
import { tinyConfig, tinyModel } from "../fakes.ts";
import { listen } from "../listen.ts";
import { createApp } from "./app.ts";
import { tinyEncoder } from "./fakes.ts";

const peer = (path: string) => fileURLToPath(new URL(`../../../bench/peers/${path}`, import.meta.url));
const python = peer(".venv/bin/python");

function lacking(): string {
  if (!existsSync(python)) return "there is no Python environment of the peers";
  try {
    execFileSync(python, ["-c", "import openai"], { stdio: "ignore" });
    return "";
  } catch {
    return "the peers' Python has no openai";
  }
}
const lack = lacking();
const why = lack === "" ? "" : (process.env.LOAM_PEERS_REASON ?? lack);

test.skipIf(lack !== "")(
  `Python's openai: chats, tools, forms, kept responses, embeddings, errors${why && ` (skipped: ${why})`}`,
  async () => {
    const device = openDevice("cpu", { threads: 1 });
    const model = await tinyModel(device, { chatTemplate: chatTemplate(), config: { ...tinyConfig, context: 1024 } });
    const engine = createEngine({ model, device, slots: 2 });
    const encoder = createEmbeddingEngine({ model: await tinyEncoder(device), device });
    const server = await listen(createApp({ engines: [engine], encoders: [encoder] }), { port: 0 });
    try {
      await Promise.all([engine.ready, encoder.ready]);
      const url = `${server.url}/v1`;
      const { stdout } = await promisify(execFile)(python, [peer("openai_client.py"), url, "tiny", "tiny-encoder@1"]);
      const heard = JSON.parse(stdout) as Record<string, unknown>;

      // the same of the client of npm
      const client = new OpenAI({ baseURL: url, apiKey: "none", maxRetries: 0 });
      const chat = await client.chat.completions.create({
        model: "tiny",
        messages: [{ role: "user", content: "Hi" }],
        temperature: 0,
        max_tokens: 30,
      });
      const response = await client.responses.create({ model: "tiny", input: "Hi", temperature: 0, max_output_tokens: 30 });
      const embedding = await client.embeddings.create({ model: "tiny-encoder@1", input: ["a cat"] });
      const text = chat.choices[0]!.message.content;
      const tokens = chat.usage!.completion_tokens;
      expect(heard).toEqual({
        chat: text,
        streamed: text,
        tokens: [tokens, tokens],
        call: { city: expect.stringMatching(/^(Rome|Oslo)$/) },
        parsed: { ok: expect.any(Boolean) },
        responses: [response.output_text, expect.any(String), response.output_text],
        items: ["message"],
        events: ["response.created", "response.completed"],
        formed: { ok: expect.any(Boolean) },
        embedding: embedding.data[0]!.embedding,
        models: ["tiny", "tiny-encoder@1"],
        failures: [
          ["NotFoundError", "id"],
          ["NotFoundError", "model"],
          ["BadRequestError", "temperature"],
        ],
      });
    } finally {
      await server.close();
    }
  },
);
