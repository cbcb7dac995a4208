/** Small stages for the tests of this room: documents, a filter, a trainer, one that is not deterministic. */
import { z } from "zod";
import { membersFile } from "./members.ts";
import { stage } from "./stage.ts";

/** Documents `<id>` with a text each. */
export const collect = stage({
  name: "collect",
  version: 1,
  inputs: {},
  options: z.strictObject({ ids: z.array(z.string()), note: z.string().default("") }),
  output: "documents",
  async run({ options, output }) {
    await output.write("texts.txt", options.ids.map(id => `text of ${id} ${options.note}\n`).join(""));
    await output.writeStream(
      membersFile,
      options.ids.map(id => `${id}\n`),
    );
    return { documents: options.ids.length };
  },
});

/** Keeps the documents whose id does not hold `drop`. */
export const filter = stage({
  name: "filter",
  version: 2,
  inputs: { documents: "documents" },
  options: z.strictObject({ drop: z.string() }),
  output: "documents",
  async run({ inputs, options, output }) {
    const ids = (await inputs.documents.read(membersFile)).toString().split("\n").filter(Boolean);
    const kept = ids.filter(id => !id.includes(options.drop));
    await output.write("texts.txt", kept.map(id => `text of ${id}\n`).join(""));
    await output.write(membersFile, kept.map(id => `${id}\n`).join(""));
    return { documents: kept.length, dropped: ids.length - kept.length };
  },
});

/** A "model": weights that follow from the documents. Lists no documents of its own. */
export const train = stage({
  name: "train",
  version: 1,
  inputs: { documents: "documents" },
  options: z.strictObject({ steps: z.number().int(), bytes: z.number().int().default(100) }),
  output: "model",
  async run({ inputs, options, output }) {
    const texts = await inputs.documents.read("texts.txt");
    await output.write("weights.bin", Buffer.alloc(options.bytes, texts.length % 251));
    await output.write("config.json", JSON.stringify({ steps: options.steps, seen: texts.length }));
    return { loss: 1 / options.steps };
  },
});

let throwOfDice = 0;
export const chance = stage({
  name: "chance",
  version: 1,
  inputs: {},
  options: z.strictObject({ sides: z.number() }),
  output: "dice",
  async run({ output }) {
    await output.write("throw", String(throwOfDice++));
    return {};
  },
});
