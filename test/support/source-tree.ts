/** The source as syntax trees, for tests of its structure: what files export and import, how long functions are, where casts stand. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "rolldown/parseAst";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** A node of ESTree. */
interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export interface SourceFunction {
  /** Its name, or that of the variable or property that holds it. */
  readonly name: string;
  readonly lines: number;
}
export interface SourceCast {
  readonly line: number;
  readonly text: "as never" | "as unknown as";
  /** A comment stands on the line, or on the line above. */
  readonly hasReason: boolean;
}
export interface SourceFile {
  /** From the repository on, with slashes. */
  readonly path: string;
  /** Names that the file declares and exports. */
  readonly declared: readonly string[];
  /** Names that it exports from other files. */
  readonly passedOn: readonly string[];
  /** Names of other files that it imports or exports, as they are called there; "*" for all. */
  readonly imports: readonly { readonly file: string; readonly name: string }[];
  readonly functions: readonly SourceFunction[];
  readonly casts: readonly SourceCast[];
}

const isNode = (v: unknown): v is SyntaxNode => typeof v === "object" && v !== null && typeof (v as SyntaxNode).type === "string";
/** Calls `visit` with every node below a node: millions in all, so nothing is made on the way. */
function forChildren(node: SyntaxNode, visit: (child: SyntaxNode, parent: SyntaxNode) => void): void {
  for (const key in node) {
    const v = node[key];
    if (typeof v !== "object" || v === null) continue;
    if (Array.isArray(v)) {
      for (const item of v) if (isNode(item)) visit(item, node);
    } else if (isNode(v)) visit(v, node);
  }
}
const functionTypes = new Set(["ArrowFunctionExpression", "FunctionExpression", "FunctionDeclaration"]);
const nodesOf = (v: unknown): readonly SyntaxNode[] => (Array.isArray(v) ? v.filter(isNode) : []);
const nodeOf = (v: unknown): SyntaxNode | undefined => (isNode(v) ? v : undefined);
/** The name of an identifier, or the text of a string. */
const nameOf = (v: unknown): string | undefined => {
  const node = nodeOf(v);
  return node && String(node.name ?? node.value);
};

/** Names that a pattern binds. */
function patternNames(v: unknown): string[] {
  const node = nodeOf(v);
  switch (node?.type) {
    case "Identifier":
      return [String(node.name)];
    case "ObjectPattern":
      return nodesOf(node.properties).flatMap(p => patternNames(p.value ?? p.argument));
    case "ArrayPattern":
      return nodesOf(node.elements).flatMap(patternNames);
    case "AssignmentPattern":
      return patternNames(node.left);
    case "RestElement":
      return patternNames(node.argument);
    default:
      return [];
  }
}

function declaredNames(declaration: SyntaxNode): string[] {
  if (declaration.type === "VariableDeclaration") return nodesOf(declaration.declarations).flatMap(d => patternNames(d.id));
  return [nameOf(declaration.id)].filter(n => n !== undefined);
}

const extensions = ["", ".ts", ".tsx", ".mjs", ".js"];
/** The file of a relative or `loam/...` import; undefined for packages. */
function resolved(from: string, target: unknown): string | undefined {
  if (typeof target !== "string") return undefined;
  const loam = /^loam(?:\/(.+))?$/.exec(target);
  const base = loam ? join(repository, "src", loam[1] ?? "", "index.ts") : target.startsWith(".") ? join(dirname(from), target) : undefined;
  const plain = base?.replace(/\?.*$/, "");
  const found = plain === undefined ? undefined : extensions.map(e => plain + e).find(p => existsSync(p) && /\.\w+$/.test(p));
  return found && pathOf(found);
}
const pathOf = (file: string): string => relative(repository, file).split(sep).join("/");

