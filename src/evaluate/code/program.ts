/**
 * The program that an answer becomes: what the answer goes on from, the answer, and the item's tests. Tests are a script that throws where the answer
 * is wrong; one that defines `check` (as HumanEval's) has it called with the function that was asked for.
 */
export interface CodeTests {
  readonly tests: string;
  /** Name of the function that is tested. */
  readonly entryPoint: string | undefined;
}

/** A name that a function can have; what is not one would be code. */
export const isFunctionName = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name);

/** The script; its value is the promise of tests that take time. Sloppy mode, as code of models is written. */
export const programOf = (before: string, answer: string, { tests, entryPoint }: CodeTests): string =>
  [
    before + answer,
    tests,
    ...(entryPoint === undefined
      ? []
      : [
          `if (typeof ${entryPoint} !== "function") throw new Error("expected a function ${entryPoint}, got " + typeof ${entryPoint});`,
          `typeof check === "function" ? check(${entryPoint}) : undefined;`,
        ]),
  ].join("\n;\n");
