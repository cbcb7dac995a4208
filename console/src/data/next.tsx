/** What can be done with a data set from the command line: its card, an export, a document that shall go, a source that joins. */
import { Id } from "../parts/copy.tsx";

export const Next = ({ name }: { readonly name: string }) => (
  <section className="card">
    <header className="card-head">
      <h2>Take it further</h2>
      <p>A click copies the command.</p>
    </header>
    {[
      ["Say what it is: sources, licences, gaps", `loam data card ${name}`],
      ["Give it away as files, with its card", `loam data export ${name} --to export/${name}`],
      ["Take a document out for good", "loam data forget DOCUMENT"],
      ["Add a source", `loam data add FOLDER --to ${name}`],
    ].map(([text = "", command = ""]) => (
      <div key={text}>
        <p className="hint">{text}</p>
        <Id id={command} />
      </div>
    ))}
  </section>
);
