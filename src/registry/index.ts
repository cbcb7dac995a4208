/** registry: versions of models as people speak of them: releases with what they ask for, signatures, cards, packages. See docs/releases.md. */
export { registryErrors } from "./errors.ts";
export { type Approval, type ApprovalGiven, approvalsOf, approve } from "./gates/approvals.ts";
export { evidenceKinds, evidenceOf } from "./gates/evidence.ts";
export { filesGate, withGate } from "./gates/files-gate.ts";
export type { ReleaseGate } from "./gates/gate.ts";
export { judgeRelease, type ReleaseVerdict } from "./gates/judge.ts";
export { costsKind, type MeasuredTask, type MeasuredVersion, measuredOf, measuredResult, versionFacts } from "./gates/measured.ts";
export { type Promotion, type PromotionWanted, promote, promotionDocument, rollback } from "./gates/promote.ts";
export { checkConditions } from "./gates/rules.ts";
export { evaluationItems } from "./gates/test-set-items.ts";
export type { RegistryOptions } from "./oci/connection.ts";
export { credentialsFor, type RegistryCredentials } from "./oci/credentials.ts";
export { type OpenLayout, openLayout, writeLayout } from "./oci/layout.ts";
export { type Descriptor, documentOf, indexSchema, manifestSchema, type OciDocument, parseOciDocument } from "./oci/manifest.ts";
export { type Package, type PackedVersion, packageOf } from "./oci/package.ts";
export { checkTrustedPackage, type Opened, openPackage, type ReceivedPackage, receive } from "./oci/receive.ts";
export { parseReference, type Reference, referenceText } from "./oci/reference.ts";
export { documentUpload, fileUpload, findManifest, type Pushed, pushManifest, pushPackage, remotePackage } from "./oci/remote.ts";
export { checkedPieces, type PackageSource, readDocument } from "./oci/source.ts";
export { type TarFile, tarOf } from "./oci/tar.ts";
export { type ReleaseRules, releaseRules, releasesPart } from "./part.ts";
export { type CardStage, type ModelCard, modelCard, modelCardMarkdown } from "./versions/card.ts";
export { checkedFiles, checkVersion, tampered } from "./versions/content.ts";
export { type VersionChange, type VersionDiff, versionChanges, versionDiff } from "./versions/diff.ts";
export {
  type DiffItem,
  type DiffWanted,
  diffGroups,
  type EvaluationDiff,
  evaluationDiff,
  type ItemChange,
  itemChanges,
  wantedItems,
} from "./versions/evaluation-diff.ts";
export { fingerprintOf, isSignedBy, makeKeys, publicKeyOf, type Signer, signerOf } from "./versions/keys.ts";
export { evaluationReport, type ReportedItem, type TaskReported } from "./versions/report.ts";
export {
  addSignature,
  checkSigned,
  signVersion,
  trustedSignature,
  type VersionSignature,
  versionSignatures,
} from "./versions/signatures.ts";
