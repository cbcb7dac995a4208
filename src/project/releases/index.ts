/** Releases: what they ask of a version, who may have an alias, what is said of a version. */
export { isGuardedOf } from "./check-trusted.ts";
export {
  createSigningKeys,
  type NotedVersion,
  noteVersion,
  type SignedVersion,
  type SigningKeys,
  type SignOptions,
  signNamed,
  type TaggedVersion,
  tagVersion,
} from "./mark-version.ts";
export {
  type ApprovedVersion,
  type ApproveOptions,
  type ArchivedVersion,
  approveVersion,
  archiveVersion,
  guardedAliases,
  type MoveOptions,
  type PromotedVersion,
  type PromoteOptions,
  promoteVersion,
  removeAlias,
  rollbackVersion,
  type VersionGates,
  versionGates,
} from "./promote-version.ts";
export { ReleaseCalls } from "./release-calls.ts";
