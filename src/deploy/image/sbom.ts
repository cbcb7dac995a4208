/**
 * What is in an image, as SPDX 2.3 in JSON: Node, system libraries, packages beside the program and inside its bundle, the model. Deterministic: the namespace is
 * the digest of what is listed, the date the version's.
 */
import { hashOf, sha256 } from "../../base/index.ts";
import type { DeployedVersion } from "../version.ts";

export interface SbomPackage {
  readonly name: string;
  readonly version: string | null;
  readonly license: string | null;
  /** `npm`: packages of the registry; `system`: shared libraries; `runtime`: Node; `model`. */
  readonly kind: "npm" | "system" | "runtime" | "model" | "base";
  /** SHA-256, of what is one file. */
  readonly digest?: string;
  /** Package of the distribution that a system library is of. */
  readonly source?: string;
}

/** A word of SPDX: letters, digits, dots and dashes. */
const idOf = (p: SbomPackage, i: number): string => `SPDXRef-${p.kind}-${i}-${p.name.replaceAll(/[^A-Za-z0-9.-]+/g, "-")}`;

/** package-url: https://github.com/package-url/purl-spec */
const purlOf = ({ kind, name, version, source }: SbomPackage): string | undefined => {
  if (version === null) return undefined;
  if (kind === "npm") return `pkg:npm/${name.startsWith("@") ? `%40${name.slice(1)}` : name}@${version}`;
  if (kind === "runtime") return `pkg:generic/node@${version}`;
  if (kind === "system" && source !== undefined) return `pkg:deb/debian/${source}@${encodeURIComponent(version)}`;
  return undefined;
};

/** Packages that say "SEE LICENSE IN ..." name no expression. */
const licenseOf = (license: string | null): string =>
  license !== null && /^[\w.+() -]+$/.test(license) && !/^SEE /i.test(license) ? license : "NOASSERTION";

const order = (p: SbomPackage): string => `${p.kind} ${p.name} ${p.version ?? ""} ${p.digest ?? ""}`;

export function spdxDocument(v: DeployedVersion, given: readonly SbomPackage[], tool: string): object {
  const listed = [...given].sort((a, b) => (order(a) < order(b) ? -1 : order(a) > order(b) ? 1 : 0));
  const packages = listed.map((p, i) => {
    const purl = purlOf(p);
    return {
      name: p.name,
      SPDXID: idOf(p, i),
      ...(p.version === null ? {} : { versionInfo: p.version }),
      downloadLocation: "NOASSERTION",
      filesAnalyzed: false,
      licenseConcluded: "NOASSERTION",
      licenseDeclared: licenseOf(p.license),
      copyrightText: "NOASSERTION",
      ...(p.digest === undefined ? {} : { checksums: [{ algorithm: "SHA256", checksumValue: p.digest }] }),
      ...(p.source === undefined ? {} : { sourceInfo: `package ${p.source} of the distribution` }),
      ...(purl === undefined
        ? {}
        : { externalRefs: [{ referenceCategory: "PACKAGE-MANAGER", referenceType: "purl", referenceLocator: purl }] }),
    };
  });
  const name = `${v.model}-${v.version}`;
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name,
    documentNamespace: `https://spdx.org/spdxdocs/${name}-${sha256(hashOf({ packages, fingerprint: v.fingerprint }))}`,
    creationInfo: { created: `${new Date(v.createdMs).toISOString().slice(0, 19)}Z`, creators: [`Tool: ${tool}`] },
    packages,
    relationships: packages.map(p => ({
      spdxElementId: "SPDXRef-DOCUMENT",
      relationshipType: "DESCRIBES",
      relatedSpdxElement: p.SPDXID,
    })),
  };
}
