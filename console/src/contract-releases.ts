/** What the server says of releases, reports and logged figures, as schemas; see `contract.ts`. */

import { measured, picture } from "./contract.ts";
import * as is from "./shape.ts";

const gate = is.object({
  kind: is.string,
  gate: is.string,
  passed: is.boolean,
  told: is.string,
});

const move = is.object({
  at: is.number,
  alias: is.string,
  kind: is.string,
  number: is.nullable(is.number),
  previous: is.nullable(is.number),
  by: is.nullable(is.string),
  reason: is.nullable(is.string),
  verdict: is.nullable(is.object({ passed: is.boolean, gates: is.optional(is.array(gate)) })),
});

export const releases = is.array(
  is.object({
    model: is.string,
    /** The newest first. */
    versions: is.array(
      is.object({
        id: is.string,
        version: is.number,
        artifact: is.string,
        createdAt: is.number,
        aliases: is.array(is.string),
        isArchived: is.boolean,
      }),
    ),
    aliases: is.array(
      is.object({
        alias: is.string,
        isGuarded: is.boolean,
        holder: is.nullable(is.number),
        /** Where a rollback would go. */
        goesBackTo: is.nullable(is.number),
      }),
    ),
    /** The newest first. */
    history: is.array(move),
  }),
);

export const verdicts = is.object({
  id: is.string,
  digest: is.string,
  /** How often the test sets were looked at that it was scored on, in sentences. */
  looks: is.optional(is.array(is.string)),
  gates: is.array(is.object({ alias: is.string, holder: is.nullable(is.number), passed: is.boolean, gates: is.array(gate) })),
  approvals: is.array(
    is.object({
      alias: is.string,
      role: is.string,
      by: is.string,
      note: is.nullable(is.string),
      signedBy: is.nullable(is.string),
      at: is.number,
    }),
  ),
  signatures: is.array(is.object({ fingerprint: is.string, by: is.nullable(is.string), isValid: is.boolean, at: is.number })),
  tags: is.record(is.string),
  notes: is.array(is.object({ by: is.string, text: is.string, at: is.number })),
});

const score = is.object({ metric: is.string, better: is.oneOf("higher", "lower"), value: measured, low: measured, high: measured });
const shown = { id: is.string, place: is.string, prompt: is.string, came: is.string };
const item = is.object({ ...shown, right: is.string, ms: measured });
const changed = is.object({ ...shown, right: is.string, before: is.string });
/** A pair that was judged; what the judge wrote with this version's answer first, and with the other's first. */
const judged = is.object({ ...shown, before: is.string, said: is.tuple(is.string, is.string) });
const interval = is.object({ value: measured, low: measured, high: measured });
const differences = is.array(
  is.object({
    metric: is.string,
    better: is.oneOf("higher", "lower"),
    items: is.number,
    first: measured,
    second: measured,
    value: measured,
    low: measured,
    high: measured,
    p: measured,
    test: is.string,
    wins: is.number,
    losses: is.number,
  }),
);

export const report = is.object({
  id: is.string,
  against: is.nullable(is.string),
  tasks: is.array(
    is.object({
      task: is.string,
      output: is.string,
      artifact: is.string,
      at: is.number,
      items: is.number,
      /** How often these items were scored, in sentences. */
      looks: is.optional(is.array(is.string)),
      scores: is.array(score),
      slices: is.array(is.object({ by: is.string, group: is.string, items: is.number, scores: is.array(score) })),
      picture: is.optional(picture),
      comparison: is.optional(
        is.object({
          differences,
          onlyThis: is.number,
          onlyOther: is.number,
          wins: is.array(changed),
          losses: is.array(changed),
        }),
      ),
      variants: is.array(
        is.object({
          variant: is.string,
          /** Share of items that are answered alike; absent where nothing is answered. */
          alike: is.optional(interval),
          differences,
          turned: is.array(changed),
          numTurned: is.number,
        }),
      ),
      judgements: is.array(
        is.object({
          artifact: is.string,
          judge: is.string,
          beside: is.string,
          items: is.number,
          unread: is.number,
          wins: is.number,
          losses: is.number,
          ties: is.number,
          /** Of the ties: its two orders prefer different answers. */
          contradictions: is.number,
          p: measured,
          preferredFirst: interval,
          biasP: measured,
          agreement: measured,
          kappa: measured,
          winRate: interval,
          won: is.array(judged),
          lost: is.array(judged),
          contradicted: is.array(judged),
        }),
      ),
      contamination: is.optional(
        is.object({
          clean: is.number,
          contaminated: is.number,
          unknown: is.number,
          checks: is.array(
            is.object({
              data: is.string,
              set: is.string,
              file: is.string,
              isSameFile: is.boolean,
              action: is.string,
              of: is.optional(is.string),
            }),
          ),
          unchecked: is.array(is.string),
          scores: is.array(
            is.object({
              metric: is.string,
              clean: is.optional(score),
              contaminated: is.optional(score),
              difference: is.optional(interval),
            }),
          ),
        }),
      ),
      /** The furthest from right first. */
      worst: is.array(item),
      slowest: is.array(item),
    }),
  ),
});

export const logged = is.object({
  artifact: is.string,
  stage: is.string,
  options: is.unknown,
  summary: is.record(is.unknown),
  madeFrom: is.record(is.string),
  steps: is.array(is.number),
  columns: is.record(is.array(measured)),
});

export type ModelReleases = is.Infer<typeof releases>[number];
export type Verdicts = is.Infer<typeof verdicts>;
export type Gate = is.Infer<typeof gate>;
export type Report = is.Infer<typeof report>;
export type TaskReport = Report["tasks"][number];
export type ReportScore = is.Infer<typeof score>;
export type ReportItem = is.Infer<typeof item>;
export type Interval = is.Infer<typeof interval>;
export type Difference = is.Infer<typeof differences>[number];
export type Logged = is.Infer<typeof logged>;
