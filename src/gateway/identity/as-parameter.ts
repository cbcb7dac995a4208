/** What a schema says of a body, as the error of a parameter that the caller gave. */
import { isLoamError } from "../../base/index.ts";
import { gatewayErrors } from "../errors.ts";

/** Errors: those of `work`; base/config and base/unknownKey at a place in `body` as gateway/parameter at that place. */
export async function asParameter<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isLoamError(error) || !error.code.startsWith("base/")) throw error;
    const { code: _, place = "", ...problem } = error.problem;
    throw gatewayErrors.fail("parameter", { ...problem, place: place.replace(/^body(: )?/, "") || "body" });
  }
}
