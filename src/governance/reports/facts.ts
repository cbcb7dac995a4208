/** What a governance report is made from: plain facts, each with the digest of what shows it. Gathered by the caller from the artifact store. */

export interface ReportEvidence {
  /** What the digest is of: `model mail-spam@3`, `log entry 12`. */
  readonly what: string;
  /** SHA-256 in hex: of an artifact's content, of an entry of the log (its leaf), of a text. */
  readonly digest: string;
}

/** A sentence, and what shows it. */
export interface ReportFact {
  readonly text: string;
  readonly evidence: readonly ReportEvidence[];
}

/** Kinds of facts that the record has. */
export const factTopics = [
  "models",
  "training",
  "data",
  "privateData",
  "evaluations",
  "gates",
  "approvals",
  "releases",
  "alarms",
  "reviews",
  "policies",
  "access",
  "erasures",
  "loop",
  "incidents",
  "owners",
] as const;
export type FactTopic = (typeof factTopics)[number];

/** What only people can say; written under `governance.statements` of loam.yaml. */
export const statementTopics = {
  provider: "name and address of the provider or controller, and a contact",
  purpose: "intended purpose of the system, and its users",
  deployment: "forms in which it is placed on the market or put into service, and its instructions for use",
  oversight: "measures of human oversight",
  limits: "foreseeable unintended outcomes, and limits of capability and accuracy",
  metrics: "why the metrics are appropriate",
  risks: "risk management: known risks and what is done about them",
  standards: "harmonised standards or other specifications that are applied",
  conformity: "the declaration of conformity, or where it is kept",
  monitoring: "plan of post-market monitoring",
  subjects: "categories of data subjects and of personal data",
  recipients: "categories of recipients",
  transfers: "transfers to third countries, or that there are none",
  retention: "time limits for erasure",
  security: "technical and organisational security measures",
  legalBasis: "legal basis of each purpose",
} as const;
export type StatementTopic = keyof typeof statementTopics;

export interface ReportFacts {
  readonly project: string;
  /** Milliseconds since 1970. */
  readonly madeMs: number;
  /** Head of the log that the evidence is in. */
  readonly log: { readonly size: number; readonly root: string };
  readonly facts: Readonly<Partial<Record<FactTopic, readonly ReportFact[]>>>;
  readonly statements: Readonly<Partial<Record<StatementTopic, ReportFact>>>;
}
