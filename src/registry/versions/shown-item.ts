/** An item of a result as reports show it. */
import type { ItemResult } from "../../evaluate/index.ts";

export interface ShownItem {
  readonly id: string;
  readonly place: string;
  readonly prompt: string;
  readonly right: string;
  readonly came: string;
  readonly ms: number;
}
export interface ChangedItem extends ShownItem {
  /** What came otherwise: of another version, or of the item as it is. */
  readonly before: string;
}

export const shownItem = ({ id, place, prompt, right, came, ms }: ItemResult): ShownItem => ({ id, place, prompt, right, came, ms });
export const changedItem = (item: ItemResult, before: string): ChangedItem => ({ ...shownItem(item), before });
