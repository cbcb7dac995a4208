/**
 * The API reference, from the declarations that tsc writes: everything that `import "loam"` gives, with its signature and its docstring, a page per module;
 * and the types that the methods of a project take and give. Read through TypeScript's own compiler.
 */
import { relative } from "node:path";
import { isClassDeclaration, isHeritageClause, isIdentifier, ModifierFlags, SyntaxKind } from "typescript/unstable/ast";
import { API } from "typescript/unstable/sync";
import { formatted, mostColumns, wrapAt } from "./markdown.js";
import { inRoot } from "./places.js";

const entry = inRoot("dist/src/index.d.ts");
const config = inRoot("tsconfig.of-declarations.json");
const configText = JSON.stringify({
  compilerOptions: {
    module: "nodenext",
    target: "es2023",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    skipLibCheck: true,
    noEmit: true,
  },
  files: ["dist/src/index.d.ts", "dist/src/project/index.d.ts"],
});

/** Where the types stand that the methods of a project take and give. */
const typesEntry = inRoot("dist/src/project/index.d.ts");

/** The titles of pages, in order; a module without one has the name of its folder. */
const titles = {
  project: "Projects: the application as a library",
  tensor: "Tensors, programs and devices",
  nn: "Layers, models and weights",
  text: "Tokenizers",
  train: "Optimisers and the training loop",
  store: "The artifact store",
  base: "Errors and random numbers",
};

const moduleOf = file => relative(inRoot("dist/src"), file).split(/[\\/]/)[0];

/** What is exported under a name, aliases followed, `export *` included. */
function exportsOf(module, checker, project) {
  const found = new Map();
  for (const [name, symbol] of module.getExports()) {
    if (name !== "__export") {
      found.set(symbol.name, symbol.declarations[0].kind === SyntaxKind.ExportSpecifier ? checker.getAliasedSymbol(symbol) : symbol);
      continue;
    }
    for (const handle of symbol.declarations) {
      const other = checker.getSymbolAtLocation(handle.resolve(project).moduleSpecifier);
      for (const [inner, s] of exportsOf(other, checker, project)) if (!found.has(inner)) found.set(inner, s);
    }
  }
  return found;
}

const isHidden = member =>
  (member.modifierFlags & (ModifierFlags.Private | ModifierFlags.Protected)) !== 0 ||
  member.name?.kind === SyntaxKind.PrivateIdentifier ||
  member.kind === SyntaxKind.Constructor;

/** Every identifier within a declaration. */
function* identifiersOf(node) {
  const stack = [node];
  for (let at = stack.pop(); at; at = stack.pop()) {
    if (isIdentifier(at)) yield at;
    at.forEachChild(child => {
      stack.push(child);
    });
  }
}

const plain = text => text.replace(/\r/g, "").trim();

/** A line of a signature in several, where its unions and lists have their parts. */
function brokenSignature(line) {
  if (line.length <= mostColumns) return line;
  const [first, ...parts] = line.split(/ (?=\| )|(?<=,) /);
  const indent = `${/^ */.exec(line)[0]}  `;
  const lines = [first];
  for (const part of parts)
    if (lines.at(-1).length + 1 + part.length <= wrapAt) lines.push(`${lines.pop()} ${part}`);
    else lines.push(indent + part);
  return lines.join("\n");
}

const block = text => `\`\`\`ts\n${text.split("\n").map(brokenSignature).join("\n")}\n\`\`\``;
/** As people write it: without what only declarations have, indented by two. */
const signatureOf = node =>
  plain(node.getText())
    .replace(/^export\s+/, "")
    .replace(/^declare\s+/, "")
    .replace(/^(?: {4})+/gm, spaces => " ".repeat(spaces.length / 2));

class Reference {
  #project;
  #seen = new Map();

  constructor(project) {
    this.#project = project;
  }

