/** Groups of short texts that are too large for one side, as messages: what they may be divided into, and the pieces once all documents are counted. */
import { divided } from "../near-duplicates/index.ts";
import { groupFrom, groupRecord } from "./groups.ts";

/** The group itself, or its pieces where it has more than `most` documents and can be divided. */
export function pieces(value: Buffer, most: number, seed: number | string): Buffer[] {
  const group = groupFrom(value);
  const parts = group.count > most ? group.divisible() : undefined;
  if (!parts) return [value];
  const { members, levels } = parts;
  return divided([...members.keys()], levels, most).map(own =>
    groupRecord(
      seed,
      own.map(k => members[k]!),
      { isDivided: true },
    ),
  );
}
