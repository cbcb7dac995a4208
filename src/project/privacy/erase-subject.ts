/**
 * Erases a person: their documents as `forget` does (by hash, so that no file names them), what is remembered of their requests, their files, their key, their
 * name in acts. Models trained on their documents are retrained with `apply`, else named. What was reached and what was not stands in a certificate that is
 * signed with an Ed25519 key and recorded as an act.
 */
import { randomBytes } from "node:crypto";
import { canonicalJson, hashOf, isLoamError, sha256 } from "../../base/index.ts";
import { fingerprintOf, isSignedBy, type Signer } from "../../registry/index.ts";
import { eraseFromActs, recordAct } from "../../store/index.ts";
import type { Watch } from "../call.ts";
import { applyForget, type ForgetListener, planForget } from "../data/forget-documents.ts";
import { wrongArgument } from "../errors.ts";
import { eraseNames, votesOf } from "../labelling/erase-votes.ts";
import { votesFiles } from "../labelling/label-files.ts";
import { thisUser } from "../person.ts";
import { type ForgettingMethod, type UnlearnedVersion, unlearnVersion } from "../unlearning/index.ts";
import { forgetOwner } from "../watching/index.ts";
import type { Workspace } from "../workspace.ts";
import { eraseFromGateway } from "./gateway-erasure.ts";
import { type ErasurePlace, projectPlaces } from "./places.ts";
import { deleteFilesOfOwner } from "./served-files.ts";
import { gatherSubject, type SubjectOptions } from "./subject-data.ts";

export interface EraseOptions extends SubjectOptions {
  /** Retrain the models made from the documents, then delete unreferenced artifacts. */
  readonly apply?: boolean | undefined;
  /** And all documents that are alike. */
  readonly copies?: boolean | undefined;
  /** Before the documents go: a new version of each model trained on them, without them, measured. Not with `apply`. */
  readonly unlearn?: ForgettingMethod | undefined;
  /** Signs the certificate. Default: it is not signed. */
  readonly signer?: Signer | undefined;
}

export interface ErasureStatement {
  readonly format: "loam-erasure@1";
  /** SHA-256 of the salt and the person's id: who knows the id can check it, the certificate does not name it. */
  readonly subject: string;
  readonly salt: string;
  readonly at: string;
  /** What was erased, by place. */
  readonly erased: {
    readonly documents: number;
    readonly requests: number;
    readonly files: number;
    readonly keys: number;
    readonly actFields: number;
  };
  /** Model versions that were trained on the documents, and what became of them. */
  readonly models: readonly { readonly version: string; readonly treated: "retrained without them and deleted" | "still holds them" }[];
  /** Versions that were made without the documents by `unlearn`, and what attacks find of them there. */
  readonly unlearned?: readonly MeasuredErasure[];
  /** Artifacts that hold the documents still. */
  readonly held: readonly string[];
  readonly remaining: readonly string[];
  /** Every place that was looked into, or was not, with why. */
  readonly places: readonly ErasurePlace[];
  readonly notReached: readonly string[];
  /** Held of the person afterwards: 0 where everything that is searched is empty. */
  readonly found: number;
}

/** A version without the documents: figures of `loam models unlearn`, or why there are none. */
export interface MeasuredErasure {
  readonly of: string;
  readonly method: ForgettingMethod;
  /** Why it was not made or not measured. */
  readonly failed?: string;
  readonly version?: string;
  /** Content digest of the artifact with the whole measurement. */
  readonly measurement?: string;
  /** Area under the ROC curve of a membership attack, with its 95 % interval, and texts extracted. */
  readonly before?: AttackFigures;
  readonly after?: AttackFigures;
  readonly neverSaw?: AttackFigures;
  readonly isWithinNeverSeen?: boolean;
  /** Nats per token. */
  readonly retainedLoss?: { readonly before: number; readonly after: number };
  readonly cost?: UnlearnedVersion["cost"];
}

export interface AttackFigures {
  readonly auc: number;
  readonly low: number;
  readonly high: number;
  readonly extracted: number;
  readonly of: number;
}

export interface ErasureCertificate {
  readonly statement: ErasureStatement;
  /** SHA-256 of the statement's canonical JSON. */
  readonly digest: string;
  readonly signature?: { readonly algorithm: "Ed25519"; readonly key: string; readonly publicKey: string; readonly value: string };
}

/** Does the certificate's signature and digest fit its statement? */
export const isCertificate = ({ statement, digest, signature }: ErasureCertificate): boolean =>
  hashOf(statement) === digest &&
  signature !== undefined &&
  isSignedBy(signature.publicKey, Buffer.from(canonicalJson(statement)), signature.value);

/** Is the certificate about this person? */
export const isAbout = ({ statement }: ErasureCertificate, subject: string): boolean =>
  sha256(`${statement.salt}\n${subject}`) === statement.subject;

