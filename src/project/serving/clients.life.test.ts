/** A real model through the contracts: SmolLM2-135M-Instruct in the folder LOAM_MODELS. Its template knows no tools. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createOpenAI } from "@ai-sdk/openai";
import { generateText } from "ai";
import { Ollama } from "ollama";
import OpenAI from "openai";
import { expect, test } from "vitest";
import { createApp, listen } from "../../serve/index.ts";
import { findModel } from "./find-model.ts";
import { openServed } from "./open-served.ts";

const file = join(process.env.LOAM_MODELS ?? "", "smollm2-135m-instruct", "SmolLM2-135M-Instruct.Q4_1.gguf");
const missing =
  process.env.LOAM_MODELS !== undefined && existsSync(file)
    ? undefined
    : (process.env.LOAM_MODELS_REASON ?? "LOAM_MODELS names no folder with smollm2-135m-instruct");
const reason = missing === undefined ? "" : ` (skipped: ${missing})`;

test.skipIf(missing !== undefined)(
  `SmolLM2 answers alike through four contracts, calls a function that it must call, and scores its own words as it said them${reason}`,
  async () => {
    await using found = await findModel("/", "/", file);
    await using opened = await openServed(found, { slots: 2, context: 512 });
    const app = createApp({ engines: [] });
    opened.addTo(app.engines);
    const server = await listen(app, { port: 0 });
    try {
      await opened.engine.ready;
      const { id: model } = opened.engine.model;
      const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "none", maxRetries: 0 });
      const ollama = new Ollama({ host: server.url });
      const messages = [{ role: "user" as const, content: "What is the capital of France?" }];
      const chat = await client.chat.completions.create({ model, messages, max_tokens: 12, temperature: 0 });
      const text = chat.choices[0]!.message.content!;
      expect(text).toContain("Paris");
      const response = await client.responses.create({ model, input: messages, max_output_tokens: 12, temperature: 0 });
      expect(response.output_text).toBe(text);
      const other = await ollama.chat({ model, messages, options: { num_predict: 12, temperature: 0 } });
      expect(other.message.content).toBe(text);

      const weather = {
        type: "object",
        properties: { city: { enum: ["Rome", "Oslo", "Lima"] } },
        required: ["city"],
        additionalProperties: false,
      };
      const call = await client.chat.completions.create({
        model,
        messages: [{ role: "user", content: "How is the weather in Oslo?" }],
        tools: [{ type: "function", function: { name: "weather", description: "Weather of a city", parameters: weather } }],
        tool_choice: "required",
        max_tokens: 40,
        temperature: 0,
      });
      expect(call.choices[0]).toMatchObject({
        finish_reason: "tool_calls",
        message: { tool_calls: [{ function: { name: "weather", arguments: '{"city": "Oslo"}' } }] },
      });

      // the AI SDK asks /v1/responses, and goes on from the one that is kept
      const openai = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: "none" });
      const first = await generateText({ model: openai(model), prompt: "What is the capital of France?", maxOutputTokens: 12 });
      const { responseId } = first.providerMetadata!.openai as { responseId: string };
      const second = await generateText({
        model: openai.responses(model),
        prompt: "And of Italy?",
        maxOutputTokens: 12,
        providerOptions: { openai: { previousResponseId: responseId } },
      });
      expect((await client.responses.retrieve(responseId)).output_text).toBe(first.text);
      expect(second.usage.inputTokens).toBeGreaterThan(first.usage.inputTokens! + 8);

      const own = await client.completions.create({ model, prompt: "The sky is", max_tokens: 8, temperature: 0, logprobs: 0 });
      const scored = await fetch(`${server.url}/v1/score`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ model, prompt: "The sky is", input: own.choices[0]!.text }),
      });
      const { data } = (await scored.json()) as { data: { tokens: { token: string; logprob: number }[] }[] };
      expect(data[0]!.tokens.map(t => t.logprob)).toEqual(own.choices[0]!.logprobs!.token_logprobs);
    } finally {
      await server.close();
    }
  },
);
