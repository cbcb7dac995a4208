/** The one error of this module. Its code is `tensor/machine`: clients know it from the time when the tensor module made the code. */
import { type ErrorRow, LoamError, type Problem } from "../base/index.ts";

/** The row of the tensor module's table of errors. */
export const machineErrorRow = {
  status: 500,
  exit: "environment",
  meaning: "Machine code could not be made or run: the system refused memory, threads or new code.",
} as const satisfies ErrorRow;

/** An error of machine code; throw what it returns. */
export const machineFailure = (problem: Omit<Problem, "code">): LoamError =>
  new LoamError({ code: "tensor/machine", ...problem }, machineErrorRow);
