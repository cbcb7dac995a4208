/** An item of a result as reports show it. */
import { defined } from "../../base/index.ts";
import type { ItemResult } from "./item.ts";

export interface ShownItem {
  readonly id: string;
  readonly place: string;
  readonly prompt: string;
  readonly right: string;
  readonly came: string;
  readonly ms: number;
  /** Of retrieval: the first documents, with their scores. */
  readonly ranked?: NonNullable<ItemResult["ranked"]>;
}
export interface ChangedItem extends ShownItem {
  /** What came otherwise: of another model or version, or of the item as it is. */
  readonly before: string;
}

export const shownItem = ({ id, place, prompt, right, came, ms, ranked }: ItemResult): ShownItem => ({
  id,
  place,
  prompt,
  right,
  came,
  ms,
  ...defined({ ranked }),
});
export const changedItem = (item: ItemResult, before: string): ChangedItem => ({ ...shownItem(item), before });