  get #checker() {
    return this.#project.checker;
  }

  #declarationsOf(symbol) {
    const all = symbol.declarations.map(handle => handle.resolve(this.#project)).filter(Boolean);
    return all.map(node => (node.kind === SyntaxKind.VariableDeclaration ? node.parent.parent : node));
  }

  /** The entry of the page: its module, and its text. */
  #add(name, symbol) {
    const [first, ...others] = this.#declarationsOf(symbol);
    const module = moduleOf(first.getSourceFile().fileName);
    const key = `${module}:${name}`;
    if (this.#seen.has(key)) return;
    const doc = plain(symbol.getDocumentationComment(this.#checker));
    const head = [`## ${name}`, ...(doc ? [doc] : [])];
    const body = isClassDeclaration(first) ? this.#classText(first) : [block([first, ...others].map(signatureOf).join("\n"))];
    this.#seen.set(key, { module, name, text: [...head, ...body].join("\n\n"), first });
  }

  #classText(node) {
    const members = node.members.filter(m => !isHidden(m));
    const heritage = (node.heritageClauses ?? []).filter(isHeritageClause).map(h => h.getText());
    const head = block(
      `class ${node.name.getText()}${node.typeParameters ? `<${node.typeParameters.map(t => t.getText()).join(", ")}>` : ""}${heritage.length ? ` ${heritage.join(" ")}` : ""}`,
    );
    return [
      head,
      ...members.flatMap(m => {
        const symbol = m.name && this.#checker.getSymbolAtLocation(m.name);
        const doc = symbol ? plain(symbol.getDocumentationComment(this.#checker)) : "";
        const called = m.name?.getText() ?? "";
        return [`### ${node.name.getText()}.${called}`, ...(doc ? [doc] : []), block(signatureOf(m))];
      }),
    ];
  }

  /** Types of the module project that a declaration names, and those that they name. */
  #reach(node) {
    for (const identifier of identifiersOf(node)) {
      const symbol = this.#checker.getSymbolAtLocation(identifier);
      if (!symbol || symbol.declarations.length === 0) continue;
      const kind = symbol.declarations[0].kind;
      const target =
        kind === SyntaxKind.ImportSpecifier || kind === SyntaxKind.ExportSpecifier ? this.#checker.getAliasedSymbol(symbol) : symbol;
      if (!target?.declarations.length) continue;
      const [declaration] = this.#declarationsOf(target);
      if (!declaration) continue;
      const named = [SyntaxKind.InterfaceDeclaration, SyntaxKind.TypeAliasDeclaration, SyntaxKind.ClassDeclaration];
      const module = moduleOf(declaration.getSourceFile().fileName);
      if (!named.includes(declaration.kind) || module !== "project" || this.#seen.has(`${module}:${target.name}`)) continue;
      this.#add(target.name, target);
      this.#reach(declaration);
    }
  }

  entries() {
    const { program } = this.#project;
    const exportedBy = file => exportsOf(this.#checker.getSymbolAtLocation(program.getSourceFile(file)), this.#checker, this.#project);
    const exported = exportedBy(entry);
    const types = exportedBy(typesEntry);
    for (const [name, symbol] of exported) this.#add(name, symbol);
    for (const { module: of, first } of [...this.#seen.values()]) if (of === "project") this.#reach(first);
    return [...this.#seen.values()].map(({ module: of, name, text, first }) => ({
      module: of,
      name,
      text,
      isType: first.kind === SyntaxKind.InterfaceDeclaration || first.kind === SyntaxKind.TypeAliasDeclaration,
      from: exported.has(name) ? "loam" : types.has(name) ? "loam/project" : undefined,
    }));
  }
}

/** What there is to say, entry by entry. */
export function apiEntries() {
  const fs = { readFile: f => (f === config ? configText : undefined), fileExists: f => (f === config ? true : undefined) };
  const api = new API({ cwd: inRoot("."), fs });
  const snapshot = api.updateSnapshot({ openProjects: [config] });
  try {
    return new Reference(snapshot.getProject(config)).entries();
  } finally {
    snapshot.dispose();
    api.close();
  }
}

const made = "This page is made by `npm run docs` from the declarations; a test holds it against them.";

function pageOf(module, entries) {
  const inOrder = types => entries.filter(e => e.isType === types).sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
  const others = entries.some(e => e.from !== "loam")
    ? ' Types that only methods take and give: `import type { ... } from "loam/project"`.'
    : "";
  const head = `# ${titles[module] ?? module}\n\n\`import { ... } from "loam"\`.${others} ${made}`;
  return `${[head, ...inOrder(false).map(e => e.text), ...inOrder(true).map(e => e.text)].join("\n\n")}\n`;
}

/** Pages by their path below docs. */
export function apiPages() {
  const entries = apiEntries();
  const modules = [...new Set([...Object.keys(titles), ...entries.map(e => e.module)])].filter(m => entries.some(e => e.module === m));
  const lists = modules.map(m => {
    const names = entries.filter(e => e.module === m && e.from === "loam").map(e => `\`${e.name}\``);
    return `- [${titles[m] ?? m}](${m}.md): ${names.sort().join(", ")}`;
  });
  const index = `# API reference\n\nWhat \`import { ... } from "loam"\` gives, by module; [the guide](../library.md) shows how to use a project. ${made}\n\n${lists.join("\n")}\n`;
  const page = m =>
    pageOf(
      m,
      entries.filter(e => e.module === m),
    );
  const pages = [["api/README.md", index], ...modules.map(m => [`api/${m}.md`, page(m)])];
  return new Map(pages.map(([path, text]) => [path, formatted(text, wrapAt)]));
}
