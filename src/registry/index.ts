/** registry: versions of models as people speak of them: releases with what they ask for, signatures, cards, packages. See docs/releases.md. */
export { registryErrors } from "./errors.ts";
export { type Approval, type ApprovalGiven, approvalsOf, approve } from "./gates/approvals.ts";
export type { Gate } from "./gates/gate.ts";
export { judge, type Verdict } from "./gates/judge.ts";
export { factsOf, type Measured, type MeasuredTask, measuredOf } from "./gates/measured.ts";
export { type Promotion, type PromotionWanted, promote } from "./gates/promote.ts";
export { checkConditions, type ReleaseRules, releaseRules, releasesPart } from "./gates/rules.ts";
export type { RegistryOptions } from "./oci/connection.ts";
export { type Credentials, credentialsFor } from "./oci/credentials.ts";
export { type OpenLayout, openLayout, writeLayout } from "./oci/layout.ts";
export { type Package, type PackedVersion, packageOf } from "./oci/package.ts";
export { checkTrustedPackage, type Opened, openPackage, type Received, receive } from "./oci/receive.ts";
export { parseReference, type Reference, referenceText } from "./oci/reference.ts";
export { type Pushed, pushPackage, remotePackage } from "./oci/remote.ts";
export { type CardStage, cardMarkdown, type ModelCard, modelCard } from "./versions/card.ts";
export { type Change, changesOf, type VersionDiff, versionDiff } from "./versions/diff.ts";
export { fingerprintOf, makeKeys, publicKeyOf, type Signer, signerOf } from "./versions/keys.ts";
export { addSignature, checkSigned, type Signature, signaturesOf, signVersion, trustedSignature } from "./versions/signatures.ts";
