/* The ledger's filter and order: built from what the claims say of themselves. Without it, everything shows. */
addEventListener("DOMContentLoaded", () => {
  const claims = [...document.querySelectorAll("div.claim")];
  if (!claims.length) return;
  const voices = [...new Set(claims.flatMap(claim => Object.keys(claim.dataset)))].filter(name => !["paper", "chapter"].includes(name));
  const saysOf = (claim, name) => (claim.dataset[name] || "").split("\n").filter(Boolean); // a claim may be in several chapters
  const valuesOf = name => [...new Set(claims.flatMap(claim => saysOf(claim, name)))];
  const wanted = {paper: "", chapter: "", voice: "", verdict: ""};

  const form = document.createElement("form");
  form.className = "ledger-filter";
  form.setAttribute("aria-label", "Filter and sort the claims");
  const count = document.createElement("output");

  const show = () => {
    const asked = wanted.voice ? [wanted.voice] : voices;
    let shown = 0;
    for (const claim of claims) {
      const of = claim.dataset;
      claim.hidden = !((!wanted.paper || of.paper === wanted.paper) && (!wanted.chapter || saysOf(claim, "chapter").includes(wanted.chapter))
        && asked.some(voice => of[voice] && (!wanted.verdict || of[voice] === wanted.verdict)));
      shown += !claim.hidden;
    }
    count.textContent = `${shown} of ${claims.length} claims`;
  };

  const places = claims.map(claim => {
    const place = document.createComment("");
    claim.before(place);
    return place;
  });
  const order = ["supported", "contradicted", "undecided", "not testable"];
  const sort = by => {
    const key = claim => {
      const value = by ? claim.dataset[by] || "~" : "";
      return order.includes(value) ? String(order.indexOf(value)) : value;
    };
    const sorted = [...claims].sort((a, b) => key(a).localeCompare(key(b)) || claims.indexOf(a) - claims.indexOf(b));
    sorted.forEach((claim, number) => places[number].after(claim));
  };

  const choice = (name, options, none = "all", change = value => { wanted[name] = value; show(); }) => {
    const label = document.createElement("label"), select = document.createElement("select");
    for (const [value, text] of [["", none], ...options]) select.add(new Option(text, value));
    select.addEventListener("change", () => change(select.value));
    label.append(name, select);
    form.append(label);
  };
  const plain = name => valuesOf(name).map(value => [value, value]);
  choice("paper", plain("paper"));
  choice("chapter", plain("chapter"));
  const spoken = voice => voice === "run" ? "your run" : voice;
  choice("voice", voices.map(voice => [voice, spoken(voice)]));
  choice("verdict", [...new Set(voices.flatMap(valuesOf))].map(verdict => [verdict, verdict]));

  const orders = [["paper", "paper"], ["chapter", "chapter"], ...voices.map(voice => [voice, `verdict, ${spoken(voice)}`])];
  choice("sorted by", orders, "place in the ledger", sort);

  const again = document.createElement("button");
  again.type = "reset";
  again.textContent = "Show all";
  form.addEventListener("reset", () => { for (const name in wanted) wanted[name] = ""; sort(""); show(); });
  form.append(again, count);
  claims[0].before(form);

  const unhide = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.hidden) { form.reset(); target.scrollIntoView(); }
  };
  addEventListener("hashchange", unhide);
  show();
});
