#!/usr/bin/env node
// Starts the command line. Plain, old JavaScript, so that a Node that is too old can say so.
import "./node-version.js";
import * as nodeModule from "node:module";

// Keeps compiled JavaScript between starts where Node can (22.1 and newer).
if (nodeModule.enableCompileCache) nodeModule.enableCompileCache();

import("../dist/bundle/main.js").then(
  ({ main }) =>
    main(process.argv.slice(2)).then(code => {
      process.exitCode = code;
    }),
  async error => {
    const text = failureText(error);
    process.stderr.write(text);
    if (process.argv.includes("--lambda") && process.env.AWS_LAMBDA_RUNTIME_API) {
      const { reportStart } = await import("./lambda-start.js");
      await reportStart(text);
    }
    process.exit(3);
  },
);

function failureText(error) {
  if (error.code === "ERR_MODULE_NOT_FOUND" && /dist.bundle.main/.test(error.message))
    return "loam: not built yet: expected dist/, got none. Run `npm start` or `npm run build` in Loam's folder.\n";
  if (error.code === "ERR_MODULE_NOT_FOUND")
    return `loam: a package is missing: ${error.message.split("\n")[0]}. Run \`npm ci\`, then \`npm run build\`.\n`;
  return `loam: ${error.stack}\n`;
}
