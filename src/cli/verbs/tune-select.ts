/**
 * `loam tune select`: candidate bases beside each other on the user's own texts, and which one to take, with reasons. With `--for`, as what a
 * classifier is tuned from (`select-classes.ts`).
 */
import { formatBytes, formatCount, isLoamError, nearest, sha256 } from "../../base/index.ts";
import { type Document, documentsOf } from "../../data/index.ts";
import type { FilesReader } from "../../nn/index.ts";
import { cliErrors, dataLinksOf, findProject, type ProjectFile, withProjectStore } from "../../project/index.ts";
import { homeIfThere, modelText } from "../../project/models/index.ts";
import { type Candidate, measureCandidate, mostContext, refusalOf } from "../../project/searching/index.ts";
import { deviceOf, findModel, foundFiles, readServedModel } from "../../project/serving/index.ts";
import { listModels, type Store } from "../../store/index.ts";
import { bitsPerByteOf, type Comparison, halfOf, verdictOf } from "../../tune/index.ts";
import { numberOption, textOption } from "../options.ts";
import { classifierOf, selectForClasses } from "../searching/select-classes.ts";
import type { Context, VerbRun } from "../verb.ts";
import { folderOf } from "../verb-folder.ts";
import { runLinks } from "./run.ts";

const verb = "tune select";

interface Measured extends Candidate {
  readonly name: string;
}
interface Refused {
  readonly name: string;
  readonly reason: string;
}

