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
  error => {
    if (error.code === "ERR_MODULE_NOT_FOUND" && /dist.bundle.main/.test(error.message))
      process.stderr.write("loam: not built yet: expected dist/, got none. Run `npm start` or `npm run build` in Loam's folder.\n");
    else if (error.code === "ERR_MODULE_NOT_FOUND")
      process.stderr.write(`loam: a package is missing: ${error.message.split("\n")[0]}. Run \`npm ci\`, then \`npm run build\`.\n`);
    else process.stderr.write(`loam: ${error.stack}\n`);
    process.exit(3);
  },
);
