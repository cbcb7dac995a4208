/**
 * Errors are data first (code, place, expected, received, hint), one sentence second. A room declares its codes in one table
 * (`errors.ts`) with HTTP status and exit code; a test compares every table with docs/errors.md. Secrets are redacted here, once.
 * Idea: zod's issues and fastify's error table.
 */
import { defined } from "./defined.ts";

/** Exit codes of the command line, the whole list. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, environment: 3, interrupted: 130 } as const;
export type ExitKind = keyof typeof exitCodes;

export interface ErrorRow {
  /** HTTP status when the error crosses a server's door. */
  readonly status: number;
  readonly exit: ExitKind;
  /** A function of what a stage was given: the same inputs and options meet it again, on any machine and at any time. */
  readonly isOfInputs?: true;
  /** What the code means, one sentence, for the documentation. */
  readonly meaning: string;
}

export interface Problem {
  readonly code: string;
  /** File, key, operation, or route: where it happened. */
  readonly place?: string | undefined;
  readonly expected?: string | undefined;
  readonly received?: string | undefined;
  /** What to try. */
  readonly hint?: string | undefined;
  /** A sentence of its own, where "expected X, got Y" does not fit. */
  readonly message?: string | undefined;
}

const secretPatterns: readonly [RegExp, string][] = [
  [/(authorization["']?\s*[:=]\s*["']?(?:bearer|basic)?\s*)[^\s"',;]+/gi, "$1[redacted]"],
  [/\b((?:api[-_]?key|password|secret|(?:access|auth|bearer|api)[-_]?token)["']?\s*[:=]\s*["']?)[^\s"',;&]+/gi, "$1[redacted]"],
  [/\b(token=)[^\s"',;&]+/gi, "$1[redacted]"],
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]+:)[^\s@/]+(@)/gi, "$1[redacted]$2"],
  [/\bsk-[A-Za-z0-9_-]{8,}/g, "sk-[redacted]"],
];

/** Text with credentials replaced; used on every sentence and every problem that leaves the process. */
export const redact = (text: string): string => secretPatterns.reduce((t, [pattern, to]) => t.replace(pattern, to), text);

/** The sentence of a problem: `place: expected X, got Y. Try Z.` */
export function renderProblem(p: Problem): string {
  const body =
    p.message ??
    (p.expected !== undefined && p.received !== undefined
      ? `expected ${p.expected}, got ${p.received}`
      : p.expected !== undefined
        ? `expected ${p.expected}`
        : (p.received ?? p.code));
  const sentence = /[.!?]$/.test(body) ? body : `${body}.`;
  return redact(`${p.place ? `${p.place}: ` : ""}${sentence}${p.hint ? ` ${p.hint}` : ""}`);
}

export class LoamError extends Error {
  readonly problem: Problem;
  readonly row: ErrorRow;
  /** What programs read beside the error: the document that a success would have given, as far as it is known. Plain data. */
  readonly details: object | undefined;

  constructor(problem: Problem, row: ErrorRow, options?: { cause?: unknown; details?: object }) {
    super(renderProblem(problem), options);
    this.name = "LoamError";
    this.problem = problem;
    this.row = row;
    this.details = options?.details;
  }

  get code(): string {
    return this.problem.code;
  }
  get status(): number {
    return this.row.status;
  }
  get exitCode(): number {
    return exitCodes[this.row.exit];
  }

  toJSON(): object {
    const { code, ...rest } = this.problem;
    const plain = (data: object): object => JSON.parse(redact(JSON.stringify(data)));
    return { ...plain(this.details ?? {}), error: { code, sentence: this.message, ...plain(rest) } };
  }
}

/** The same error with details for programs. */
export const withDetails = ({ problem, row, cause }: LoamError, details: object): LoamError =>
  new LoamError(problem, row, { details, ...defined({ cause }) });

export const isLoamError = (e: unknown, code?: string): e is LoamError => e instanceof LoamError && (code === undefined || e.code === code);

export interface ErrorTable<C extends string> {
  readonly room: string;
  readonly rows: Readonly<Record<C, ErrorRow>>;
  /** An error of this room; throw what it returns. */
  fail(code: C, problem: Omit<Problem, "code">, cause?: unknown): LoamError;
}

/** Declares a room's errors; codes are `room/name` outside, the bare name at the call. */
export function errorTable<const T extends Record<string, ErrorRow>>(room: string, rows: T): ErrorTable<Extract<keyof T, string>> {
  return {
    room,
    rows,
    fail: (code, problem, cause) =>
      new LoamError({ code: `${room}/${code}`, ...problem }, rows[code]!, cause === undefined ? undefined : { cause }),
  };
}
