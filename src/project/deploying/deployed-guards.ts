/** `serve.blocked` and `serve.moderate` of loam.yaml as files of a deployment: the deployed model refuses what the local one refuses. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileError, sha256 } from "../../base/index.ts";
import type { ModelFile } from "../../deploy/index.ts";
import { openArtifact } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { namedVersion } from "../models/named-version.ts";
import { digestOf, modelDigests } from "../models/paths.ts";
import type { ProjectFile } from "../project-file.ts";
import type { GuardsFile } from "../serving/guards-file.ts";
import { versionFiles } from "../serving/open-version.ts";
import { blockedLists, servedBlocklist } from "../serving/served-blocklist.ts";
import type { Workplace } from "../workspace.ts";

const guardsName = "guards.json";
const moderatorFolder = "moderator";

export interface DeployedGuards extends AsyncDisposable {
  /** SHA-256 of the file, which has the digests of all others. */
  readonly digest: string;
  readonly name: string;
  readonly files: readonly ModelFile[];
}

/** Bytes of all files of guards. */
export const guardBytes = (guards: Pick<DeployedGuards, "files"> | undefined): number =>
  (guards?.files ?? []).reduce((sum, f) => sum + f.sizeBytes, 0);

/** Memory that guards need beside the model: a moderator's weights are held as they are stored, lists a few times their size. */
export const guardMb = (guards: Pick<DeployedGuards, "files"> | undefined): number => Math.ceil(guardBytes(guards) / 2 ** 20);

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

/** Undefined where loam.yaml guards nothing. Errors: serve/blocklist, base/missingFile, store/notFound, project/argument. */
export async function deployedGuards(at: Workplace, project: ProjectFile | undefined, watch: Watch): Promise<DeployedGuards | undefined> {
  const serve = project?.config.serve;
  if (!project || (!serve?.blocked && !serve?.moderate)) return undefined;
  // what the local server would refuse to start with is refused here
  await servedBlocklist(project);
  const files: ModelFile[] = [];
  const blocked: GuardsFile["blocked"] = blockedLists(project).map((list, i) => {
    const texts = list.files.map(file => listFile(project.folder, file));
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
    if (serve.moderate && moderator) {
      const { store, model, version } = moderator;
      const served = await versionFiles(store, `${model}@${version.number}`);
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
      async [Symbol.asyncDispose]() {
        await moderator?.[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await moderator?.[Symbol.asyncDispose]();
    throw error;
  }
}
