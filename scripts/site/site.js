/** Search of the documentation's static pages: the index is loaded when the field is first used. */
const top_ = document.body.dataset.top;
const field = document.getElementById("search");
const found = document.getElementById("found");
const mostShown = 12;

let loading;
const load = () => {
  loading ??= fetch(`${top_}/assets/search.json`)
    .then(response => response.json())
    .then(({ options, index }) => window.MiniSearch.loadJS(index, options));
  return loading;
};

async function search() {
  const query = field.value.trim();
  found.hidden = query === "";
  if (query === "") return;
  const index = await load();
  const hits = index.search(query, { prefix: true, fuzzy: 0.15, boost: { title: 4, page: 2 }, combineWith: "AND" }).slice(0, mostShown);
  if (field.value.trim() !== query) return;
  const list = document.createElement("ul");
  for (const { url, title, page } of hits) {
    const link = document.createElement("a");
    link.href = `${top_}/${url}`;
    link.textContent = title === page ? page : `${page}: ${title}`;
    const item = document.createElement("li");
    item.append(link);
    list.append(item);
  }
  found.replaceChildren(hits.length > 0 ? list : `No section has "${query}".`);
}

field.addEventListener("focus", () => void load());
field.addEventListener("input", () => void search());
field.form.addEventListener("submit", event => {
  event.preventDefault();
  found.querySelector("a")?.focus();
});
// on a wide screen the contents stand open
if (window.matchMedia("(min-width: 48rem)").matches) document.querySelector("nav .menu").open = true;
