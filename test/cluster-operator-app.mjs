/** A server that counts as `loam serve` does, for tests of the operator: answers fail by chance (ERRORS), or it is never ready (NEVER_READY). */
import { createServer } from "node:http";

const { ERRORS = "0", NEVER_READY, VERSION = "" } = process.env;
const bounds = [0.01, 0.1, 1, "+Inf"];
const counts = { requests: 0, errors: 0, load: 0 };

const metrics = () =>
  [
    `loam_http_requests_total{method="POST",route="/v1/completions",status="200"} ${counts.requests - counts.errors}`,
    `loam_http_requests_total{method="POST",route="/v1/completions",status="500"} ${counts.errors}`,
    ...bounds.map((le, i) => `loam_http_request_seconds_bucket{le="${le}",route="/v1/completions"} ${i === 0 ? 0 : counts.requests}`),
    `loam_running_requests{model="m"} ${counts.load}`,
    "",
  ].join("\n");

createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://app");
  if (pathname === "/metrics") return response.end(metrics());
  if (pathname.startsWith("/load/")) counts.load = Number(pathname.slice(6));
  if (pathname === "/readyz" && NEVER_READY) response.statusCode = 503;
  if (pathname === "/v1/completions") {
    counts.requests++;
    if (Math.random() < Number(ERRORS)) {
      counts.errors++;
      response.statusCode = 500;
    }
  }
  response.end(VERSION);
}).listen(8080);
process.on("SIGTERM", () => process.exit(0));