async function certified(statement: ErasureStatement, signer: Signer | undefined): Promise<ErasureCertificate> {
  const digest = hashOf(statement);
  if (!signer) return { statement, digest };
  const value = Buffer.from(await signer.sign(Buffer.from(canonicalJson(statement)))).toString("base64");
  const { publicKey } = signer;
  return { statement, digest, signature: { algorithm: "Ed25519", key: fingerprintOf(publicKey), publicKey, value } };
}

const figuresOf = ({ membership: { value, low, high }, extraction }: UnlearnedVersion["measurement"]["before"]): AttackFigures => ({
  auc: value,
  low,
  high,
  extracted: extraction.extracted,
  of: extraction.texts,
});

/** The newest version of each model that was trained on documents, without them. One that cannot be is named, and the erasure goes on. */
async function unlearnAll(at: Workspace, models: readonly string[], ids: readonly string[], method: ForgettingMethod, watch: Watch) {
  const newest = new Map(models.map(version => [version.replace(/@.*/, ""), version]));
  const measured: MeasuredErasure[] = [];
  for (const of of newest.values()) {
    try {
      const { version, measurementDigest, measurement: m, cost } = await unlearnVersion(at, of, ids, { method }, watch);
      measured.push({
        of,
        method,
        version,
        measurement: measurementDigest,
        before: figuresOf(m.before),
        after: figuresOf(m.after),
        ...(m.reference ? { neverSaw: figuresOf(m.reference) } : {}),
        isWithinNeverSeen: m.isWithinNeverSeen,
        retainedLoss: { before: m.before.nats.retained, after: m.after.nats.retained },
        cost,
      });
    } catch (error) {
      watch.signal.throwIfAborted();
      if (!isLoamError(error)) throw error;
      measured.push({ of, method, failed: error.message });
    }
  }
  return measured;
}

/** Erases everything that `gatherSubject` finds, and what follows from it. Errors: those of `forget`, `run` and `gc`; the store's. */
export async function eraseSubject(
  at: Workspace,
  subject: string,
  options: EraseOptions,
  watch: Watch,
  listener: ForgetListener = {},
): Promise<ErasureCertificate> {
  const store = await at.store();
  const before = await gatherSubject(at, subject, options);
  if (options.unlearn && options.apply)
    throw wrongArgument("forget --everywhere", "`unlearn` or `apply`", "both", "`unlearn: retrain` retrains and measures.");
  const ids = before.documents.map(d => d.id);
  const trainedOn = before.documents.filter(d => d.trainedOnIt.length > 0).map(d => d.id);
  const unlearned =
    options.unlearn && trainedOn.length > 0 ? await unlearnAll(at, before.models, trainedOn, options.unlearn, watch) : undefined;
  const plans = ids.length > 0 ? await planForget(at, ids, { copies: options.copies, hashed: true }, watch) : [];
  const forgotten = plans.length > 0 ? await applyForget(at, plans, { apply: options.apply }, watch, listener) : undefined;
  const feedback = await forgetOwner(store, subject);
  const files = deleteFilesOfOwner(at.folder, subject);
  const votes = votesFiles(at.folder).reduce((sum, { path }) => sum + eraseNames(path, votesOf(subject)), 0);
  const keys = (await store.ring?.destroySubject(subject)) ?? 0;
  const acts = await eraseFromActs(store, subject);
  const after = await gatherSubject(at, subject, options);
  const gateway = await eraseFromGateway(at, subject);
  const held = [...new Set(forgotten?.forgotten.flatMap(set => [...set.freed, ...set.held.map(h => h.artifact)]))];
  const holding = new Set(forgotten?.forgotten.flatMap(set => set.held.flatMap(h => h.versions)));
  const counts = { documents: ids.length, requests: feedback.requests + feedback.labelled, files, keys, actFields: acts.fields };
  const places = [
    ...projectPlaces(
      { ...counts, sketches: feedback.sketches, samples: feedback.samples, votes },
      { isRebuilt: options.apply === true, held: holding.size + (forgotten?.remaining.length ?? 0) },
    ),
    ...gateway,
  ];
  const salt = randomBytes(16).toString("hex");
  const certificate = await certified(
    {
      format: "loam-erasure@1",
      subject: sha256(`${salt}\n${subject}`),
      salt,
      at: new Date(store.clock.now()).toISOString(),
      erased: counts,
      models: before.models.map(version => ({
        version,
        treated: options.apply && !holding.has(version) ? "retrained without them and deleted" : "still holds them",
      })),
      ...(unlearned ? { unlearned } : {}),
      held,
      remaining: forgotten?.remaining ?? [],
      places,
      notReached: [...after.notSearched, ...places.flatMap(p => (p.reached ? [] : [`${p.place}: ${p.reason}.`]))],
      found:
        after.documents.length +
        after.feedback +
        after.samples.length +
        after.files.length +
        after.votes.length +
        after.acts.length +
        (after.hasKey ? 1 : 0),
    },
    options.signer,
  );
  // the act names the certificate, not the person
  await recordAct(store, {
    kind: "erasure",
    who: thisUser(),
    what: "erase",
    on: certificate.statement.subject,
    evidence: { certificate: certificate.digest },
  });
  return certificate;
}
