/**
 * Command lines in the code blocks of a Markdown page, as words: enough of the shell's grammar for documentation (quotes, continued lines, comments,
 * here-documents, `&&`, pipes, redirections, `$(...)`, variables in front of a command), and an error for what it cannot read.
 */

export interface CodeBlock {
  /** The word behind the fence: `sh`, `yaml`; empty where there is none. */
  readonly language: string;
  readonly text: string;
  /** Line of its first line in the page, from 1. */
  readonly line: number;
}

export const codeBlocks = (page: string): CodeBlock[] =>
  [...page.matchAll(/^( *)```([^\n]*)\n([\s\S]*?)^\1```$/gm)].map(m => ({
    language: m[2]!.split(" ")[0]!,
    text: m[3]!,
    line: page.slice(0, m.index).split("\n").length + 1,
  }));

export interface CommandLine {
  readonly words: readonly string[];
  readonly line: number;
}

/** Words and operators of a script, in order; `undefined` ends a command. */
class ShellReader {
  readonly commands: CommandLine[] = [];
  readonly #text: string;
  readonly #firstLine: number;
  #at = 0;
  #words: string[] = [];
  #began = 0;

  constructor(text: string, firstLine: number) {
    this.#text = text;
    this.#firstLine = firstLine;
  }

  #end(): void {
    const words = withoutPrefix(this.#words);
    const line = this.#firstLine + this.#text.slice(0, this.#began).split("\n").length - 1;
    if (words.length > 0) this.commands.push({ words, line });
    this.#words = [];
  }

  /** A command in `$(...)`; its place is left behind the closing bracket. */
  #substitution(): void {
    const from = this.#at;
    let depth = 1;
    for (; this.#at < this.#text.length && depth > 0; this.#at++) {
      if (this.#text[this.#at] === "(") depth++;
      if (this.#text[this.#at] === ")") depth--;
    }
    const line = this.#firstLine + this.#text.slice(0, from).split("\n").length - 1;
    this.commands.push(...commandsOf(this.#text.slice(from, this.#at - 1), line));
  }

  /** One word; quotes are taken off, what a shell would insert is a placeholder. */
  #word(): string {
    let word = "";
    let quote = "";
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at]!;
      if (c === "$" && this.#text[this.#at + 1] === "(" && quote !== "'") {
        this.#at += 2;
        this.#substitution();
        this.#at--;
        word += "VALUE";
      } else if (c === quote) quote = "";
      else if (quote === "" && (c === "'" || c === '"')) quote = c;
      else if (c === "\\" && quote !== "'") word += this.#text[++this.#at] ?? "";
      else if (quote === "" && /[\s;&|<>()]/.test(c)) break;
      else word += c;
    }
    if (quote !== "") throw new Error(`line ${this.#firstLine}: a quote ${quote} without its end`);
    return word;
  }

  /** Behind `<<`: the text up to the line with the mark. */
  #hereDocument(): void {
    const mark = this.#word();
    const end = new RegExp(`^${mark.replace(/[^\w]/g, "")}$`, "m").exec(this.#text.slice(this.#at));
    const rest = this.#text.indexOf("\n", this.#at);
    const head = this.#text.slice(this.#at, rest);
    // what follows on the mark's own line is still part of the command
    this.#words.push(...head.split(/\s+/).filter(w => w !== "" && !/^[>|]/.test(w)));
    this.#at = end ? this.#at + end.index + end[0].length : this.#text.length;
  }

  read(): readonly CommandLine[] {
    for (const text = this.#text; this.#at < text.length; ) {
      const rest = text.slice(this.#at);
      const skipped = /^(?:[ \t]+|\\\n|#[^\n]*)/.exec(rest)?.[0];
      const redirection = /^(?:\d*>>?&?\d*|<(?![<]))/.exec(rest)?.[0];
      if (skipped) this.#at += skipped.length;
      else if (rest.startsWith("<<")) {
        this.#at += 2;
        this.#hereDocument();
      } else if (redirection) {
        this.#at += redirection.length;
        if (/&\d$/.test(redirection)) continue;
        this.#at += /^ */.exec(text.slice(this.#at))![0].length;
        this.#word();
      } else if (/^[\n;&|()]/.test(rest)) {
        this.#at++;
        this.#end();
      } else {
        if (this.#words.length === 0) this.#began = this.#at;
        this.#words.push(this.#word());
      }
    }
    this.#end();
    return this.commands;
  }
}

/** Words in front of a program's name: variables, and programs that start another one. */
function withoutPrefix(words: readonly string[]): readonly string[] {
  const [first = "", second = ""] = words;
  if (/^\w+=/.test(first) || ["npx", "sudo", "time", "exec", "export", "do", "then", "!", "while", "until", "if", "{"].includes(first))
    return withoutPrefix(words.slice(1));
  if (first === "nice" || first === "timeout") return withoutPrefix(words.slice(/^-n$/.test(second) ? 3 : 2));
  return words;
}

/** The commands of a script, those in `$(...)` too. Errors: a quote without its end. */
export const commandsOf = (script: string, firstLine = 1): readonly CommandLine[] => new ShellReader(script, firstLine).read();

/** The commands of a page: whole blocks of `sh`; of blocks with output the lines behind `$ `. */
export const pageCommands = (page: string): readonly CommandLine[] =>
  codeBlocks(page).flatMap(({ language, text, line }) => {
    const isScript = ["sh", "bash", "shell"].includes(language);
    if (isScript && !/^ *\$ /m.test(text)) return commandsOf(text, line);
    if (!isScript && !["", "console", "text"].includes(language)) return [];
    return [...text.matchAll(/^ *\$ ((?:[^\n]*\\\n)*[^\n]*)$/gm)].flatMap(m =>
      commandsOf(m[1]!, line + text.slice(0, m.index).split("\n").length - 1),
    );
  });