function dataNameOf({ config }: ProjectFile, given: string | undefined): string {
  const known = Object.keys(config.data);
  const wanted = given ?? (known.length === 1 ? known[0] : undefined);
  if (wanted !== undefined && known.includes(wanted)) return wanted;
  const near = wanted === undefined ? undefined : nearest(wanted, known);
  throw cliErrors.fail("usage", {
    place: `loam ${verb}: --on`,
    expected: `one of ${known.join(", ")}`,
    received: wanted === undefined ? "none" : `"${wanted}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** Names of all models that are here: the project's, then the home's. */
async function allModels(store: Store): Promise<string[]> {
  const own = (await listModels(store)).map(m => m.model);
  const home = await homeIfThere();
  try {
    return [...new Set([...own, ...(home ? (await listModels(home)).map(m => m.model) : [])])];
  } finally {
    await home?.close();
  }
}

async function prefixOf(
  files: FilesReader,
  tokenizer: { idOf(token: string): number | undefined },
  start: number | undefined,
  stop: number | undefined,
) {
  const { bosToken, eosToken } = await modelText(files);
  const named = [bosToken, eosToken].map(t => (t === undefined ? undefined : tokenizer.idOf(t))).find(id => id !== undefined);
  return start ?? named ?? stop ?? 0;
}

export const tuneSelect: VerbRun = async (context, args, options) => {
  const { out, cwd, signal } = context;
  const folder = folderOf(context, options);
  const project = findProject(folder);
  const wanted = textOption(options, "for");
  const tune = wanted === undefined ? undefined : classifierOf(project, wanted);
  const onGiven = textOption(options, "on");
  if (tune && onGiven !== undefined && onGiven !== tune.on)
    throw cliErrors.fail("usage", {
      place: `loam ${verb}: --on`,
      expected: `none beside --for, or ${tune.on}, on which ${wanted} is tuned`,
      received: `"${onGiven}"`,
    });
  const on = tune?.on ?? dataNameOf(project, onGiven);
  const number = (key: string, otherwise: number, range: { least: number; most: number; whole?: boolean }) =>
    numberOption(options, key, verb, range) ?? otherwise;
  const most = number("documents", tune ? 200 : 32, { least: 2, most: 1_000_000, whole: true });
  const steps = number("steps", 0, { least: 0, most: 10_000, whole: true });
  const rate = number("rate", 1e-4, { least: 1e-8, most: 1 });
  const slots = number("slots", 4, { least: 1, most: 256, whole: true });
  await withProjectStore(project, async store => {
    const given = args.filter(a => a !== undefined);
    const names = given.length > 0 ? given : await allModels(store);
    if (names.length === 0)
      throw cliErrors.fail("nothing", {
        place: `loam ${verb}`,
        expected: "a model or more",
        received: "none",
        hint: "`loam models import` brings one in, `loam run` makes one.",
      });
    if (tune) {
      const { made } = await runLinks(context, store, dataLinksOf(project, on), false);
      return selectForClasses({ context, project, folder, names, tune, documents: made.get(`data/${on}`)!, most, steps });
    }
    const { judgedOn, train } = await textsOf(context, project, store, on, most, steps > 0);
    const device = deviceOf(project);
    const measured: Measured[] = [];
    const refused: Refused[] = [];
    for (const name of names) {
      signal.throwIfAborted();
      try {
        await using found = await findModel(folder, cwd, name);
        const { files, label } = await foundFiles(found);
        const model = await readServedModel(files, device, label);
        const prefix = await prefixOf(files, model.tokenizer as never, model.startToken, model.stopTokens?.[0]);
        const candidate = await measureCandidate({
          device,
          model:
            model.config.positions === "rotary"
              ? { ...model, config: { ...model.config, context: Math.min(model.config.context, mostContext) } }
              : model,
          prefix,
          judgedOn,
          half: "validation",
          train,
          steps,
          rate,
          seed: 1,
          slots,
          progress: out.progress(name),
          signal,
        });
        measured.push({ name, ...candidate });
        out.clear();
      } catch (error) {
        signal.throwIfAborted();
        // what cannot be a base of a language model (an encoder, damaged files) is told, and the others are looked at
        if (!isLoamError(error)) throw error;
        refused.push({ name, reason: refusalOf(error, name, project) });
      }
    }
    tell(context, on, judgedOn, measured, refused, steps);
  });
};

/** Texts of the data set: some of the validation half, in an order of their hashes, and its training side where it is needed. */
async function textsOf(context: Context, project: ProjectFile, store: Store, on: string, most: number, needsTrain: boolean) {
  const { made } = await runLinks(context, store, dataLinksOf(project, on), false);
  const documents = made.get(`data/${on}`)!;
  const heldOut: Document[] = [];
  for await (const d of documentsOf(documents, "held-out")) heldOut.push(d);
  const key = (d: Document) => sha256(`select/${d.id}`);
  const judgedOn = halfOf(heldOut, "validation", `${documents.id}/held-out`)
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
    .slice(0, most);
  const train: string[] = [];
  if (needsTrain) for await (const d of documentsOf(documents, "train")) train.push(d.text);
  return { judgedOn, train };
}

const qualityOf = (c: Measured) => c.fewStep ?? c.zeroStep;

/** The best, what it is compared with, and the smallest of those that are not surely worse. */
function recommended(measured: readonly Measured[]) {
  const order = measured.toSorted((a, b) => bitsPerByteOf(qualityOf(a)) - bitsPerByteOf(qualityOf(b)));
  const [best, ...others] = order as [Measured, ...Measured[]];
  const { comparisons } = verdictOf(
    qualityOf(best),
    others.map(o => ({ against: "runnerUp" as const, judgement: qualityOf(o) })),
  );
  const compared = new Map<string, Comparison>(others.map((o, i) => [o.name, comparisons[i]!]));
  const near = order.filter(c => c === best || !compared.get(c.name)!.isSignificant);
  const taken = near.reduce((a, b) => (b.memoryBytes < a.memoryBytes ? b : a));
  return { order, best, compared, near, taken };
}

function tell(
  { out }: Context,
  on: string,
  judgedOn: readonly Document[],
  measured: readonly Measured[],
  refused: readonly Refused[],
  steps: number,
): void {
  const bytes = judgedOn.reduce((n, d) => n + Buffer.byteLength(d.text), 0);
  out.line(
    `\n  On ${formatCount(judgedOn.length)} documents of data/${on} (${formatBytes(bytes)}, of its validation half), bits a byte: lower is better`,
  );
  if (measured.length === 0) {
    for (const r of refused) out.line(`    ${r.name}: ${r.reason}`);
    throw cliErrors.fail("nothing", {
      place: `loam ${verb}`,
      expected: "a language model or more",
      received: `${refused.length} that are none`,
    });
  }
  const { order, best, compared, near, taken } = recommended(measured);
  const width = Math.max(8, ...order.map(c => c.name.length)) + 2;
  const row = (mark: string, cells: readonly string[]) =>
    out.line(`  ${mark} ${cells.map((c, i) => (i === 0 ? c.padEnd(width) : c.padStart(13))).join("")}`);
  row(" ", ["", "parameters", "memory", "writes tok/s", "reads tok/s", "as it is", ...(steps > 0 ? [`${steps} steps`] : []), "less best"]);
  for (const c of order) {
    const d = compared.get(c.name);
    row(c === taken ? ">" : " ", [
      c.name,
      formatCount(c.parameters),
      formatBytes(c.memoryBytes),
      c.decode.toFixed(0),
      c.prefill.toFixed(0),
      bitsPerByteOf(c.zeroStep).toFixed(3),
      ...(steps > 0 ? [c.fewStep ? bitsPerByteOf(c.fewStep).toFixed(3) : "-"] : []),
      d ? `+${d.difference.toFixed(3)}${d.isSignificant ? "" : " (?)"}` : "",
    ]);
    if (c.untrained) out.line(`      not trained: ${c.untrained}`);
  }
  for (const r of refused) out.line(`    ${r.name}: ${r.reason}`);
  const reason =
    taken === best
      ? near.length === 1
        ? measured.length === 1
          ? "the only candidate"
          : "it foresees these texts best, beyond chance"
        : "it foresees these texts best, and of those that may be as good it needs the least memory"
      : `${best.name} is not better beyond chance (p ${compared.get(taken.name)!.p.toFixed(2)}), and it needs ${formatBytes(best.memoryBytes - taken.memoryBytes)} less memory`;
  out.line(`\n  Take ${taken.name}: ${reason}.${near.length > 1 ? " (?): no significant difference to the best." : ""}`);
  const one = (c: Measured) => ({
    name: c.name,
    parameters: c.parameters,
    memoryBytes: c.memoryBytes,
    decodeTokensPerSecond: c.decode,
    prefillTokensPerSecond: c.prefill,
    bitsPerByte: bitsPerByteOf(c.zeroStep),
    fewStepBitsPerByte: c.fewStep ? bitsPerByteOf(c.fewStep) : null,
    untrained: c.untrained ?? null,
    comparison: compared.get(c.name) ?? null,
  });
  out.result({
    event: "result",
    on,
    documents: judgedOn.length,
    bytes,
    steps,
    candidates: order.map(one),
    refused,
    recommended: taken.name,
    reason,
  });
}