function readSource(file: string): SourceFile {
  const text = readFileSync(file, "utf8");
  const starts = [0, ...[...text.matchAll(/\n/g)].map(m => m.index + 1)];
  const lineOf = (at: number): number => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle]! <= at) low = middle;
      else high = middle;
    }
    return low;
  };
  const lines = text.split("\n");
  const declared: string[] = [];
  const passedOn: string[] = [];
  const imports: { file: string; name: string }[] = [];
  const functions: SourceFunction[] = [];
  const casts: SourceCast[] = [];
  const uses = (target: unknown, names: readonly string[]) => {
    const to = resolved(file, target);
    if (to !== undefined) imports.push(...names.map(name => ({ file: to, name })));
  };
  const program: unknown = parseAst(text, { lang: file.endsWith(".tsx") ? "tsx" : file.endsWith(".ts") ? "ts" : "js" });
  const visit = (node: SyntaxNode, parent: SyntaxNode | undefined): void => {
    if (node.type === "ExportNamedDeclaration") {
      const declaration = nodeOf(node.declaration);
      if (declaration) declared.push(...declaredNames(declaration));
      const source = nodeOf(node.source);
      if (source)
        uses(
          source.value,
          nodesOf(node.specifiers).map(s => nameOf(s.local)!),
        );
      if (!source && !declaration) declared.push(...nodesOf(node.specifiers).map(s => nameOf(s.exported)!));
    } else if (node.type === "ExportAllDeclaration") uses(nodeOf(node.source)?.value, ["*"]);
    else if (node.type === "ImportDeclaration") {
      const names = nodesOf(node.specifiers).map(s => (s.type === "ImportSpecifier" ? nameOf(s.imported)! : "*"));
      uses(nodeOf(node.source)?.value, names);
    } else if (node.type === "ImportExpression" || node.type === "TSImportType") {
      const source = nodeOf(node.source) ?? nodeOf(node.argument);
      const literal = source?.type === "TSLiteralType" ? nodeOf(source.literal) : source;
      // whatever is there may be used
      uses(literal?.value, ["*"]);
    } else if (node.type === "NewExpression" && nameOf(node.callee) === "URL") {
      // a thread's or a process's file
      uses(nodesOf(node.arguments)[0]?.value, ["*"]);
    } else if (functionTypes.has(node.type) && nodeOf(node.body)) {
      const holder = parent && nameOf(node.id ?? parent.id ?? parent.key);
      functions.push({ name: holder ?? "(a function)", lines: lineOf(node.end - 1) - lineOf(node.start) + 1 });
    } else if (node.type === "TSAsExpression") {
      const type = nodeOf(node.typeAnnotation)?.type;
      const inner = nodeOf(node.expression);
      const isDouble = inner?.type === "TSAsExpression" && nodeOf(inner.typeAnnotation)?.type === "TSUnknownKeyword";
      if (type === "TSNeverKeyword" || isDouble) {
        const line = lineOf(nodeOf(node.typeAnnotation)!.start);
        const isComment = (l: number) => /(?:^|\s)\/\/ |^\s*(?:\/\*\*|\*) ?|\*\/\s*$/.test(lines[l] ?? "");
        casts.push({
          line: line + 1,
          text: type === "TSNeverKeyword" ? "as never" : "as unknown as",
          hasReason: isComment(line) || isComment(line - 1),
        });
      }
    }
    forChildren(node, visit);
  };
  if (isNode(program)) visit(program, undefined);
  return { path: pathOf(file), declared: [...new Set(declared)], passedOn, imports, functions, casts };
}

const filesBelow = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(repository, folder), { recursive: true, encoding: "utf8" })
    .filter(f => pattern.test(f) && !/(?:^|[\\/])(?:node_modules|dist|peers|\.loam)[\\/]/.test(f))
    .map(f => join(repository, folder, f));

/** Code of the folders; tests and what they share (`*.laws.ts`) too. */
export const readSourceTree = (folders: readonly string[]): SourceFile[] =>
  folders.flatMap(folder => filesBelow(folder, /\.(?:ts|tsx|mjs|js)$/).map(readSource));
