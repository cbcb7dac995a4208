/**
 * The process in which programs of a model run: QuickJS in WebAssembly, which has no files, no network and no clock of its own, a fresh runtime for
 * each program, with limits on processor time, memory and stack. Plain JavaScript, because a process of its own cannot be started from TypeScript on
 * Node 20. What these limits do not hold (one operation that takes for ever) the parent ends from outside.
 */
import variant from "@jitl/quickjs-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";

/** Below what the WebAssembly stack holds: too deep a recursion is an error of the program, not the end of the process. */
const stackBytes = 256 * 1024;
/** Letters of an error that are told. */
const shownLetters = 300;

let quickJs;

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** What an error says, whatever it is. */
function messageOf(context, handle) {
  const value = context.dump(handle);
  const text =
    value !== null && typeof value === "object" && ("message" in value || "name" in value)
      ? `${value.name ?? "Error"}: ${value.message ?? ""}`
      : String(typeof value === "object" ? JSON.stringify(value) : value);
  return text.slice(0, shownLetters);
}

/** Errors that limits make, by how QuickJS calls them. */
const kinds = [
  [/^InternalError: interrupted/, "timeout"],
  [/^InternalError: out of memory/, "memory"],
  [/^InternalError: stack overflow|Maximum call stack/, "stack"],
];

const failed = message => ({ failure: kinds.find(([pattern]) => pattern.test(message))?.[1] ?? "error", message });

/** `source` is a script; `prelude` one before it. A promise that the script ends with must be kept. */
function run({ prelude, source, timeMs, memoryBytes }) {
  const runtime = quickJs.newRuntime();
  runtime.setMemoryLimit(memoryBytes);
  runtime.setMaxStackSize(stackBytes);
  // The clock too: the processor's time counts threads that compile the interpreter beside the program.
  const [end, endOfClock] = [processorMs() + timeMs, performance.now() + timeMs];
  let isLate = false;
  runtime.setInterruptHandler(() => {
    isLate ||= performance.now() > endOfClock && processorMs() > end;
    return isLate;
  });
  const context = runtime.newContext();
  const told = handle => {
    const message = messageOf(context, handle);
    return isLate ? { failure: "timeout", message } : failed(message);
  };
  const first = context.evalCode(prelude, "prelude.js", { type: "global" });
  if (first.error) return told(first.error);
  const result = context.evalCode(source, "program.js", { type: "global" });
  if (result.error) return told(result.error);
  // a promise may wait for others: all that is ready runs, under the same limits
  while (runtime.hasPendingJob()) {
    const ran = runtime.executePendingJobs(1000);
    if (ran.error) return told(ran.error);
    if (isLate) return { failure: "timeout", message: "interrupted" };
  }
  const state = context.getPromiseState(result.value);
  if (state.type === "rejected") return told(state.error);
  if (state.type === "pending") return { failure: "error", message: "a promise that is never kept" };
  return isLate ? { failure: "timeout", message: "interrupted" } : {};
  // Nothing is disposed one by one: the runtime of a program that broke a limit cannot always be, so the parent ends the process after some.
}

/** The interpreter, compiled before a program's time begins. */
const ready = newQuickJSWASMModuleFromVariant(variant).then(made => {
  quickJs = made;
  run({ prelude: "", source: "for (let i = 0; i < 1e5; i++) [i].join();", timeMs: 1000, memoryBytes: 2 ** 24 });
});

// At once: a process without a listener ends while it waits for its interpreter.
process.on("message", async ({ id, ...program }) => {
  await ready;
  process.send?.({ id, begins: true });
  let answer;
  try {
    answer = run(program);
  } catch (error) {
    // the engine itself gave up: its memory is not to be trusted any more
    answer = { ...failed(String(error?.message ?? error).slice(0, shownLetters)), isSpent: true };
  }
  process.send?.({ id, ...answer });
});
process.on("disconnect", () => process.exit());
