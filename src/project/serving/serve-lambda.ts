/** A server within an AWS Lambda function: its models behind the Runtime API that Lambda names in the environment. */
import { environment } from "../../base/index.ts";
import { deployErrors, lambdaLimits, RuntimeApi, runLambdaLoop } from "../../deploy/index.ts";
import { deadlineOver } from "../../serve/index.ts";
import type { ProjectServer } from "./serve-options.ts";

interface ServeLambda {
  /** Opens a server without a port. */
  readonly open: () => Promise<ProjectServer>;
  /** Whether the function's URL or API passes streams on. */
  readonly isStreaming: boolean;
  /** SIGTERM. */
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

/** Of Lambda's 10 s, what is left for asking for the first invocation. */
const initMs = 1000 * lambdaLimits.initSeconds - 500;
/** Lambda kills a process 2 s after SIGTERM at the latest; invocations are over by then. */
const graceMs = 500;

const late = () => deadlineOver("AWS Lambda: timeout", "Lower max_tokens, or raise the function's timeout (15 minutes at most).");

/** Runs until SIGTERM. Errors: deploy/runtime without a Runtime API, else those of opening the server, once Lambda was told. */
export async function serveLambda({ open, isStreaming, signal, warn }: ServeLambda): Promise<void> {
  const host = environment().AWS_LAMBDA_RUNTIME_API;
  if (host === undefined || host === "")
    throw deployErrors.fail("runtime", {
      place: "loam serve: --lambda",
      expected: "AWS_LAMBDA_RUNTIME_API in the environment, which Lambda sets",
      received: "none",
      hint: "On this machine, start it under aws-lambda-rie.",
    });
  const api = new RuntimeApi(host);
  let server: ProjectServer | undefined;
  const fetchOf = async () => {
    server = await open();
    return server.fetch;
  };
  try {
    // the clock of the process began with Lambda's, but for the start of Node itself
    await runLambdaLoop({ api, open: fetchOf, isStreaming, initMs: initMs - performance.now(), late, signal, warn });
  } finally {
    api.close();
    await server?.close({ graceMs });
  }
}
