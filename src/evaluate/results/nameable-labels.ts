/** What may stand after the colon of a measure (`f1:spam`, `pct_stereotype:gender`): labels of choices, or types of stereotypes. */
import { type StereotypeFacts, stereotypeParts } from "../stereotype/index.ts";

interface Labelled {
  readonly choices?: readonly string[];
  readonly stereotype?: StereotypeFacts;
}

export const nameableLabels = (items: readonly Labelled[]): string[] => [
  ...new Set(items.flatMap(i => (i.stereotype ? stereotypeParts(i.stereotype) : (i.choices ?? [])))),
];
