// Reports to AWS Lambda that the program could not be loaded: its own loop, which reports errors of loading the model, is a part of what failed. Plain
// JavaScript beside loam.js, without packages.
import { request } from "node:http";

/** Lambda shows an error's message whole; a stack of a deep bundle would fill the page. */
const mostCharacters = 4000;

/** Ends when Lambda has answered, or cannot be reached: the process ends with its own error in either case. */
export function reportStart(message, api = process.env.AWS_LAMBDA_RUNTIME_API) {
  const errorType = "Loam.start";
  const body = JSON.stringify({ errorType, errorMessage: message.trim().slice(0, mostCharacters), stackTrace: [] });
  const headers = {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "Lambda-Runtime-Function-Error-Type": errorType,
  };
  return new Promise(done => {
    const sent = request(`http://${api}/2018-06-01/runtime/init/error`, { method: "POST", headers }, answer =>
      answer.resume().on("close", done),
    );
    sent.on("error", done);
    sent.end(body);
  });
}
