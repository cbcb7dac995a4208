/**
 * Dates of duties, as data with their sources. They were copied from the sources on `checked` and laws change: whoever relies on one reads its source.
 */
export interface Duty {
  /** ISO date from which it applies; null where the source names none. */
  readonly from: string | null;
  readonly duty: string;
  readonly source: string;
  readonly checked: string;
}

const aiAct = "Regulation (EU) 2024/1689";

export const duties = {
  "annex-iv": [
    {
      from: "2025-02-02",
      duty: "general provisions and prohibited practices apply",
      source: `${aiAct}, Article 113(a)`,
      checked: "2026-11-30",
    },
    { from: "2025-08-02", duty: "rules for general-purpose models apply", source: `${aiAct}, Article 113(b)`, checked: "2026-11-30" },
    {
      from: "2026-08-02",
      duty: "the regulation applies in general, Annex IV for high-risk systems of Annex III with it; amendments that move this date were proposed",
      source: `${aiAct}, Article 113; proposal COM(2025) 836`,
      checked: "2026-11-30",
    },
    { from: "2027-08-02", duty: "Article 6(1) applies to products of Annex I", source: `${aiAct}, Article 113(c)`, checked: "2026-11-30" },
    {
      from: null,
      duty: "the documentation is kept for 10 years after the system is placed on the market",
      source: `${aiAct}, Article 18(1)`,
      checked: "2026-11-30",
    },
  ],
  "nist-rmf": [{ from: "2023-01-26", duty: "published; voluntary", source: "NIST AI 100-1 (AI RMF 1.0)", checked: "2026-11-30" }],
  "gdpr-records": [
    {
      from: "2018-05-25",
      duty: "records of processing activities are kept",
      source: "Regulation (EU) 2016/679, Articles 30 and 99",
      checked: "2026-11-30",
    },
  ],
} as const satisfies Record<string, readonly Duty[]>;
