/** Programs over trees whose shapes only the caller knows: trained and frozen arrays, micro-batches of any kind. */
import { type Compiled, type CompileOptions, compile, type ExecutionOptions } from "../tensor/index.ts";

/** What goes in are trees of arrays, and so is what comes out. */
export interface TreeProgram<R> extends Pick<Compiled<[], never>, "endProfile" | "peakBytes" | "kept" | "dispose"> {
  /** Builds the program for these arrays, or their shapes, without running it. */
  prepare(...trees: readonly unknown[]): Promise<unknown>;
  with(run: ExecutionOptions, ...trees: readonly unknown[]): Promise<R>;
}
export const treeProgram = <R>(f: (...trees: never[]) => unknown, options: CompileOptions): TreeProgram<R> =>
  // a compiled function's type says the tree of each argument, which these do not have
  compile(f as (...trees: unknown[]) => unknown, options) as unknown as TreeProgram<R>;
