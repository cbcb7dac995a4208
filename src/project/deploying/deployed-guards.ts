/** `serve.blocked` and `serve.moderate` of loam.yaml as files of a deployment: the deployed model refuses what the local one refuses. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileError, sha256 } from "../../base/index.ts";
import { type GuardSizes, guardsBytes, type ModelFile, type ModeratorSizes } from "../../deploy/index.ts";
import { checkModelFiles, type FilesReader } from "../../nn/index.ts";
import { openArtifact } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { namedVersion } from "../models/named-version.ts";
import { digestOf, modelDigests } from "../models/paths.ts";
import type { ProjectFile } from "../project-file.ts";
import type { GuardsFile } from "../serving/guards-file.ts";
import { versionFiles } from "../serving/open-version.ts";
import { longestOf } from "../serving/read-encoder.ts";
import { blockedLists, servedBlocklist } from "../serving/served-blocklist.ts";
import type { Workplace } from "../workspace.ts";
import { moderatorSizes } from "./served-sizes.ts";

const guardsName = "guards.json";
const moderatorFolder = "moderator";

export interface DeployedGuards extends AsyncDisposable {
  /** SHA-256 of the file, which has the digests of all others. */
  readonly digest: string;
  readonly name: string;
  readonly files: readonly ModelFile[];
  readonly sizes: GuardSizes;
}

/** Bytes of all files of guards. */
export const guardBytes = (guards: Pick<DeployedGuards, "files"> | undefined): number =>
  (guards?.files ?? []).reduce((sum, f) => sum + f.sizeBytes, 0);

/** Memory that guards need beside the model. */
export const guardMb = (guards: Pick<DeployedGuards, "sizes"> | undefined): number =>
  guards ? Math.ceil(guardsBytes(guards.sizes) / 2 ** 20) : 0;

const textFile = (name: string, bytes: Uint8Array): ModelFile => ({
  name,
  sizeBytes: bytes.length,
  async *open() {
    yield bytes;
  },
});

function listFile(folder: string, file: string): Uint8Array {
  try {
    return readFileSync(resolve(folder, file));
  } catch (error) {
    throw fileError(error, file);
  }
}

async function sizesOfModerator(files: FilesReader): Promise<ModeratorSizes> {
  const { model } = await checkModelFiles(files);
  const { context } = model.config;
  const trained = model.family === "encoder-decoder" ? undefined : model.config.classifier?.longest;
  const longest = model.family === "encoder" ? await longestOf(files, context) : context;
  return moderatorSizes(model, Math.min(longest, trained ?? context));
}

/** Undefined where loam.yaml guards nothing. Errors: serve/blocklist, base/missingFile, store/notFound, project/argument. */
export async function deployedGuards(at: Workplace, project: ProjectFile | undefined, watch: Watch): Promise<DeployedGuards | undefined> {
  const serve = project?.config.serve;
  if (!project || (!serve?.blocked && !serve?.moderate)) return undefined;
  // what the local server would refuse to start with is refused here
  await servedBlocklist(project);
  const files: ModelFile[] = [];
  let blockedCharacters = 0;
  const blocked: GuardsFile["blocked"] = blockedLists(project).map((list, i) => {
    const texts = list.files.map(file => listFile(project.folder, file));
    blockedCharacters += [...list.words, ...texts].reduce((sum, text) => sum + text.length, 0);
    const names = texts.map((_, k) => `list-${i}-${k}.txt`);
    files.push(...texts.map((bytes, k) => textFile(names[k]!, bytes)));
    return {
      words: [...list.words],
      files: names,
      patterns: [...list.patterns],
      wholeWords: list.wholeWords,
      digests: texts.map(t => sha256(Buffer.from(t).toString("utf8"))),
    };
  });
  const moderator = serve.moderate && (await namedVersion(at, serve.moderate.model));
  try {
    let moderate: GuardsFile["moderate"] = null;
    let moderatorOf: ModeratorSizes | undefined;
    if (serve.moderate && moderator) {
      const { store, model, version } = moderator;
      const served = await versionFiles(store, `${model}@${version.number}`);
      moderatorOf = await sizesOfModerator(served.files);
      const artifact = await openArtifact(store, version.artifact);
      const digest = digestOf(await modelDigests(served.files, watch.signal));
      files.push(
        ...artifact.files.map(f => ({ name: `${moderatorFolder}/${f.name}`, sizeBytes: f.sizeBytes, open: () => artifact.stream(f.name) })),
      );
      moderate = { ...serve.moderate, model: moderatorFolder, digest };
    }
    const text = Buffer.from(`${JSON.stringify({ format: 1, blocked, moderate } satisfies GuardsFile, undefined, 2)}\n`);
    return {
      digest: sha256(text),
      name: guardsName,
      files: [textFile(guardsName, text), ...files],
      sizes: { moderator: moderatorOf, blockedCharacters },
      async [Symbol.asyncDispose]() {
        await moderator?.[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await moderator?.[Symbol.asyncDispose]();
    throw error;
  }
}
