/** What is kept of a person's requests: labels and remembered requests one by one, traffic by the hour. */
import type { Store } from "../../store/index.ts";
import { eraseOwnerSketches } from "./drift/index.ts";
import { removeOwner } from "./feedback/index.ts";
import { eraseOwnerSamples } from "./samples/index.ts";

export interface ForgottenOwner {
  /** Of the requests, those with labels. */
  readonly labelled: number;
  readonly requests: number;
  /** Sketches of an hour of traffic, a version and a server that went, since they held a request of the owner. */
  readonly sketches: number;
  /** Examples of requests. */
  readonly samples: number;
}

/** Forgets requests and labels of an owner (`user:ann`), examples of its requests, and takes the hours of traffic that hold its requests out of what drift is compared with. */
export async function forgetOwner(store: Store, owner: string): Promise<ForgottenOwner> {
  const { labelled, requests } = await removeOwner(store, owner);
  // first: it leaves the mark by which servers drop what they have not written yet
  const sketches = await eraseOwnerSketches(store, owner);
  return { labelled, requests, sketches, samples: await eraseOwnerSamples(store, owner) };
}
