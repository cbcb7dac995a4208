/** store: content-addressed artifacts, what they were made from, and the tamper-evident log of it all. See docs/record.md. */

/** The schemas that a stage's options are said in, of the very version that reads them: a project need not install them. */
export { z } from "zod";
export {
  type Act,
  type ActErasure,
  type ActFilter,
  type ActOpening,
  anchorChain,
  anchorsOf,
  eraseFromActs,
  lastAnchor,
  listActs,
  openingsOfAct,
  type RecordedAct,
  recordAct,
  recordActs,
  type ShownAct,
  type StoredAnchor,
} from "./acts.ts";
export {
  type ArtifactInfo,
  type ArtifactRecord,
  artifactId,
  contentDigest,
  type FileRecord,
  type InputRecord,
  type Recipe,
  recipeKey,
} from "./artifact.ts";
export type { BlobInfo, BlobStore } from "./blobs/blobs.ts";
export { memoryFolder } from "./blobs/memory-files.ts";
export { type ContentOptions, checkContent } from "./content.ts";
export { type Deed, type DeedFilter, type DeedKind, deedKinds, listDeeds } from "./deeds.ts";
export { type EncryptedStore, encryptStore } from "./encryption/encrypt-store.ts";
export { decryptBytes, type EncryptContext, encryptBytes, type KeyRing, openKeyRing, type RingKey } from "./encryption/key-ring.ts";
export type { KeyService, WrapContext, WrappedKey } from "./encryption/key-service.ts";
export { environmentKeys, fileKeys } from "./encryption/local-keys.ts";
export { defaultRing, type EncryptOptions, keyServiceOf, ringOfProject } from "./encryption/open-ring.ts";
export { storeErrors } from "./errors.ts";
export type { StoreFinding } from "./findings.ts";
export { applyGc, type GcOptions, type GcPlan, type KeptVersion, type Needs, planGc } from "./gc.ts";
export { type AliasGuard, aliasGuardOf, type GuardRules, listGuards, setGuards } from "./guards.ts";
export { Lease, type LeasePlace, type LeaseState, leaseHolder } from "./leases.ts";
export { type LockInfo, liveLocks } from "./locks.ts";
export type { ActField } from "./log/commitments.ts";
export type { Anchor, LogEntry } from "./log/entries.ts";
export { logFiles, proveConsistency } from "./log/export-log.ts";
export type { TreeHead } from "./log/heads.ts";
export { type InclusionProof, proveEntry, treeHead } from "./log/log.ts";
export { checkConsistency, checkInclusion, consistencyProof, emptyRoot, inclusionProof, leafHash, nodeHash, rootOf } from "./log/merkle.ts";
export {
  type Checkpoint,
  checkNoteName,
  cosign,
  type NoteSigner,
  type NoteVerifier,
  noteVerifier,
  readCheckpoint,
  type SignedCheckpoint,
  signCheckpoint,
  signedBy,
  verifierKey,
} from "./log/notes.ts";
export { tileLeaves } from "./log/tiles.ts";
export { type WitnessState, type WitnessVerdict, witnessCheckpoint } from "./log/witness.ts";
export { type Looks, looksOf, looksOfContent, noteGate, type TestSet, type TestSetLook, testSetOf, writeLook } from "./looks.ts";
export { type EvaluationMark, evaluationMarks, isArchived, type MarkGiven, setMark } from "./marks.ts";
export { membersFile, membersIndexFile } from "./members.ts";
export { listModels, type ModelInfo, type ModelVersion, registerVersion, resolveVersion } from "./models.ts";
export { artifactsOfDocument, findSubject, listArtifacts, openArtifact, type Subject } from "./names.ts";
export { ownerName, ownerState, type StoreOwner, thisOwner } from "./owner.ts";
export { type PlanOptions, planStage, type StagePlan, type Why } from "./plan.ts";
export { forgetProjects, isSameRecord, noteProject, otherProjects, type SeenProject, whereIs } from "./projects.ts";
export type { ReadingDb } from "./records/records.ts";
export type { LookKind, TrialOrigin, TrialState } from "./records/schema.ts";
export { type ActKind, actKinds } from "./records/schema.ts";
export {
  earlierHolders,
  holderOf,
  type Mover,
  type Release,
  type Rollback,
  releasesOf,
  rollbackAlias,
  rollbackTarget,
  setAlias,
} from "./releases.ts";
export { environmentFile, keepRunData, optionsOfRuns, readRunData, runDataOf } from "./run-data.ts";
export { type RunResult, type RunStageOptions, runStage } from "./runner.ts";
export { attemptsOf, listRuns, type RunInfo, runsOfStudy } from "./runs.ts";
export { removeRunErrors, removeScratch } from "./scratch.ts";
export {
  type ArtifactReader,
  type ArtifactWriter,
  type RunDataWriter,
  type Stage,
  type StageContext,
  type Summary,
  stage,
} from "./stage.ts";
export {
  changeState,
  changeStates,
  dropStates,
  pruneStates,
  readState,
  type StateChange,
  type StateRange,
  type StatesChange,
  type StoredState,
  statesOf,
} from "./states.ts";
export { openStore, type Store, type StoreOptions } from "./store.ts";
export { findStudy, listStudies, noteVerdict, openStudy, type StoredStudy } from "./studies/studies.ts";
export {
  type HeldTrial,
  type StoredReport,
  type StoredTrial,
  type TrialBoard,
  type TrialEnd,
  trialBoard,
  trialsOf,
} from "./studies/trials.ts";
export { closeJob, type HeldTask, listJobs, openTaskBoard, type SharedJob, type TaskBoard, taskBoard } from "./tasks.ts";
export { type Trace, type TraceEdge, type TraceNode, traceArtifact, tracedDocuments } from "./trace.ts";
export { defaultBlobs, defaultRecords } from "./url.ts";
export { artifactsFrom } from "./uses.ts";
export { type Verification, type VerifyOptions, verify } from "./verify.ts";
export { type WorkName, workFolder } from "./work-folder.ts";
