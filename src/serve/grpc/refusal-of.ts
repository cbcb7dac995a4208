/** Any error as what a call is refused with. What Loam does not know as an error of its own is told without a detail. */
import { status } from "@grpc/grpc-js";
import { isLoamError } from "../../base/index.ts";
import { CallRefusal, codeOfStatus } from "./call-refusal.ts";

export function refusalOf(error: unknown): CallRefusal {
  if (error instanceof CallRefusal) return error;
  if (isLoamError(error)) return new CallRefusal(codeOfStatus(error.status), error.message, error);
  if (error instanceof Error && error.name === "AbortError") return new CallRefusal(status.CANCELLED, "The client went away.", error);
  return new CallRefusal(status.INTERNAL, "Internal error.", error);
}
