/** Ollama's Python client against a real server whose models come and go: what it makes of every call (`bench/peers/ollama_client.py`). */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { root } from "../../../../test/support/child.ts";
import { clientPython, lacksClients } from "../../../../test/support/client-python.ts";
import { Login } from "../../../session/index.ts";
import { openDevice } from "../../../tensor/index.ts";
import { chatTemplate } from "../../../text/index.ts";
import { createEmbeddingEngine } from "../../embedding/embedding-engine.ts";
import { createEngine } from "../../engine.ts";
import { Engines } from "../../engines.ts";
import { Fleet } from "../../lifecycle/fleet.ts";
import type { VersionSource } from "../../lifecycle/version-source.ts";
import { listen } from "../../listen.ts";
import { createApp } from "../app.ts";
import { fillModel, speaker, tinyEncoder } from "../fakes.ts";

const why = lacksClients("ollama");

test.skipIf(why !== "")(
  `Python's ollama: generate, chat, tools, forms, gaps, embeddings, lists, sleep, errors${why && ` (skipped: ${why})`}`,
  async () => {
    const device = openDevice("cpu", { threads: 1 });
    const said = 'One moment.<tool_call>{"name": "weather", "arguments": {"city": "Rome"}}</tool_call>';
    const opens: { readonly [name: string]: (id: string) => Promise<Awaited<ReturnType<VersionSource["open"]>>["engine"]> } = {
      tiny: async id =>
        createEngine({
          model: await fillModel(device, { id, name: "tiny", version: 1, chatTemplate: chatTemplate() }),
          device,
          slots: 2,
        }),
      speaker: async id => {
        const made = await speaker(device, { id, name: "speaker", version: 1, chatTemplate: chatTemplate() });
        made.text = said;
        return made.engine;
      },
      vectors: async id => createEmbeddingEngine({ model: await tinyEncoder(device, { id, name: "vectors", version: 1 }), device }),
    };
    const engines = new Engines();
    const fleet = new Fleet({
      engines,
      source: {
        versions: async () => [1],
        open: async name => {
          const engine = await opens[name]!(`${name}@1`);
          return { engine, close: () => engine.close() };
        },
      },
    });
    const login = new Login({ info: { gateway: false, record: false } });
    const server = await listen(createApp({ engines, fleet, login, version: "1.2.3" }), { port: 0 });
    try {
      for (const name of Object.keys(opens)) await fleet.load(name, 1);
      const { stdout } = await promisify(execFile)(clientPython, [
        join(root, "bench/peers/ollama_client.py"),
        server.url,
        "tiny",
        "speaker",
        "vectors",
        login.token,
      ]);
      const heard = JSON.parse(stdout);
      const text = heard.generate[0];
      const call = ["weather", { city: "Rome" }];
      const sentence = (pattern: RegExp) => expect.stringMatching(pattern);
      expect(heard).toEqual({
        generate: [text, expect.stringMatching(/stop|length/), expect.any(Number)],
        streamed: [text, heard.generate[1], true],
        "goes on": true,
        filled: [true, null],
        logprobs: [heard["streamed logprobs"], Array(heard["streamed logprobs"].length).fill(2)],
        "streamed logprobs": heard.logprobs[0],
        chat: ["assistant", text],
        "streamed chat": text,
        formed: { ok: expect.any(Boolean) },
        called: call,
        "streamed calls": [call],
        async: [text, text],
        embed: [32, 32],
        embeddings: 32,
        "nothing to embed": [],
        list: [
          ["tiny:1", true, "F32"],
          ["speaker:1", true, "F32"],
          ["vectors:1", true, "F32"],
        ],
        ps: [
          ["tiny:1", true, 9999, 1024],
          ["speaker:1", true, 9999, 4096],
          ["vectors:1", true, 9999, 96],
        ],
        show: [["completion", "insert"], "F32", "decoder"],
        "show encoder": ["embedding"],
        loaded: ["load", "success"],
        refusals: {
          unknown: [404, sentence(/^model 'nobody' not found/)],
          "unknown, streamed": [404, sentence(/^model 'nobody' not found/)],
          images: [400, sentence(/images/)],
          "wrong type": [400, sentence(/options\.temperature/)],
          "embed by a decoder": [400, sentence(/sentence encoder/)],
          pull: [400, sentence(/'llama3\.2' is not served.*loam models import/)],
          push: [400, sentence(/pushes no models/)],
          create: [400, sentence(/creates no models/)],
          copy: [400, sentence(/copies no models/)],
          delete: [401, sentence(/token/)],
          "delete, administrator": [400, sentence(/fine-tuning job/)],
          unload: [401, sentence(/token/)],
        },
        malformed: [400, "str"],
        nowhere: [404, "str"],
        unloaded: ["unload", ["speaker:1", "vectors:1"], ["tiny:1", "speaker:1", "vectors:1"]],
        woken: [true, true, 0, text],
        heads: [200, 200, 200],
      });
    } finally {
      await server.close();
      await fleet.close();
    }
  },
);
