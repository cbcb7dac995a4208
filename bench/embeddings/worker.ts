/** Loam's side: texts to vectors in this process, as the server and the data room embed. Speaks the lines of peers/embeddings.py. */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { folderEmbedder } from "../../src/project/data/embedder.ts";
import { openDevice } from "../../src/tensor/index.ts";

interface Given {
  readonly folder: string;
  readonly texts: string;
  readonly threads: number;
  readonly side: "exact" | "int8";
}

const given = JSON.parse(process.argv[2]!) as Given;
const texts = JSON.parse(readFileSync(given.texts, "utf8")) as readonly string[];
const began = performance.now();
const embedder = await folderEmbedder(given.folder, openDevice("cpu", { threads: given.threads }), given.side);
const readyMs = performance.now() - began;
const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
let vectors: readonly Float32Array[] = [];
for await (const line of createInterface({ input: process.stdin })) {
  const [word, value] = line.split(" ") as [string, string];
  const [wall, processor] = [performance.now(), processorMs()];
  if (word === "encode") vectors = await embedder.embed(texts.slice(0, Number(value)));
  else writeFileSync(value, Buffer.concat(vectors.map(v => new Uint8Array(v.buffer, v.byteOffset, v.byteLength))));
  process.stdout.write(`${JSON.stringify({ ms: processorMs() - processor, wallMs: performance.now() - wall, readyMs })}\n`);
}
