/** Questions that mean the same, by vectors of a real embeddings address that the test scripts: what is near and what is not, what must be equal besides. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { good, type Script } from "../fakes.ts";
import { cacheRig, question, until } from "./rig.laws.ts";
import { cosineOf, numbersOf, SemanticIndex, unit } from "./semantic.ts";

const rig = cacheRig();

/** One direction for each thing that is asked about; a stray word turns it a little. */
const vectorOf = (text: string): number[] => {
  const has = (word: RegExp) => (word.test(text) ? 1 : 0);
  return [has(/capital|seat/) * 10, has(/france/i) * 10, has(/spain/i) * 10, has(/please/i), has(/seat/), 0.01];
};
let embeddings = 0;
const embedding: Script = async (received, response) => {
  if (received.path !== "/v1/embeddings") return good(received, response);
  embeddings++;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(
    JSON.stringify({ object: "list", data: [{ object: "embedding", index: 0, embedding: vectorOf(String(received.body.input)) }] }),
  );
};
const start = async (semantic: object = {}, cache: object = {}) => {
  embeddings = 0;
  rig.upstream.script = embedding;
  const models = { chat: { targets: [{ upstream: "local", model: "inner" }] }, embed: { targets: [{ upstream: "local" }] } };
  await rig.start({ semantic: { model: "embed", threshold: 0.95, ...semantic }, ...cache }, { models });
};
const says = (content: unknown, more: object = {}) => ({ ...question, messages: [{ role: "user", content }], ...more });

test("a question that means the same gets the same answer, and is told how near it was", async () => {
  await start();
  const first = await rig.asked(says("What is the capital of France?"));
  const second = await rig.asked(says("Please: the capital of France?"));
  expect([first.how, second.how]).toEqual(["miss", "semantic"]);
  expect(second.text).toBe(first.text);
  expect(Number(second.headers.get("x-loam-cache-similarity"))).toBeGreaterThan(0.95);
  expect(await rig.how(says("What is the capital of Spain?"))).toBe("miss");
  // the same words need no vector
  const before = embeddings;
  expect(await rig.how(says("What is the capital of France?"))).toBe("hit");
  expect(embeddings).toBe(before);
  expect(rig.gateway.records.map(r => r.cache)).toEqual(["miss", "semantic", "miss", "hit"]);
});

test("everything but the last question must be equal, and every number in it", async () => {
  await start();
  await rig.asked(says("The capital of France in 1900?"));
  const again = "Please, the capital of France in 1900?";
  expect(await rig.how(says("Please, the capital of France in 1940?"))).toBe("miss");
  expect(await rig.how(says(again, { max_tokens: 9 }))).toBe("miss");
  expect(await rig.how(says(again, { tools: [{ type: "function", function: { name: "f" } }] }))).toBe("miss");
  const system = { role: "system", content: "Answer in verse." };
  expect(await rig.how({ ...question, messages: [system, { role: "user", content: again }] })).toBe("miss");
  const picture = [
    { type: "text", text: again },
    { type: "image_url", image_url: { url: "data:," } },
  ];
  expect(await rig.how(says(picture))).toBe("miss");
  expect(await rig.how(says(again, { stream: true }))).toBe("miss");
  expect(await rig.how(says(again))).toBe("semantic");
  expect(await rig.how(says("please, the capital of France in 1900?", { stream: true }))).toBe("semantic");
});

test("another tenant's questions are not compared with", async () => {
  await start({}, { scope: "key" });
  await rig.asked(says("The capital of France?"));
  const { secret } = await rig.gateway.gateway.control.keys.create({ name: "second", subject: "ann" }, "test");
  const init = { headers: { authorization: `Bearer ${secret}` } };
  expect(await rig.how(says("Please, the capital of France?"), init)).toBe("miss");
  expect(await rig.how(says("please, the capital of France?"), init)).toBe("semantic");
});

test("an embedding model that fails, is slow or speaks nonsense makes a miss and no error", async () => {
  for (const script of [
    (_: unknown, response: Parameters<Script>[1]) => void response.writeHead(500).end("{}"),
    () => {},
    (_: unknown, response: Parameters<Script>[1]) =>
      void response.writeHead(200, { "content-type": "application/json" }).end('{"data":[{"embedding":[0,0]}]}'),
  ]) {
    await start({ timeout: "200ms" });
    rig.upstream.script = (received, response) =>
      received.path === "/v1/embeddings" ? script(received, response) : good(received, response);
    expect(await rig.how(says("The capital of France?"))).toBe("miss");
    expect(rig.gateway.gateway.cache?.counts.embeddingErrors).toBe(1);
    expect(await rig.how(says("The capital of France?"))).toBe("hit");
    await until(() => rig.gateway.gateway.inFlight === 0);
    await rig.gateway.close();
  }
  await start();
});

test("an answer that the store has lost is not given: the next nearest is, or a server is asked", async () => {
  await start({}, { entries: 1 });
  await rig.asked(says("The capital of France?"));
  await rig.asked(says("The capital of Spain?"));
  expect(await rig.how(says("Please, the capital of France?"))).toBe("miss");
});

test("the index holds no more than it may, finds what brute force finds, and forgets what is over", () => {
  const vector = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 }).filter(v => unit(v) !== undefined);
  const around = fc.constantFrom("a", "b");
  fc.assert(
    fc.property(
      fc.array(fc.record({ vector, around, lifeMs: fc.integer({ min: 1, max: 100 }) }), { maxLength: 30 }),
      vector,
      around,
      fc.integer({ min: 1, max: 10 }),
      (given, asked, where, entries) => {
        const index = new SemanticIndex({ threshold: 0.8, entries });
        for (const [i, g] of given.entries()) {
          index.add({ text: "x", around: g.around }, unit(g.vector)!, String(i), g.lifeMs);
          expect(index.size).toBeLessThanOrEqual(entries);
        }
        const best = given
          .map((g, i) => ({ ...g, i, similarity: cosineOf(unit(g.vector)!, unit(asked)!) }))
          .slice(-entries)
          .filter(g => g.around === where && g.lifeMs > 50 && g.similarity >= 0.8)
          .map(g => g.similarity)
          .toSorted((a, b) => b - a);
        const found = index.nearest({ text: "x", around: where }, unit(asked)!, 50);
        expect(found.map(f => f.similarity)).toEqual(best.slice(0, 3));
      },
    ),
  );
});

test("numbers are compared as they are written, in any digits of Unicode that mean ASCII's", () => {
  expect(numbersOf("in 7 days, at 10:30 on 2026/11/26 for 1,000.50 €")).toBe("7 10:30 2026/11/26 1,000.50");
  expect(numbersOf("７ days")).toBe("7");
  expect(numbersOf("none")).toBe("");
});

test("a question that means the same finds no answer of an old version, and one of the version that told of itself", async () => {
  await start();
  const by =
    (version: string): Script =>
    (received, response) => {
      if (received.path !== "/v1/embeddings") response.setHeader("x-loam-model", version);
      return embedding(received, response);
    };
  rig.upstream.script = by("mail@1");
  await rig.asked(says("What is the capital of France?"));
  rig.upstream.script = by("mail@2");
  await rig.asked(says("What is the capital of Spain?"));
  expect(await rig.how(says("Please: the capital of Spain?"))).toBe("semantic");
  expect(await rig.how(says("Please: the capital of France?"))).toBe("miss");
});
