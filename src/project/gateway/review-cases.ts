/** Review cases of the gateway that runs: taken, voted on, appealed; decided ones written as labelled documents that a data source reads. */
import { resolve } from "node:path";
import { privateFileMode, writeFileAtomic } from "../../base/index.ts";
import type { ReviewAgreement, ReviewCase, ReviewDocument, TakenCase } from "../../gateway/index.ts";
import type { AccountableOwner } from "../../governance/part.ts";
import { projectOrNone } from "../models/home.ts";
import { ownerOfFirst, ownersIn } from "../owners.ts";
import type { GatewayPlace } from "./gateway-place.ts";
import { askRunning, runningFor } from "./running-gateway.ts";

const verb = "loam gateway review";
/** Documents that are asked for at once. */
const pageDocuments = 200;

export type ReviewAction = "approve" | "refuse" | "escalate" | "release";

/** A case with the accountable owner of its guard, or else of its model, from the project of the folder. */
export type OwnedCase<T extends Pick<ReviewCase, "guard" | "model"> = ReviewCase> = T & { readonly owner: AccountableOwner | null };

function withOwner<T extends Pick<ReviewCase, "guard" | "model">>({ folder }: GatewayPlace, one: T): OwnedCase<T> {
  const owners = ownersIn(projectOrNone(folder));
  return { ...one, owner: ownerOfFirst(owners, [`guard/${one.guard}`, `model/${one.model}`]) };
}

export const reviewCases = async (at: GatewayPlace, state: ReviewCase["state"] = "waiting"): Promise<readonly OwnedCase[]> =>
  (
    await askRunning<{ readonly data: readonly ReviewCase[] }>(await runningFor(at, verb), "GET", `/gateway/review?state=${state}`)
  ).data.map(one => withOwner(at, one));

/** The first case that needs a vote of the caller, or one by its id; null where there is none. */
export const takeReview = async (at: GatewayPlace, id?: string): Promise<OwnedCase<TakenCase> | null> => {
  const taken = await askRunning<{ readonly case: TakenCase | null }>(
    await runningFor(at, verb),
    "POST",
    "/gateway/review",
    id === undefined ? {} : { id },
  );
  return taken.case && withOwner(at, taken.case);
};

export const decideReview = async (at: GatewayPlace, id: string, action: ReviewAction, category?: string): Promise<ReviewCase> =>
  (
    await askRunning<{ readonly case: ReviewCase }>(await runningFor(at, verb), "POST", `/gateway/review/case/${encodeURIComponent(id)}`, {
      action,
      ...(category === undefined ? {} : { category }),
    })
  ).case;

/** With the token of the refusal's header `x-loam-appeal`, and any key. */
export const appealReview = async (at: GatewayPlace, token: string, reason = ""): Promise<Pick<ReviewCase, "id" | "state" | "decision">> =>
  askRunning(await runningFor(at, verb), "POST", "/gateway/review/appeal", { token, reason });

export const reviewerAgreement = async (at: GatewayPlace): Promise<ReviewAgreement> =>
  askRunning(await runningFor(at, verb), "GET", "/gateway/review/agreement");

/** Every case that people decided, the oldest first, as JSON Lines with `text` and `label`; the file is its owner's alone. */
export async function exportReviews(at: GatewayPlace, file: string): Promise<{ readonly file: string; readonly documents: number }> {
  const running = await runningFor(at, verb);
  const lines: string[] = [];
  for (let after = ""; ; ) {
    const query = `most=${pageDocuments}${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`;
    const { data } = await askRunning<{ readonly data: readonly ReviewDocument[] }>(running, "GET", `/gateway/review/documents?${query}`);
    for (const document of data) lines.push(`${JSON.stringify(document)}\n`);
    const last = data.at(-1);
    if (!last || data.length < pageDocuments) break;
    after = last.id;
  }
  const path = resolve(at.folder, file);
  writeFileAtomic(path, lines.join(""), { mode: privateFileMode });
  return { file: path, documents: lines.length };
}
