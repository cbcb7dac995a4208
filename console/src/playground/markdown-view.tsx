/** A response's Markdown as elements; text is always text. */
import { CopyButton } from "../parts/copy.tsx";
import { type Block, type Inline, parseMarkdown } from "./markdown.ts";

function Run({ of }: { readonly of: Inline }) {
  switch (of.kind) {
    case "text":
      return of.text;
    case "code":
      return <code>{of.text}</code>;
    case "strong":
      return <strong>{of.text}</strong>;
    case "emphasis":
      return <em>{of.text}</em>;
    case "link":
      return (
        <a href={of.href} target="_blank" rel="noreferrer noopener">
          {of.text}
        </a>
      );
  }
}

// biome-ignore lint/suspicious/noArrayIndexKey: a longer text has the same runs at its beginning.
const Runs = ({ of }: { readonly of: readonly Inline[] }) => of.map((run, i) => <Run key={i} of={run} />);

/** Headings of a response stand below those of the page. */
const headings = ["h3", "h4", "h5", "h6", "h6", "h6"] as const;

function Shown({ of }: { readonly of: Block }) {
  switch (of.kind) {
    case "paragraph":
      return (
        <p>
          <Runs of={of.runs} />
        </p>
      );
    case "quote":
      return (
        <blockquote>
          <Runs of={of.runs} />
        </blockquote>
      );
    case "heading": {
      const Heading = headings[of.level - 1]!;
      return (
        <Heading>
          <Runs of={of.runs} />
        </Heading>
      );
    }
    case "list": {
      const items = of.items.map((runs, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: as above.
        <li key={i}>
          <Runs of={runs} />
        </li>
      ));
      return of.isOrdered ? <ol start={of.start}>{items}</ol> : <ul>{items}</ul>;
    }
    case "code":
      return (
        <div className="markdown-code">
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide code is scrolled by keys. */}
          <pre className="code" tabIndex={0}>
            {of.text}
          </pre>
          <CopyButton text={of.text} />
        </div>
      );
  }
}

export const MarkdownView = ({ text }: { readonly text: string }) => (
  <div className="written markdown">
    {parseMarkdown(text).map((block, i) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above.
      <Shown key={i} of={block} />
    ))}
  </div>
);
