/** A version that `train:` made, with what it was made from: shards, tokenizer, recipe. And its texts, those to forget apart. */
import { z } from "zod";
import { check } from "../../base/index.ts";
import { resolveId } from "../../data/index.ts";
import { type ModelVersion, openArtifact, resolveVersion, type Store } from "../../store/index.ts";
import { documentTokens, endOf, type PretrainRecipe, readShards, readTokenizer, recipeSchema, type Shards } from "../../train/index.ts";
import { projectErrors } from "../errors.ts";
import type { TokenText } from "./erasure-texts.ts";

const trainedOptions = z.looseObject({ recipe: recipeSchema });

export interface TrainedVersion {
  readonly label: string;
  readonly version: ModelVersion;
  readonly recipe: PretrainRecipe;
  readonly vocab: number;
  readonly end: number;
  /** `tokenizer.json` as it is recorded. */
  readonly tokenizerText: Buffer;
  readonly train: Shards;
  readonly heldOut: Shards;
}

const notTrained = (label: string, received: string) =>
  projectErrors.fail("model", {
    place: label,
    expected: "a version that `train:` of loam.yaml made, with its shards in the artifact store",
    received,
    hint: "Others forget by retraining: `loam data forget ID --apply`.",
  });

/** `NAME@3`, `NAME`. Errors: store/notFound, project/model. */
export async function trainedVersion(store: Store, named: string): Promise<TrainedVersion> {
  const [model = "", which = "latest"] = named.split("@");
  const version = await resolveVersion(store.records.read, model, which);
  const label = `${model}@${version.number}`;
  const db = store.records.read;
  const rows = await db.selectFrom("inputs").select(["name", "source"]).where("artifact", "=", version.artifact).execute();
  const source = (name: string) => rows.find(r => r.name === name)?.source;
  const [shardsId, tokenizerId] = [source("shards"), source("tokenizer")];
  if (shardsId === undefined || tokenizerId === undefined)
    throw notTrained(label, `one made from ${rows.map(r => r.name).join(", ") || "no recorded input"}`);
  const released = await db
    .selectFrom("artifacts")
    .select("id")
    .where("id", "in", [version.artifact, shardsId, tokenizerId])
    .where("released_ms", "is not", null)
    .execute();
  if (released.length > 0) throw notTrained(label, `files of ${released.map(r => r.id).join(", ")} that gc removed`);
  const own = await db.selectFrom("artifacts").select("options").where("id", "=", version.artifact).executeTakeFirstOrThrow();
  const { recipe } = check(trainedOptions, JSON.parse(own.options), `${version.artifact}: options`);
  const [shards, tokenizerArtifact] = [await openArtifact(store, shardsId), await openArtifact(store, tokenizerId)];
  const tokenizer = await readTokenizer(tokenizerArtifact);
  return {
    label,
    version,
    recipe,
    vocab: tokenizer.vocabSize,
    end: endOf(tokenizer, tokenizerId),
    tokenizerText: await tokenizerArtifact.read("tokenizer.json"),
    train: await readShards(shards, "train"),
    heldOut: await readShards(shards, "held-out"),
  };
}

export interface DividedTexts {
  /** Ids of the texts to forget, sorted. */
  readonly ids: readonly string[];
  readonly forget: readonly TokenText[];
  readonly retained: readonly TokenText[];
  readonly neverSeen: readonly TokenText[];
  /** Of the retained ones, as training takes them. */
  readonly retainedIds: readonly string[];
}

/** The version's texts, those of the documents apart. Each document once, however often training took it. Errors: data/unknownDocument, project/argument. */
export function dividedTexts({ label, train, heldOut }: TrainedVersion, documents: readonly string[]): DividedTexts {
  const known = [...new Set(train.ids)].sort();
  const ids = [...new Set(documents.map(text => resolveId(known, text, `${label}: texts that it was trained on`)))].sort();
  const going = new Set(ids);
  const texts = documentTokens(train);
  const places = new Map(train.ids.map((id, i) => [id, i]));
  const stays = train.ids.flatMap((id, i) => (going.has(id) ? [] : [i]));
  if (stays.length === 0)
    throw projectErrors.fail("argument", {
      place: label,
      expected: "documents that leave others to keep",
      received: `all ${known.length} that it was trained on`,
      hint: "Archive the version: `loam models archive`.",
    });
  return {
    ids,
    forget: ids.map(id => texts[places.get(id)!]!),
    retained: stays.map(i => texts[i]!),
    retainedIds: stays.map(i => train.ids[i]!),
    neverSeen: documentTokens(heldOut),
  };
}
