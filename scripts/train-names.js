/**
 * `npm run train-names`: trains the recogniser of names that ships with Loam and writes models/names.bin; `--check` trains it and compares the weights
 * with those that are there. Minutes of one core; the same weights on every machine. What it learns from: models/README.md.
 */
import "../bin/node-version.js";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { inRoot } from "./parts/places.js";
import { main, say, Trouble } from "./parts/say.js";
import { setup } from "./setup.js";

const file = "models/names.bin";
const sha256 = bytes => createHash("sha256").update(bytes).digest("hex");
const weightsOf = ({ weights }) => sha256(Buffer.from(weights.buffer, weights.byteOffset, weights.byteLength));

await main(async args => {
  const unknown = args.find(a => a !== "--check");
  if (unknown !== undefined) throw new Trouble(`train-names: expected --check or nothing, got "${unknown}".`, 2);
  await setup();
  const { shippedNamesRecipe, trainedNames } = await import("../dist/bench/names/recipe.js");
  const { decodeNames, encodeNames } = await import("../dist/src/data/index.js");
  const model = await trainedNames(shippedNamesRecipe, (_, message) => say("train-names", message));
  if (args.includes("--check")) {
    const there = weightsOf(decodeNames(readFileSync(inRoot(file)), file));
    const made = weightsOf(model);
    if (there !== made) throw new Trouble(`train-names: ${file}: expected weights ${made}, got ${there}.`);
    say("train-names", `${file} holds the weights of its recipe (${made})`);
    return 0;
  }
  const bytes = encodeNames(model);
  writeFileSync(inRoot(file), bytes);
  say("train-names", `${file}: ${bytes.length} bytes, SHA-256 ${sha256(bytes)}; write it into src/data/steps/private/names/shipped.ts`);
  return 0;
});
