/** Loaded into a gateway's process: answers each message of its parent with what it has in memory after a collection, and its processor time. */
process.on("message", () => {
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  process.send?.({ rssBytes: rss, liveBytes: heapUsed + external, cpuMs: (user + system) / 1000 });
});
