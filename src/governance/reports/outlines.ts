/** The three reports as outlines: each section names the facts of the record and the statements of people that it needs. */
import type { FactTopic, StatementTopic } from "./facts.ts";

export interface OutlineSection {
  /** As the source numbers it. */
  readonly number: string;
  readonly title: string;
  readonly facts: readonly FactTopic[];
  readonly statements: readonly StatementTopic[];
}

interface Outline {
  readonly title: string;
  readonly source: string;
  readonly sections: readonly OutlineSection[];
}

const section = (
  number: string,
  title: string,
  facts: readonly FactTopic[],
  statements: readonly StatementTopic[] = [],
): OutlineSection => ({ number, title, facts, statements });

export const outlines = {
  /** Its nine points, in its order. */
  "annex-iv": {
    title: "Technical documentation",
    source: "Regulation (EU) 2024/1689, Annex IV",
    sections: [
      section("1", "General description of the system", ["models", "owners"], ["provider", "purpose", "deployment"]),
      section(
        "2",
        "Elements of the system and process of its development",
        ["training", "data", "privateData", "evaluations"],
        ["oversight"],
      ),
      section("3", "Monitoring, functioning and control", ["gates", "alarms", "policies", "reviews"], ["limits"]),
      section("4", "Appropriateness of the performance metrics", ["evaluations"], ["metrics"]),
      section("5", "Risk management system (Article 9)", ["incidents"], ["risks"]),
      section("6", "Changes through the lifecycle", ["releases", "approvals", "loop"]),
      section("7", "Harmonised standards and other specifications", [], ["standards"]),
      section("8", "EU declaration of conformity (Article 47)", [], ["conformity"]),
      section("9", "Post-market monitoring (Article 72)", ["alarms", "incidents"], ["monitoring"]),
    ],
  },
  /** The categories of its four functions. */
  "nist-rmf": {
    title: "Profile of the AI Risk Management Framework",
    source: "NIST AI 100-1 (AI RMF 1.0), tables 1 to 4",
    sections: [
      section("GOVERN 1", "Policies, processes and practices are in place", ["policies", "gates"], ["risks"]),
      section("GOVERN 2", "Accountability structures are in place", ["owners", "approvals"]),
      section("GOVERN 3", "Workforce diversity and human oversight", [], ["oversight"]),
      section("GOVERN 4", "A culture that considers and communicates risk", ["incidents"]),
      section("GOVERN 5", "Engagement with relevant AI actors", ["reviews"]),
      section("GOVERN 6", "Third-party software and data", ["data"]),
      section("MAP 1", "Context is established and understood", ["models"], ["purpose"]),
      section("MAP 2", "The system is categorised", ["training"]),
      section("MAP 3", "Capabilities, usage, goals, benefits and costs", ["evaluations"], ["limits"]),
      section("MAP 4", "Risks of all components, third parties included", ["data"], ["risks"]),
      section("MAP 5", "Impacts to individuals and society", [], ["subjects"]),
      section("MEASURE 1", "Methods and metrics are identified", ["evaluations"], ["metrics"]),
      section("MEASURE 2", "The system is evaluated for trustworthiness", ["evaluations", "privateData"]),
      section("MEASURE 3", "Risks are tracked over time", ["alarms", "incidents"]),
      section("MEASURE 4", "Feedback about the measurement", ["reviews"]),
      section("MANAGE 1", "Risks are prioritised and responded to", ["gates", "approvals"]),
      section("MANAGE 2", "Strategies to maximise benefits and minimise impacts", ["releases"], ["risks"]),
      section("MANAGE 3", "Risks of third parties are managed", ["data"]),
      section("MANAGE 4", "Treatments, response and recovery are documented and monitored", ["incidents", "loop"], ["monitoring"]),
    ],
  },
  /** Points (a) to (g) of paragraph 1, and the acts that concern personal data. */
  "gdpr-records": {
    title: "Records of processing activities",
    source: "Regulation (EU) 2016/679, Article 30(1)",
    sections: [
      section("(a)", "Controller and contact", ["owners"], ["provider"]),
      section("(b)", "Purposes of the processing", ["models"], ["purpose", "legalBasis"]),
      section("(c)", "Categories of data subjects and of personal data", ["data", "privateData"], ["subjects"]),
      section("(d)", "Categories of recipients", ["access"], ["recipients"]),
      section("(e)", "Transfers to third countries", [], ["transfers"]),
      section("(f)", "Time limits for erasure", ["erasures"], ["retention"]),
      section("(g)", "Security measures", ["policies"], ["security"]),
    ],
  },
} as const satisfies Record<string, Outline>;
export type ReportKind = keyof typeof outlines;
export const reportKinds: readonly ReportKind[] = ["annex-iv", "nist-rmf", "gdpr-records"];
