/** Lines for people on stderr, so that stdout stays free for results. On a terminal a running step rewrites its line; elsewhere it is said now and then. */

const isTerminal = process.stderr.isTTY === true;
/** Without a terminal a step that goes on is said again after so long. */
const sayAgainMs = 10_000;
const redrawMs = 200;

export const seconds = ms =>
  ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60_000)}:${String(Math.round((ms / 1000) % 60)).padStart(2, "0")}`;

const row = (label, text) => `  ${label.padEnd(18)} ${text}`;

/** One line. */
export function say(label, text) {
  process.stderr.write(`${row(label, text)}\n`);
}

/**
 * Does `work` under a label. While it runs the line shows `text()` and the time; at its end `work`'s result, when that is a text.
 * Gives what `work` gives.
 */
export async function step(label, text, work) {
  const began = performance.now();
  let said = began;
  const took = () => seconds(performance.now() - began);
  const shown = () => row(label, `${text()}  ${took()}`);
  if (isTerminal) process.stderr.write(shown());
  else say(label, text());
  const timer = setInterval(() => {
    if (isTerminal) process.stderr.write(`\r\x1b[2K${shown().slice(0, (process.stderr.columns || 100) - 1)}`);
    else if (performance.now() - said > sayAgainMs) {
      said = performance.now();
      process.stderr.write(`${shown()}\n`);
    }
  }, redrawMs);
  try {
    const result = await work();
    if (isTerminal) process.stderr.write("\r\x1b[2K");
    say(label, `${(typeof result === "string" ? result : text()).padEnd(74)} ${took().padStart(7)}`);
    return result;
  } catch (error) {
    if (isTerminal) process.stderr.write("\r\x1b[2K");
    throw error;
  } finally {
    clearInterval(timer);
  }
}

/** What a person can act on: a sentence without a stack. */
export class Trouble extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Runs a script's main function; trouble becomes a sentence and an exit code. */
export async function main(run) {
  try {
    process.exitCode = (await run(process.argv.slice(2))) ?? 0;
  } catch (error) {
    // a bench that a signal stopped has an exit code of its own too
    const exitCode = Number.isInteger(error.exitCode) ? error.exitCode : undefined;
    process.stderr.write(exitCode === undefined ? `loam: ${error.stack}\n` : `loam: ${error.message}\n`);
    process.exitCode = exitCode ?? 1;
  }
}
