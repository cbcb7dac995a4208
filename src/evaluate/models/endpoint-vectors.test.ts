/** Vectors of an endpoint: how many texts a request has, in what order they come back, and what of an answer is refused. */
import { expect, test } from "vitest";
import { endpointModel } from "./endpoint.ts";

interface Asked {
  readonly input: readonly string[];
  readonly truncate?: boolean;
}
const answer = (value: unknown, status = 200) => new Response(JSON.stringify(value), { status });

/** A server whose vectors are a text's length and its number; the last text of a request comes first. `limit`: characters that it reads without cutting. */
function server(change: (data: { index: number; embedding: number[] }[]) => unknown[] = d => d, limit = Number.POSITIVE_INFINITY) {
  const asked: Asked[] = [];
  const model = endpointModel({
    url: "http://127.0.0.1/v1",
    model: "e",
    retryMs: 1,
    concurrency: 3,
    fetch: async request => {
      const body = (await request.json()) as Asked;
      asked.push(body);
      if (body.input.some(t => t.length > limit) && !body.truncate) return answer({ error: { message: "too long" } }, 400);
      const data = body.input.map((t, index) => ({ index, embedding: [t.length, Number(t)] })).reverse();
      return answer({ data: change(data) });
    },
  });
  const embed = async (texts: readonly string[]) => {
    const vectors: (readonly number[])[] = [];
    await model.embed!(
      texts.map(text => ({ text })),
      (i, { vector, ms }) => {
        expect(ms).toBeGreaterThanOrEqual(0);
        vectors[i] = vector;
      },
    );
    return vectors;
  };
  return { asked, embed };
}

const texts = Array.from({ length: 150 }, (_, i) => String(i));

test("texts go many to a request, and each gets the vector with its own number, in whatever order they come", async () => {
  const { asked, embed } = server();
  expect(await embed(texts)).toEqual(texts.map(t => [t.length, Number(t)]));
  expect(asked.map(a => a.input.length).sort((a, b) => a - b)).toEqual([22, 64, 64]);
  expect(asked.every(a => a.truncate === undefined)).toBe(true);
});

test("a server that refuses long texts is asked to cut them, and only then", async () => {
  const { asked, embed } = server(d => d, 2);
  expect(await embed(texts)).toHaveLength(150);
  // the first 64 are short
  expect(asked.filter(a => a.truncate).map(a => a.input[0])).toEqual(["64", "128"]);
  const stern = endpointModel({
    url: "http://127.0.0.1/v1",
    model: "e",
    fetch: () => answer({ error: { message: "no such model" } }, 404),
  });
  await expect(stern.embed!([{ text: "1" }], () => {})).rejects.toThrow(/v1\/embeddings.*404 no such model/s);
});

test("an answer with too few vectors, one twice, or an empty one is refused with their number", async () => {
  for (const [change, got] of [
    [(d: { index: number; embedding: number[] }[]) => d.slice(1), 1],
    [(d: { index: number; embedding: number[] }[]) => d.map(v => ({ ...v, index: 0 })), 1],
    [(d: { index: number; embedding: number[] }[]) => [{ ...d[0]!, embedding: [] }, d[1]!], 1],
    [(d: { index: number; embedding: number[] }[]) => [...d, { index: 2, embedding: [1] }], 3],
  ] as const)
    await expect(server(change).embed(["1", "2"])).rejects.toThrow(new RegExp(`2 vectors, one a text.*${got}`, "s"));
});
